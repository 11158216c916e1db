/*
 * declaration.c
 *		One declaration by SQL, from what is stored to what will be.
 *
 * Not for: documents of whole inventories (sql_inventory.c), how a body is
 * changed, plans.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "tcop/utility.h"

#include "cmdb/cmdb.h"
#include "errors.h"
#include "observe/snapshot.h"
#include "ops/guard.h"
#include "spec/spec.h"
#include "worker/declaration.h"
#include "worker/shared.h"
#include "worker/situation.h"
#include "worker/wake.h"

/* ---- what is declared now ---- */

/* an inventory of the same groups, whose trees are shared until somebody changes them */
static Inventory *
share_inventory(const Inventory *from)
{
	Inventory  *inventory = inventory_create();
	ListCell   *cell;
	ListCell   *lc;

	inventory->vars = from->vars;
	inventory->has_vars = from->has_vars;
	foreach(cell, from->groups)
	{
		const InventoryGroup *group = lfirst(cell);
		InventoryGroup *copy = inventory_add_group(inventory, group->name);

		copy->kind = group->kind;
		copy->hosts = group->hosts;
		copy->vars = group->vars;
		copy->defined = group->defined;
		copy->top = group->top;
		copy->hosts_first = group->hosts_first;
	}
	foreach(lc, from->children)
	{
		const InventoryChild *child = lfirst(lc);

		inventory_add_child(inventory, NULL, inventory_group(inventory, child->group->name),
							child->defines);
	}
	foreach(cell, from->groups)
	{
		const InventoryGroup *group = lfirst(cell);

		foreach(lc, group->children)
		{
			const InventoryChild *child = lfirst(lc);

			inventory_add_child(inventory, inventory_group(inventory, group->name),
								inventory_group(inventory, child->group->name),
								child->defines);
		}
	}
	return inventory;
}

Declaration *
declaration_look(const char *cluster)
{
	Declaration *declaration = palloc0(sizeof(Declaration));

	declaration->cluster = cluster;
	declaration->stored = cluster ? cmdb_load_scope(cluster) : cmdb_load_inventory();
	declaration->declared = share_inventory(declaration->stored);
	declaration->bodies = spec_names_create();
	return declaration;
}

/*
 * The lock is taken before anything is read: of two sessions the second sees
 * what the first one declared.
 */
Declaration *
declaration_begin(const char *cluster, const char *what)
{
	shared_require();
	PreventCommandDuringRecovery(what);
	PreventCommandIfReadOnly(what);
	guard_declaring();
	cmdb_lock_declarations();
	return declaration_look(cluster);
}

/* ---- what will be ---- */

static SpecNode *
hand_out(Declaration *declaration, const char *cluster, SpecNode *body)
{
	char	   *name = pstrdup(cluster);

	(void) spec_names_add(declaration->bodies, name, body);
	declaration->changed = lappend(declaration->changed, name);
	return body;
}

static SpecNode *
global_body(Declaration *declaration)
{
	if (declaration->globals == NULL)
	{
		declaration->globals = node_map();
		node_map_set(declaration->globals, "vars", node_copy(declaration->stored->vars));
	}
	return declaration->globals;
}

SpecNode *
declaration_body(Declaration *declaration, const char *cluster)
{
	InventoryGroup *group;
	SpecNode   *body;

	if (cluster == NULL)
		return global_body(declaration);
	if (declaration->cluster != NULL && strcmp(declaration->cluster, cluster) != 0)
		elog(ERROR, "declaration of \"%s\" cannot change \"%s\"", declaration->cluster, cluster);
	body = spec_names_find(declaration->bodies, cluster);
	if (body != NULL)
		return body;
	group = inventory_group(declaration->declared, cluster);
	if (group == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("cluster \"%s\" is not declared", cluster),
				 errhint("See pgops.clusters.")));
	return hand_out(declaration, cluster, node_copy(inventory_body(group)));
}

/* an empty group below all; its kind follows from what is put into it */
static void
add_group(Declaration *declaration, const char *cluster)
{
	InventoryGroup *group = inventory_add_group(declaration->declared, cluster);

	group->defined = true;
	inventory_add_child(declaration->declared, NULL, group, true);
}

SpecNode *
declaration_add(Declaration *declaration, const char *cluster)
{
	SpecNode   *body = node_map();

	if (inventory_group(declaration->declared, cluster) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("cluster \"%s\" is declared already", cluster)));
	add_group(declaration, cluster);
	node_map_set(body, "hosts", node_map());
	node_map_set(body, "vars", node_map());
	return hand_out(declaration, cluster, body);
}

void
declaration_put(Declaration *declaration, const char *cluster, SpecNode *body)
{
	if (inventory_group(declaration->declared, cluster) == NULL)
		add_group(declaration, cluster);
	(void) hand_out(declaration, cluster, body);
}

/* ---- whether it is good ---- */

