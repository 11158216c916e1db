/*
 * crontab.h
 *		A line of a crontab: when, whose, and which kind of job it amounts to.
 *
 * Pure.  Not for: running commands.  pgops never runs one: a line is either
 * translated into a job, or it is left to cron.
 */
#ifndef PGOPS_SPEC_CRONTAB_H
#define PGOPS_SPEC_CRONTAB_H

#include "spec/cron.h"
#include "spec/node.h"

typedef struct CrontabLine
{
	char	   *expression;
	Cron	   *cron;			/* NULL: "expression" is none */
	char	   *user;			/* NULL: not part of the line */
	char	   *what;			/* kind of job; NULL: "problem" says why not */
	SpecNode   *options;		/* a map */
	char	   *stanza;			/* that pgbackrest is told; NULL: none */
	char	   *problem;		/* never the command itself, which may hold secrets */
} CrontabLine;

/*
 * crontab_parse
 *		Reads a line; NULL for one that says nothing (empty, a comment, a
 *		variable).  with_user: the sixth field is the user.
 */
extern CrontabLine *crontab_parse(const char *line, bool with_user);

#endif							/* PGOPS_SPEC_CRONTAB_H */
