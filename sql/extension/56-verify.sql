/*
 * Restore tests: a backup is restored, started, checked, asked, and dropped.
 */
CREATE VIEW pgops.verifications AS
SELECT
	v.id,
	v.job,
	v.stanza,
	v.repo,
	v.label,
	CASE WHEN v.state OPERATOR(pg_catalog.=) 'running'
			AND NOT EXISTS (SELECT FROM pgops.job AS j
							WHERE j.id OPERATOR(pg_catalog.=) v.job
							  AND j.state OPERATOR(pg_catalog.=) 'running')
		 THEN 'interrupted' ELSE v.state END AS state,
	v.started_at,
	v.finished_at,
	v.target,
	v.restore_time OPERATOR(pg_catalog.+) v.recovery_time AS time_to_restore,
	v.restore_time,
	v.recovery_time,
	v.check_time,
	v.bytes,
	v.reached_lsn,
	v.reached_time,
	v.checksums,
	v.amcheck,
	v.probes,
	v.sqlstate,
	v.error,
	v.findings
FROM pgops.verification AS v;

COMMENT ON VIEW pgops.verifications IS
'Restore tests of backups, made by pgops.verify_backup() or by schedule. Readable by pg_monitor: the probes'' rows are shown to it, too.

Example: SELECT label, state, time_to_restore, pg_size_pretty(bytes) AS size, reached_time FROM pgops.verifications ORDER BY id DESC LIMIT 1;';
COMMENT ON COLUMN pgops.verifications.id IS 'Number of the test.';
COMMENT ON COLUMN pgops.verifications.job IS 'The job that did it, see pgops.jobs.';
COMMENT ON COLUMN pgops.verifications.stanza IS 'Stanza of the backup.';
COMMENT ON COLUMN pgops.verifications.repo IS 'Repository that it was restored from.';
COMMENT ON COLUMN pgops.verifications.label IS 'Label of the backup, see pgops.backups.';
COMMENT ON COLUMN pgops.verifications.state IS 'running, succeeded (it was restored, and nothing is wrong with it), failed, cancelled, or interrupted (the server or the worker ended meanwhile).';
COMMENT ON COLUMN pgops.verifications.started_at IS 'When it began.';
COMMENT ON COLUMN pgops.verifications.finished_at IS 'When it was over.';
COMMENT ON COLUMN pgops.verifications.target IS 'Where recovery was to end: latest (all WAL of the archive) or immediate (as soon as the backup is consistent).';
COMMENT ON COLUMN pgops.verifications.time_to_restore IS 'From nothing to a server that can be used: restore_time and recovery_time. This is how long a real restore to the same target takes.';
COMMENT ON COLUMN pgops.verifications.restore_time IS 'How long it took to copy the files out of the repository.';
COMMENT ON COLUMN pgops.verifications.recovery_time IS 'How long it took from the start to the end of recovery.';
COMMENT ON COLUMN pgops.verifications.check_time IS 'How long the checks and probes took.';
COMMENT ON COLUMN pgops.verifications.bytes IS 'Size of the restored files.';
COMMENT ON COLUMN pgops.verifications.reached_lsn IS 'Where recovery ended.';
COMMENT ON COLUMN pgops.verifications.reached_time IS 'When the last transaction was committed that recovery met; NULL: it met none.';
COMMENT ON COLUMN pgops.verifications.checksums IS 'What pg_checksums found in the stopped instance: {"enabled", "files", "blocks", "bad"}; NULL: it did not come to that.';
COMMENT ON COLUMN pgops.verifications.amcheck IS 'What pg_amcheck found in tables and indexes of all databases: {"relations", "problems"}, or {"skipped": why}; NULL: it did not come to that.';
COMMENT ON COLUMN pgops.verifications.probes IS 'The queries that were asked: [{"name", "database", "query", "expect", "ok", "rows", "error", "seconds"}]; NULL: it did not come to that.';
COMMENT ON COLUMN pgops.verifications.sqlstate IS 'SQLSTATE of the failure, or NULL: PO509 the backup is damaged, PO512 a probe failed.';
COMMENT ON COLUMN pgops.verifications.error IS 'Message of the failure.';
COMMENT ON COLUMN pgops.verifications.findings IS 'All that is wrong with the backup, one sentence each; NULL: nothing was found.';

