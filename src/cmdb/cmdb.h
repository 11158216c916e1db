/*
 * cmdb.h
 *		The declarations in tables: storing a cluster document, reading it
 *		back, its revisions, the identity of this server, pauses and approvals.
 *
 * All functions need a transaction and use SPI with search_path pinned to
 * pg_catalog, pg_temp; results are palloc'd in the context current at the call.
 * Not for: the server's actual state (observe/), logs (cmdb/log.h).
 */
#ifndef PGOPS_CMDB_CMDB_H
#define PGOPS_CMDB_CMDB_H

#include "spec/finding.h"
#include "spec/inventory.h"
#include "spec/model.h"
#include "spec/node.h"

/* the verifier that the server has for a role now, or NULL */
typedef const char *(*CmdbVerifierLookup) (const char *role, void *arg);

/*
 * cmdb_seal
 *		Replaces every plain role password in the given groups of "declared"
 *		(users' and default roles' "password", pg_admin_password and the like)
 *		by a SCRAM verifier: the stored one or the server's own where the plain
 *		password matches it.  Wipes the plain text from the tree.  A mask becomes
 *		what is stored.  Adds a warning per well-known default.
 *		groups: names (NIL: none); globals: whether the variables of all are
 *		sealed, too.  "declared" and "stored" must not share the trees concerned.
 */
extern void cmdb_seal(Inventory *declared, const Inventory *stored, const List *groups,
					  bool globals, CmdbVerifierLookup lookup, void *arg,
					  Findings *findings);

/* serialises declarations: waits for another session's transaction that declares */
extern void cmdb_lock_declarations(void);

/* body ({hosts, vars}) of a stored group, faithful, with plain secrets put back; NULL if unknown */
extern SpecNode *cmdb_load_body(const char *cluster);

/* ---- whole inventories ---- */

/* everything that is declared, with plain secrets put back */
extern Inventory *cmdb_load_inventory(void);

/*
 * cmdb_load_scope
 *		Only what has a say in the given group: itself, the groups above it,
 *		other groups with one of its hosts and those above them, the global
 *		variables.  A group that is not stored is simply not in it.
 */
extern Inventory *cmdb_load_scope(const char *group);

/* one difference between what was declared and what is declared now */
typedef struct CmdbChange
{
	const char *group;			/* NULL: all */
	const char *action;			/* added, changed, removed, kept (only reported) */
	const char *path;			/* inside the group; "" is the group itself */
	SpecNode   *old;			/* masked; NULL: was not there */
	SpecNode   *new;			/* masked; NULL: is not there any more */
} CmdbChange;

typedef struct CmdbStoreOptions
{
	const char *note;
	bool		whole;			/* the inventory is all there is: structure and globals count */
	bool		prune;			/* with whole: groups it does not have are deleted */
	bool		join;			/* add to a revision of this same transaction */
	bool		dry_run;		/* only compare */
} CmdbStoreOptions;

/*
 * cmdb_store_inventory
 *		Compares the groups of "declared" (sealed, faithful) with those stored
 *		and writes what differs, with a revision for each group and one named
 *		"all" for globals and structure.  Returns a list of CmdbChange *, empty
 *		if nothing differs, and then nothing was written.
 */
extern List *cmdb_store_inventory(const Inventory *declared, const Inventory *stored,
								  const CmdbStoreOptions *options);

/* copy of a body with every secret replaced by SECRET_MASK */
extern SpecNode *cmdb_mask(const SpecNode *body);

/* the same for a whole inventory that was loaded to be shown, in place */
extern void cmdb_mask_inventory(Inventory *inventory);

/* row of pgops.cluster */
typedef struct CmdbCluster
{
	char	   *name;
	char	   *kind;			/* pgsql is the one that is reconciled */
	int64		generation;		/* rises with each accepted declaration, approve and the like */
	int64		revision;		/* newest revision */
	bool		paused;
	char	   *approved_digest;	/* or NULL */
} CmdbCluster;

extern CmdbCluster *cmdb_cluster(const char *name);	/* NULL if unknown */

/*
 * cmdb_hold_cluster
 *		Whether the cluster of which this generation was read is still declared;
 *		then it stays so until the end of the transaction.  What a pass has found
 *		out about one that was forgotten meanwhile must not be written: nobody
 *		would delete it, and a new one of its name would begin with it.
 */
extern bool cmdb_hold_cluster(const char *name, int64 generation);

/*
 * cmdb_approval_used
 *		Takes an approval back after its steps were carried out, so that the
 *		same ones need a new one another time.  Wakes the coordinator, so call
 *		it only then.
 */
extern void cmdb_approval_used(const char *cluster, const char *digest);

/*
 * cmdb_resolve_expirations
 *		Gives each role with expire_in its date: the remembered one, or today
 *		+ expire_in days, remembered when "store" is true.
 */
extern void cmdb_resolve_expirations(const char *cluster, List *roles, bool store);

/* ---- identity ---- */
typedef enum BindingState
{
	BINDING_BOUND,				/* this server is "instance" and may act */
	BINDING_UNBOUND,			/* not known which instance this is */
	BINDING_CLONED,				/* bound, but to another data directory, host or system */
	BINDING_EMPTY				/* nothing is declared */
} BindingState;

typedef struct Binding
{
	BindingState state;
	char	   *cluster;		/* BOUND: set.  else may be NULL */
	char	   *instance;
	char	   *reason;			/* for people; NULL when bound */
	char	   *hint;
	bool		unrecorded;		/* bound as a member of Patroni's: its row of pgops.identity is another server's, or missing */
} Binding;

/*
 * cmdb_binding
 *		Which instance this server is, from pgops.instance, the identity rows
 *		(instance, system identifier, host, data directory), cluster_name and, under
 *		Patroni, address and port (member.h).  Reads only.
 */
extern Binding *cmdb_binding(void);

/*
 * cmdb_bind_first
 *		At an accepted declaration: writes the identity row when this server is
 *		unbound and either pgops.instance names an instance of the cluster, or the CMDB
 *		declares exactly one pgsql cluster with one instance and no identity
 *		row exists.  Returns the binding afterwards.
 */
extern Binding *cmdb_bind_first(void);

/* writes the identity row of a server that is bound as a member of Patroni's; a primary only */
extern void cmdb_bind_member(const char *instance);

/* claims "instance" for this server (pgops.bind); ERROR if it is not declared */
extern void cmdb_bind(const char *instance);

/* the cluster this server belongs to or, if unbound, the only declared one; NULL if not decidable */
extern char *cmdb_local_cluster(void);

#endif							/* PGOPS_CMDB_CMDB_H */
