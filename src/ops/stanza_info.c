/*
 * stanza_info.c
 *		What the repositories hold, from the answer of "pgbackrest info".
 *
 * Versions differ in what they answer: what is missing counts as unknown, what
 * is new is not looked at.
 *
 * Not for: keeping it (stanza_store.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/pg_lsn.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "ops/stanza_parts.h"

/* a repository with thousands of backups answers with some MB */
#define MAX_ANSWER	((size_t) 64 * 1024 * 1024)

/* ---- parts of the tree: all of them may be missing ---- */

/* the node at a path of keys, NULL at the end; NULL if there is none, or a null */
static const SpecNode *
dig(const SpecNode *node, const char *first, const char *second, const char *third)
{
	const char *const keys[] = {first, second, third};

	for (int i = 0; i < lengthof(keys) && keys[i] != NULL; i++)
	{
		node = node != NULL && node->kind == NODE_MAP ? node_get(node, keys[i]) : NULL;
	}
	return node == NULL || node->kind == NODE_NULL ? NULL : node;
}

static int64
dig_int(const SpecNode *node, const char *first, const char *second, const char *third)
{
	const SpecNode *found = dig(node, first, second, third);

	return found != NULL && found->kind == NODE_INT ? found->integer : 0;
}

static bool
dig_bool(const SpecNode *node, const char *first, const char *second, const char *third)
{
	const SpecNode *found = dig(node, first, second, third);

	return found != NULL && found->kind == NODE_BOOL && found->boolean;
}

/* palloc'd, or NULL */
static char *
dig_text(const SpecNode *node, const char *first, const char *second, const char *third)
{
	const SpecNode *found = dig(node, first, second, third);
	const char *words = found ? node_text(found) : NULL;

	return words ? pstrdup(words) : NULL;
}

static List *
dig_list(const SpecNode *node, const char *key)
{
	const SpecNode *found = dig(node, key, NULL, NULL);

	return found != NULL && found->kind == NODE_LIST ? found->items : NIL;
}

/* it counts seconds since 1970 */
static TimestampTz
dig_time(const SpecNode *node, const char *first, const char *second)
{
	int64		seconds = dig_int(node, first, second, NULL);

	return seconds == 0 ? 0 : time_t_to_timestamptz((pg_time_t) seconds);
}

/* 0/0 if it is missing or nothing that the server would print */
static XLogRecPtr
dig_lsn(const SpecNode *node, const char *first, const char *second)
{
	char	   *words = dig_text(node, first, second, NULL);
	bool		failed = false;
	XLogRecPtr	lsn;

	if (words == NULL)
		return InvalidXLogRecPtr;
	lsn = pg_lsn_in_internal(words, &failed);
	return failed ? InvalidXLogRecPtr : lsn;
}

/* which repository an entry is about: versions that knew one only do not say */
static int
repo_key(const SpecNode *entry, const char *section)
{
	int			key = (int) dig_int(entry, section, section ? "repo-key" : NULL, NULL);

	return key > 0 ? key : 1;
}

/* ---- databases ---- */

/*
 * The database of a history id in a repository; id 0: the newest.  After an
 * upgrade of the server there are several.
 */
static const SpecNode *
find_database(const SpecNode *stanza, int repo, int64 id)
{
	const SpecNode *found = NULL;
	ListCell   *cell;

	foreach(cell, dig_list(stanza, "db"))
	{
		const SpecNode *database = lfirst(cell);
		int64		this_id = dig_int(database, "id", NULL, NULL);
		int			key = (int) dig_int(database, "repo-key", NULL, NULL);

		if (repo != 0 && key != 0 && key != repo)
			continue;
		if (id != 0 ? this_id == id : found == NULL || this_id > dig_int(found, "id", NULL, NULL))
			found = database;
	}
	return found;
}

/* ---- backups ---- */

