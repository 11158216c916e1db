/*
 * tune.h
 *		Parameters of PostgreSQL computed from the size of a machine, by the
 *		templates oltp, olap, crit and tiny.
 *
 * Pure.  Not for: how big a machine is (observe/machine.h), setting anything.
 */
#ifndef PGOPS_SPEC_TUNE_H
#define PGOPS_SPEC_TUNE_H

#include "nodes/pg_list.h"
#include "spec/model.h"

typedef struct TuneInput
{
	const char *template_name;	/* oltp, olap, crit, tiny */
	int			cpu;
	int			mem_mb;
	int64		disk_bytes;
	double		shared_buffer_ratio;	/* pg_shared_buffer_ratio; 0: 0.25 */
	int			max_conn;		/* pg_max_conn; 0: auto */
	bool		through_pgbouncer;	/* pg_default_service_dest is pgbouncer */
	bool		ssd;			/* pg_storage_type */
	bool		citus;			/* in pg_libs */
	bool		timescaledb;
	const char *libs;			/* pg_libs; NULL: the catalogue's default.  pgops is always preloaded, too */
	const char *io_method;		/* pg_io_method, 18+; "auto" is resolved by "io_uring_there" */
	bool		io_uring_there;
	int			server_major;	/* 15 ... 18 */
	const char *cluster;		/* for archive_command; NULL: archiving is left out */
	const char *log_directory;	/* NULL: left out */
	const char *primary_db;		/* cron.database_name; NULL: left out */
	const char *pwd_enc;		/* password_encryption; NULL: left out */
	bool		libs_declared;	/* libs is declared, not just the catalogue's default */
} TuneInput;

typedef struct TuneValue
{
	char	   *name;			/* parameter */
	char	   *value;			/* as in postgresql.conf, without quotes */
	char	   *unit;			/* of what was computed, or NULL */
	char	   *formula;		/* "ceil(mem_mb * 0.25)", or NULL: a constant of the template */
	char	   *explanation;	/* "ceil(32000 * 0.25) = 8000 MB", or why this constant */
	char	   *group;			/* memory, parallelism, wal, connections, logging, ... */
} TuneValue;

/* their names; ends with NULL */
extern const char *const tune_template_names[];

/* whether there is such a template; ".yml" at the end is allowed.  The plain name, or NULL */
extern const char *tune_template(const char *name);

/*
 * tune_values
 *		List of TuneValue *, by group.  ERROR 22023 for an unknown template, a version that
 *		is not 15 ... 18, or sizes out of range (cpu 1 ... 1024, memory 64 MB ... 100 TB, disk
 *		1 GB ... 1 EB, max_conn 0 ... 262143, of which less than 20 is auto).
 */
extern List *tune_values(const TuneInput *input);

/* the same as a list of Setting *, marked as tuned */
extern List *tune_settings(const TuneInput *input);

/* brings the sizes of a machine that was looked at into the range that tune_values() takes */
extern void tune_fit(TuneInput *input);

#endif							/* PGOPS_SPEC_TUNE_H */
