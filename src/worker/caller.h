/*
 * caller.h
 *		Functions that show what is declared: they read the tables with a
 *		superuser's rights, and secrets with the caller's own.
 *
 * The tables are superusers' only, as they hold verifiers and secrets; members
 * of pg_monitor may read documents, masked.  So such functions run with the
 * rights of their caller and take a superuser's only for the tables: a SECURITY
 * DEFINER function could not tell any more who calls it, and that is what
 * decides about secrets.
 */
#ifndef PGOPS_WORKER_CALLER_H
#define PGOPS_WORKER_CALLER_H

#include "postgres.h"

#include "fmgr.h"

/* who we were before reading the tables */
typedef struct Caller
{
	Oid			user;
	int			context;
} Caller;

/*
 * caller_wants_secrets
 *		Whether the boolean argument of that number asks for secrets; ERROR (42501) if
 *		the caller may not have them.
 */
extern bool caller_wants_secrets(FunctionCallInfo fcinfo, int argument);

/*
 * Nothing runs between the two but our own queries.  An error puts the user
 * back with the end of the (sub)transaction.
 */
extern void caller_begin_reading(Caller *caller);
extern void caller_end_reading(const Caller *caller);

#endif							/* PGOPS_WORKER_CALLER_H */
