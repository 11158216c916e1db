/*
 * store.c
 *		A body into the tables: rows that changed, secrets apart, a revision.
 *
 * Not for: whether the body is good (spec/), nor sealing passwords (seal.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "cmdb/cmdb.h"
#include "cmdb/difference.h"
#include "cmdb/query.h"
#include "cmdb/revision.h"
#include "cmdb/site.h"
#include "errors.h"
#include "secret.h"

static const CmdbColumn instance_columns[] = {
	{"host", TEXTOID}, {"name", TEXTOID}, {"seq", INT4OID}, {"ordinal", INT4OID}
};

static const CmdbColumn variable_columns[] = {
	{"host", TEXTOID}, {"name", TEXTOID}, {"source", JSONOID}, {"ordinal", INT4OID}
};

static const CmdbColumn secret_columns[] = {
	{"host", TEXTOID}, {"name", TEXTOID}, {"path", TEXTOID}, {"value", TEXTOID}
};

/* ---- cluster ---- */

/* The kind is kept: it belongs to the inventory that declared the group. */
static void
store_cluster(CmdbQuery *query, const char *cluster)
{
	CmdbRow		args = {0};

	cmdb_put_text(&args, cluster);
	cmdb_run(query,
			 "INSERT INTO pgops.cluster AS c (name) VALUES ($1)"
			 " ON CONFLICT (name) DO UPDATE"
			 " SET generation = c.generation + 1, updated_at = now()",
			 &args);
}

/* ---- instances ---- */

/* as the model names them: pg_cluster (or the group's name) and pg_seq */
static void
add_instance(CmdbRowSet *set, const char *cluster, const SpecEntry *host,
			 const SpecNode *vars, int ordinal)
{
	const SpecNode *seq = node_get(host->value, "pg_seq");
	const char *name = node_text(node_get(host->value, "pg_cluster"));
	int			number = seq != NULL && seq->kind == NODE_INT ? (int) seq->integer : 0;
	CmdbRow		row = {0};

	if (name == NULL)
		name = node_text(node_get(vars, "pg_cluster"));
	cmdb_put_text(&row, host->key);
	cmdb_put_text(&row, psprintf("%s-%d", name ? name : cluster, number));
	cmdb_put_int4(&row, number);
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
				 " WHERE i.cluster <> $1 ORDER BY n.ordinal LIMIT 1", args) == 0)
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
store_instances(CmdbQuery *query, const char *cluster, const SpecNode *body)
{
	CmdbRowSet *set = cmdb_row_set(query, "new_instance", instance_columns,
								   lengthof(instance_columns));
	CmdbRow		args = {0};
	int			ordinal = 0;
	ListCell   *lc;

	foreach(lc, node_get(body, "hosts")->entries)
		add_instance(set, cluster, lfirst(lc), node_get(body, "vars"), ++ordinal);

	cmdb_put_text(&args, cluster);
	check_instance_names(query, &args);
	cmdb_run(query,
			 "DELETE FROM pgops.instance AS i WHERE i.cluster = $1"
			 " AND NOT EXISTS (SELECT FROM new_instance AS n WHERE n.host = i.host)",
			 &args);
	cmdb_run(query,
			 "INSERT INTO pgops.instance AS i (cluster, host, name, seq, ordinal)"
			 " SELECT $1, n.host, n.name, n.seq, n.ordinal FROM new_instance AS n"
			 " ON CONFLICT (cluster, host) DO UPDATE"
			 " SET name = excluded.name, seq = excluded.seq, ordinal = excluded.ordinal"
			 " WHERE (i.name, i.seq, i.ordinal)"
			 "  IS DISTINCT FROM (excluded.name, excluded.seq, excluded.ordinal)",
			 &args);
}

/* ---- variables and secrets ---- */

/*
 * Moves a plain secret from the body into the set for pgops.secret and leaves the
 * mask in its place: pgops.variable and the dump of it never hold one.
 */
static void
take_secret(const SecretSite *site, void *arg)
{
	CmdbRowSet *set = arg;
	CmdbRow		row = {0};

	/* the verifier of a role is stored with its variable */
	if (site->role_password)
		return;

	/* restored from a dump, and the secret never declared again */
	if (strcmp(site->node->text, SECRET_MASK) == 0)
		return;

	cmdb_put_text(&row, site->host);
	cmdb_put_text(&row, site->param);
	cmdb_put_text(&row, site->path);
	cmdb_put_text(&row, site->node->text);
	cmdb_row_set_add(set, &row);
	site_set_text(site->node, SECRET_MASK);
}

/*
 * One row per parameter with its place, so that the document comes back in the
 * order in which it was written.
 */
