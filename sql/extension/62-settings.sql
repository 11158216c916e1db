/*
 * Parameters of the server that wait for a restart, whoever set them.
 */

/*
 * The files are read anew, so that nothing depends on whether this session has
 * noticed the last reload yet: reading them tells which entries cannot be applied
 * now, and brings this session's marks (pending_restart) up to date for all that
 * is still in them.  Of several entries for one name the last one holds.
 */
CREATE FUNCTION pgops.show_pending_restart()
RETURNS TABLE (
	name			text,
	value			text,
	pending_value	text,
	source			text,
	declared		boolean,
	since			timestamptz
)
LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH file AS MATERIALIZED (
		SELECT DISTINCT ON (lower(f.name))
			   lower(f.name) AS name, f.setting, f.sourcefile, f.error
		FROM pg_file_settings AS f
		WHERE f.name IS NOT NULL
		ORDER BY lower(f.name), f.seqno DESC
	), declared AS MATERIALIZED (
		SELECT lower(k.key) AS name
		FROM pgops.show_settings(pgops.local_cluster()) AS s
		CROSS JOIN LATERAL jsonb_object_keys(s.resolved) AS k (key)
		WHERE s.name = 'pg_parameters' AND jsonb_typeof(s.resolved) = 'object'
		UNION
		SELECT o.name
		FROM pgops.owned AS o
		WHERE o.kind = 'parameter' AND o.cluster = pgops.local_cluster()
	)
	SELECT s.name,
		   CASE WHEN s.name ~ '(password|passphrase|secret|token|_key)$' THEN '********'
				ELSE current_setting(s.name)
		   END,
		   CASE WHEN s.name ~ '(password|passphrase|secret|token|_key)$' THEN '********'
				ELSE COALESCE(file.setting, s.boot_val)
		   END,
		   COALESCE(file.sourcefile, 'default'),
		   EXISTS (SELECT FROM declared AS d WHERE d.name = lower(s.name)),
		   COALESCE((SELECT max(l.finished_at)
					 FROM pgops.action_log AS l
					 WHERE l.kind = 'parameter' AND l.state = 'succeeded'
					   AND lower(l.name) = lower(s.name)),
					(pg_stat_file(file.sourcefile, true)).modification)
	FROM pg_settings AS s
	LEFT JOIN file ON file.name = lower(s.name)
	WHERE s.context = 'postmaster'
	  AND (file.error IS NOT NULL
		   OR (file.name IS NULL AND s.pending_restart
			   AND s.setting IS DISTINCT FROM s.boot_val))
$$;

COMMENT ON FUNCTION pgops.show_pending_restart() IS
'Parameters that wait for a restart. Read the view pgops.pending_restart.';

CREATE VIEW pgops.pending_restart AS
	SELECT p.name, p.value, p.pending_value, p.source, p.declared, p.since
	FROM pgops.show_pending_restart() AS p
	ORDER BY p.name COLLATE "C";

COMMENT ON VIEW pgops.pending_restart IS
'Parameters of the server for which its configuration files have a value that holds from the next start on. Reads the files at each look. Empty: a restart would change nothing. Where Patroni runs the server it writes these files, with the parameters that it gives on the command line, too; pgops.members tells which members wait.

Example: SELECT name, value, pending_value, declared FROM pgops.pending_restart;';
COMMENT ON COLUMN pgops.pending_restart.name IS 'Name of the parameter.';
COMMENT ON COLUMN pgops.pending_restart.value IS 'Value now, as SHOW gives it; masked if it is a secret.';
COMMENT ON COLUMN pgops.pending_restart.pending_value IS 'Value after the restart, as the file has it; masked if it is a secret.';
COMMENT ON COLUMN pgops.pending_restart.source IS 'File that has it; default: none does any more.';
COMMENT ON COLUMN pgops.pending_restart.declared IS 'Whether it is declared, or was set by pgops for what is (backups).';
COMMENT ON COLUMN pgops.pending_restart.since IS 'When pgops set it by ALTER SYSTEM, else when the file was changed last; NULL if there is none.';

/* ---- restart ---- */
CREATE FUNCTION pgops.restart_prepare()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_restart_prepare';

COMMENT ON FUNCTION pgops.restart_prepare() IS
'For pgops.restart(): raises an error unless this server can be restarted.';

CREATE FUNCTION pgops.restart(at timestamptz DEFAULT NULL, in_window boolean DEFAULT false,
							  deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	waiting		bigint;
	begins		timestamptz;
	parameters	text;
BEGIN
	PERFORM pgops.restart_prepare();
	begins := pgops.job_start(at, in_window);
	SELECT j.id INTO waiting
		FROM pgops.job AS j
		WHERE j.kind = 'restart' AND j.state = 'queued'
		  AND j.not_before <= begins
		ORDER BY j.id LIMIT 1;
	IF waiting IS NOT NULL THEN
		RAISE NOTICE 'job % is going to restart the server: no second one is needed', waiting;
		RETURN waiting;
	END IF;

	SELECT string_agg(format('%s (%s -> %s)', p.name, p.value, p.pending_value), ', ')
		INTO parameters
		FROM pgops.pending_restart AS p;
	RETURN pgops.job_request('restart',
							 jsonb_strip_nulls(jsonb_build_object('parameters', parameters)),
							 at, deadline, in_window);
END
$$;

COMMENT ON FUNCTION pgops.restart(timestamptz, boolean, interval) IS
'Asks for a restart of this server and returns the number of its job. Sessions end (pg_ctl stop -m fast). A program outside of the server carries it out; the result is in pgops.jobs when the server is back. Should it not start with the parameters that waited for the restart, they get their old values in postgresql.auto.conf, the server is started once more, and the job has failed.

With pgops_restart_policy "always" or "window" pgops asks for it by itself, once for the same parameters; with "never" it is refused.

Arguments:
  at         when; NULL: at once
  in_window  in the maintenance window (pgops_maintenance_window)
  deadline   how long stopping and starting may take; NULL: 1 hour

Errors: 25006 on a standby, 55000 where Patroni or a service of systemd runs the server (see pgops.restore_launcher) or no maintenance window is declared, PO204 if pgops_restart_policy is never, PO505 while another job is at work, PO501 without pg_ctl or pgops-runner, PO702 if pgops is not in shared_preload_libraries.

Example: SELECT name, value, pending_value FROM pgops.pending_restart;
         SELECT pgops.restart();';
