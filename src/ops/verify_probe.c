/*
 * verify_probe.c
 *		Questions to the restored instance, and their answers as proof.
 *
 * Not for: the instance itself (instance.h).
 */
#include "postgres.h"

#include "portability/instr_time.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "io/remote.h"
#include "ops/connect.h"
#include "ops/verify_parts.h"

/* longest time of one question, ms */
#define ANSWER_MS		(10 * 60 * 1000)

/* rows of an answer that are kept */
#define ROWS_KEPT		"5"

/* where it is known that it exists: in every backup */
#define ANY_DATABASE	"template1"

/* one question with what is expected */
typedef struct Probe
{
	const char *name;			/* or NULL */
	const char *database;		/* NULL: that of pgops */
	const char *query;
	const char *expect;			/* or NULL */
} Probe;

/* what each backup of this server must have */
static const Probe default_probes[] = {
	{"databases", ANY_DATABASE,
		"SELECT count(*) AS databases, sum(pg_database_size(d.oid)) AS bytes"
	" FROM pg_database AS d"},
	{"roles", ANY_DATABASE, "SELECT count(*) AS roles FROM pg_roles"},
	{"pgops", NULL,
		"SELECT e.extversion AS version, to_regclass('pgops.cluster') IS NOT NULL AS tables"
	" FROM pg_extension AS e WHERE e.extname = 'pgops'"},
};

/* ---- asking ---- */

/* Copies out of the set's memory. */
static void
read_answer(const Remote *remote, VerifyAnswer *answer)
{
	ListCell   *cell;

	if (remote->failed)
	{
		answer->sqlstate = pstrdup(remote->sqlstate[0] ? remote->sqlstate : "08006");
		answer->message = pstrdup(remote->message ? remote->message : "no answer");
		return;
	}
	foreach(cell, remote->rows)
	{
		char	  **row = lfirst(cell);

		answer->rows = lappend(answer->rows, row[0] ? pstrdup(row[0]) : NULL);
	}
}

/* read-only: a probe proves that something is there, it does not put it there */
static List *
probe_options(const Verification *test, const char *database)
{
	StringInfoData conninfo;
	bool		valid;

	initStringInfo(&conninfo);
	appendStringInfoString(&conninfo, instance_conninfo(test->instance, database));
	connect_add(&conninfo, "options",
				psprintf("-c default_transaction_read_only=on -c statement_timeout=%d", ANSWER_MS));
	return remote_parse(conninfo.data, &valid);
}

VerifyAnswer *
verify_ask(Job *job, const Verification *test, const char *database, const char *query)
{
	VerifyAnswer *answer = palloc0(sizeof(VerifyAnswer));
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "pgops probe", ALLOCSET_SMALL_SIZES);
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 2 * ANSWER_MS);
	RemoteSet  *set;
	Remote	   *remote;

	MemoryContextSwitchTo(context);
	set = remote_set_create();
	remote = remote_connect(set, probe_options(test, database), deadline, NULL);
	if (remote != NULL && connect_finish(job, set, remote))
	{
		remote_query(remote, query, 0, NULL, deadline);
		(void) connect_finish(job, set, remote);
	}
	MemoryContextSwitchTo(caller);
	if (remote != NULL)
		read_answer(remote, answer);
	else
		answer->sqlstate = answer->message = "53300";
	MemoryContextDelete(context);
	return answer;
}

const char *
verify_ask_one(Job *job, const Verification *test, const char *query)
{
	VerifyAnswer *answer = verify_ask(job, test, ANY_DATABASE, query);

	return answer->rows != NIL ? linitial(answer->rows) : NULL;
}

/* ---- judging ---- */

/*
 * Each row as one JSON value, its columns in their order.  The query stands on
 * lines of its own, so that a comment at its end ends with it.
 */
