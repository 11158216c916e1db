/*
 * job_transient_file.c
 *		The jobs of a standby in a file: some of them restart the server whose
 *		memory they are in.
 *
 * Beside the data directory, which one of them (reinit_member) empties.  It is
 * written when a job starts, remembers something and ends: a few times each.
 */
#include "postgres.h"

#include <unistd.h>

#include "lib/stringinfo.h"

#include "io/file.h"
#include "ops/stanza.h"
#include "worker/job_transient_parts.h"

#define FILE_NAME		"standby-jobs.json"
#define MAX_BYTES		(1024 * 1024)

/* which fields are kept: output is not */
typedef enum FieldType
{
	FIELD_TEXT,
	FIELD_TIME,
	FIELD_INT
} FieldType;

typedef struct Field
{
	const char *name;
	FieldType	type;
	size_t		offset;
	size_t		size;
} Field;

#define TEXT(f)		{#f, FIELD_TEXT, offsetof(TransientJob, f), sizeof(((TransientJob *) NULL)->f)}
#define TIME(f)		{#f, FIELD_TIME, offsetof(TransientJob, f), sizeof(int64)}

static const Field fields[] = {
	{"id", FIELD_TIME, offsetof(TransientJob, id), sizeof(int64)},
	{"state", FIELD_INT, offsetof(TransientJob, state), sizeof(int)},
	{"attempts", FIELD_INT, offsetof(TransientJob, attempts), sizeof(int)},
	TEXT(kind), TEXT(args), TEXT(memory), TEXT(result), TEXT(cluster), TEXT(requested_by),
	TEXT(cancelled_by), TEXT(step), TEXT(sqlstate), TEXT(error), TEXT(detail), TEXT(hint),
	TIME(requested_at), TIME(started_at), TIME(finished_at), TIME(heartbeat), TIME(deadline_ms),
};

StaticAssertDecl(sizeof(TransientState) == sizeof(int), "a state is kept as a number");

/* ---- writing ---- */

static SpecNode *
write_field(const TransientJob *job, const Field *field)
{
	const char *at = (const char *) job + field->offset;

	switch (field->type)
	{
		case FIELD_TEXT:
			return node_string(at);
		case FIELD_TIME:
			return node_int(*(const int64 *) at);
		case FIELD_INT:
			return node_int(*(const int *) at);
	}
	return node_null();
}

/* All fields, in the order of the table. */
static SpecNode *
write_job(const TransientJob *job)
{
	SpecNode   *map = node_map();

	for (int i = 0; i < lengthof(fields); i++)
		node_map_set(map, fields[i].name, write_field(job, &fields[i]));
	return map;
}

/*
 * What cannot be written is told and no more: the file matters to those jobs alone
 * that end their own server.
 */
static void
write_text(const char *text)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		ops_make_directory(ops_path(NULL));
		io_write_file(ops_path(FILE_NAME), text, 0600);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("pgops: could not keep the jobs of this standby: %s", error->message)));
	}
	PG_END_TRY();
}

/* The whole of it each time: it is small, and is replaced at once or not at all. */
void
job_transient_save(void)
{
	SpecNode   *list = node_list();
	TransientJob *copy = palloc(sizeof(TransientJob));
	StringInfoData text;

	for (int i = 0; i < TRANSIENT_JOBS; i++)
	{
		if (job_transient_get(i, copy) && copy->started_at != 0)
			node_list_add(list, write_job(copy));
	}
	initStringInfo(&text);
	node_to_json(&text, list);
	write_text(text.data);
	pfree(text.data);
	pfree(copy);
}

/* ---- reading ---- */

/* what does not fit is not taken: the file is ours, but somebody may have written into it */
static bool
read_field(TransientJob *job, const Field *field, const SpecNode *value)
{
	char	   *at = (char *) job + field->offset;

	if (value == NULL || value->kind != (field->type == FIELD_TEXT ? NODE_STRING : NODE_INT))
		return false;
	switch (field->type)
	{
		case FIELD_TEXT:
			return strlcpy(at, node_text(value), field->size) < field->size;
		case FIELD_TIME:
			*(int64 *) at = value->integer;
			break;
		case FIELD_INT:
			*(int *) at = (int) value->integer;
			break;
	}
	return true;
}

/* Of another version of pgops, with other kinds or longer fields, it is not taken. */
static void
read_job(const SpecNode *map)
{
	TransientJob *job = palloc0(sizeof(TransientJob));
	bool		fits = map->kind == NODE_MAP;

	for (int i = 0; fits && i < lengthof(fields); i++)
		fits = read_field(job, &fields[i], node_get(map, fields[i].name));
	if (fits && job->id < 0 && job->state >= TRANSIENT_QUEUED &&
		job->state <= TRANSIENT_INTERRUPTED && job_kind(job->kind) != NULL)
		job_transient_put(job);
	pfree(job);
}

/* A file that cannot be read must not keep the server from its work. */
static void
read_text(const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	ListCell   *cell;

	PG_TRY();
	{
		SpecNode   *list = node_from_json(text, (int) strlen(text));

		if (list->kind == NODE_LIST)
		{
			foreach(cell, list->items)
				read_job(lfirst(cell));
		}
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("pgops: \"%s\" holds no jobs of a standby, and is ignored",
						ops_path(FILE_NAME))));
	}
	PG_END_TRY();
}

/* Once in the life of the server: afterwards memory knows better. */
void
job_transient_load(void)
{
	char	   *text;
	char	   *error;
	int			sqlstate;

	if (!job_transient_unread())
		return;
	if (access(ops_path(FILE_NAME), F_OK) != 0)
		return;
	text = io_try_read_file(ops_path(FILE_NAME), MAX_BYTES, &error, &sqlstate);
	if (text != NULL)
		read_text(text);
}