/* a part of a body as the map that the inventory wants: "hosts:" alone is a null */
static SpecNode *
part_of(SpecNode *body, const char *key)
{
	SpecNode   *part = node_get(body, key);

	return part != NULL && part->kind == NODE_MAP ? part : node_map();
}

/* likewise "10.10.10.10:" alone */
static SpecNode *
hosts_of(SpecNode *body)
{
	SpecNode   *hosts = part_of(body, "hosts");
	ListCell   *cell;

	foreach(cell, hosts->entries)
	{
		SpecEntry  *host = lfirst(cell);

		if (host->value == NULL || host->value->kind != NODE_MAP)
			host->value = node_map();
	}
	return hosts;
}

/* The bodies go into the inventory; what follows from them is worked out again. */
static void
take_bodies(Declaration *declaration)
{
	ListCell   *cell;

	declaration->declared = share_inventory(declaration->declared);
	foreach(cell, declaration->changed)
	{
		InventoryGroup *group = inventory_group(declaration->declared, lfirst(cell));
		SpecNode   *body = spec_names_find(declaration->bodies, lfirst(cell));

		group->hosts = hosts_of(body);
		group->vars = part_of(body, "vars");
		group->kind = NULL;
	}
	if (declaration->globals != NULL)
		declaration->declared->vars = part_of(declaration->globals, "vars");
	inventory_finish(declaration->declared);
}

/* back to what was declared, which is what is stored */
static void
restore_group(InventoryGroup *group)
{
	spec_restore_declared(group->hosts);
	spec_restore_declared(group->vars);
}

/* Validation normalises what it looks at. */
static void
validate(Declaration *declaration)
{
	ListCell   *cell;

	if (declaration->globals != NULL)
	{
		spec_validate_globals(declaration->declared, &declaration->findings);
		spec_restore_declared(declaration->declared->vars);
	}
	if (declaration->changed != NIL)
		spec_validate_groups(declaration->declared, declaration->changed,
							 declaration->incomplete, &declaration->findings);
	foreach(cell, declaration->changed)
		restore_group(inventory_group(declaration->declared, lfirst(cell)));
}

/* for cmdb_seal(): the verifier the server has for a role */
static const char *
server_verifier(const char *role, void *arg)
{
	Declaration *declaration = arg;
	Role	   *found;

	if (declaration->server == NULL)
		declaration->server = observe_shared();
	found = snapshot_role(declaration->server, role);
	return found ? found->password : NULL;
}

/*
 * The cluster among "names" whose roles and files are this server's: of the
 * others it knows nothing.  While it is not known which one that is, it can only
 * be the one cluster there is.
 */
static const char *
local_among(const Declaration *declaration, const List *names)
{
	const char *local = cmdb_local_cluster();
	const char *found = NULL;
	int			clusters = 0;
	ListCell   *cell;

	foreach(cell, declaration->declared->groups)
		clusters += strcmp(((InventoryGroup *) lfirst(cell))->kind, INVENTORY_PGSQL) == 0;
	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		const InventoryGroup *group = inventory_group(declaration->declared, name);

		if (strcmp(group->kind, INVENTORY_PGSQL) == 0 &&
			(local ? strcmp(local, name) == 0 : clusters == 1))
			found = name;
	}
	return found;
}

static void
check_on_server(Declaration *declaration, const char *cluster)
{
	Cluster    *model;
	SpecNode   *body;

	if (declaration->server == NULL)
		declaration->server = observe_shared();
	body = node_copy(inventory_body(inventory_group(declaration->declared, cluster)));
	spec_normalise_body(body);
	model = situation_model(declaration->declared, cluster, NULL, declaration->server, false,
							&declaration->findings);
	situation_check(model, declaration->server, body, &declaration->findings);
}

/*
 * The faulty parts are taken out of a copy, and the rest is looked at: errors are
 * to be reported all at once.  What the model says of it was found before.
 */
void
declaration_check_rest(const Inventory *inventory, const char *cluster, const SpecNode *body,
					   ServerState **server, Findings *findings)
{
	SpecNode   *sound = spec_sanitize(cluster, body, findings);
	Inventory  *copy;
	InventoryGroup *group;
	Findings	repeated = {0};

	if (sound == NULL)
		return;
	spec_normalise_body(sound);
	copy = share_inventory(inventory);
	group = inventory_add_group(copy, cluster);
	group->hosts = node_map();
	group->vars = part_of(sound, "vars");
	inventory_finish(copy);
	if (*server == NULL)
		*server = observe_shared();
	situation_check(situation_model(copy, cluster, NULL, *server, false, &repeated),
					*server, sound, findings);
}

