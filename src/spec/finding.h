/*
 * finding.h
 *		What is wrong, or worth a word, in a document: one Finding per error,
 *		all collected, none raised until the whole document was read.
 *
 * A message never contains the value of a secret parameter.
 */
#ifndef PGOPS_SPEC_FINDING_H
#define PGOPS_SPEC_FINDING_H

#include "spec/node.h"

typedef enum FindingSeverity
{
	FINDING_ERROR,
	FINDING_WARNING,
	FINDING_NOTICE
} FindingSeverity;

typedef struct Finding
{
	FindingSeverity severity;
	int			sqlstate;		/* as MAKE_SQLSTATE */
	char	   *path;			/* pg-meta.pg_users[3].roles[0] */
	int			line;
	int			column;			/* 0: unknown */
	char	   *message;		/* says what was expected */
	char	   *hint;			/* or NULL */
} Finding;

/*
 * All that was found, begun as {0}.  A document of megabytes can hold a fault
 * in every other byte: of each of the two kinds (errors; warnings and notices)
 * the first FINDINGS_KEPT are kept, and then one error says that there are more.
 */
#define FINDINGS_KEPT	1000

typedef struct Findings
{
	List	   *list;			/* of Finding *, in the order of their discovery */
	int			errors;			/* number of errors, those not kept included */
	int			others;			/* the same of warnings and notices */
} Findings;

/*
 * finding_add
 *		Adds one.  "at" gives line and column (may be NULL); an error whose
 *		"hint" is NULL gets the general one of its SQLSTATE, if there is one;
 *		the rest is a format.  Everything is copied into the current
 *		context, so the caller may free its path.
 */
extern void finding_add(Findings *findings, FindingSeverity severity, int sqlstate,
						const SpecNode *at, const char *path, const char *hint,
						const char *fmt,...) pg_attribute_printf(7, 8);

/* adds all of "more", which must not be used any longer, at the end */
extern void findings_append(Findings *findings, Findings *more);

/* sorts by line, column, path (stable) */
extern void findings_sort(Findings *findings);

/*
 * findings_raise
 *		Raises one ERROR that carries all errors of the list in its DETAIL
 *		("line 3, column 7: path: message"; the first one's hint as HINT), its
 *		statement hidden from the log; SQLSTATE is that of the only error, or
 *		ERRCODE_PGOPS_INVALID_DOCUMENT if there are several.  Warnings are
 *		emitted as WARNING before.  Returns if there is no error.  "what" is
 *		what has the errors ("cluster document").
 */
extern void findings_raise(Findings *findings, const char *what);

/* "ERROR", "WARNING", "NOTICE" as lower-case text for SQL */
extern const char *finding_severity_name(FindingSeverity severity);

#endif							/* PGOPS_SPEC_FINDING_H */
