/*
 * store_body.c
 *		Hosts, variables and secrets of groups as rows: any number of groups
 *		with the same few statements.
 *
 * Not for: which groups (compare.c), their own rows and revisions (store.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "cmdb/site.h"
#include "cmdb/store_body.h"
#include "errors.h"
#include "secret.h"

static const CmdbColumn instance_columns[] = {
	{"cluster", TEXTOID}, {"host", TEXTOID}, {"name", TEXTOID}, {"seq", INT4OID},
	{"ordinal", INT4OID}
};

static const CmdbColumn variable_columns[] = {
	{"cluster", TEXTOID}, {"host", TEXTOID}, {"name", TEXTOID}, {"source", JSONOID},
	{"ordinal", INT4OID}
};

static const CmdbColumn secret_columns[] = {
	{"cluster", TEXTOID}, {"host", TEXTOID}, {"name", TEXTOID}, {"path", TEXTOID},
	{"value", TEXTOID}
};

/* ---- instances ---- */

/* as the model names them: pg_cluster (or the group's name) and pg_seq */
static void
add_instance(CmdbRowSet *set, const GroupDifference *difference, const SpecEntry *host,
			 int ordinal)
{
	CmdbRow		row = {0};

	cmdb_put_text(&row, difference->name);
	cmdb_put_text(&row, host->key);
	if (strcmp(difference->group->kind, INVENTORY_PGSQL) != 0)
	{
		cmdb_put_text(&row, NULL);
		cmdb_put_null(&row, INT4OID);
	}
	else
	{
		int			seq;

		cmdb_put_text(&row, inventory_instance(difference->inventory, difference->group,
											   host->key, &seq));
		cmdb_put_int4(&row, seq);
	}
	cmdb_put_int4(&row, ordinal);
	cmdb_row_set_add(set, &row);
}

/* instances are known by their names, so no two clusters can have the same */
static void
check_instance_names(CmdbQuery *query, CmdbRow *args)
{
	if (cmdb_run(query,
				 "SELECT i.name, i.cluster FROM pgops.instance AS i"
				 " JOIN new_instance AS n ON n.name = i.name"
				 " WHERE i.cluster <> ALL ($1) ORDER BY n.ordinal LIMIT 1", args) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_DUPLICATE_OBJECT),
			 errmsg("instance \"%s\" is declared in cluster \"%s\" already",
					cmdb_text(query, 0, 1), cmdb_text(query, 0, 2)),
			 errhint("Instances are named by pg_cluster and pg_seq: give one of them another value."),
			 errhidestmt(true)));
}

/*
 * Hosts that are no longer declared go first, with their variables and secrets by
 * cascade, so that a new host can take over an instance's name.
 */
static void
store_instances(CmdbQuery *query, CmdbRow *args, const List *differences)
{
	CmdbRowSet *set = cmdb_row_set(query, "new_instance", instance_columns,
								   lengthof(instance_columns));
	ListCell   *cell;

	foreach(cell, differences)
	{
		const GroupDifference *difference = lfirst(cell);
		int			ordinal = 0;
		ListCell   *lc;

		if (difference->group == NULL)
			continue;
		foreach(lc, node_get(difference->body, "hosts")->entries)
			add_instance(set, difference, lfirst(lc), ++ordinal);
	}
	check_instance_names(query, args);
	cmdb_run(query,
			 "DELETE FROM pgops.instance AS i WHERE i.cluster = ANY ($1)"
			 " AND NOT EXISTS (SELECT FROM new_instance AS n"
			 "  WHERE n.cluster = i.cluster AND n.host = i.host)", args);
	cmdb_run(query,
			 "INSERT INTO pgops.instance AS i (cluster, host, name, seq, ordinal)"
			 " SELECT n.cluster, n.host, n.name, n.seq, n.ordinal FROM new_instance AS n"
			 " ON CONFLICT (cluster, host) DO UPDATE"
			 " SET name = excluded.name, seq = excluded.seq, ordinal = excluded.ordinal"
			 " WHERE (i.name, i.seq, i.ordinal)"
			 "  IS DISTINCT FROM (excluded.name, excluded.seq, excluded.ordinal)", NULL);
}

/* ---- variables and secrets ---- */

typedef struct SecretTaker
{
	CmdbRowSet *set;
	const char *cluster;		/* NULL: all */
} SecretTaker;

/*
 * Moves a plain secret from the body into the set for pgops.secret and leaves the
 * mask in its place: pgops.variable and the dump of it never hold one.
 */
static void
take_secret(const SecretSite *site, void *arg)
{
	SecretTaker *taker = arg;
	CmdbRow		row = {0};

	/* the verifier of a role is stored with its variable */
	if (site->role_password)
		return;

	/* restored from a dump, and the secret never declared again */
	if (strcmp(site->node->text, SECRET_MASK) == 0)
		return;

	cmdb_put_text(&row, taker->cluster);
	cmdb_put_text(&row, site->host);
	cmdb_put_text(&row, site->param);
	cmdb_put_text(&row, site->path);
	cmdb_put_text(&row, site->node->text);
	cmdb_row_set_add(taker->set, &row);
	site_set_text(site->node, SECRET_MASK);
}

