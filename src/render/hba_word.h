/*
 * hba_word.h
 *		A line of pg_hba.conf as words, and names that are the same.
 *
 * Private to src/render/.
 */
#ifndef PGOPS_RENDER_HBA_WORD_H
#define PGOPS_RENDER_HBA_WORD_H

#include "nodes/pg_list.h"

/* the words of a rule, of char *, with their quotes and without the comment behind it */
extern List *hba_words(const char *line);

/* the next name of a column, without needless quotes; *p is moved behind its comma */
extern char *hba_next_name(const char **p);

/* whether two lists of words are the same rule */
extern bool hba_same_words(List *a, List *b);

#endif							/* PGOPS_RENDER_HBA_WORD_H */
