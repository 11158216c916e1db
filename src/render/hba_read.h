/*
 * hba_read.h
 *		The text of a pg_hba.conf as declared rules: the reverse of hba.c.
 *
 * Pure.  Which of the rules can be said by user, db, addr and auth is only
 * proposed here; whether such a rule becomes the very lines again is for the
 * caller to see, by rendering it (render_hba_rule()).
 *
 * Not for: whether the server accepts the text (io/hba.h).
 */
#ifndef PGOPS_RENDER_HBA_READ_H
#define PGOPS_RENDER_HBA_READ_H

#include "nodes/pg_list.h"

#include "spec/node.h"

/* lines that stand together, below their comment */
typedef struct HbaUnit
{
	char	   *title;			/* the comment, or NULL */
	const char *role;			/* as pgops wrote it: where the rule is live */
	List	   *lines;			/* of char *: each a rule */
	bool		raw;			/* declared as lines */
} HbaUnit;

typedef struct HbaFile
{
	bool		ours;			/* pgops wrote it: what is declared must give its bytes */
	List	   *units;			/* of HbaUnit * */
} HbaFile;

/*
 * hba_read
 *		Takes a text apart.  "dbsu", "method": the superuser's local rule, which
 *		is left out where it stands first, as every file that pgops writes
 *		begins with it.  Comments that do not stand directly above a rule are
 *		lost, and so is the layout of a file that pgops did not write.
 */
extern HbaFile *hba_read(const char *text, const char *dbsu, const char *method);

/* the unit as an entry of pg_hba_rules, by its lines if it is raw */
extern SpecNode *hba_unit_node(const HbaUnit *unit, const char *dbsu);

/* whether "lines" (of char *) are those of the unit: in a file of ours to the byte,
 * else word for word */
extern bool hba_unit_matches(const HbaFile *file, const HbaUnit *unit, List *lines);

#endif							/* PGOPS_RENDER_HBA_READ_H */