/*
 * One row per parameter with its place, so that the document comes back in the
 * order in which it was written.
 */
static void
add_variables(CmdbRowSet *set, const char *cluster, const char *host, const SpecNode *vars)
{
	int			ordinal = 0;
	ListCell   *lc;

	foreach(lc, vars->entries)
	{
		SpecEntry  *entry = lfirst(lc);
		CmdbRow		row = {0};

		cmdb_put_text(&row, cluster);
		cmdb_put_text(&row, host);
		cmdb_put_text(&row, entry->key);
		cmdb_put_json(&row, entry->value);
		cmdb_put_int4(&row, ++ordinal);
		cmdb_row_set_add(set, &row);
	}
}

/* The sets of both tables, filled in one walk over the bodies. */
static void
fill_sets(CmdbQuery *query, const List *differences)
{
	CmdbRowSet *variables = cmdb_row_set(query, "new_variable", variable_columns,
										 lengthof(variable_columns));
	SecretTaker taker = {0};
	ListCell   *cell;

	taker.set = cmdb_row_set(query, "new_secret", secret_columns, lengthof(secret_columns));
	foreach(cell, differences)
	{
		const GroupDifference *difference = lfirst(cell);
		ListCell   *lc;

		taker.cluster = difference->group ? difference->name : NULL;
		site_visit_body(difference->body, "", take_secret, &taker);
		foreach(lc, node_get(difference->body, "hosts")->entries)
		{
			SpecEntry  *host = lfirst(lc);

			add_variables(variables, taker.cluster, host->key, host->value);
		}
		add_variables(variables, taker.cluster, NULL, node_get(difference->body, "vars"));
	}
}

#define SCOPE \
	"CASE WHEN n.cluster IS NULL THEN 'global' WHEN n.host IS NULL THEN 'cluster'" \
	" ELSE 'instance' END"

/* $1: names of the groups; $2: whether the global ones count, too */
#define OF_THESE(alias) \
	"(" alias ".cluster = ANY ($1) OR ($2 AND " alias ".cluster IS NULL))"
#define SAME_PLACE(alias) \
	"COALESCE(n.cluster, '') = COALESCE(" alias ".cluster, '')" \
	" AND COALESCE(n.host, '') = COALESCE(" alias ".host, '') AND n.name = " alias ".name"

static void
store_variables(CmdbQuery *query, CmdbRow *args)
{
	cmdb_run(query,
			 "DELETE FROM pgops.variable AS v WHERE " OF_THESE("v")
			 " AND NOT EXISTS (SELECT FROM new_variable AS n WHERE " SAME_PLACE("v") ")", args);
	cmdb_run(query,
			 "INSERT INTO pgops.variable AS v (scope, cluster, host, name, source, ordinal)"
			 " SELECT " SCOPE ", n.cluster, n.host, n.name, n.source, n.ordinal"
			 " FROM new_variable AS n"
			 " ON CONFLICT (cluster, host, name) DO UPDATE"
			 " SET source = excluded.source, ordinal = excluded.ordinal"
			 " WHERE v.source::text <> excluded.source::text OR v.ordinal <> excluded.ordinal",
			 NULL);
}

/* Secrets that nobody declares any more are deleted, not kept for another day. */
static void
store_secrets(CmdbQuery *query, CmdbRow *args)
{
	cmdb_run(query,
			 "DELETE FROM pgops.secret AS s WHERE " OF_THESE("s")
			 " AND NOT EXISTS (SELECT FROM new_secret AS n"
			 "  WHERE " SAME_PLACE("s") " AND n.path = s.path)", args);
	cmdb_run(query,
			 "INSERT INTO pgops.secret AS s (scope, cluster, host, name, path, value)"
			 " SELECT " SCOPE ", n.cluster, n.host, n.name, n.path, n.value FROM new_secret AS n"
			 " ON CONFLICT (cluster, host, name, path) DO UPDATE"
			 " SET value = excluded.value WHERE s.value <> excluded.value", NULL);
}

void
store_bodies(CmdbQuery *query, const List *differences)
{
	CmdbRow		args = {0};
	List	   *names = NIL;
	bool		globals = false;
	ListCell   *cell;

	foreach(cell, differences)
	{
		const GroupDifference *difference = lfirst(cell);

		if (difference->group == NULL)
			globals = true;
		else
			names = lappend(names, pstrdup(difference->name));
	}
	cmdb_put_names(&args, names, false);
	store_instances(query, &args, differences);
	fill_sets(query, differences);
	cmdb_put_bool(&args, globals);
	store_variables(query, &args);
	store_secrets(query, &args);
}
