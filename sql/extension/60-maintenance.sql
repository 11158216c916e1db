/*
 * Maintenance of tables and indexes: each function asks for a job, which chooses
 * in each database what needs it.  The choices themselves are in the library
 * (ops/maintain_choose.c), for the jobs need them, too.
 */

/* ---- what would be chosen ---- */
CREATE FUNCTION pgops.maintenance_query(kind text, options jsonb DEFAULT '{}')
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_maintenance_query';

COMMENT ON FUNCTION pgops.maintenance_query(text, jsonb) IS
'The query with which a maintenance job chooses in a database, to be run there with search_path = pg_catalog: all its formulas. Columns name, statement, reason, bytes; the most urgent first.

Arguments:
  kind     vacuum, freeze, analyze, repack, reindex
  options  arguments of the function of that name, as an object

Errors: 22023 for an unknown kind and for options that cannot be read.';

CREATE FUNCTION pgops.maintenance_choice(kind text, options jsonb, database text)
RETURNS json
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_maintenance_choice';

COMMENT ON FUNCTION pgops.maintenance_choice(text, jsonb, text) IS
'The rows of pgops.maintenance_query() in a database, found out by a worker there. For pgops.maintenance().';

CREATE FUNCTION pgops.maintenance(kind text, options jsonb DEFAULT '{}', database text DEFAULT NULL)
RETURNS TABLE (
	name		text,
	reason		text,
	bytes		bigint,
	statement	text
)
LANGUAGE sql VOLATILE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.name, r.reason, r.bytes, r.statement
	FROM json_to_recordset(pgops.maintenance_choice(kind, options, COALESCE(database, current_database())))
		AS r (name text, reason text, bytes bigint, statement text)
$$;

COMMENT ON FUNCTION pgops.maintenance(text, jsonb, text) IS
'What a maintenance job would do in a database, the most urgent first; does nothing.

Arguments:
  kind      vacuum, freeze, analyze, repack, reindex
  options   arguments of the function of that name, as an object
  database  its name; NULL: the current one

Result: name of the table or index, reason why it is chosen, bytes (a table with its indexes and TOAST), statement (NULL: it cannot be done, the reason says why; of repack the name, for its program).

Errors: 22023 for an unknown kind and for options that cannot be read, 3D000 for an unknown database.

Example: SELECT * FROM pgops.maintenance(''repack'', ''{"min_bloat": 0.3, "min_size": "1GB"}'', ''app'');';

/* ---- asking for it ---- */
CREATE FUNCTION pgops.maintenance_check(kind text, options jsonb)
RETURNS void
LANGUAGE C STABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_maintenance_check';

COMMENT ON FUNCTION pgops.maintenance_check(text, jsonb) IS
'Refuses what a maintenance job could not do: arguments that cannot be read (22023), unknown databases (3D000), repack without the program pg_repack (PO501). For pgops'' own functions.';

CREATE FUNCTION pgops.maintenance_request(kind text, options jsonb, at timestamptz,
										  deadline interval, in_window boolean)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pgops.maintenance_check(kind, options);
	RETURN pgops.job_request(kind, options, at, deadline, in_window);
END
$$;

COMMENT ON FUNCTION pgops.maintenance_request(text, jsonb, timestamptz, interval, boolean) IS
'Asks for a maintenance job. For pgops.vacuum(), freeze(), analyze(), repack() and reindex(), which say what the arguments are.';

CREATE FUNCTION pgops.vacuum(
	databases	text[] DEFAULT NULL,
	max_tables	integer DEFAULT NULL,
	min_dead	double precision DEFAULT 0.5,
	min_size	text DEFAULT '0',
	parallel	integer DEFAULT NULL,
	at			timestamptz DEFAULT NULL,
	deadline	interval DEFAULT NULL,
	in_window	boolean DEFAULT false)
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.maintenance_request('vacuum', jsonb_strip_nulls(jsonb_build_object(
		'databases', databases, 'max_tables', max_tables, 'min_dead', min_dead,
		'min_size', min_size, 'parallel', parallel)), at, deadline, in_window)
