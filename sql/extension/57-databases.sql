/*
 * Whole databases: copied inside this server, written into a directory, read
 * from one.  Each is a job; what can be told beforehand is refused here.
 */
CREATE FUNCTION pgops.sessions_in(database text)
RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(s.what, ', ')
	FROM (SELECT CASE WHEN row_number() OVER w <= 8
					  THEN format('pid %s (%s%s, %s)', a.pid, COALESCE(a.usename, a.backend_type),
								  COALESCE(', ' || NULLIF(a.application_name, ''), ''),
								  COALESCE(a.state, a.backend_type))
					  ELSE format('and %s more', count(*) OVER () - 8)
				 END AS what, row_number() OVER w AS number
		  FROM pg_stat_activity AS a
		  WHERE a.datname = sessions_in.database
			AND a.pid <> pg_backend_pid()
			/* both are gone in a moment, and CREATE DATABASE waits for them */
			AND a.backend_type NOT IN ('autovacuum worker', 'pgops database worker')
		  WINDOW w AS (ORDER BY a.pid)
		  UNION ALL
		  SELECT format('prepared transaction %L', p.gid), 0
		  FROM pg_prepared_xacts AS p
		  WHERE p.database = sessions_in.database) AS s
	WHERE s.number <= 9
$$;

COMMENT ON FUNCTION pgops.sessions_in(text) IS
'Who uses a database, in words: sessions other than this one, and prepared transactions. A part of pgops.clone_database().

Arguments:
  database  name of a database

Result: "pid 4711 (app, psql, idle), ..." with at most eight sessions; NULL: nobody.';

