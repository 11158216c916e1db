/*
 * tune_parts.h
 *		Private to src/spec/tune*.c: the table of the templates' parameters, and
 *		how a formula in it is written down.
 *
 * Not for: anybody else, who calls tune_values().
 */
#ifndef PGOPS_SPEC_TUNE_PARTS_H
#define PGOPS_SPEC_TUNE_PARTS_H

#include "spec/tune.h"

/* in the order of the columns of the table */
typedef enum TuneTemplate
{
	TUNE_OLTP,
	TUNE_OLAP,
	TUNE_CRIT,
	TUNE_TINY,
	TUNE_NTEMPLATES
} TuneTemplate;

/* what a formula starts from: sizes of the machine, and what was made of them before */
typedef enum TuneQuantity
{
	TUNE_NONE,
	TUNE_CPU,
	TUNE_MEM,
	TUNE_DISK,
	TUNE_RATIO,
	TUNE_CONNECTIONS,
	TUNE_BUFFERS,
	TUNE_WORKERS,				/* processes besides those that pass jobs on */
	TUNE_TWENTIETH,				/* of the disk, GB */
	TUNE_NQUANTITIES
} TuneQuantity;

/*
 * round(of op by), not below "low", not above "high", and "plus" on top.  The
 * result is an integer.
 */
typedef struct TuneFormula
{
	TuneQuantity of;			/* TUNE_NONE: there is no formula */
	char		op;				/* * / + -, 0: only "of" */
	double		factor;			/* the second operand, unless "by" is it */
	TuneQuantity by;
	char		round;			/* c: ceil, f: floor, 0: exact */
	int			low;			/* 0: none */
	int			high;			/* 0: none */
	int			plus;
} TuneFormula;

/* what the rows are evaluated with */
typedef struct Tuning
{
	TuneInput	input;			/* completed: no zero stands for a default any more */
	TuneTemplate template;
	double		quantity[TUNE_NQUANTITIES];
	char	   *origin[TUNE_NQUANTITIES];	/* "workers = max(8 + 8, 16) = 16", where it is no parameter */
} Tuning;

typedef struct TuneRow
{
	const char *group;
	const char *name;
	const char *unit;			/* of a formula's result; NULL: none */
	const char *text[TUNE_NTEMPLATES];	/* constants; NULL: no such parameter in this template */
	TuneFormula formula[TUNE_NTEMPLATES];
	int			min_major;		/* 0: all */
	int			max_major;		/* 0: all */
	const char *library;		/* only where this is in the list of libraries */
	bool		(*applies) (const Tuning *tuning);	/* NULL: always */
	char	   *(*value) (const Tuning *tuning, TuneValue *result);	/* what no formula says: the
																	 * value; may explain it */
	const char *why;
} TuneRow;

extern const TuneRow tune_rows[];
extern const int tune_nrows;

/* ---- tune_formula.c ---- */

/* fills the quantities, from what the input says to what is made of it */
extern void tune_quantities(Tuning *tuning);

/* value, formula and explanation of a formula */
extern void tune_evaluate(const Tuning *tuning, const TuneFormula *formula, const char *unit,
						  TuneValue *result);

/* ---- tune_value.c: values that are chosen, not computed ---- */
extern int	tune_automatic_connections(const Tuning *tuning);
extern bool tune_has_library(const Tuning *tuning, const char *name);
extern bool tune_on_ssd(const Tuning *tuning);
extern bool tune_archives(const Tuning *tuning);
extern char *tune_max_connections(const Tuning *tuning, TuneValue *result);
extern char *tune_prepared_transactions(const Tuning *tuning, TuneValue *result);
extern char *tune_locks(const Tuning *tuning, TuneValue *result);
extern char *tune_io_method(const Tuning *tuning, TuneValue *result);
extern char *tune_libraries(const Tuning *tuning, TuneValue *result);
extern char *tune_archive_command(const Tuning *tuning, TuneValue *result);
extern char *tune_log_directory(const Tuning *tuning, TuneValue *result);
extern char *tune_password_encryption(const Tuning *tuning, TuneValue *result);
extern char *tune_cron_database(const Tuning *tuning, TuneValue *result);

#endif							/* PGOPS_SPEC_TUNE_PARTS_H */
