/*
 * edit_group.c
 *		Rows that are hosts or whole groups: pgops.instances, pgops.clusters.
 *
 * Their columns are parameters: some under names of their own (EditAlias), all
 * together in "variables".  A column shows what is in effect; what is written
 * is declared at the row's own level, and null takes it away there.
 *
 * Not for: lists of objects (edit_list.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "errors.h"
#include "worker/edit.h"

#define ROOT		"all"		/* the group that every host is in, as Ansible calls it */

/* ---- bodies ---- */

/*
 * Refused before anything is changed, because declaration_body() could not say
 * which column named the cluster.
 */
SpecNode *
edit_body(EditWork *work, const Edit *edit, const char *column)
{
	const char *cluster = edit_key(edit, column);

	if (inventory_group(work->declaration->declared, cluster) == NULL)
		edit_refuse(edit, column, ERRCODE_PGOPS_UNKNOWN_CLUSTER,
					psprintf("Cluster \"%s\" is not declared.", cluster),
					"Insert it into pgops.clusters first, or declare it with pgops.apply_cluster().");
	return declaration_body(work->declaration, cluster);
}

/* ---- variables ---- */

const char *
edit_param_of_column(const EditKind *kind, const char *column)
{
	for (const EditAlias *alias = kind->aliases; alias->column != NULL; alias++)
	{
		if (strcmp(alias->column, column) == 0)
			return alias->param;
	}
	return NULL;
}

/*
 * Only the keys that differ between the old and the new map, so that masked
 * secrets and the order of keys stay as they are.
 */
static void
set_variables(const Edit *edit, const EditCell *cell, SpecNode *vars)
{
	ListCell   *lc;

	if (cell->new != NULL && cell->new->kind != NODE_MAP)
		edit_refuse(edit, cell->column, ERRCODE_PGOPS_WRONG_TYPE,
					psprintf("%s: it must be an object of parameters.", edit_describe(edit)),
					NULL);
	foreach(lc, cell->old == NULL ? NIL : cell->old->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		if (node_get(cell->new, entry->key) == NULL)
			item_set_param(vars, entry->key, NULL);
	}
	foreach(lc, cell->new == NULL ? NIL : cell->new->entries)
	{
		const SpecEntry *entry = lfirst(lc);
		const SpecNode *old = node_get(cell->old, entry->key);

		if (old == NULL || !node_equal(old, entry->value))
			item_set_param(vars, entry->key, entry->value);
	}
}

/*
 * The columns that are parameters; "keys" (ends with NULL) are those that the
 * caller deals with.  A null takes the parameter away at this level, and the
 * view then shows what is in effect without it.  Columns are set in the view's
 * order, so a column of its own comes before "variables", which wins.
 */
static void
set_columns(const Edit *edit, SpecNode *vars, const char *const *keys)
{
	for (int i = 0; i < edit->ncells; i++)
	{
		const EditCell *cell = &edit->cells[i];
		const char *param = edit_param_of_column(edit->kind, cell->column);
		bool		key = false;

		if (!cell->changed)
			continue;
		for (int k = 0; keys[k] != NULL; k++)
			key |= strcmp(keys[k], cell->column) == 0;
		if (strcmp(cell->column, EDIT_VARIABLES) == 0)
			set_variables(edit, cell, vars);
		else if (param != NULL)
			item_set_param(vars, param, cell->new);
		else if (!key)
			edit_refuse_column(edit, cell->column,
							   "It tells what is found or follows from other columns, and is not declared.",
							   NULL);
	}
}

/* a value that must be given */
static const char *
require_key(const Edit *edit, const char *column, const SpecNode *value)
{
	if (value == NULL)
		edit_refuse(edit, column, ERRCODE_NOT_NULL_VIOLATION,
					psprintf("%s: it must not be null.", edit_describe(edit)), NULL);
	return node_text(value);
}

/* ---- hosts ---- */

