/*
 * Restores, forks, and the instances that they make beside this server.
 */

/* ---- what is looked at first ---- */
CREATE FUNCTION pgops.restore_prepare(args jsonb, in_place boolean)
RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_restore_prepare';

COMMENT ON FUNCTION pgops.restore_prepare(jsonb, boolean) IS
'For pgops.restore(): checks the arguments of a restore (the keys of pg_pitr, instance, port, directory) and returns them as the job takes them ("args"), with the target in words ("shown").';

CREATE FUNCTION pgops.restore_drop_prepare(name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_restore_drop_prepare';

COMMENT ON FUNCTION pgops.restore_drop_prepare(text) IS
'For pgops.restore_drop(): raises an error unless the instance may be dropped.';

CREATE FUNCTION pgops.fork_prepare(args jsonb)
RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_fork_prepare';

COMMENT ON FUNCTION pgops.fork_prepare(jsonb) IS
'For pgops.fork(): checks its arguments and returns them as the job takes them.';

/* ---- restore ---- */
CREATE FUNCTION pgops.restore_arguments(pitr jsonb, single jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known	text[] := '{cluster,type,time,xid,lsn,name,set,timeline,exclusive,action,archive,db_include,db_exclude,link_map,process,repo,backup,data,delta,port}';
	unknown	text;
	double	text;
BEGIN
	IF pitr IS NULL THEN
		RETURN single;
	END IF;

	IF jsonb_typeof(pitr) <> 'object' THEN
		RAISE EXCEPTION 'pitr is no object'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Example: pitr => ''{"time": "2030-12-31 14:00:00+00"}''.';
	END IF;

	SELECT string_agg(k.key, ', ' ORDER BY k.key) INTO unknown
		FROM jsonb_object_keys(pitr) AS k (key)
		WHERE k.key <> ALL (known);
	SELECT string_agg(k.key, ', ' ORDER BY k.key) INTO double
		FROM jsonb_object_keys(single) AS k (key)
		WHERE pitr ? k.key AND pitr -> k.key <> 'null';

	IF unknown IS NOT NULL THEN
		RAISE EXCEPTION 'pitr has unknown keys: %', unknown
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = format('Known are: %s.', array_to_string(known, ', '));
	ELSIF double IS NOT NULL THEN
		RAISE EXCEPTION 'given twice, in pitr and as an argument: %', double
			USING ERRCODE = 'invalid_parameter_value';
	END IF;

	/* the field's default action, spelled out: where there is nothing to pause at it means nothing, as if left out */
	IF pitr ->> 'action' = 'pause' AND COALESCE(pitr ->> 'type', 'latest') IN ('latest', 'default')
		AND pitr ->> 'time' IS NULL AND pitr ->> 'xid' IS NULL AND pitr ->> 'lsn' IS NULL AND pitr ->> 'name' IS NULL
	THEN
		pitr := pitr - 'action';
	END IF;

	/* an empty list or object of the field's example means nothing */
	RETURN single || COALESCE((SELECT jsonb_object_agg(p.key, p.value)
							   FROM jsonb_each(pitr) AS p (key, value)
							   WHERE p.value NOT IN ('null', '[]', '{}', '""')), '{}');
END
$$;

COMMENT ON FUNCTION pgops.restore_arguments(jsonb, jsonb) IS
'For pgops.restore(): the object pg_pitr and the single arguments as one. Errors: 22023 for keys that pg_pitr does not have, and for what is given twice.';

CREATE FUNCTION pgops.restore(
	target_time			text DEFAULT NULL,
	target_xid			text DEFAULT NULL,
	target_lsn			text DEFAULT NULL,
	target_name			text DEFAULT NULL,
	target_immediate	boolean DEFAULT false,
	instance			text DEFAULT NULL,
	in_place			boolean DEFAULT false,
	set					text DEFAULT NULL,
	timeline			text DEFAULT NULL,
	exclusive			boolean DEFAULT NULL,
	action				text DEFAULT NULL,
	cluster				text DEFAULT NULL,
	repo				integer DEFAULT NULL,
	db_include			text[] DEFAULT NULL,
	db_exclude			text[] DEFAULT NULL,
	link_map			jsonb DEFAULT NULL,
	delta				boolean DEFAULT NULL,
	processes			integer DEFAULT NULL,
	port				integer DEFAULT NULL,
	directory			text DEFAULT NULL,
	backup_old			boolean DEFAULT NULL,
	archive				boolean DEFAULT NULL,
	pitr				jsonb DEFAULT NULL,
	dry_run				boolean DEFAULT false,
	at					timestamptz DEFAULT NULL,
	deadline			interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	args	jsonb;
	checked	jsonb;
BEGIN
	IF instance IS NULL AND in_place IS NOT TRUE THEN
		RAISE EXCEPTION 'it is not said where to restore to'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Give instance => ''name'' for a new instance beside this server. in_place => true stops this server and overwrites its data.';
	ELSIF instance IS NOT NULL AND in_place IS TRUE THEN
		RAISE EXCEPTION 'instance and in_place contradict each other'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF in_place IS TRUE AND (directory IS NOT NULL OR port IS NOT NULL) THEN
		RAISE EXCEPTION 'directory and port are for an instance beside this server'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT in_place IS TRUE AND (backup_old IS NOT NULL OR archive IS NOT NULL) THEN
		RAISE EXCEPTION 'backup_old and archive are for a restore in place'
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = 'An instance beside this server never archives.';
	END IF;

	args := pgops.restore_arguments(pitr, jsonb_strip_nulls(jsonb_build_object(
		'type', CASE WHEN target_immediate THEN 'immediate' END,
		'time', target_time, 'xid', target_xid, 'lsn', target_lsn, 'name', target_name,
		'set', set, 'timeline', timeline, 'exclusive', exclusive,
		'action', COALESCE(action, CASE WHEN in_place AND pitr IS NULL THEN 'promote' END),
		'cluster', cluster, 'repo', repo,
		'db_include', to_jsonb(db_include), 'db_exclude', to_jsonb(db_exclude),
		'link_map', link_map, 'delta', delta, 'process', processes,
		'port', port, 'directory', directory, 'backup', backup_old, 'archive', archive)));
	args := args || jsonb_strip_nulls(jsonb_build_object('instance', instance));
	/* where pg_pitr wants the data, unless that is the field's default or this server's own place */
	IF instance IS NOT NULL AND directory IS NULL
		AND args ->> 'data' NOT IN ('/pg/data', current_setting('data_directory'))
	THEN
		args := args || jsonb_build_object('directory', args -> 'data');
	END IF;

	checked := pgops.restore_prepare(args, COALESCE(in_place, false));
	IF dry_run THEN
		RAISE NOTICE 'would restore to % into %', checked ->> 'shown',
			CASE WHEN in_place IS TRUE THEN 'this server''s own data directory'
				 ELSE format('instance "%s", port %s, directory "%s"', instance,
							 checked -> 'args' ->> 'port', checked -> 'args' ->> 'directory') END;
		RETURN NULL;
	END IF;
	RETURN pgops.job_request(CASE WHEN in_place IS TRUE THEN 'restore_in_place' ELSE 'restore' END,
							 checked -> 'args', at, deadline);
END
$$;

COMMENT ON FUNCTION pgops.restore(text, text, text, text, boolean, text, boolean, text, text, boolean, text, text, integer, text[], text[], jsonb, boolean, integer, integer, text, boolean, boolean, jsonb, boolean, timestamptz, interval) IS
'Restores a backup up to a point in time: into a new instance beside this server, or in place. Returns the number of the job, which starts after the commit; what cannot work is refused before that.

Arguments, one target at most (none: to the end of the archive, which includes what was done up to now):
  target_time       a time; without zone it means that of the session, and is shown as understood
  target_xid        a transaction number, 1 to 4294967295
  target_lsn        an LSN, as 0/3000148
  target_name       a restore point of pg_create_restore_point()
  target_immediate  as soon as the data are consistent
Where to:
  instance          name of a new instance beside this server; it archives nothing, runs no pg_cron, has no subscriptions, and pgops only observes there
  port              its port; NULL: a free one
  directory         its directory, empty or missing; NULL: below pgops.directory
  in_place          true: this server is stopped, its data are overwritten
  backup_old        in place: keep the present data beside the data directory
  archive           in place: whether it archives again afterwards
How:
  set               label of the backup to begin with; NULL: the newest one before the target
  timeline          a number, latest, current; NULL: latest
  exclusive         stop just before the target (time, xid, LSN)
  action            at the target: promote (the default), pause (the default of pg_pitr in place: the server can be read and waits for pg_wal_replay_resume(); until then locks of transactions that were under way are held, so what one of them was dropping cannot be read, and pgops.jobs does not know of the restore), shutdown
  cluster           another cluster in the same repositories, whose backups are taken
  repo              number of the repository; NULL: any
  db_include        only these databases; the others are there, but empty and to be dropped
  db_exclude        all but these
  link_map          places for what was behind symbolic links: {"pg_wal": "/data/wal"}
  delta             keep files that are equal; with an instance that exists and is stopped: bring it to another target
  processes         how many processes restore
  pitr              the same as one object, with the keys of pg_pitr; its data is the directory (in place it must be that of this server), an action pause without a target means nothing
  dry_run           check everything, tell what would be done, do nothing
  at, deadline      when to start, how long it may take

Errors: 22023 for arguments that contradict each other or cannot be read, all of them at once; PO507 for a target that the backups cannot reach, with what is possible; PO508 for a name, port or directory in use; PO505 while another job is in the way; PO506 without backups; PO202 if pg_safeguard forbids it; 25006 on a standby.

Examples:
  SELECT pgops.restore(''2030-12-31 14:00:00+00'', instance => ''before'');
  SELECT pgops.restore(target_name => ''before_release'', exclusive => false, instance => ''check'', action => ''promote'');';

CREATE FUNCTION pgops.restore_drop(name text, at timestamptz DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION 'the name of the instance must not be null'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM pgops.restore_drop_prepare(name);
	RETURN pgops.job_request('restore_drop', jsonb_build_object('instance', name), at, deadline);
END
$$;

COMMENT ON FUNCTION pgops.restore_drop(text, timestamptz, interval) IS
'Stops an instance that was restored or forked beside this server, and removes its files: only those that pgops made, and only below a directory that bears its mark. Works as well when it is stopped, half made, failed, or gone. Returns the number of the job.

Arguments:
  name          name of the instance, as in pgops.restored_instances
  at, deadline  when to start, how long it may take

Errors: 42704 if there is no such instance, PO505 while a job is about it, PO508 (of the job) if the directory is not one that pgops made.';

/* ---- fork ---- */
CREATE FUNCTION pgops.fork(name text, port integer DEFAULT NULL, directory text DEFAULT NULL,
						   at timestamptz DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION 'the name of the instance must not be null'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	RETURN pgops.job_request('fork', pgops.fork_prepare(jsonb_strip_nulls(
		jsonb_build_object('instance', name, 'port', port, 'directory', directory))), at, deadline);
END
$$;

COMMENT ON FUNCTION pgops.fork(text, integer, text, timestamptz, interval) IS
'Clones the running server as it is now into an instance beside it, by the backup functions of the server and a copy of its files; no backups are needed. Where the file system can (XFS, Btrfs), files are shared until one side changes them, and the copy takes next to no time and space; the result of the job says whether it was so. The clone accepts writes, on a timeline of its own, and is as harmless as what pgops.restore() makes. Returns the number of the job.

Arguments:
  name          name of the new instance
  port          its port; NULL: a free one
  directory     its directory, empty or missing; NULL: below pgops.directory
  at, deadline  when to start, how long it may take

Errors: PO508 for a name, port or directory in use, PO505 while a job is about that instance, 25006 on a standby.

Example: SELECT pgops.fork(''try_migration'');';

/* ---- which there are ---- */
CREATE FUNCTION pgops.instance_alive(name text)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_instance_alive';

COMMENT ON FUNCTION pgops.instance_alive(text) IS
'Whether the postmaster of an instance of pgops.restored_instances is there.';

CREATE VIEW pgops.restored_instances AS
SELECT
	i.name,
	i.origin,
	i.port,
	i.data_directory,
	CASE
		WHEN i.state OPERATOR(pg_catalog.=) ANY ('{creating,dropping}') AND
			NOT EXISTS (SELECT FROM pgops.job AS j
						WHERE j.state OPERATOR(pg_catalog.=) ANY ('{queued,running}') AND
							(j.id OPERATOR(pg_catalog.=) i.job OR
							 j.args OPERATOR(pg_catalog.->>) 'instance' OPERATOR(pg_catalog.=) i.name))
			THEN 'failed'
		WHEN i.state OPERATOR(pg_catalog.=) 'running' AND NOT pgops.instance_alive(i.name)
			THEN 'stopped'
		WHEN i.state OPERATOR(pg_catalog.=) 'stopped' AND pgops.instance_alive(i.name)
			THEN 'running'
		ELSE i.state
	END AS state,
	i.target,
	i.reached_lsn,
	i.reached_time,
	i.created_at,
	i.job,
	pg_catalog.format('host=''%s'' port=%s user=''%s'' dbname=postgres',
		pg_catalog.regexp_replace(i.socket_directory, '([\\''])', '\\\1', 'g'), i.port,
		pg_catalog.regexp_replace(pg_catalog.pg_get_userbyid(10), '([\\''])', '\\\1', 'g'))
		AS connection
FROM pgops.instance_beside AS i
WHERE i.maker OPERATOR(pg_catalog.=) pg_catalog.current_setting('data_directory');

COMMENT ON VIEW pgops.restored_instances IS
'Instances beside this server that pgops.restore(), pgops.fork() and restore tests have made. Readable by pg_monitor.

Example: SELECT name, port, state, target, reached_time FROM pgops.restored_instances;';
COMMENT ON COLUMN pgops.restored_instances.name IS 'Name that was chosen for it.';
COMMENT ON COLUMN pgops.restored_instances.origin IS 'What it was made by: restore, fork, verify (a restore test).';
COMMENT ON COLUMN pgops.restored_instances.port IS 'Port on which it listens, on localhost and its socket.';
COMMENT ON COLUMN pgops.restored_instances.data_directory IS 'Its data directory.';
COMMENT ON COLUMN pgops.restored_instances.state IS 'creating, running, stopped, failed (its job did not come to its end), dropping.';
COMMENT ON COLUMN pgops.restored_instances.target IS 'Where its recovery was to end; NULL for a fork.';
COMMENT ON COLUMN pgops.restored_instances.reached_lsn IS 'End of the WAL that was replayed; NULL: not reached yet.';
COMMENT ON COLUMN pgops.restored_instances.reached_time IS 'When the last transaction that was replayed was committed; NULL: none was.';
COMMENT ON COLUMN pgops.restored_instances.created_at IS 'When it was begun.';
COMMENT ON COLUMN pgops.restored_instances.job IS 'The job that made it.';
COMMENT ON COLUMN pgops.restored_instances.connection IS 'Connection string for psql, for the operating system user of the server.';
