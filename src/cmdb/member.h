/*
 * member.h
 *		Which declared instance a server is that Patroni runs.
 *
 * Private to the identity of a server (identity.c).  Not for: whether it may
 * act (ops/guard.h).
 */
#ifndef PGOPS_CMDB_MEMBER_H
#define PGOPS_CMDB_MEMBER_H

#include "cmdb/query.h"

/* who runs this server: that is observed (observe/patroni_found.c), and this folder observes nothing */
typedef struct CmdbRunner
{
	bool		patroni;
	char		member[NAMEDATALEN];	/* name that Patroni has for this server; empty: not known */
} CmdbRunner;

/* set when the library is loaded; NULL: nobody is known to run servers */
extern void (*cmdb_runner) (CmdbRunner *runner);

typedef struct CmdbMember
{
	bool		managed;		/* Patroni runs this server */
	char	   *instance;		/* NULL: not known, or Patroni does not run this server */
	char	   *reason;			/* why it is not known, for people; else NULL */
	char	   *hint;
} CmdbMember;

/*
 * cmdb_member
 *		Of the instances of the declared cluster that has Patroni's scope as its name
 *		(cluster_name; pg_cluster, or pg_shard of Citus) the one whose host is an address of this
 *		machine and whose pg_port is this server's port; else the one that has the name of Patroni's
 *		member.  Strings are in query->caller.
 */
extern void cmdb_member(CmdbQuery *query, CmdbMember *member);

#endif							/* PGOPS_CMDB_MEMBER_H */