/* by plain search: a cluster has a handful of hosts */
static SpecEntry *
find_host(const SpecNode *hosts, const char *host)
{
	ListCell   *lc;

	foreach(lc, hosts->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		if (strcmp(entry->key, host) == 0)
			return entry;
	}
	return NULL;
}

static void
refuse_taken(const Edit *edit, const char *column, const char *what)
{
	edit_refuse(edit, column, ERRCODE_PGOPS_DUPLICATE_OBJECT,
				psprintf("%s: %s is declared already.", edit_describe(edit), what), NULL);
}

/* the name of a host that is new: what a document's reader would find out */
static const char *
new_host(EditWork *work, const Edit *edit, const SpecNode *hosts)
{
	const char *host = require_key(edit, "host", edit_new(edit, "host"));

	if (strchr(host, '[') != NULL)
		edit_refuse(edit, "host", ERRCODE_PGOPS_BAD_ADDRESS,
					psprintf("%s: a range is not one host.", edit_describe(edit)),
					"Insert a row for each host.");
	if (inventory_group(work->declaration->declared, host) != NULL)
		edit_refuse(edit, "host", ERRCODE_PGOPS_DUPLICATE_OBJECT,
					psprintf("%s: \"%s\" is the name of a group.", edit_describe(edit), host),
					NULL);
	if (find_host(hosts, host) != NULL)
		refuse_taken(edit, "host", "the host");
	return host;
}

/* at the end: hosts have no place that would mean something */
static SpecNode *
insert_host(EditWork *work, const Edit *edit, SpecNode *hosts)
{
	SpecNode   *vars = node_map();

	node_map_set(hosts, new_host(work, edit, hosts), vars);
	return vars;
}

/*
 * An address may change: the host keeps its place and its variables.  That the
 * instance keeps its name, too, follows from pg_seq.
 */
static SpecNode *
update_host(EditWork *work, const Edit *edit, SpecNode *hosts)
{
	const char *old = node_text(edit_old(edit, "host"));
	SpecEntry  *entry = find_host(hosts, old);

	if (entry == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("%s was removed by another declaration at the same time",
						edit_describe(edit)),
				 errhint("Run the statement again."),
				 errhidestmt(true)));
	for (int i = 0; i < edit->ncells; i++)
	{
		const EditCell *cell = &edit->cells[i];

		if (cell->changed && strcmp(cell->column, "host") == 0)
			entry->key = pstrdup(new_host(work, edit, hosts));
	}
	if (entry->value->kind == NODE_NULL)
		entry->value = node_map();
	return entry->value;
}

/*
 * Hosts are what makes a cluster complete, so each change of them is looked at
 * again at the end of the transaction.  Deleting one that is gone already is no
 * error: it is what was asked for.
 */
void
edit_carry_host(EditWork *work, Edit *edit)
{
	static const char *const keys[] = {"host", NULL};
	static const char *const insert_keys[] = {"cluster", "host", NULL};
	SpecNode   *hosts = node_get(edit_body(work, edit, "cluster"), "hosts");
	const char *host;
	SpecNode   *vars;

	work->structural = lappend(work->structural,
							   unconstify(char *, edit_key(edit, "cluster")));
	if (edit->action == EDIT_DELETE)
	{
		node_map_unset(hosts, edit_key(edit, "host"));
		return;
	}
	if (edit->action == EDIT_INSERT)
	{
		vars = insert_host(work, edit, hosts);
		set_columns(edit, vars, insert_keys);
	}
	else
	{
		vars = update_host(work, edit, hosts);
		if (!edit_is_current_row(work, edit, edit_key(edit, "cluster"), edit_key(edit, "host")))
			edit_refuse_changed(edit);
		set_columns(edit, vars, keys);
	}
	host = edit_new(edit, "host") ? node_text(edit_new(edit, "host")) : edit_key(edit, "host");
	edit->item = vars;
	edit->path = item_param_path(edit_key(edit, "cluster"), NULL, psprintf("hosts.%s", host));
}

/* ---- groups ---- */