$$;

COMMENT ON FUNCTION pgops.vacuum(text[], integer, double precision, text, integer, timestamptz, interval, boolean) IS
'Asks for VACUUM of the tables that have many dead rows, or were never vacuumed, the worst first; returns the job''s number.

Chosen is a table if the dead rows in it, or in its TOAST table, are more than min_dead times the number at which autovacuum would come: autovacuum_vacuum_threshold + autovacuum_vacuum_scale_factor * rows, with the table''s own settings. pgops.maintenance(''vacuum'') shows the choice.

Arguments:
  databases   where; NULL: in all that allow connections, but for templates
  max_tables  at most so many tables in all; NULL: any number
  min_dead    share of autovacuum''s number; 0: every table with a dead row
  min_size    only tables of this size and more, without indexes, as pg_size_bytes() reads it
  parallel    workers for the indexes of one table; NULL: the server decides
  at          when it starts; NULL: at once
  deadline    how long it may take, else it fails; NULL: a day
  in_window   it starts in the maintenance window (pgops.next_window()) and ends with it, well, with what was done until then

What somebody has locked is skipped. One table that fails does not stop the others; then the job has failed at the end. pgops.jobs shows how far it is, its result (databases, done, skipped, failed, remaining, bytes_before, bytes_after), pgops.job_log() each table.

Errors: 22023 for arguments that cannot be read, 3D000 for an unknown database, 55000 if no window is declared, 25006 on a standby, PO702 if pgops is not in shared_preload_libraries.

Example: SELECT * FROM pgops.job_wait(pgops.vacuum(''{app}''));  -- in psql: ask first, then wait in a statement of its own';

CREATE FUNCTION pgops.freeze(
	databases	text[] DEFAULT NULL,
	max_tables	integer DEFAULT NULL,
	min_age		double precision DEFAULT 0.4,
	min_size	text DEFAULT '0',
	parallel	integer DEFAULT NULL,
	at			timestamptz DEFAULT NULL,
	deadline	interval DEFAULT NULL,
	in_window	boolean DEFAULT false)
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.maintenance_request('freeze', jsonb_strip_nulls(jsonb_build_object(
		'databases', databases, 'max_tables', max_tables, 'min_age', min_age,
		'min_size', min_size, 'parallel', parallel)), at, deadline, in_window)
$$;

COMMENT ON FUNCTION pgops.freeze(text[], integer, double precision, text, integer, timestamptz, interval, boolean) IS
'Asks for VACUUM FREEZE of the tables with the oldest transaction ids, so that the server does not have to do it by day; returns the job''s number.

Chosen is a table, catalogs too, if age(relfrozenxid) of it or of its TOAST table is more than min_age times autovacuum_freeze_max_age, or mxid_age(relminmxid) likewise of autovacuum_multixact_freeze_max_age. The oldest databases first, and in each the oldest tables. Databases: all that allow connections, templates too, whose own age (datfrozenxid) is above the limit. pgops.maintenance(''freeze'') shows the choice.

Arguments: min_age as above, 0: every table; the others as in pgops.vacuum(). Result also: oldest_age_before and oldest_age_after, the greatest age(datfrozenxid) of those databases. It stays high if something holds back the horizon: an old transaction, a prepared one, a replication slot.

Errors: as pgops.vacuum().

Example: SELECT pgops.freeze(min_age => 0.25, in_window => true);';

CREATE FUNCTION pgops.analyze(
	databases	text[] DEFAULT NULL,
	max_tables	integer DEFAULT NULL,
	min_changed	double precision DEFAULT 0.5,
	min_size	text DEFAULT '0',
	at			timestamptz DEFAULT NULL,
	deadline	interval DEFAULT NULL,
	in_window	boolean DEFAULT false)
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.maintenance_request('analyze', jsonb_strip_nulls(jsonb_build_object(
		'databases', databases, 'max_tables', max_tables, 'min_changed', min_changed,
		'min_size', min_size)), at, deadline, in_window)
$$;

