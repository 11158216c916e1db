/*
 * sql_restore.c
 *		SQL: what pgops.restore(), pgops.restore_drop(), pgops.fork() look at
 *		before they ask for a job, and whether an instance beside this server
 *		runs.
 *
 * Not for: the jobs (ops/).
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "cmdb/query.h"
#include "errors.h"
#include "ops/in_place.h"
#include "ops/instance.h"
#include "ops/restore.h"

PG_FUNCTION_INFO_V1(pgops_restore_prepare);
PG_FUNCTION_INFO_V1(pgops_restore_drop_prepare);
PG_FUNCTION_INFO_V1(pgops_fork_prepare);
PG_FUNCTION_INFO_V1(pgops_instance_alive);

static const char *
argument(const SpecNode *args, const char *name)
{
	const SpecNode *node = node_get(args, name);

	return node != NULL ? node_text(node) : NULL;
}

/* ---- what this server knows of its own past ---- */

/* A standby's jobs could not be stored, nor its WAL be closed. */
static void
refuse_on_standby(const char *what)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("%s is not possible on a standby", what),
				 errhint("Ask for it on the primary.")));
}

/*
 * When WAL was archived last, if archiving fails; else up to now: the job closes
 * the present WAL file before it restores.
 */
static TimestampTz
latest_restorable(void)
{
	CmdbQuery	query;
	TimestampTz latest = 0;
	bool		fails = false;

	cmdb_begin(&query);
	if (cmdb_run(&query,
				 "SELECT a.last_archived_time, a.last_failed_time > a.last_archived_time"
				 " FROM pg_catalog.pg_stat_archiver AS a", NULL) > 0)
	{
		latest = cmdb_time(0, 1);
		fails = cmdb_bool(0, 2);
	}
	cmdb_end(&query);
	return fails && latest != 0 ? latest : GetCurrentTimestamp();
}

/* a point that this server has not come to yet is in no archive of its own */
static void
check_not_in_future(const RestoreTarget *target)
{
	uint32		high;
	uint32		low;
	XLogRecPtr	here = GetXLogInsertRecPtr();
	TransactionId next = XidFromFullTransactionId(ReadNextFullTransactionId());

	/* on another timeline both may have been used up to other values */
	if (target->stanza != NULL || target->timeline != NULL)
		return;
	if (target->type == RESTORE_LSN && sscanf(target->value, "%X/%X", &high, &low) == 2 &&
		(((uint64) high) << 32 | low) > here)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_TARGET),
				 errmsg("LSN %s has not been written yet", target->value),
				 errhint("This server is at LSN %X/%X.", LSN_FORMAT_ARGS(here))));
	if (target->type == RESTORE_XID &&
		TransactionIdFollowsOrEquals((TransactionId) strtoul(target->value, NULL, 10), next))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_TARGET),
				 errmsg("transaction %s has not been begun yet", target->value),
				 errhint("The next transaction of this server is %u.", next)));
}

/* Another cluster's backups are known only to the repository: the job looks there. */
static void
check_target(RestoreTarget *target, const Stanza *stanza)
{
	const StanzaState *state;

	if (target->stanza != NULL && strcmp(target->stanza, stanza->name) == 0)
		target->stanza = NULL;
	if (target->stanza != NULL)
		return;
	state = stanza_stored(stanza->name);
	check_not_in_future(target);
	restore_check(target, state, latest_restorable());
}

/* ---- instances ---- */

/* a job that is going to make it, or works on it; 0: none */
static int64
job_on(const char *name)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	int64		id = 0;

	cmdb_begin(&query);
	cmdb_put_text(&args, name);
	if (cmdb_run(&query,
				 "SELECT j.id FROM pgops.job AS j"
				 " WHERE j.state IN ('queued', 'running')"
				 "  AND j.kind IN ('restore', 'fork', 'restore_drop', 'verify_backup')"
				 "  AND j.args ->> 'instance' = $1 ORDER BY j.id DESC LIMIT 1", &args) > 0)
		id = cmdb_int8(0, 1);
	cmdb_end(&query);
	return id;
}

static void
refuse_if_busy(const char *name)
{
	int64		id = job_on(name);

	if (id != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_JOB_BUSY),
				 errmsg("job " INT64_FORMAT " is about instance \"%s\"", id, name),
				 errhint("Wait for it with pgops.job_wait(" INT64_FORMAT "), or end it with pgops.job_cancel(" INT64_FORMAT ").",
						 id, id)));
}