static void
add_variables(CmdbRowSet *set, const char *host, const SpecNode *vars)
{
	int			ordinal = 0;
	ListCell   *lc;

	foreach(lc, vars->entries)
	{
		SpecEntry  *entry = lfirst(lc);
		CmdbRow		row = {0};

		cmdb_put_text(&row, host);
		cmdb_put_text(&row, entry->key);
		cmdb_put_json(&row, entry->value);
		cmdb_put_int4(&row, ++ordinal);
		cmdb_row_set_add(set, &row);
	}
}

/* body: with secrets taken out */
static void
store_variables(CmdbQuery *query, const char *cluster, const SpecNode *body)
{
	CmdbRowSet *set = cmdb_row_set(query, "new_variable", variable_columns,
								   lengthof(variable_columns));
	CmdbRow		args = {0};
	ListCell   *lc;

	foreach(lc, node_get(body, "hosts")->entries)
	{
		SpecEntry  *host = lfirst(lc);

		add_variables(set, host->key, host->value);
	}
	add_variables(set, NULL, node_get(body, "vars"));

	cmdb_put_text(&args, cluster);
	cmdb_run(query,
			 "DELETE FROM pgops.variable AS v WHERE v.cluster = $1"
			 " AND NOT EXISTS (SELECT FROM new_variable AS n"
			 "  WHERE n.name = v.name AND n.host IS NOT DISTINCT FROM v.host)",
			 &args);
	cmdb_run(query,
			 "INSERT INTO pgops.variable AS v (scope, cluster, host, name, source, ordinal)"
			 " SELECT CASE WHEN n.host IS NULL THEN 'cluster' ELSE 'instance' END,"
			 "  $1, n.host, n.name, n.source, n.ordinal FROM new_variable AS n"
			 " ON CONFLICT (cluster, host, name) DO UPDATE"
			 " SET source = excluded.source, ordinal = excluded.ordinal"
			 " WHERE v.source::text <> excluded.source::text OR v.ordinal <> excluded.ordinal",
			 &args);
}

/*
 * The set was filled by take_secret() while the variables were being prepared.
 * Secrets that nobody declares any more are deleted, not kept for another day.
 */
static void
store_secrets(CmdbQuery *query, const char *cluster)
{
	CmdbRow		args = {0};

	cmdb_put_text(&args, cluster);
	cmdb_run(query,
			 "DELETE FROM pgops.secret AS s WHERE s.cluster = $1"
			 " AND NOT EXISTS (SELECT FROM new_secret AS n"
			 "  WHERE n.name = s.name AND n.path = s.path"
			 "  AND n.host IS NOT DISTINCT FROM s.host)",
			 &args);
	cmdb_run(query,
			 "INSERT INTO pgops.secret AS s (scope, cluster, host, name, path, value)"
			 " SELECT CASE WHEN n.host IS NULL THEN 'cluster' ELSE 'instance' END,"
			 "  $1, n.host, n.name, n.path, n.value FROM new_secret AS n"
			 " ON CONFLICT (cluster, host, name, path) DO UPDATE"
			 " SET value = excluded.value"
			 " WHERE s.value <> excluded.value",
			 &args);
}

/* ---- the whole ---- */

/*
 * "body" is changed: its secrets are taken out.  Only rows that differ are
 * written, so that triggers, dumps and replicas see what changed and no more.
 */
static void
store_rows(const char *cluster, SpecNode *body, const SpecNode *masked,
		   const SpecNode *difference, const char *note)
{
	CmdbQuery	query;
	CmdbRowSet *secrets;

	cmdb_begin(&query);
	store_cluster(&query, cluster);
	store_instances(&query, cluster, body);
	secrets = cmdb_row_set(&query, "new_secret", secret_columns, lengthof(secret_columns));
	site_visit_body(body, "", take_secret, secrets);
	store_variables(&query, cluster, body);
	store_secrets(&query, cluster);
	revision_add(&query, cluster, masked, difference, note);
	cmdb_end(&query);
}

/*
 * The caller holds the lock of declarations.  Comments, blanks and the order of
 * keys are no difference; the order of a list is one, since it has a meaning.
 */
bool
cmdb_store_body(const char *cluster, const SpecNode *body, const char *note)
{
	SpecNode   *stored = cmdb_load_body(cluster);
	SpecNode   *declared = difference_canonical(body);
	SpecNode   *difference;

	if (stored != NULL)
		stored = difference_canonical(stored);
	difference = difference_make(stored, declared);
	if (stored != NULL && difference->items == NIL)
		return false;

	store_rows(cluster, declared, cmdb_mask(declared), difference, note);
	return true;
}