CREATE FUNCTION pgops.check_new_database(name text, owner text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	local		text := pgops.local_cluster();
	declared	text;
BEGIN
	IF name IS NULL OR name = '' OR octet_length(name) > 63 THEN
		RAISE EXCEPTION 'the name of a database has 1 to 63 bytes'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF EXISTS (SELECT FROM pg_database AS d WHERE d.datname = name) THEN
		RAISE EXCEPTION 'database "%" exists already', name
			USING ERRCODE = 'duplicate_database',
				  HINT = 'Choose another name, or drop it before.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = owner) AND owner IS NOT NULL THEN
		RAISE EXCEPTION 'role "%" does not exist', owner
			USING ERRCODE = 'undefined_object';
	END IF;
	SELECT COALESCE(d.state, 'create') INTO declared
		FROM pgops.databases AS d
		WHERE d.cluster = local AND d.name = check_new_database.name;
	IF declared = 'absent' THEN
		RAISE EXCEPTION 'database "%" is declared as absent: pgops would drop it', name
			USING ERRCODE = 'PO204',
				  HINT = 'Take it out of pg_databases, or choose another name.';
	ELSIF declared IS NOT NULL THEN
		RAISE EXCEPTION 'database "%" is declared: pgops makes it itself', name
			USING ERRCODE = 'PO204',
				  HINT = 'Declare it with "template" to have it made as a copy; pgops.load_database() reads a dump into it once it is there.';
	ELSIF (SELECT s.policy FROM pgops.status AS s WHERE s.cluster = local) = 'authoritative' THEN
		RAISE EXCEPTION 'database "%" is not declared: under the policy authoritative pgops would drop it', name
			USING ERRCODE = 'PO204',
				  HINT = 'Declare it in pg_databases; with "template" it is made as a copy.';
	END IF;
END
$$;

COMMENT ON FUNCTION pgops.check_new_database(text, text) IS
'Whether a database of this name may be made besides the declaration: raises if not. A part of pgops.clone_database() and pgops.load_database().

Arguments:
  name   name that is to be new
  owner  role that is to own it, or NULL

Errors: 42P04 if it exists, 42704 for an unknown role, 22023 for no name, PO204 if pgops itself would make or drop it.';

CREATE FUNCTION pgops.clone_database(source text, target text, owner text DEFAULT NULL,
									 terminate boolean DEFAULT false, strategy text DEFAULT NULL,
									 at timestamptz DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sessions	text;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_database AS d WHERE d.datname = source) OR source IS NULL THEN
		RAISE EXCEPTION 'database "%" does not exist', source
			USING ERRCODE = 'invalid_catalog_name';
	END IF;
	IF source = current_setting('pgops.database') THEN
		RAISE EXCEPTION 'database "%" cannot be cloned: pgops itself is connected to it', source
			USING ERRCODE = 'object_in_use',
				  HINT = 'pgops.dump_database() and pgops.load_database() copy it while it is used.';
	END IF;
	PERFORM pgops.check_new_database(target, owner);
	PERFORM pgops.check_clone_strategy(strategy);
	IF at IS NULL AND NOT COALESCE(terminate, false) THEN
		sessions := pgops.sessions_in(source);
		IF sessions IS NOT NULL THEN
			RAISE EXCEPTION 'database "%" is used by others', source
				USING ERRCODE = 'object_in_use',
					  DETAIL = sessions,
					  HINT = 'terminate => true ends these sessions; a prepared transaction has to be ended by hand.';
		END IF;
	END IF;
	RETURN pgops.job_request('clone_database',
							 jsonb_strip_nulls(jsonb_build_object(
								 'source', source, 'target', target, 'owner', owner,
								 'terminate', COALESCE(terminate, false), 'strategy', strategy)),
							 at, deadline);
END
$$;

COMMENT ON FUNCTION pgops.clone_database(text, text, text, boolean, text, timestamptz, interval) IS
'Makes a database that is a copy of another one of this server, as a job. What belongs to a database but does not lie in it is not copied: settings of ALTER DATABASE and ALTER ROLE IN DATABASE, privileges on the database, its comment and connection limit.

While it is copied nobody else may be connected to the source.

Arguments:
  source     name of the database that is copied
  target     name of the new one; pgops must neither make nor drop it by declaration
  owner      role that owns it; NULL: the bootstrap superuser
  terminate  end the sessions of the source; else the job is refused, with their list
  strategy   wal_log, file_copy or, from PostgreSQL 18 on, clone (file_copy by the file system''s own copy on write); NULL: the server''s default
  at         when to start; NULL: at once
  deadline   how long it may take; NULL: 12 hours

Result: number of the job, see pgops.jobs; its result has database, bytes.

Errors: 3D000 for an unknown source, 42P04 if the target exists, 42704 for an unknown owner, 55006 if the source is in use, 22023 for an unknown strategy, PO204 if the declaration stands in the way, 25006 on a standby.

Example: SELECT * FROM pgops.job_wait(pgops.clone_database(''app'', ''app_test'', terminate => true));';

CREATE FUNCTION pgops.check_clone_strategy(strategy text)
RETURNS void
LANGUAGE C STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_check_clone_strategy';

COMMENT ON FUNCTION pgops.check_clone_strategy(text) IS
'Whether this server can copy a database in this way: raises if not. A part of pgops.clone_database().

Arguments:
  strategy  wal_log, file_copy or clone; NULL does nothing

Errors: 22023 with the list of those that there are.';

/* ---- dumps ---- */
CREATE FUNCTION pgops.dump_database(database text, directory text DEFAULT NULL,
									jobs integer DEFAULT 2, schema_only boolean DEFAULT false,
									schemas text[] DEFAULT NULL, tables text[] DEFAULT NULL,
									exclude_tables text[] DEFAULT NULL,
									at timestamptz DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_database AS d WHERE d.datname = database) OR database IS NULL THEN
		RAISE EXCEPTION 'database "%" does not exist', database
			USING ERRCODE = 'invalid_catalog_name';
	END IF;
	IF NOT (SELECT d.datallowconn FROM pg_database AS d WHERE d.datname = database) THEN
		RAISE EXCEPTION 'database "%" takes no connections, so pg_dump cannot read it', database
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = 'ALTER DATABASE ... ALLOW_CONNECTIONS true lets it.';
	END IF;
	PERFORM pgops.check_dump_jobs(jobs);
	IF directory IS NOT NULL THEN
		PERFORM pgops.check_dump_target(directory);
	END IF;
	RETURN pgops.job_request('dump_database',
							 jsonb_strip_nulls(jsonb_build_object(
								 'database', database, 'directory', directory, 'jobs', jobs,
								 'schema_only', COALESCE(schema_only, false), 'schemas', schemas,
								 'tables', tables, 'exclude_tables', exclude_tables)),
							 at, deadline);
END
$$;

COMMENT ON FUNCTION pgops.dump_database(text, text, integer, boolean, text[], text[], text[], timestamptz, interval) IS
'Writes a database into a directory with pg_dump (directory format, parallel), as a job. The directory has its name only when the dump is complete and on disk; what a failed or cancelled job has written is removed. Only the server''s operating system user may read it.

Beside pg_dump''s own files there is pgops.json: from which database, server and when, how the database was made, and how large the files are, so that an incomplete copy is not loaded. pg_restore does not mind it, and pgops.load_database() can do without.

Arguments:
  database        name of the database
  directory       absolute path that does not exist yet, in a directory that does, outside of the data directory; NULL: <database>-<time> below dumps in pgops.directory
  jobs            tables that are dumped at a time, 1 to 64
  schema_only     no data
  schemas         only these; like the two below, patterns of pg_dump: names, * and ?, folded to lower case unless in double quotes
  tables          only these
  exclude_tables  not these
  at              when to start; NULL: at once
  deadline        how long it may take; NULL: one day

Result: number of the job, see pgops.jobs; its result has directory, bytes, tables.

Errors: 3D000 for an unknown database, 55000 if it takes no connections, 22023 for a directory or a number that will not do, 25006 on a standby.

Example: SELECT * FROM pgops.job_wait(pgops.dump_database(''app'', jobs => 4));';

CREATE FUNCTION pgops.load_database(directory text, database text, jobs integer DEFAULT 2,
									"create" boolean DEFAULT false, owner text DEFAULT NULL,
									clean boolean DEFAULT false, merge boolean DEFAULT false,
									no_owner boolean DEFAULT false,
									no_privileges boolean DEFAULT false,
									at timestamptz DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pgops.check_dump_jobs(jobs);
	PERFORM pgops.check_dump(directory);
	IF COALESCE("create", false) THEN
		PERFORM pgops.check_new_database(database, owner);
	ELSIF NOT EXISTS (SELECT FROM pg_database AS d WHERE d.datname = database) OR database IS NULL THEN
		RAISE EXCEPTION 'database "%" does not exist', database
			USING ERRCODE = 'invalid_catalog_name',
				  HINT = '"create" => true makes it.';
	ELSIF NOT (SELECT d.datallowconn FROM pg_database AS d WHERE d.datname = database) THEN
		RAISE EXCEPTION 'database "%" takes no connections, so pg_restore cannot write to it', database
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = 'ALTER DATABASE ... ALLOW_CONNECTIONS true lets it.';
	ELSIF owner IS NOT NULL THEN
		RAISE EXCEPTION 'owner is for a database that is made'
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'With "create" => true, or leave it out.';
	ELSIF database = current_setting('pgops.database') AND COALESCE(clean, false) THEN
		RAISE EXCEPTION 'database "%" cannot be cleaned: pgops itself works in it', database
			USING ERRCODE = 'object_in_use';
	END IF;
	IF COALESCE(clean, false) THEN
		PERFORM pgops.check_backup_age();
	END IF;
	RETURN pgops.job_request('load_database',
							 jsonb_strip_nulls(jsonb_build_object(
								 'directory', directory, 'database', database, 'jobs', jobs,
								 'create', COALESCE("create", false), 'owner', owner,
								 'clean', COALESCE(clean, false), 'merge', COALESCE(merge, false),
								 'no_owner', COALESCE(no_owner, false),
								 'no_privileges', COALESCE(no_privileges, false))),
							 at, deadline);
END
$$;

COMMENT ON FUNCTION pgops.load_database(text, text, integer, boolean, text, boolean, boolean, boolean, boolean, timestamptz, interval) IS
'Reads a dump in pg_dump''s directory format into a database with pg_restore (parallel), as a job. It stops at the first error. A dump can run code as superuser: read only those that you trust.

A new database has its name only when all is in it; until then it is called pgops_load_<job>, and it is dropped if the job fails. An existing one must be empty. Schemas that it has already, because they are declared, are left as they are. The roles that own something in the dump must exist.

Arguments:
  directory      absolute path of the dump
  database       where to
  jobs           tables that are read at a time, 1 to 64
  create         make the database, with encoding and locale of the dumped one if pgops made the dump, else those of template0
  owner          with create: role that owns it; NULL: the bootstrap superuser
  clean          drop the objects of the dump where they exist; this loses data, so pgops.require_backup_age holds
  merge          the database need not be empty: objects of the dump must not exist in it
  no_owner       all belongs to the bootstrap superuser
  no_privileges  nothing is granted
  at             when to start; NULL: at once
  deadline       how long it may take; NULL: one day

Result: number of the job, see pgops.jobs; its result has database, tables, bytes.

Errors: 22023 for a directory that holds no dump and numbers that will not do, 3D000 for an unknown database, 42P04 for one that exists although it is to be made, 42704 for an unknown owner, 55000 if it takes no connections, 55006, PO204 if the declaration stands in the way, PO210 without a backup that is new enough, 25006 on a standby. The job fails with 55000 if the database is not empty, 42704 if roles are missing, PO500 for what pg_restore says.

Example: SELECT * FROM pgops.job_wait(pgops.load_database(''/backup/app'', ''app_old'', "create" => true));';

CREATE FUNCTION pgops.check_dump_jobs(jobs integer)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jobs IS NULL OR jobs NOT BETWEEN 1 AND 64 THEN
		RAISE EXCEPTION 'jobs must be between 1 and 64'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;

COMMENT ON FUNCTION pgops.check_dump_jobs(integer) IS
'Raises 22023 unless so many tables may be dumped or read at a time. A part of pgops.dump_database() and pgops.load_database().

Arguments:
  jobs  a number from 1 to 64';

CREATE FUNCTION pgops.check_dump_target(directory text)
RETURNS void
LANGUAGE C VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_check_dump_target';

COMMENT ON FUNCTION pgops.check_dump_target(text) IS
'Whether a dump may be written to this path: raises if not. A part of pgops.dump_database().

Arguments:
  directory  absolute path

Errors: 22023 if it exists, its parent does not, or it lies in the data directory.';

CREATE FUNCTION pgops.check_dump(directory text)
RETURNS void
LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_check_dump';

COMMENT ON FUNCTION pgops.check_dump(text) IS
'Whether a directory holds a dump in pg_dump''s directory format, as far as can be told without reading it: raises if not. A part of pgops.load_database().

Arguments:
  directory  absolute path

Errors: 22023.';

CREATE FUNCTION pgops.check_backup_age()
RETURNS void
LANGUAGE C VOLATILE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_check_backup_age';

COMMENT ON FUNCTION pgops.check_backup_age() IS
'Raises PO210 if pgops.require_backup_age is set and this server has no good backup that is new enough. For what loses data besides a declaration.

Example: SELECT pgops.check_backup_age();';