CREATE FUNCTION pgops.check_probes(probes jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	probe	jsonb;
	place	integer := 0;
	wrong	text;
BEGIN
	IF jsonb_typeof(probes) <> 'array' THEN
		RAISE EXCEPTION 'probes must be a list'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'For example: [{"database": "app", "query": "SELECT count(*) FROM orders"}].';
	END IF;
	FOR probe IN SELECT e.value FROM jsonb_array_elements(probes) AS e LOOP
		place := place + 1;
		IF jsonb_typeof(probe) <> 'object' THEN
			wrong := 'it is no object';
		ELSIF COALESCE(jsonb_typeof(probe->'query'), '') <> 'string' OR btrim(probe->>'query') = '' THEN
			wrong := 'it has no query';
		ELSE
			SELECT format('"%s" is no field of it', k.key) INTO wrong
				FROM jsonb_object_keys(probe) AS k (key)
				WHERE k.key <> ALL ('{name,database,query,expect}'::text[])
				LIMIT 1;
		END IF;
		IF wrong IS NOT NULL THEN
			RAISE EXCEPTION 'probe %: %', place, wrong
				USING ERRCODE = 'invalid_parameter_value',
					  HINT = 'A probe has query and, if wanted, database, name and expect.';
		END IF;
	END LOOP;
END
$$;

COMMENT ON FUNCTION pgops.check_probes(jsonb) IS
'Whether these are probes as pgops.verify_backup() takes them: raises 22023 if not. NULL does nothing. A part of it.

Arguments:
  probes  list of objects';

CREATE FUNCTION pgops.verify_backup(set text DEFAULT NULL, repo integer DEFAULT NULL,
									probes jsonb DEFAULT NULL, target text DEFAULT 'latest',
									at timestamptz DEFAULT NULL, deadline interval DEFAULT NULL,
									in_window boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own_stanza	text;
	known		text;
BEGIN
	PERFORM pgops.backup_require_primary('a restore test');
	IF target IS NULL OR target NOT IN ('latest', 'immediate') THEN
		RAISE EXCEPTION 'a restore test ends at latest or immediate, not at %', COALESCE(quote_literal(target), 'null')
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'latest: all WAL of the archive is replayed; immediate: it ends as soon as the backup is consistent.';
	END IF;
	PERFORM pgops.check_probes(probes);
	own_stanza := pgops.backup_stanza();
	PERFORM pgops.backup_require_repo(own_stanza, repo);
	/* what is stored may be of some minutes ago: only what cannot be there is refused */
	IF verify_backup.set IS NOT NULL AND NOT EXISTS (
		SELECT FROM pgops.backup_set AS b
		WHERE b.stanza = own_stanza AND b.label = verify_backup.set
		  AND (verify_backup.repo IS NULL OR b.repo = verify_backup.repo))
	THEN
		SELECT string_agg(l.label, ', ' ORDER BY l.label DESC) INTO known
			FROM (SELECT DISTINCT b.label FROM pgops.backup_set AS b
				  WHERE b.stanza = own_stanza
					AND (verify_backup.repo IS NULL OR b.repo = verify_backup.repo)
				  ORDER BY b.label DESC LIMIT 5) AS l;
		RAISE EXCEPTION 'there is no backup "%"', verify_backup.set
			USING ERRCODE = 'PO506',
				  HINT = COALESCE('The newest are: ' || known || '. See pgops.backups; pgops.backup_refresh() looks again.',
								  'There is none at all: SELECT pgops.backup().');
	END IF;
	RETURN pgops.job_request('verify_backup',
							 jsonb_strip_nulls(jsonb_build_object(
								 'set', verify_backup.set, 'repo', repo, 'target', target,
								 'probes', probes)),
							 at, deadline, in_window);
END
$$;

COMMENT ON FUNCTION pgops.verify_backup(text, integer, jsonb, text, timestamptz, interval, boolean) IS
'Tests whether a backup can be restored, by restoring it, as a job: into a scratch instance beside this server, which is started, recovers, is checked, is asked the probes, and is dropped whatever comes out. What was found, and how long a restore takes, is in pgops.verifications.

Checked are: the files, by pgBackRest''s own checksums, while they are restored; that WAL is there up to the newest file of the archive; tables and indexes of all databases with pg_amcheck (where extension amcheck is installed); all pages with pg_checksums (where the cluster has data checksums); the probes.

Arguments:
  set       label of the backup; NULL: the newest
  repo      number of the repository; NULL: any
  probes    queries that prove that the data is there: list of {"query", "database" (default: that of pgops), "name", "expect"}. A query is one SELECT. With "expect" the first column of its first row must be that (as JSON writes it); without, there must be a row, whose first column is neither null nor false. Up to 5 rows are kept. They run read-only, as the bootstrap superuser. Three are always asked: databases, roles, pgops'' own tables
  target    latest: recover to the end of the archive, as after the loss of the server; immediate: only until the backup is consistent
  at        when to start; NULL: at once
  deadline  how long it may take; NULL: one day
  in_window wait for the maintenance window (pgops_maintenance_window), and end with it

Result: number of the job, see pgops.jobs. It needs as much space below pgops.directory as the server itself has data.

Errors: 25006 on a standby, PO700 if it is not known which instance this is, PO506 if backups are not declared or this one is not known, 22023 for probes or a target that will not do. The job fails with PO509 if the backup is damaged, PO512 if only probes failed.

Example: SELECT * FROM pgops.job_wait(pgops.verify_backup(probes => ''[{"database": "app", "query": "SELECT count(*) > 1000 FROM orders"}]''));';