static BackupSet *
read_backup(const SpecNode *stanza, const SpecNode *node)
{
	BackupSet  *set = palloc0(sizeof(BackupSet));
	const SpecNode *annotations = dig(node, "annotation", NULL, NULL);

	set->label = dig_text(node, "label", NULL, NULL);
	set->type = dig_text(node, "type", NULL, NULL);
	set->prior = dig_text(node, "prior", NULL, NULL);
	set->repo = repo_key(node, "database");
	set->start = dig_time(node, "timestamp", "start");
	set->stop = dig_time(node, "timestamp", "stop");
	set->wal_start = dig_text(node, "archive", "start", NULL);
	set->wal_stop = dig_text(node, "archive", "stop", NULL);
	set->lsn_start = dig_lsn(node, "lsn", "start");
	set->lsn_stop = dig_lsn(node, "lsn", "stop");
	set->size = dig_int(node, "info", "size", NULL);
	set->delta = dig_int(node, "info", "delta", NULL);

	/* with block incremental backups only "delta" is told */
	set->repo_size = dig_int(node, "info", "repository", "size");
	set->repo_delta = dig_int(node, "info", "repository", "delta");
	set->error = dig_bool(node, "error", NULL, NULL);
	set->database_id = (int) dig_int(node, "database", "id", NULL);
	set->system_identifier = dig_text(find_database(stanza, set->repo, set->database_id),
									  "system-id", NULL, NULL);
	if (annotations != NULL && annotations->kind == NODE_MAP)
		set->annotations = node_copy(annotations);
	return set;
}

static int
by_stop(const ListCell *a, const ListCell *b)
{
	const BackupSet *one = lfirst(a);
	const BackupSet *other = lfirst(b);

	if (one->stop != other->stop)
		return one->stop < other->stop ? -1 : 1;
	if (one->repo != other->repo)
		return one->repo < other->repo ? -1 : 1;
	return strcmp(one->label, other->label);
}

static List *
read_backups(const SpecNode *stanza)
{
	List	   *backups = NIL;
	ListCell   *cell;

	foreach(cell, dig_list(stanza, "backup"))
	{
		BackupSet  *set = read_backup(stanza, lfirst(cell));

		if (set->label != NULL && set->type != NULL)
			backups = lappend(backups, set);
	}
	list_sort(backups, by_stop);
	return backups;
}

/* ---- repositories ---- */

/* the archive of the newest database of a repository */
static void
read_archive(const SpecNode *stanza, RepoState *repo)
{
	const SpecNode *newest = NULL;
	ListCell   *cell;

	foreach(cell, dig_list(stanza, "archive"))
	{
		const SpecNode *archive = lfirst(cell);

		if (repo_key(archive, "database") == repo->repo &&
			(newest == NULL || dig_int(archive, "database", "id", NULL) >
			 dig_int(newest, "database", "id", NULL)))
			newest = archive;
	}
	repo->wal_min = dig_text(newest, "min", NULL, NULL);
	repo->wal_max = dig_text(newest, "max", NULL, NULL);
}

static RepoState *
read_repo(const SpecNode *stanza, const SpecNode *node, int key)
{
	RepoState  *repo = palloc0(sizeof(RepoState));

	repo->repo = key;
	repo->status = (int) dig_int(node, "status", "code", NULL);
	repo->message = dig_text(node, "status", "message", NULL);
	repo->cipher = dig_text(node, "cipher", NULL, NULL);
	read_archive(stanza, repo);
	return repo;
}

/* Before there could be several, the only one's status was the stanza's. */
static List *
read_repos(const SpecNode *stanza)
{
	List	   *repos = NIL;
	ListCell   *cell;

	foreach(cell, dig_list(stanza, "repo"))
	{
		const SpecNode *node = lfirst(cell);
		int			key = (int) dig_int(node, "key", NULL, NULL);

		repos = lappend(repos, read_repo(stanza, node, key > 0 ? key : 1));
	}
	if (repos == NIL)
		repos = list_make1(read_repo(stanza, stanza, 1));
	return repos;
}

/* ---- the whole ---- */

/*
 * That a stanza is missing is no failure of the command: its status says it.
 */
