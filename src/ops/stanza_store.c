/*
 * stanza_store.c
 *		What is known of the repositories, in tables: who reads them never
 *		waits for a program or a network.
 *
 * Not for: finding it out (stanza_info.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/pg_lsn.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/stanza_parts.h"

/* ---- writing ---- */

/* 0/0 is a null */
static void
put_lsn(CmdbRow *row, XLogRecPtr lsn)
{
	cmdb_put_null(row, LSNOID);
	row->values[row->count - 1] = LSNGetDatum(lsn);
	row->nulls[row->count - 1] = XLogRecPtrIsInvalid(lsn);
}

static void
add_repo(CmdbRowSet *set, const StanzaState *state, const RepoState *repo)
{
	CmdbRow		row = {0};

	cmdb_put_int4(&row, repo->repo);
	cmdb_put_int4(&row, repo->status);
	cmdb_put_text(&row, repo->message);
	cmdb_put_text(&row, repo->cipher);
	cmdb_put_text(&row, repo->wal_min);
	cmdb_put_text(&row, repo->wal_max);
	cmdb_put_bool(&row, state->locked);
	cmdb_put_text(&row, state->system_identifier);
	cmdb_row_set_add(set, &row);
}

static void
add_backup(CmdbRowSet *set, const BackupSet *backup)
{
	CmdbRow		row = {0};

	cmdb_put_int4(&row, backup->repo);
	cmdb_put_text(&row, backup->label);
	cmdb_put_text(&row, backup->type);
	cmdb_put_text(&row, backup->prior);
	cmdb_put_time(&row, backup->start);
	cmdb_put_time(&row, backup->stop);
	cmdb_put_text(&row, backup->wal_start);
	cmdb_put_text(&row, backup->wal_stop);
	put_lsn(&row, backup->lsn_start);
	put_lsn(&row, backup->lsn_stop);
	cmdb_put_int8(&row, backup->size);
	cmdb_put_int8(&row, backup->delta);
	cmdb_put_int8(&row, backup->repo_size);
	cmdb_put_int8(&row, backup->repo_delta);
	cmdb_put_bool(&row, backup->error);
	cmdb_put_int4(&row, backup->database_id);
	cmdb_put_text(&row, backup->system_identifier);
	cmdb_put_jsonb(&row, backup->annotations ? node_to_jsonb(backup->annotations) : NULL);
	cmdb_row_set_add(set, &row);
}

/* both sets, as relations "repos" and "sets" of the statements below */
static void
register_state(CmdbQuery *query, const StanzaState *state)
{
	static const CmdbColumn repo_columns[] = {
		{"repo", INT4OID}, {"status", INT4OID}, {"message", TEXTOID}, {"cipher", TEXTOID},
		{"wal_min", TEXTOID}, {"wal_max", TEXTOID}, {"locked", BOOLOID},
		{"system_identifier", TEXTOID},
	};
	static const CmdbColumn set_columns[] = {
		{"repo", INT4OID}, {"label", TEXTOID}, {"type", TEXTOID}, {"prior", TEXTOID},
		{"started_at", TIMESTAMPTZOID}, {"stopped_at", TIMESTAMPTZOID},
		{"wal_start", TEXTOID}, {"wal_stop", TEXTOID},
		{"lsn_start", LSNOID}, {"lsn_stop", LSNOID},
		{"size", INT8OID}, {"delta", INT8OID}, {"repo_size", INT8OID}, {"repo_delta", INT8OID},
		{"error", BOOLOID}, {"database_id", INT4OID}, {"system_identifier", TEXTOID},
		{"annotations", JSONBOID},
	};
	CmdbRowSet *repos = cmdb_row_set(query, "repos", repo_columns, lengthof(repo_columns));
	CmdbRowSet *sets = cmdb_row_set(query, "sets", set_columns, lengthof(set_columns));
	ListCell   *cell;

	foreach(cell, state->repos)
		add_repo(repos, state, lfirst(cell));
	foreach(cell, state->backups)
		add_backup(sets, lfirst(cell));
}

/*
 * A repository that is declared no longer goes with its backups.  Of one that
 * cannot be read (only that: a stanza that is missing holds no backups) what was
 * known stays, and observed_at tells how old it is.
 */
