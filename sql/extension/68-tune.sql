/*
 * Parameters of PostgreSQL computed from the size of a machine.
 */
CREATE FUNCTION pgops.tune(template text DEFAULT 'oltp', cpu integer DEFAULT NULL,
						   mem_mb integer DEFAULT NULL, disk_bytes bigint DEFAULT NULL,
						   max_conn integer DEFAULT NULL,
						   shared_buffer_ratio double precision DEFAULT NULL,
						   dest text DEFAULT NULL, libs text DEFAULT NULL,
						   storage text DEFAULT NULL, io_method text DEFAULT NULL,
						   cluster text DEFAULT NULL, log_directory text DEFAULT NULL,
						   primary_db text DEFAULT NULL, version integer DEFAULT NULL)
RETURNS TABLE (
	parameter		text,
	value			text,
	formula			text,
	explanation		text,
	current			text,
	differs			boolean,
	category		text,
	problem			text
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_tune';

COMMENT ON FUNCTION pgops.tune(text, integer, integer, bigint, integer, double precision, text, text, text, text, text, text, text, integer) IS
'Parameters of PostgreSQL by a template, for a machine of a given size, each with its formula and how the value came about. Sets nothing: declare pg_conf for that, which applies the same values. An argument that is NULL means this machine, this server, or what is the default of the parameter in parentheses.

Arguments:
  template             oltp: short transactions; olap: large queries; crit: nothing may be lost; tiny: 1 to 3 processors (with or without .yml)
  cpu                  processors, 1 to 1024
  mem_mb               memory in MB, 64 and more; NULL: of this machine, or the limit of its container (control group)
  disk_bytes           size of the file system of the data directory in bytes, 1 GB and more; WAL and temporary files get shares of it
  max_conn             max_connections; less than 20 counts as not given: 500 (1000 where clients connect directly, 250 for tiny) (pg_max_conn)
  shared_buffer_ratio  share of the memory that shared_buffers gets, above 0 to 1 (pg_shared_buffer_ratio, 0.25)
  dest                 where clients connect, pgbouncer or postgres (pg_default_service_dest)
  libs                 libraries to be preloaded, besides pgops (pg_libs)
  storage              SSD or HDD (pg_storage_type)
  io_method            sync, worker, io_uring or auto; 18 and newer (pg_io_method)
  cluster              name of the cluster whose backups archive_command is for; NULL: archiving is left out
  log_directory        NULL: left out (pg_log_dir)
  primary_db           database of pg_cron''s jobs (pg_primary_db)
  version              major version of PostgreSQL, 15 to 18

Result, one row for each parameter, those of a category together:
  parameter    name
  value        as in postgresql.conf, with its unit
  formula      how it follows from the arguments; NULL: a constant of the template
  explanation  the formula with its numbers, or what the constant is for
  current      value of this session now; NULL: this server has no such parameter
  differs      whether value and current mean different things
  category     connections, transactions, memory, parallelism, planner, io, wal, archiving, replication, vacuum, logging, statistics or libraries
  problem      why this server could not have the value (and pg_conf leaves it out here), or NULL

Errors: 22023 for an unknown template, sizes out of range, and words that are none of those above.

Example, what is not as it should be here:
  SELECT parameter, current, value, explanation FROM pgops.tune(''oltp'') WHERE differs AND problem IS NULL;
What would a machine with 64 processors, 512 GB of memory and a disk of 8 TB get?
  SELECT * FROM pgops.tune(''olap'', cpu => 64, mem_mb => 512 * 1024, disk_bytes => 8::bigint << 40);
As lines of postgresql.conf:
  SELECT format(''%s = %L'', parameter, value) FROM pgops.tune(''tiny'', 1, 2048, version => 17);';