static StanzaState *
read_stanza(const SpecNode *node, const char *name)
{
	StanzaState *state = palloc0(sizeof(StanzaState));
	const SpecNode *lock = dig(node, "status", "lock", "backup");
	ListCell   *cell;

	state->name = pstrdup(name);
	state->locked = dig_bool(lock, "held", NULL, NULL);
	state->lock_done = dig_int(lock, "size-cplt", NULL, NULL);
	state->lock_total = dig_int(lock, "size", NULL, NULL);
	state->system_identifier = dig_text(find_database(node, 0, 0), "system-id", NULL, NULL);
	state->repos = read_repos(node);
	state->backups = read_backups(node);
	foreach(cell, state->repos)
	{
		const RepoState *repo = lfirst(cell);

		if (repo->status == REPO_OK || repo->status == REPO_NO_BACKUP)
			state->exists = true;
	}
	return state;
}

/* The repositories are those of the configuration, even if none holds the stanza. */
StanzaState *
stanza_try_parse(const char *json, const char *name, char **problem)
{
	const SpecNode *answer = stanza_json(json, problem);
	ListCell   *cell;

	if (answer == NULL)
		return NULL;
	if (answer->kind != NODE_LIST)
	{
		*problem = pstrdup("it is not a list of stanzas");
		return NULL;
	}
	foreach(cell, answer->items)
	{
		const SpecNode *node = lfirst(cell);
		char	   *its_name = dig_text(node, "name", NULL, NULL);

		if (its_name != NULL && strcmp(its_name, name) == 0)
			return read_stanza(node, name);
	}
	return read_stanza(node_map(), name);
}

static StanzaFailure *
unreadable(const char *problem)
{
	StanzaFailure *failure = palloc0(sizeof(StanzaFailure));

	failure->sqlstate = ERRCODE_PGOPS_PROCESS;
	failure->message = pstrdup("the answer of \"pgbackrest info\" cannot be read");
	failure->detail = pstrdup(problem);
	return failure;
}

StanzaState *
stanza_parse(const char *json, const char *name)
{
	char	   *problem = NULL;
	StanzaState *state = stanza_try_parse(json, name, &problem);

	if (state == NULL)
		stanza_raise(unreadable(problem));
	return state;
}

/*
 * The server's JSON parser raises, so it is caught here; nothing but memory
 * can be left over.
 */
SpecNode *
stanza_json(const char *json, char **problem)
{
	MemoryContext caller = CurrentMemoryContext;
	SpecNode   *volatile tree = NULL;

	PG_TRY();
	{
		char	   *converted = pg_any_to_server(json, strlen(json), PG_UTF8);

		tree = node_from_json(converted, strlen(converted));
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		if (problem != NULL)
			*problem = error->message;
		tree = NULL;
	}
	PG_END_TRY();
	return tree;
}

/* the answer is for us: no line of the job's output */
static bool
no_answer_line(Job *job, IoStream stream, const char *line, void *arg)
{
	return stream == IO_STDERR;
}

StanzaState *
stanza_try_read(Job *job, const Stanza *stanza, const char *name, StanzaFailure **problem)
{
	Stanza		asked = *stanza;
	JobProgram	program = {0};
	const IoProcessResult *result;
	StanzaState *state;
	char	   *why = NULL;

	if (name != NULL)
		asked.name = pstrdup(name);
	program.program = asked.program;
	program.argv = stanza_argv(&asked, "info",
							   list_make3("--output=json", "--log-level-console=off",
										  "--log-level-stderr=warn"));
	program.filter = no_answer_line;
	program.max_capture = MAX_ANSWER;
	stanza_keep_secrets(job);
	result = job_run(job, &program);
	*problem = stanza_failure(&asked, "info", result);
	if (*problem != NULL)
		return NULL;
	if (result->out_cut)
		why = pstrdup("it is too long");
	state = why ? NULL : stanza_try_parse(result->out, asked.name, &why);
	if (state == NULL)
		*problem = unreadable(why);
	return state;
}

StanzaState *
stanza_read(Job *job, const Stanza *stanza, const char *name)
{
	StanzaFailure *problem;
	StanzaState *state = stanza_try_read(job, stanza, name, &problem);

	if (state == NULL)
		stanza_raise(problem);
	return state;
}
