/*
 * Backups: asking for them, and what there is.  Nothing here starts a program:
 * jobs do, and the views read what they have found.
 */

/* ---- what the server knows ---- */
CREATE FUNCTION pgops.backup_declared()
RETURNS boolean
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_backup_declared';

COMMENT ON FUNCTION pgops.backup_declared() IS
'Whether backups of this server are declared: one of pgbackrest_enabled (and not false), pgbackrest_repo and pgbackrest_method, at any level. Part of pgops.backup_status.';

CREATE FUNCTION pgops.backup_stanza()
RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_backup_stanza';

COMMENT ON FUNCTION pgops.backup_stanza() IS
'Name of this server''s stanza, once pgBackRest can be called for it. Part of pgops.backup() and the like.

Errors: PO700 if it is not known which declared instance this server is, PO506 if no backups are declared or pgBackRest is not set up yet, PO501 if it is not installed, PO702 if pgops is not in shared_preload_libraries.';

CREATE FUNCTION pgops.backup_require_archiving()
RETURNS void
LANGUAGE C STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_backup_require_archiving';

COMMENT ON FUNCTION pgops.backup_require_archiving() IS
'Raises PO511 if archive_mode is off. Part of pgops.backup().';

CREATE FUNCTION pgops.backup_require_primary(what text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sender	text;
BEGIN
	IF NOT pg_is_in_recovery() THEN
		RETURN;
	END IF;
	SELECT format('The primary is %s, port %s.', r.sender_host, r.sender_port) INTO sender
		FROM pg_stat_wal_receiver AS r WHERE r.sender_host <> '';
	RAISE EXCEPTION '% is only possible on the primary, and this server is a standby', what
		USING ERRCODE = 'read_only_sql_transaction',
			  HINT = COALESCE(sender || ' ', '') || 'Ask for it there; its result is seen here, too.';
END
$$;

COMMENT ON FUNCTION pgops.backup_require_primary(text) IS
'Raises 25006 on a standby, with the primary''s address in the hint if it is known. Part of pgops.backup() and the like.

Arguments:
  what  what was asked for, for the message';

CREATE FUNCTION pgops.backup_require_repo(stanza text, repo integer)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known	text;
BEGIN
	IF repo IS NULL THEN
		RETURN;
	END IF;
	SELECT string_agg(t.repo::text, ', ' ORDER BY t.repo) INTO known
		FROM pgops.stanza_state AS t
		WHERE t.stanza = backup_require_repo.stanza AND t.repo > 0;
	IF repo < 1 OR (known IS NOT NULL AND repo::text <> ALL (string_to_array(known, ', '))) THEN
		RAISE EXCEPTION 'there is no repository %', repo
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = COALESCE('Repositories of this server: ' || known || '.',
								  'Repositories are numbered from 1.');
	END IF;
END
$$;

COMMENT ON FUNCTION pgops.backup_require_repo(text, integer) IS
'Raises 22023 for a repository that the stanza does not have, as far as they are known. Part of pgops.backup() and pgops.expire().

Arguments:
  stanza  its name
  repo    number of the repository; NULL: not said, which is fine';

CREATE FUNCTION pgops.backup_leads_here(wal text, stop pg_lsn)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_backup_leads_here';

COMMENT ON FUNCTION pgops.backup_leads_here(text, pg_lsn) IS
'Whether a recovery leads from a backup to where this server is now: false for one of a timeline, or of a part of it, that a restore in place has left. Part of pgops.backups.

Arguments:
  wal   last WAL file that the backup needs
  stop  LSN at which it ended';

/* ---- asking ---- */
CREATE FUNCTION pgops.backup_arguments(type text, repo integer, annotations jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entry	record;
BEGIN
	IF type IS NULL OR type NOT IN ('full', 'diff', 'incr') THEN
		RAISE EXCEPTION 'there is no type of backup %', COALESCE(quote_literal(type), 'null')
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Types are full, diff (what changed since the last full one) and incr (since the last one).';
	END IF;
	IF annotations IS NOT NULL AND jsonb_typeof(annotations) <> 'object' THEN
		RAISE EXCEPTION 'annotations are an object of names and texts'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'For example: {"reason": "before the release"}.';
	END IF;
	FOR entry IN SELECT e.key, e.value, e.value #>> '{}' AS content
				 FROM jsonb_each(COALESCE(annotations, '{}')) AS e
	LOOP
		IF entry.key !~ '^[^=[:cntrl:]]+$' OR jsonb_typeof(entry.value) IN ('object', 'array', 'null')
			OR entry.content !~ '^[^[:cntrl:]]+$' THEN
			RAISE EXCEPTION 'annotation "%" cannot be stored', entry.key
				USING ERRCODE = 'invalid_parameter_value',
					  HINT = 'A name without "=", and a text that is not empty, both on one line.';
		END IF;
	END LOOP;
	RETURN jsonb_strip_nulls(jsonb_build_object('type', type, 'repo', repo,
												'annotations', annotations));
END
$$;

COMMENT ON FUNCTION pgops.backup_arguments(text, integer, jsonb) IS
'Arguments of a backup as those of its job; raises 22023 for what is none. Part of pgops.backup().

Arguments:
  type, repo, annotations  see there';

CREATE FUNCTION pgops.backup(type text DEFAULT 'incr', repo integer DEFAULT NULL,
							 annotations jsonb DEFAULT NULL, at timestamptz DEFAULT NULL,
							 deadline interval DEFAULT NULL, in_window boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	arguments	jsonb;
	waiting		bigint;
	begins		timestamptz;
BEGIN
	PERFORM pgops.backup_require_primary('a backup');
	arguments := pgops.backup_arguments(type, repo, annotations);
	PERFORM pgops.backup_require_repo(pgops.backup_stanza(), repo);
	PERFORM pgops.backup_require_archiving();
	begins := pgops.job_start(at, in_window);
	SELECT j.id INTO waiting
		FROM pgops.job AS j
		WHERE j.kind = 'backup' AND j.state = 'queued' AND j.args = arguments AND j.attempts = 0
		  AND j.not_before <= begins
		ORDER BY j.id LIMIT 1;
	IF waiting IS NOT NULL THEN
		RAISE NOTICE 'job % asks for the same backup and has not started yet: no second one is needed', waiting;
		RETURN waiting;
	END IF;
	RETURN pgops.job_request('backup', arguments, at, deadline, in_window);
END
$$;

COMMENT ON FUNCTION pgops.backup(text, integer, jsonb, timestamptz, interval, boolean) IS
'Asks for a backup and returns the number of its job. On the primary only. After it, pgBackRest removes what retention does not keep. Backups are made one after the other: asked for while one runs, it waits; an equal one that still waits is not asked for twice, its number is returned with a NOTICE.

Arguments:
  type         full, diff (what changed since the last full one) or incr (since the last one); where there is no full backup yet, it becomes one
  repo         number of the repository; NULL: the first one
  annotations  names and texts to keep with the backup, as in {"reason": "before the release"}
  at           when it starts; NULL: at once
  deadline     how long it may take; NULL: 24 hours, 0: as long as it wants
  in_window    wait for the maintenance window (pgops_maintenance_window), and end with it

Result of the job: label, type (made), asked (type asked for), repo, prior, size, delta, repo_size, repo_delta (bytes), wal_start, wal_stop, lsn_start, lsn_stop, started_at, stopped_at, seconds, error, removed (backups that retention removed on the way).

Errors: 25006 on a standby, PO506 if no backups are declared or they are not set up yet, PO511 while archive_mode is off, 55000 if no maintenance window is declared, 22023 for wrong arguments. The job fails with PO509 if damaged pages were met; the backup is there then, and says so in pgops.backups. Another pgBackRest at work (PO503), a full disk, and connections that fail are tried again.

Example: SELECT pgops.backup(''full'') AS job \gset
         SELECT state, result->>''label'' FROM pgops.job_wait(:job);';

CREATE FUNCTION pgops.expire(repo integer DEFAULT NULL, set text DEFAULT NULL,
							 dry_run boolean DEFAULT false, at timestamptz DEFAULT NULL,
							 deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	local		text;
	wanted		text := expire.set;
	found_in	integer[];
BEGIN
	PERFORM pgops.backup_require_primary('removing backups');
	local := pgops.backup_stanza();
	PERFORM pgops.backup_require_repo(local, repo);
	IF wanted IS NOT NULL THEN
		SELECT array_agg(b.repo ORDER BY b.repo) INTO found_in
			FROM pgops.backup_set AS b
			WHERE b.stanza = local AND b.label = wanted
			  AND (expire.repo IS NULL OR b.repo = expire.repo);
		IF found_in IS NULL THEN
			RAISE EXCEPTION 'there is no backup "%"', wanted
				USING ERRCODE = 'undefined_object',
					  HINT = 'SELECT label FROM pgops.backups lists them; SELECT pgops.backup_refresh() looks again.';
		END IF;
		repo := COALESCE(repo, found_in[1]);
	END IF;
	RETURN pgops.job_request('expire',
		jsonb_strip_nulls(jsonb_build_object('repo', repo, 'set', wanted, 'dry_run', dry_run)),
		at, deadline);
END
$$;

COMMENT ON FUNCTION pgops.expire(integer, text, boolean, timestamptz, interval) IS
'Removes the backups that retention does not keep, and the WAL that only they need; or one backup, with those that build upon it. Returns the number of the job. (Each backup does the first by itself.)

Arguments:
  repo      number of the repository; NULL: all of them
  set       label of the backup to remove; NULL: what retention says
  dry_run   only tell what would go
  at        when it starts; NULL: at once
  deadline  how long it may take; NULL: one hour, 0: as long as it wants

Result of the job: removed (array of "repo1 <label>"), dry_run. pgops.job_log() tells which WAL goes.

Errors: 25006 on a standby, PO506 if no backups are declared or they are not set up yet, 42704 for a backup that there is not, 22023 for a repository that there is not. The job fails with PO507 for the only full backup there is.

Example: SELECT result->''removed'' FROM pgops.job_wait(:job);';

CREATE FUNCTION pgops.backup_refresh()
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	waiting	bigint;
BEGIN
	PERFORM pgops.backup_require_primary('a look into the repositories');
	PERFORM pgops.backup_stanza();
	SELECT j.id INTO waiting
		FROM pgops.job AS j
		WHERE j.kind = 'backup_refresh' AND j.state = 'queued' AND NOT j.args ? 'unasked' LIMIT 1;
	RETURN COALESCE(waiting, pgops.job_request('backup_refresh', '{}'));
END
$$;

COMMENT ON FUNCTION pgops.backup_refresh() IS
'Looks into the repositories now, in a job, whose number is returned: pgops.backups and pgops.backup_status tell what it found. pgops does it by itself after each job that changes them, and every pgops.backup_refresh_interval. Looks that it makes by itself leave no row in pgops.jobs when they succeed.

Errors: 25006 on a standby, PO506 if no backups are declared or they are not set up yet.';

/* ---- the archive ---- */
CREATE FUNCTION pgops.wal_end(wal text)
RETURNS pg_lsn
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN wal ~ '^[0-9A-F]{24}' THEN
		'0/0'::pg_lsn + ((('x' || substr(wal, 9, 8))::bit(32)::bigint::numeric * (4294967296 / s.size)
						  + ('x' || substr(wal, 17, 8))::bit(32)::bigint + 1) * s.size) END
	FROM (SELECT pg_size_bytes(current_setting('wal_segment_size'))) AS s (size)
$$;

COMMENT ON FUNCTION pgops.wal_end(text) IS
'Where the WAL file of a name ends; NULL if it is not the name of a WAL file. Part of pgops.archive_state().

Arguments:
  wal  name of a WAL file';

/*
 * Runs with its owner's rights, because pg_monitor may not look at a single
 * file of pg_wal.
 */
CREATE FUNCTION pgops.archive_state()
RETURNS TABLE (
	last_wal		text,
	last_time		timestamptz,
	failed_wal		text,
	failed_time		timestamptz,
	failures		bigint,
	failing			boolean,
	waiting_files	bigint,
	lag_bytes		numeric,
	latest			timestamptz
)
LANGUAGE sql VOLATILE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT w.last_wal, a.last_archived_time,
		   a.last_failed_wal, a.last_failed_time, a.failed_count,
		   COALESCE(a.last_failed_time > a.last_archived_time, a.last_failed_time IS NOT NULL),
		   CASE WHEN NOT r.standby THEN
				(SELECT count(*) FROM pg_ls_archive_statusdir() AS f WHERE f.name ~ '^[0-9A-F]{24}[.]ready$')
		   END,
		   CASE WHEN l.lag IS NOT NULL THEN greatest(l.lag, 0) END,
		   CASE WHEN r.standby THEN NULL
				/* the header of a page that nothing was written to */
				WHEN l.lag <= 40 THEN now()
				/* what is archived of an earlier timeline may be of a part that was left */
				WHEN l.lag IS NULL THEN NULL
				ELSE least(CASE WHEN a.last_archived_wal LIKE w.last_wal || '%' THEN a.last_archived_time END,
						   (pg_stat_file('pg_wal/' || w.last_wal, true)).modification)
		   END
	FROM pg_stat_archiver AS a
	CROSS JOIN (SELECT pg_is_in_recovery()) AS r (standby)
	CROSS JOIN LATERAL (
		SELECT greatest(substring(a.last_archived_wal FROM '^[0-9A-F]{24}') COLLATE "C",
						(SELECT max(t.wal_max COLLATE "C") FROM pgops.stanza_state AS t))
	) AS w (last_wal)
	CROSS JOIN LATERAL (
		SELECT CASE WHEN r.standby THEN NULL
					WHEN substr(w.last_wal, 1, 8) = substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
					THEN pg_current_wal_insert_lsn() - pgops.wal_end(w.last_wal)
			   END
	) AS l (lag)
$$;

COMMENT ON FUNCTION pgops.archive_state() IS
'How far the archive of this server''s WAL is: last_wal (newest file in it) and last_time (when it was archived), failed_wal, failed_time and failures (of archive_command since the statistics were reset), failing (whether the last try failed), waiting_files (WAL files that wait to be archived), lag_bytes (WAL that is not archived yet; NULL: not known, as long as nothing of the present timeline is archived), latest (all that was committed until then is archived: now if all WAL is; NULL: not known). Part of pgops.backup_status.';

/* ---- what there is ---- */
CREATE VIEW pgops.backups AS
SELECT
	b.stanza,
	b.repo,
	b.label,
	b.type,
	b.started_at AS start,
	b.stopped_at AS stop,
	b.stopped_at OPERATOR(pg_catalog.-) b.started_at AS duration,
	b.size,
	b.delta,
	b.repo_size AS repository_size,
	b.repo_delta AS repository_delta,
	b.wal_start,
	b.wal_stop,
	b.lsn_start,
	b.lsn_stop,
	b.error,
	b.annotations,
	b.prior,
	NOT b.error AND r.readable
		AND b.system_identifier OPERATOR(pg_catalog.=) c.identifier
		AND pgops.backup_leads_here(b.wal_stop, b.lsn_stop)
		AND v.state IS DISTINCT FROM 'failed' AS good,
	pg_catalog.now() OPERATOR(pg_catalog.-) b.stopped_at AS age,
	r.observed_at,
	v.state AS verification,
	v.finished_at AS verified_at
FROM pgops.backup_set AS b
JOIN (SELECT t.stanza, t.repo, t.observed_at,
			 t.error IS NULL AND t.status OPERATOR(pg_catalog.<) 4 AS readable
	  FROM pgops.stanza_state AS t) AS r
	ON r.stanza OPERATOR(pg_catalog.=) b.stanza AND r.repo OPERATOR(pg_catalog.=) b.repo
CROSS JOIN (SELECT s.system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system() AS s)
	AS c (identifier)
LEFT JOIN LATERAL (
	SELECT t.state, t.finished_at
	FROM pgops.verification AS t
	WHERE t.stanza OPERATOR(pg_catalog.=) b.stanza AND t.label OPERATOR(pg_catalog.=) b.label
		AND t.repo OPERATOR(pg_catalog.=) b.repo
		AND (t.state OPERATOR(pg_catalog.=) 'succeeded'
			 OR t.sqlstate OPERATOR(pg_catalog.=) ANY ('{PO509,PO512}'::pg_catalog.text[]))
	ORDER BY t.id DESC LIMIT 1
) AS v ON true;

COMMENT ON VIEW pgops.backups IS
'Backups in the repositories, as of the last look (observed_at; pgops.backup_refresh() looks again). Readable by pg_monitor.

Example: SELECT label, type, stop, duration, pg_size_pretty(size) AS size, good FROM pgops.backups ORDER BY stop;';
COMMENT ON COLUMN pgops.backups.stanza IS 'Name of the stanza: the cluster''s.';
COMMENT ON COLUMN pgops.backups.repo IS 'Number of the repository it is in.';
COMMENT ON COLUMN pgops.backups.label IS 'Name of the backup, for pgops.restore(set => ...).';
COMMENT ON COLUMN pgops.backups.type IS 'full, diff or incr.';
COMMENT ON COLUMN pgops.backups.start IS 'When it was started.';
COMMENT ON COLUMN pgops.backups.stop IS 'When it was complete: the earliest time to which it can be restored.';
COMMENT ON COLUMN pgops.backups.duration IS 'How long it took.';
COMMENT ON COLUMN pgops.backups.size IS 'Size of the server''s data, in bytes.';
COMMENT ON COLUMN pgops.backups.delta IS 'How much of it this backup copied, in bytes.';
COMMENT ON COLUMN pgops.backups.repository_size IS 'What a restore reads from the repository, in bytes; 0: not told.';
COMMENT ON COLUMN pgops.backups.repository_delta IS 'What this backup added to the repository, in bytes.';
COMMENT ON COLUMN pgops.backups.wal_start IS 'First WAL file that it needs.';
COMMENT ON COLUMN pgops.backups.wal_stop IS 'Last WAL file that it needs.';
COMMENT ON COLUMN pgops.backups.lsn_start IS 'Where its recovery starts.';
COMMENT ON COLUMN pgops.backups.lsn_stop IS 'Where it is consistent.';
COMMENT ON COLUMN pgops.backups.error IS 'Whether damaged pages were met while it was made.';
COMMENT ON COLUMN pgops.backups.annotations IS 'Annotations it was given, or NULL.';
COMMENT ON COLUMN pgops.backups.prior IS 'Backup that it builds upon; NULL for a full one.';
COMMENT ON COLUMN pgops.backups.good IS
'Whether it can be counted on: made without errors, of this very server and on the way to its present timeline, its repository could be read at the last look, and no restore test has found it unusable.';
COMMENT ON COLUMN pgops.backups.age IS 'Time since it was complete.';
COMMENT ON COLUMN pgops.backups.observed_at IS 'When its repository was last read.';
COMMENT ON COLUMN pgops.backups.verification IS 'Outcome of its last restore test that came to one, succeeded or failed, see pgops.verifications; NULL: it was never restored.';
COMMENT ON COLUMN pgops.backups.verified_at IS 'When that test was over.';

/*
 * One row, whatever there is.  What makes the state is tried in the order of
 * its CASE: the worst thing comes first.
 */
CREATE VIEW pgops.backup_status AS
SELECT
	l.cluster,
	v.state,
	v.message,
	b.last_full,
	b.last_diff,
	b.last_incr,
	b.last_label,
	b.last_stop,
	pg_catalog.now() OPERATOR(pg_catalog.-) b.last_stop AS age,
	b.backups,
	a.last_wal AS last_archived_wal,
	a.last_time AS last_archived_at,
	a.failures AS archive_failures,
	a.failed_wal AS last_failed_wal,
	a.failed_time AS last_failed_at,
	a.failing AS archive_failing,
	a.waiting_files AS archive_lag_files,
	a.lag_bytes::pg_catalog.int8 AS archive_lag_bytes,
	b.earliest,
	w.latest,
	pg_catalog.now() OPERATOR(pg_catalog.-) w.latest AS rpo,
	j.running_job,
	t.last_verified,
	s.observed_at
FROM (SELECT pgops.local_cluster() AS cluster, pgops.backup_declared() AS declared OFFSET 0) AS l
CROSS JOIN pgops.archive_state() AS a
CROSS JOIN LATERAL (
	SELECT pg_catalog.max(b.stop) FILTER (WHERE b.type OPERATOR(pg_catalog.=) 'full') AS last_full,
		   pg_catalog.max(b.stop) FILTER (WHERE b.type OPERATOR(pg_catalog.=) 'diff') AS last_diff,
		   pg_catalog.max(b.stop) FILTER (WHERE b.type OPERATOR(pg_catalog.=) 'incr') AS last_incr,
		   pg_catalog.max(b.stop) AS last_stop,
		   (pg_catalog.array_agg(b.label ORDER BY b.stop DESC))[1] AS last_label,
		   pg_catalog.min(b.stop) FILTER (WHERE b.type OPERATOR(pg_catalog.=) 'full') AS earliest,
		   pg_catalog.count(*) AS backups
	FROM pgops.backups AS b
	WHERE b.stanza OPERATOR(pg_catalog.=) l.cluster AND b.good) AS b
CROSS JOIN LATERAL (
	SELECT pg_catalog.min(t.observed_at) AS observed_at,
		   pg_catalog.string_agg(pg_catalog.format('repository %s: %s', t.repo,
								 COALESCE(t.error, t.message)), '; ' ORDER BY t.repo)
			   FILTER (WHERE t.error IS NOT NULL
					   OR t.status OPERATOR(pg_catalog.<>) ALL (ARRAY[0, 2])) AS trouble
	FROM pgops.stanza_state AS t
	WHERE t.stanza OPERATOR(pg_catalog.=) l.cluster) AS s
CROSS JOIN LATERAL (
	SELECT pg_catalog.max(j.id) AS running_job
	FROM pgops.job AS j
	WHERE j.kind OPERATOR(pg_catalog.=) 'backup' AND j.state OPERATOR(pg_catalog.=) 'running') AS j
CROSS JOIN LATERAL (
	SELECT CASE WHEN b.earliest IS NOT NULL AND NOT pg_catalog.pg_is_in_recovery()
				THEN GREATEST(a.latest, b.last_stop) END AS latest) AS w
CROSS JOIN LATERAL (
	SELECT pg_catalog.max(t.finished_at)
			   FILTER (WHERE t.state OPERATOR(pg_catalog.=) 'succeeded') AS last_verified,
		   (pg_catalog.array_agg(CASE WHEN t.state OPERATOR(pg_catalog.=) 'failed'
									  THEN pg_catalog.format('of backup %s: %s', t.label, t.error) END
								 ORDER BY t.id DESC))[1] AS failure
	FROM pgops.verification AS t
	WHERE t.stanza OPERATOR(pg_catalog.=) l.cluster
	  AND t.state OPERATOR(pg_catalog.=) ANY (ARRAY['succeeded', 'failed'])) AS t
CROSS JOIN LATERAL (
	SELECT COALESCE(NULLIF(pg_catalog.current_setting('pgops.require_backup_age', true), '0')
					::pg_catalog.interval, '26 hours'::pg_catalog.interval)) AS g (allowed)
CROSS JOIN LATERAL (
	SELECT CASE
		WHEN l.cluster IS NULL
		THEN 'none: no cluster is declared'
		WHEN NOT l.declared
		THEN 'none: no backups are declared (pgbackrest_enabled, pgbackrest_repo)'
		WHEN s.trouble IS NOT NULL
		THEN 'error: ' OPERATOR(pg_catalog.||) s.trouble
		WHEN pg_catalog.current_setting('archive_mode') OPERATOR(pg_catalog.=) 'off'
		THEN 'error: archive_mode is off, see pgops.pending_restart'
		WHEN a.failing
		THEN pg_catalog.format('error: archiving fails (%s times so far), last with %s at %s',
							   a.failures, a.failed_wal, a.failed_time)
		WHEN t.failure IS NOT NULL
		THEN 'error: the last restore test failed, ' OPERATOR(pg_catalog.||) t.failure
		WHEN b.backups OPERATOR(pg_catalog.=) 0
		THEN 'none: there is no good backup yet'
		WHEN pg_catalog.now() OPERATOR(pg_catalog.-) b.last_stop OPERATOR(pg_catalog.>) g.allowed
		THEN pg_catalog.format('stale: the last good backup is of %s, more than %s ago',
							   b.last_stop, g.allowed)
		ELSE pg_catalog.format('ok: good backups: %s, the last of %s', b.backups, b.last_stop)
	END) AS m (words)
CROSS JOIN LATERAL (
	SELECT pg_catalog.split_part(m.words, ': ', 1),
		   pg_catalog.substr(m.words, pg_catalog.strpos(m.words, ': ') OPERATOR(pg_catalog.+) 2))
	AS v (state, message);

COMMENT ON VIEW pgops.backup_status IS
'One row: how well this server is backed up. Backups count if they are good (see pgops.backups). Readable by pg_monitor.

Example: SELECT state, message, age, earliest, latest, rpo FROM pgops.backup_status;';
COMMENT ON COLUMN pgops.backup_status.cluster IS 'Cluster this server belongs to, and name of its stanza.';
COMMENT ON COLUMN pgops.backup_status.state IS
'ok, stale (the last good backup is older than pgops.require_backup_age or, where that is 0, 26 hours), none (no good backup, or none declared), error (a repository cannot be read or lacks the stanza, WAL is not archived, or the last restore test failed).';
COMMENT ON COLUMN pgops.backup_status.message IS 'The state in a sentence.';
COMMENT ON COLUMN pgops.backup_status.last_full IS 'When the last full backup was complete.';
COMMENT ON COLUMN pgops.backup_status.last_diff IS 'When the last differential one was.';
COMMENT ON COLUMN pgops.backup_status.last_incr IS 'When the last incremental one was.';
COMMENT ON COLUMN pgops.backup_status.last_label IS 'Name of the last backup.';
COMMENT ON COLUMN pgops.backup_status.last_stop IS 'When it was complete.';
COMMENT ON COLUMN pgops.backup_status.age IS 'Time since then.';
COMMENT ON COLUMN pgops.backup_status.backups IS 'Number of good backups.';
COMMENT ON COLUMN pgops.backup_status.last_archived_wal IS 'Newest WAL file in the archive.';
COMMENT ON COLUMN pgops.backup_status.last_archived_at IS 'When archive_command last succeeded.';
COMMENT ON COLUMN pgops.backup_status.archive_failures IS 'How often archive_command has failed since the statistics were reset.';
COMMENT ON COLUMN pgops.backup_status.last_failed_wal IS 'File with which it failed last.';
COMMENT ON COLUMN pgops.backup_status.last_failed_at IS 'When it failed last.';
COMMENT ON COLUMN pgops.backup_status.archive_failing IS 'Whether its last run failed.';
COMMENT ON COLUMN pgops.backup_status.archive_lag_files IS 'WAL files that are complete and wait to be archived; NULL on a standby.';
COMMENT ON COLUMN pgops.backup_status.archive_lag_bytes IS 'WAL that is not archived yet, the current file included, in bytes; NULL on a standby, and after a restore or a promotion until the first file of the new timeline is archived.';
COMMENT ON COLUMN pgops.backup_status.earliest IS 'Earliest time to which the server can be restored: the end of the oldest good full backup.';
COMMENT ON COLUMN pgops.backup_status.latest IS 'Latest time to which it can be restored if it is lost now; NULL: none, or not known (on a standby).';
COMMENT ON COLUMN pgops.backup_status.rpo IS 'What would be lost now: the time since then.';
COMMENT ON COLUMN pgops.backup_status.running_job IS 'Number of the backup that runs now, or NULL.';
COMMENT ON COLUMN pgops.backup_status.last_verified IS 'When a restore test last succeeded, see pgops.verifications; NULL: never.';
COMMENT ON COLUMN pgops.backup_status.observed_at IS 'When the repositories were last read; NULL: never.';