static const char *const store_statements[] = {
	"DELETE FROM pgops.stanza_state AS t WHERE t.stanza = $1"
	" AND t.repo NOT IN (SELECT r.repo FROM repos AS r)",

	"INSERT INTO pgops.stanza_state AS t (stanza, repo, status, message, cipher, wal_min, wal_max,"
	"  locked, system_identifier, observed_at, tried_at)"
	" SELECT $1, r.repo, r.status, r.message, r.cipher, r.wal_min, r.wal_max, r.locked,"
	"  r.system_identifier, CASE WHEN r.status < 4 THEN statement_timestamp() END,"
	"  statement_timestamp()"
	" FROM repos AS r"
	" ON CONFLICT (stanza, repo) DO UPDATE"
	" SET status = excluded.status, message = excluded.message,"
	"  cipher = COALESCE(excluded.cipher, t.cipher),"
	"  wal_min = CASE WHEN excluded.status < 4 THEN excluded.wal_min ELSE t.wal_min END,"
	"  wal_max = CASE WHEN excluded.status < 4 THEN excluded.wal_max ELSE t.wal_max END,"
	"  locked = excluded.locked,"
	"  system_identifier = COALESCE(excluded.system_identifier, t.system_identifier),"
	"  observed_at = COALESCE(excluded.observed_at, t.observed_at),"
	"  tried_at = excluded.tried_at, sqlstate = NULL, error = NULL",

	"DELETE FROM pgops.backup_set AS b WHERE b.stanza = $1"
	" AND NOT EXISTS (SELECT FROM repos AS r WHERE r.repo = b.repo AND r.status >= 4)"
	" AND NOT EXISTS (SELECT FROM sets AS s WHERE s.repo = b.repo AND s.label = b.label)",

	"INSERT INTO pgops.backup_set AS b (stanza, repo, label, type, prior, started_at, stopped_at,"
	"  wal_start, wal_stop, lsn_start, lsn_stop, size, delta, repo_size, repo_delta, error,"
	"  database_id, system_identifier, annotations)"
	" SELECT $1, s.* FROM sets AS s"
	" ON CONFLICT (stanza, repo, label) DO UPDATE"
	" SET annotations = excluded.annotations, error = excluded.error,"
	"  repo_size = excluded.repo_size, repo_delta = excluded.repo_delta"
	" WHERE b.annotations IS DISTINCT FROM excluded.annotations OR b.error <> excluded.error"
	"  OR b.repo_size <> excluded.repo_size OR b.repo_delta <> excluded.repo_delta",
};

void
stanza_store(Job *job, const StanzaState *state)
{
	CmdbQuery	query;

	job_begin(job);
	cmdb_begin(&query);
	register_state(&query, state);
	for (int i = 0; i < lengthof(store_statements); i++)
	{
		CmdbRow		args = {0};

		cmdb_put_text(&args, state->name);
		cmdb_run(&query, store_statements[i], &args);
	}
	cmdb_end(&query);
	txn_end();
}

/* What is known stays, with the word that it could not be renewed. */
static void
store_failure(Job *job, const char *name, const StanzaFailure *failure)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_text(&args, name);
	cmdb_put_text(&args, unpack_sql_state(failure->sqlstate));
	cmdb_put_text(&args, failure->detail == NULL ? failure->message :
				  psprintf("%s: %s", failure->message, failure->detail));
	cmdb_run(&query,
			 "WITH known AS (UPDATE pgops.stanza_state AS t"
			 "  SET sqlstate = $2, error = $3, tried_at = statement_timestamp()"
			 "  WHERE t.stanza = $1 RETURNING t.repo)"
			 " INSERT INTO pgops.stanza_state (stanza, repo, status, sqlstate, error, tried_at)"
			 " SELECT $1, 0, 99, $2, $3, statement_timestamp()"
			 " WHERE NOT EXISTS (SELECT FROM known)", &args);
	cmdb_end(&query);
	txn_end();
}

StanzaState *
stanza_look(Job *job, const Stanza *stanza)
{
	StanzaFailure *problem;
	StanzaState *state = stanza_try_read(job, stanza, NULL, &problem);

	if (state != NULL)
		stanza_store(job, state);
	else
	{
		job_note(job, "The repositories could not be looked into: %s", problem->message);
		store_failure(job, stanza->name, problem);
	}
	return state;
}

void
stanza_refresh(Job *job, const Stanza *stanza)
{
	(void) stanza_look(job, stanza);
}

/* ---- reading ---- */

