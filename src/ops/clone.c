/*
 * clone.c
 *		The job clone_database: a database that is a copy of another one.
 *
 * CREATE DATABASE does it all, and cleans up by itself when it fails or is
 * cancelled.  It needs the source for itself.
 *
 * Not for: what is refused before there is a job (pgops.clone_database()).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "guc.h"
#include "ops/finally.h"
#include "ops/kinds.h"
#include "ops/statement.h"

/*
 * Those who reconnect at once may be back before the copy begins; their next
 * end is tried so often.
 */
#define ATTEMPTS	5

/* one way to copy */
typedef struct CloneStrategy
{
	const char *name;
	int			since;			/* major version of the server */
	const char *keyword;		/* of CREATE DATABASE */
	const char *before;			/* statement that has to run before it, or NULL */
} CloneStrategy;

static const CloneStrategy strategies[] = {
	{"wal_log", 15, "wal_log", NULL},
	{"file_copy", 15, "file_copy", NULL},
	{"clone", 18, "file_copy", "SET file_copy_method = clone"},
};

PG_FUNCTION_INFO_V1(pgops_check_clone_strategy);

extern Datum pgops_check_clone_strategy(PG_FUNCTION_ARGS);

static const CloneStrategy *
find_strategy(const char *name)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < lengthof(strategies); i++)
	{
		if (PGOPS_SERVER_MAJOR < strategies[i].since)
			continue;
		if (strcmp(strategies[i].name, name) == 0)
			return &strategies[i];
		appendStringInfo(&known, "%s%s", known.len > 0 ? ", " : "", strategies[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("this server has no strategy \"%s\" to copy a database", name),
			 errhint("There are: %s.", known.data)));
	return NULL;				/* keep compiler quiet */
}

Datum
pgops_check_clone_strategy(PG_FUNCTION_ARGS)
{
	(void) find_strategy(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* who is connected to the source: with the job's leave they are ended, else this is the end of the job */
static void
free_source(Job *job, const char *source, bool terminate)
{
	char	   *sessions = statement_session(job, "SELECT pgops.sessions_in($1)", source);

	if (sessions == NULL)
		return;
	if (!terminate)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("database \"%s\" is used by others", source),
				 errdetail_internal("%s", sessions),
				 errhint("terminate => true ends these sessions; a prepared transaction has to be ended by hand.")));
	job_note(job, "ending %s", sessions);
	(void) statement_session(job,
							 "SELECT bool_and(pg_terminate_backend(a.pid, 5000))::text"
							 " FROM pg_stat_activity AS a"
							 " WHERE a.datname = $1 AND a.pid <> pg_backend_pid()"
							 " AND a.backend_type <> 'pgops database worker'", source);
}

/* CREATE DATABASE, and what has to be set before it */
static List *
clone_statements(Job *job, const char *source, const char *target)
{
	const char *owner = job_arg(job, "owner");
	const char *name = job_arg(job, "strategy");
	List	   *texts = NIL;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "CREATE DATABASE %s WITH TEMPLATE %s",
					 quote_identifier(target), quote_identifier(source));
	if (owner != NULL)
		appendStringInfo(&text, " OWNER %s", quote_identifier(owner));
	if (name != NULL)
	{
		const CloneStrategy *strategy = find_strategy(name);

		appendStringInfo(&text, " STRATEGY %s", strategy->keyword);
		if (strategy->before != NULL)
			texts = lappend(texts, pstrdup(strategy->before));
	}
	return lappend(texts, text.data);
}

typedef struct Clone
{
	const char *source;
	const char *target;
	bool		terminate;
} Clone;

static void
clone_once(Job *job, void *arg)
{
	const Clone *clone = arg;

	free_source(job, clone->source, clone->terminate);
	(void) statement_run(job, pgops_guc_database,
						 clone_statements(job, clone->source, clone->target),
						 "database could not be copied");
}

void
clone_database_run(Job *job)
{
	Clone		clone;
	const char *bytes;

	clone.source = job_arg(job, "source");
	clone.target = job_arg(job, "target");
	clone.terminate = job_arg_bool(job, "terminate", false);

	job_step(job, "copying %s", clone.source);
	for (int attempt = 1;; attempt++)
	{
		ErrorData  *error = job_attempt(job, clone_once, &clone);

		if (error == NULL)
			break;
		if (error->sqlerrcode != ERRCODE_OBJECT_IN_USE || !clone.terminate ||
			attempt == ATTEMPTS)
			ReThrowError(error);
	}
	bytes = statement_session(job, "SELECT pg_database_size($1::name)::text", clone.target);
	job_result(job, "database", node_string(clone.target));
	job_result(job, "bytes", node_number(bytes ? bytes : "0"));
}