/* port and directory as they will be, into the arguments */
static void
place_instance(SpecNode *args, const char *origin, bool delta)
{
	const char *name = argument(args, "instance");
	const char *port = argument(args, "port");
	BesideInstance *instance = NULL;

	refuse_if_busy(name);
	if (delta)
		instance = instance_find(name);
	if (instance != NULL && instance_pid(instance->data_directory) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("instance \"%s\" runs", name),
				 errhint("Stop it first: pg_ctl -D %s stop.", instance->data_directory)));
	if (instance == NULL)
		instance = instance_plan(name, origin, argument(args, "directory"),
								 port != NULL ? (int) strtol(port, NULL, 10) : 0);
	node_map_set(args, "port", node_int(instance->port));
	node_map_set(args, "directory", node_string(instance_base(instance)));
}

/* ---- restore ---- */

/*
 * A server that pauses at its target still holds the locks of transactions that
 * were under way there: of a DROP TABLE whose commit was left out, for one,
 * so that just the rescued table cannot be read.  An instance that harms
 * nobody has no need to wait: it is promoted unless one says otherwise.
 */
static void
default_action(SpecNode *args, bool in_place)
{
	static const char *const targets[] = {"time", "xid", "lsn", "name"};
	const char *type = argument(args, "type");
	bool		has_target = type != NULL && strcmp(type, "immediate") == 0;

	for (int i = 0; i < lengthof(targets); i++)
		has_target |= argument(args, targets[i]) != NULL;
	if (!in_place && has_target && argument(args, "action") == NULL)
		node_map_set(args, "action", node_string("promote"));
}

/*
 * pgops.restore_prepare(args jsonb, in_place boolean): the arguments as the job takes them, after
 * all was checked that can be checked here.  "shown" says in words where it
 * goes to.
 */
Datum
pgops_restore_prepare(PG_FUNCTION_ARGS)
{
	SpecNode   *args = node_from_jsonb(PG_GETARG_JSONB_P(0));
	RestoreTarget *target;
	SpecNode   *result = node_map();

	refuse_on_standby("a restore");
	default_action(args, PG_GETARG_BOOL(1));
	target = restore_target(args);
	if (PG_GETARG_BOOL(1))
	{
		check_not_in_future(target);
		in_place_check(target, args);
	}
	else
		check_target(target, stanza_local());

	/* as it was understood: the job's session may be in another time zone */
	if (target->type == RESTORE_TIME)
		node_map_set(args, "time", node_string(target->value));
	if (argument(args, "instance") != NULL)
		place_instance(args, "restore", target->delta);
	node_map_set(result, "args", args);
	node_map_set(result, "shown", node_string(restore_describe(target)));
	PG_RETURN_JSONB_P(node_to_jsonb(result));
}

/* ---- restore_drop ---- */
static char *
known_names(void)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *names;

	cmdb_begin(&query);
	cmdb_put_text(&args, DataDir);
	(void) cmdb_run(&query,
					"SELECT string_agg(quote_ident(i.name), ', ' ORDER BY i.name)"
					" FROM pgops.instance_beside AS i WHERE i.maker = $1", &args);
	names = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	return names;
}

/* pgops.restore_drop_prepare(name text): ERROR unless it may be dropped */
Datum
pgops_restore_drop_prepare(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	BesideInstance *instance;
	char	   *names;

	refuse_on_standby("dropping an instance");
	instance = instance_find(name);
	if (instance == NULL)
	{
		names = known_names();
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("instance \"%s\" does not exist", name),
				 names != NULL ? errhint("There are: %s.", names) :
				 errhint("There is none: pgops.restored_instances lists them.")));
	}
	refuse_if_busy(name);
	PG_RETURN_VOID();
}

/* ---- fork ---- */

/* pgops.fork_prepare(args jsonb): the arguments as the job takes them */
Datum
pgops_fork_prepare(PG_FUNCTION_ARGS)
{
	SpecNode   *args = node_from_jsonb(PG_GETARG_JSONB_P(0));

	refuse_on_standby("a fork");
	if (!XLogIsNeeded())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a fork needs wal_level \"replica\" or \"logical\"")));
	place_instance(args, "fork", false);
	PG_RETURN_JSONB_P(node_to_jsonb(args));
}

/* ---- the view ---- */

/*
 * pgops.instance_alive(name text): whether it runs.  Asked for by name, so that
 * who may only look cannot ask about other places.
 */
Datum
pgops_instance_alive(PG_FUNCTION_ARGS)
{
	BesideInstance *instance = instance_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_BOOL(instance != NULL && instance_pid(instance->data_directory) != 0);
}