static RepoState *
stored_repo(CmdbQuery *query, uint64 row)
{
	RepoState  *repo = MemoryContextAllocZero(query->caller, sizeof(RepoState));

	repo->repo = cmdb_int4(row, 1);
	repo->status = cmdb_int4(row, 2);
	repo->message = cmdb_text(query, row, 3);
	repo->cipher = cmdb_text(query, row, 4);
	repo->wal_min = cmdb_text(query, row, 5);
	repo->wal_max = cmdb_text(query, row, 6);
	return repo;
}

/* repositories, and what the rows say of the stanza; false: there are none */
static bool
read_repos(CmdbQuery *query, CmdbRow *args, StanzaState *state)
{
	uint64		count = cmdb_run(query,
								 "SELECT t.repo, t.status, COALESCE(t.error, t.message), t.cipher,"
								 "  t.wal_min, t.wal_max, t.locked, t.system_identifier"
								 " FROM pgops.stanza_state AS t WHERE t.stanza = $1"
								 "  AND t.repo > 0 ORDER BY t.repo", args);

	for (uint64 i = 0; i < count; i++)
	{
		RepoState  *repo = stored_repo(query, i);
		MemoryContext old = MemoryContextSwitchTo(query->caller);

		state->repos = lappend(state->repos, repo);
		MemoryContextSwitchTo(old);
		state->exists |= repo->status == REPO_OK || repo->status == REPO_NO_BACKUP;
		state->locked |= cmdb_bool(i, 7);
		if (state->system_identifier == NULL)
			state->system_identifier = cmdb_text(query, i, 8);
	}
	return count > 0;
}

/* null: 0/0 */
static XLogRecPtr
lsn_at(uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);

	return isnull ? InvalidXLogRecPtr : DatumGetLSN(value);
}

static BackupSet *
stored_backup(CmdbQuery *query, uint64 row)
{
	BackupSet  *set = MemoryContextAllocZero(query->caller, sizeof(BackupSet));
	bool		isnull;
	MemoryContext old;

	set->repo = cmdb_int4(row, 1);
	set->label = cmdb_text(query, row, 2);
	set->type = cmdb_text(query, row, 3);
	set->prior = cmdb_text(query, row, 4);
	set->start = cmdb_time(row, 5);
	set->stop = cmdb_time(row, 6);
	set->wal_start = cmdb_text(query, row, 7);
	set->wal_stop = cmdb_text(query, row, 8);
	set->lsn_start = lsn_at(row, 9);
	set->lsn_stop = lsn_at(row, 10);
	set->size = cmdb_int8(row, 11);
	set->delta = cmdb_int8(row, 12);
	set->repo_size = cmdb_int8(row, 13);
	set->repo_delta = cmdb_int8(row, 14);
	set->error = cmdb_bool(row, 15);
	set->database_id = cmdb_int4(row, 16);
	set->system_identifier = cmdb_text(query, row, 17);
	(void) cmdb_datum(row, 18, &isnull);
	old = MemoryContextSwitchTo(query->caller);
	set->annotations = isnull ? NULL : node_from_jsonb(cmdb_jsonb(row, 18));
	MemoryContextSwitchTo(old);
	return set;
}

static void
read_backups(CmdbQuery *query, CmdbRow *args, StanzaState *state)
{
	uint64		count = cmdb_run(query,
								 "SELECT b.repo, b.label, b.type, b.prior, b.started_at, b.stopped_at,"
								 "  b.wal_start, b.wal_stop, b.lsn_start, b.lsn_stop, b.size, b.delta,"
								 "  b.repo_size, b.repo_delta, b.error, b.database_id,"
								 "  b.system_identifier, b.annotations"
								 " FROM pgops.backup_set AS b WHERE b.stanza = $1"
								 " ORDER BY b.stopped_at, b.repo, b.label", args);

	for (uint64 i = 0; i < count; i++)
	{
		BackupSet  *set = stored_backup(query, i);
		MemoryContext old = MemoryContextSwitchTo(query->caller);

		state->backups = lappend(state->backups, set);
		MemoryContextSwitchTo(old);
	}
}

StanzaState *
stanza_stored(const char *name)
{
	StanzaState *state = palloc0(sizeof(StanzaState));
	CmdbQuery	query;
	CmdbRow		args = {0};
	bool		known;

	state->name = pstrdup(name);
	cmdb_begin(&query);
	cmdb_put_text(&args, name);
	known = read_repos(&query, &args, state);
	if (known)
		read_backups(&query, &args, state);
	cmdb_end(&query);
	return known ? state : NULL;
}