/*
 * A cluster of PostgreSQL says so by pg_cluster; it is added where the row does
 * not say that the group is something else.
 */
static void
declare_kind(const Edit *edit, const char *name, SpecNode *vars)
{
	const char *kind = node_text(edit_new(edit, "kind"));

	if ((kind == NULL || strcmp(kind, INVENTORY_PGSQL) == 0) &&
		node_get(vars, "pg_cluster") == NULL)
		item_set_param(vars, "pg_cluster", node_string(name));
}

/*
 * A group that is only mentioned somewhere is there, but has no body: it gets
 * one.  Names of hosts and groups are one space for Ansible.
 */
static void
insert_group(EditWork *work, Edit *edit)
{
	static const char *const keys[] = {"name", "kind", "paused", NULL};
	const char *name = require_key(edit, "name", edit_new(edit, "name"));
	InventoryGroup *group = inventory_group(work->declaration->declared, name);
	SpecNode   *vars;

	if (strcmp(name, ROOT) == 0)
		edit_refuse(edit, "name", ERRCODE_PGOPS_BAD_NAME,
					pstrdup("\"all\" is the inventory as a whole."), NULL);
	if (strcmp(name, INVENTORY_UNGROUPED) == 0 || strcmp(name, INVENTORY_META) == 0)
		edit_refuse(edit, "name", ERRCODE_PGOPS_BAD_NAME,
					psprintf("\"%s\" means something else to Ansible.", name), NULL);
	if (spec_names_find(work->declaration->stored->host_by_name, name) != NULL)
		edit_refuse(edit, "name", ERRCODE_PGOPS_DUPLICATE_OBJECT,
					psprintf("\"%s\" is the name of a host.", name), NULL);
	if (group != NULL && group->defined)
		refuse_taken(edit, "name", "the group");
	vars = node_get(group != NULL ? declaration_body(work->declaration, name) :
					declaration_add(work->declaration, name), "vars");
	set_columns(edit, vars, keys);
	declare_kind(edit, name, vars);
	edit->item = vars;
}

/* not a parameter: it is done once everything is declared */
static void
collect_pause(EditWork *work, Edit *edit)
{
	for (int i = 0; i < edit->ncells; i++)
	{
		const EditCell *cell = &edit->cells[i];

		if (!cell->changed || strcmp(cell->column, "paused") != 0)
			continue;
		(void) require_key(edit, "paused", cell->new);
		work->paused = lappend(work->paused, edit);
	}
}

/* Deleting is not done here: it comes before everything else of a statement. */
void
edit_carry_group(EditWork *work, Edit *edit)
{
	static const char *const keys[] = {"paused", NULL};

	collect_pause(work, edit);
	if (edit->action == EDIT_INSERT)
		insert_group(work, edit);
	else
	{
		edit->item = node_get(edit_body(work, edit, "name"), "vars");
		if (!edit_is_current_row(work, edit, edit_key(edit, "name"), NULL))
			edit_refuse_changed(edit);
		set_columns(edit, edit->item, keys);
	}
	edit->path = edit_key(edit, "name");
	work->structural = lappend(work->structural, unconstify(char *, edit->path));
}

/* ---- what is not in a body ---- */

/* Called in a trigger function, which pins the search_path. */
static void
call_function(const char *sql, int count, Oid *types, Datum *values)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute_with_args(sql, count, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "unexpected result of \"%s\"", sql);
	SPI_finish();
}

/* with all that belongs to a cluster besides its declaration: one place knows */
void
edit_forget(const char *cluster)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(cluster)};

	call_function("SELECT pgops.forget($1)", 1, types, values);
}

/* the generation rises with it, which the worker must see: again one place knows */
void
edit_pause(const Edit *edit)
{
	Oid			types[2] = {TEXTOID, BOOLOID};
	Datum		values[2] = {
		CStringGetTextDatum(edit_key(edit, "name")),
		BoolGetDatum(edit_new(edit, "paused")->boolean)
	};

	call_function("SELECT pgops.set_paused($1, $2)", 2, types, values);
}
