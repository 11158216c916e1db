/*
 * cluster.c
 *		Rows of pgops.cluster, and the lock that serialises declarations.
 *
 * Not for: what a cluster declares (load.c, store.c).
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"

#include "cmdb/cmdb.h"
#include "cmdb/query.h"
#include "errors.h"

#define CLUSTER_COLUMNS \
	"SELECT c.name, c.generation, c.paused, c.approved_digest," \
	" (SELECT max(r.revision) FROM pgops.revision AS r WHERE r.cluster = c.name), c.kind" \
	" FROM pgops.cluster AS c "

/*
 * One row of CLUSTER_COLUMNS.  The newest revision comes from pgops.revision, not
 * from a counter here: a dump carries both tables, and they cannot disagree.
 */
static CmdbCluster *
read_cluster(CmdbQuery *query, uint64 row)
{
	CmdbCluster *cluster = MemoryContextAllocZero(query->caller, sizeof(CmdbCluster));

	cluster->name = cmdb_text(query, row, 1);
	cluster->generation = cmdb_int8(row, 2);
	cluster->paused = cmdb_bool(row, 3);
	cluster->approved_digest = cmdb_text(query, row, 4);
	cluster->revision = cmdb_int8(row, 5);
	cluster->kind = cmdb_text(query, row, 6);
	return cluster;
}

/*
 * The row of one cluster, of any kind; NULL if it is not declared.  No lock is
 * taken: who acts on it compares the generation again when the work is done.
 */
CmdbCluster *
cmdb_cluster(const char *name)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	CmdbCluster *cluster = NULL;

	cmdb_begin(&query);
	cmdb_put_text(&args, name);
	if (cmdb_run(&query, CLUSTER_COLUMNS "WHERE c.name = $1", &args) > 0)
		cluster = read_cluster(&query, 0);
	cmdb_end(&query);
	return cluster;
}

/* One that was declared anew counts its generations from 1 again. */
bool
cmdb_hold_cluster(const char *name, int64 generation)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	bool		found;

	cmdb_begin(&query);
	cmdb_put_text(&args, name);
	cmdb_put_int8(&args, generation);
	found = cmdb_run(&query,
					 "SELECT FROM pgops.cluster AS c"
					 " WHERE c.name = $1 AND c.generation >= $2 FOR KEY SHARE", &args) > 0;
	cmdb_end(&query);
	return found;
}

/*
 * The digest is compared again in the statement: an approval that was given for
 * other steps while these were being carried out must survive.  The generation
 * does not rise, or wait() would wait for a pass over something already done.
 */
void
cmdb_approval_used(const char *cluster, const char *digest)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	cmdb_put_text(&args, digest);
	cmdb_run(&query,
			 "UPDATE pgops.cluster AS c SET approved_digest = NULL"
			 " WHERE c.name = $1 AND c.approved_digest = $2", &args);
	cmdb_end(&query);
}

/*
 * A lock on the object "table pgops.revision", not on the table: nothing else
 * in the server takes it, so it holds back other declarations and nobody else,
 * neither readers nor the coordinator, autovacuum nor pg_dump.
 */
void
cmdb_lock_declarations(void)
{
	Oid			schema = get_namespace_oid("pgops", true);
	Oid			table = OidIsValid(schema) ? get_relname_relid("revision", schema) : InvalidOid;

	PreventCommandIfReadOnly("a declaration");
	PreventCommandDuringRecovery("a declaration");
	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" does not exist", "pgops.revision"),
				 errhint("Run CREATE EXTENSION pgops in this database.")));
	LockDatabaseObject(RelationRelationId, table, 0, ExclusiveLock);
}
