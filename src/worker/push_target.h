/*
 * push_target.h
 *		What is to be delivered to other servers, and how to reach them: read
 *		from the declarations, in one transaction, before anybody is called.
 *
 * Not for: calling them (push.h).
 */
#ifndef PGOPS_WORKER_PUSH_TARGET_H
#define PGOPS_WORKER_PUSH_TARGET_H

#include "nodes/pg_list.h"
#include "spec/inventory.h"

/* one instance that may be the primary */
typedef struct PushCandidate
{
	const char *host;
	const char *instance;		/* its name: what pgops.bind() takes there */
	List	   *options;		/* of RemoteOption *, the password among them */
	char	   *password;		/* or NULL; to be wiped */
	int			connect_timeout;	/* seconds; 0: not declared */
} PushCandidate;

typedef struct PushTarget
{
	char	   *cluster;		/* group of the inventory */
	char	   *pg_cluster;		/* cluster in it; mostly the same */
	bool		local;			/* this server's own: nothing to deliver */
	bool		automatic;		/* pgops_push is in effect */
	List	   *candidates;		/* of PushCandidate *, the declared primary first */
	int			sqlstate;		/* 0, or why it cannot be reached at all */
	char	   *problem;
} PushTarget;

/* a group with all that its targets have in common */
typedef struct PushGroup
{
	char	   *cluster;
	int64		generation;
	char	   *note;			/* for the revision there */
	char	   *document;		/* JSON, with secrets; to be wiped */
	List	   *targets;		/* of PushTarget * */
} PushGroup;

/*
 * push_group_load
 *		Reads a declared group; NULL if it is not declared (any more).  Needs a
 *		transaction; result in the current context.
 */
extern PushGroup *push_group_load(const char *cluster);

/* overwrites the secrets in it */
extern void push_group_wipe(PushGroup *group);

/*
 * push_document
 *		The part of an inventory that concerns a group, as JSON: global
 *		variables, the group, those above it, and what else its hosts are in,
 *		with no other hosts.  Without the parameters of the push itself.
 */
extern char *push_document(const Inventory *inventory, const InventoryGroup *group);

#endif							/* PGOPS_WORKER_PUSH_TARGET_H */