/* what comes after validation */
static void
seal_and_check(Declaration *declaration, const List *names, bool globals)
{
	const char *local = local_among(declaration, names);

	if (declaration->findings.errors > 0)
	{
		if (local != NULL)
			declaration_check_rest(declaration->declared, local,
								   inventory_body(inventory_group(declaration->declared, local)),
								   &declaration->server, &declaration->findings);
		return;
	}
	cmdb_seal(declaration->declared, declaration->stored, names, globals, server_verifier,
			  declaration, &declaration->findings);
	if (declaration->findings.errors > 0)
		return;
	if (local != NULL)
		check_on_server(declaration, local);
}

void
declaration_check(Declaration *declaration)
{
	take_bodies(declaration);
	validate(declaration);
	seal_and_check(declaration, declaration->changed, declaration->globals != NULL);
}

/* ---- a whole document ---- */

static List *
group_names(const Inventory *inventory)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, inventory->groups)
		names = lappend(names, ((InventoryGroup *) lfirst(cell))->name);
	return names;
}

/*
 * Validated before anything is locked or read: a faulty document of megabytes
 * keeps nobody waiting.
 */
Declaration *
declaration_document(SpecNode *document, bool dry_run, const char *what)
{
	Findings	findings = {0};
	Inventory  *inventory = spec_validate_inventory(document, &findings);
	Declaration *declaration;
	ListCell   *cell;

	if (inventory == NULL || findings.errors > 0)
	{
		declaration = palloc0(sizeof(Declaration));
		declaration->findings = findings;
		declaration->declared = inventory;
		if (inventory != NULL)
			seal_and_check(declaration, group_names(inventory), false);
		return declaration;
	}
	spec_restore_declared(inventory->vars);
	foreach(cell, inventory->groups)
		restore_group(lfirst(cell));
	declaration = dry_run ? declaration_look(NULL) : declaration_begin(NULL, what);
	declaration->findings = findings;
	declaration->declared = inventory;
	declaration->whole = true;
	declaration->dry_run = dry_run;
	seal_and_check(declaration, group_names(inventory), inventory->has_vars);
	return declaration;
}

/* the groups that only the stored inventory has, in their places; their names if they are clusters */
static List *
add_kept(Inventory *inventory, const Inventory *stored)
{
	List	   *kept = NIL;
	SpecNames  *added = spec_names_create();
	ListCell   *cell;
	ListCell   *lc;

	foreach(cell, stored->groups)
	{
		const InventoryGroup *group = lfirst(cell);
		InventoryGroup *copy;

		if (inventory_group(inventory, group->name) != NULL)
			continue;
		copy = inventory_add_group(inventory, group->name);
		copy->kind = group->kind;
		copy->hosts = group->hosts;
		copy->vars = group->vars;
		copy->defined = true;
		(void) spec_names_add(added, copy->name, copy);
		if (strcmp(group->kind, INVENTORY_PGSQL) == 0)
			kept = lappend(kept, copy->name);
	}
	foreach(cell, stored->groups)
	{
		const InventoryGroup *parent = lfirst(cell);

		foreach(lc, parent->children)
		{
			InventoryGroup *child = spec_names_find(added, ((InventoryChild *) lfirst(lc))->group->name);

			if (child != NULL)
				inventory_add_child(inventory, inventory_group(inventory, parent->name),
									child, true);
		}
	}
	return kept;
}

/* validation normalises what it looks at */
static void
copy_trees(Inventory *inventory)
{
	ListCell   *cell;

	inventory->vars = node_copy(inventory->vars);
	foreach(cell, inventory->groups)
	{
		InventoryGroup *group = lfirst(cell);

		group->hosts = node_copy(group->hosts);
		group->vars = node_copy(group->vars);
	}
}

void
declaration_check_kept(Declaration *declaration)
{
	Inventory  *both = share_inventory(declaration->declared);
	List	   *kept = add_kept(both, declaration->stored);
	Findings	findings = {0};
	ListCell   *cell;

	if (kept == NIL)
		return;
	if (!declaration->declared->has_vars)
		both->vars = declaration->stored->vars;
	copy_trees(both);
	inventory_finish(both);
	spec_validate_groups(both, kept, false, &findings);
	foreach(cell, findings.list)
	{
		Finding    *finding = lfirst(cell);

		/* what is worth a word in them was told when they were declared */
		if (finding->severity != FINDING_ERROR)
			continue;
		declaration->findings.list = lappend(declaration->findings.list, finding);
		declaration->findings.errors++;
	}
}

/* ---- storing ---- */

List *
declaration_store(Declaration *declaration)
{
	CmdbStoreOptions options = {0};
	List	   *changes;

	options.note = declaration->note;
	options.join = declaration->join;
	options.whole = declaration->whole;
	options.prune = declaration->prune;
	options.dry_run = declaration->dry_run;
	changes = cmdb_store_inventory(declaration->declared, declaration->stored, &options);
	if (declaration->dry_run)
		return changes;
	if (changes != NIL)
		wake_at_commit(REQUEST_CHANGED);
	cmdb_bind_first();
	CommandCounterIncrement();
	return changes;
}
