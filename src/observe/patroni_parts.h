/*
 * patroni_parts.h
 *		Private to observe/patroni_*.c: values out of an answer, each looked at
 *		before it is believed.
 *
 * All of them take the map, a key, and where to say what is wrong: *problem stays
 * what it is (the first problem is the one that is told) unless it is NULL and the value
 * is not of its type.  A key that is missing or null is no problem.
 */
#ifndef PGOPS_OBSERVE_PATRONI_PARTS_H
#define PGOPS_OBSERVE_PATRONI_PARTS_H

#include "observe/patroni.h"

/* NULL: not there */
extern char *patroni_text(const SpecNode *map, const char *key, char **problem);

/* one within min and max; "missing" if it is not there */
extern int64 patroni_number(const SpecNode *map, const char *key, int64 min, int64 max,
							int64 missing, char **problem);

/* false: not there */
extern bool patroni_bool(const SpecNode *map, const char *key, char **problem);

/* a place in the WAL, which Patroni gives as a number of bytes, as X/Y; NULL: not there */
extern char *patroni_lsn(const SpecNode *map, const char *key, char **problem);

/* a map or a list; NULL: not there */
extern SpecNode *patroni_part(const SpecNode *map, const char *key, SpecKind kind,
							  char **problem);

/* what Patroni calls a role, of a member or a node */
extern PatroniRole patroni_role(const SpecNode *map, const char *key, char **problem);

/* the text of an answer as a tree of the kind; NULL and *problem: it is none */
extern SpecNode *patroni_parse(const char *text, SpecKind kind, char **problem);

/* the answer as it was read; NULL if there is a problem, which becomes a sentence */
extern void *patroni_accept(void *answer, char **problem);

#endif							/* PGOPS_OBSERVE_PATRONI_PARTS_H */