static char *
wrapped(const char *query)
{
	int			length = strlen(query);

	while (length > 0 && strchr("; \t\r\n", query[length - 1]) != NULL)
		length--;
	return psprintf("SELECT pg_catalog.row_to_json(probe)::pg_catalog.text FROM (\n%.*s\n) AS probe LIMIT " ROWS_KEPT,
					length, query);
}

/* first column of the first row as JSON writes it, without quotes; NULL: null or no column */
static const char *
first_value(const SpecNode *row)
{
	const SpecEntry *entry;

	if (row->kind != NODE_MAP || row->entries == NIL)
		return NULL;
	entry = linitial(row->entries);
	return node_text(entry->value);
}

/* what is wrong with the answer, or NULL */
static char *
answer_problem(const Probe *probe, const VerifyAnswer *answer, const SpecNode *rows)
{
	const char *value;

	if (answer->sqlstate != NULL)
		return psprintf("%s: %s", answer->sqlstate, answer->message);
	if (rows->items == NIL)
		return pstrdup("there is no row");
	value = first_value(linitial(rows->items));
	if (probe->expect != NULL && (value == NULL || strcmp(value, probe->expect) != 0))
		return psprintf("%s was expected, not %s", probe->expect, value ? value : "null");
	if (probe->expect == NULL && (value == NULL || strcmp(value, "false") == 0))
		return psprintf("the first column is %s", value ? value : "null");
	return NULL;
}

static SpecNode *
rows_of(const VerifyAnswer *answer)
{
	SpecNode   *rows = node_list();
	ListCell   *cell;

	foreach(cell, answer->rows)
	{
		const char *json = lfirst(cell);

		node_list_add(rows, json ? node_from_json(json, strlen(json)) : node_null());
	}
	return rows;
}

static void
set_text(SpecNode *map, const char *key, const char *value)
{
	if (value != NULL)
		node_map_set(map, key, node_string(value));
}

/* one probe: its question, the answer, and whether that is as it should be */
static void
run_probe(Job *job, Verification *test, const Probe *probe)
{
	const char *database = probe->database ? probe->database : pgops_guc_database;
	SpecNode   *shown = node_map();
	SpecNode   *rows;
	VerifyAnswer *answer;
	char	   *problem;
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	answer = verify_ask(job, test, database, wrapped(probe->query));
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	rows = rows_of(answer);
	problem = answer_problem(probe, answer, rows);

	set_text(shown, "name", probe->name);
	set_text(shown, "database", database);
	set_text(shown, "query", probe->query);
	set_text(shown, "expect", probe->expect);
	node_map_set(shown, "ok", node_bool(problem == NULL));
	node_map_set(shown, "seconds", node_number(psprintf("%.3f", INSTR_TIME_GET_DOUBLE(end))));
	if (answer->sqlstate == NULL)
		node_map_set(shown, "rows", rows);
	set_text(shown, "error", problem);
	node_list_add(test->probes, shown);
	if (problem != NULL)
		test->failed_probes = lappend(test->failed_probes,
									  psprintf("probe \"%s\" in database \"%s\": %s",
											   probe->name ? probe->name : probe->query,
											   database, problem));
}

static const char *
field(const SpecNode *probe, const char *name)
{
	const SpecNode *value = node_get(probe, name);

	return value ? node_text(value) : NULL;
}

void
verify_probes(Job *job, Verification *test)
{
	const SpecNode *declared = node_get(job->args, "probes");
	int			count = declared && declared->kind == NODE_LIST ? list_length(declared->items) : 0;

	job_step(job, "asking the probes");
	test->probes = node_list();
	for (int i = 0; i < lengthof(default_probes); i++)
		run_probe(job, test, &default_probes[i]);
	for (int i = 0; i < count; i++)
	{
		const SpecNode *item = list_nth(declared->items, i);
		Probe		probe = {field(item, "name"), field(item, "database"),
			field(item, "query"), field(item, "expect")};

		job_progress(job, i, count, "probes");
		if (probe.query == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("probe %d has no query", i + 1)));
		run_probe(job, test, &probe);
	}
}