COMMENT ON FUNCTION pgops.analyze(text[], integer, double precision, text, timestamptz, interval, boolean) IS
'Asks for ANALYZE of the tables that changed much since the last one, or have no statistics; returns the job''s number.

Chosen is a table if more than min_changed times the number of rows have changed at which autovacuum would analyze it: autovacuum_analyze_threshold + autovacuum_analyze_scale_factor * rows, with the table''s own settings. A partitioned table, to which autovacuum never comes, also if one of its partitions was analyzed since; its partitions are analyzed with it. pgops.maintenance(''analyze'') shows the choice.

Arguments: min_changed as above, 0: every table with a changed row; the others, and errors, as in pgops.vacuum().

Example: SELECT pgops.analyze(''{app}'', at => ''2030-01-05 02:00+00'');';

CREATE FUNCTION pgops.repack(
	databases	text[] DEFAULT NULL,
	max_tables	integer DEFAULT NULL,
	min_bloat	double precision DEFAULT 0.5,
	min_size	text DEFAULT '64MB',
	at			timestamptz DEFAULT NULL,
	deadline	interval DEFAULT NULL,
	in_window	boolean DEFAULT false)
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.maintenance_request('repack', jsonb_strip_nulls(jsonb_build_object(
		'databases', databases, 'max_tables', max_tables, 'min_bloat', min_bloat,
		'min_size', min_size)), at, deadline, in_window)
$$;

COMMENT ON FUNCTION pgops.repack(text[], integer, double precision, text, timestamptz, interval, boolean) IS
'Asks for pg_repack of the tables with the most bloat: they are written anew while they are used; returns the job''s number. Needs the program pg_repack beside the server''s own programs, and its extension in the database; a database without it is left out, unless it is named.

Chosen is a table if more than min_bloat of its pages would not be needed by its rows, estimated from the number of rows and the average widths that ANALYZE has found: without statistics there is no estimate. It must have a primary key, or a unique one whose columns are not null. pgops.maintenance(''repack'') shows the choice.

Arguments: min_bloat (0 to 1) as above; min_size of the table without indexes; the others as in pgops.vacuum(). There must be room for a second copy of a table and its indexes. What somebody has locked for a minute is skipped; nobody''s session is ended.

Errors: as pgops.vacuum(); PO501 if pg_repack is not installed.

Example: SELECT pgops.repack(''{app}'', max_tables => 5, in_window => true);';

CREATE FUNCTION pgops.reindex(
	databases	text[] DEFAULT NULL,
	max_tables	integer DEFAULT NULL,
	min_bloat	double precision DEFAULT 0.5,
	min_size	text DEFAULT '16MB',
	at			timestamptz DEFAULT NULL,
	deadline	interval DEFAULT NULL,
	in_window	boolean DEFAULT false)
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.maintenance_request('reindex', jsonb_strip_nulls(jsonb_build_object(
		'databases', databases, 'max_tables', max_tables, 'min_bloat', min_bloat,
		'min_size', min_size)), at, deadline, in_window)
$$;

COMMENT ON FUNCTION pgops.reindex(text[], integer, double precision, text, timestamptz, interval, boolean) IS
'Asks for REINDEX INDEX CONCURRENTLY of invalid indexes and of B-trees with much bloat; returns the job''s number. What an earlier REINDEX CONCURRENTLY left when it was broken off (invalid copies named ..._ccnew) is dropped first.

Chosen is an index of min_size and more if more than min_bloat of its pages would not be needed, estimated from the number of its entries and the average widths that ANALYZE has found. Duplicates that the server has merged make the true bloat greater than the estimate. Not indexes of catalogs, of exclusion constraints, of temporary tables. pgops.maintenance(''reindex'') shows the choice.

Arguments: max_tables counts indexes; min_bloat (0 to 1) as above; the others, and errors, as in pgops.vacuum(). There must be room for a second copy of an index. REINDEX CONCURRENTLY waits for older transactions, up to a minute for each, then the index is skipped. A session in pgops.job_wait() is one of them: to wait for such a job, look at pgops.jobs instead.

Example: SELECT pgops.reindex(''{app}'', min_bloat => 0.4);';
