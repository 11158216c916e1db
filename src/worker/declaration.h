/*
 * declaration.h
 *		One declaration by SQL: some groups' bodies are taken, changed and put
 *		back, validated and stored together.
 *
 * What apply_cluster(), apply_inventory(), the writable views, rollback() and
 * set_secret() have in common.  All of it happens in the session's transaction.
 * Not for: how a body is changed.
 */
#ifndef PGOPS_WORKER_DECLARATION_H
#define PGOPS_WORKER_DECLARATION_H

#include "observe/snapshot.h"
#include "spec/finding.h"
#include "spec/inventory.h"

typedef struct Declaration
{
	const char *cluster;		/* the one that was asked for; NULL: all */
	Inventory  *stored;			/* what is declared now (all of it, or what concerns the cluster asked for) */
	Inventory  *declared;		/* what will be; shares with "stored" what is not changed */
	SpecNames  *bodies;			/* what declaration_body() has given out, by name */
	List	   *changed;		/* their names */
	SpecNode   *globals;		/* {vars} of all, if it was given out */
	Findings	findings;
	ServerState *server;		/* by declaration_check(), if the server was looked at; else NULL */
	const char *note;			/* or NULL */
	bool		join;			/* add to the revision that this transaction made already */
	bool		whole;			/* "declared" is all there is (CmdbStoreOptions) */
	bool		prune;
	bool		dry_run;
	bool		incomplete;		/* a cluster may still lack hosts or a primary: the caller looks again at commit */
} Declaration;

/*
 * declaration_begin
 *		Checks that declaring is possible, takes the lock of declarations and
 *		reads what is stored.  cluster: what is to be changed, with everything
 *		that has a say in it (NULL: the whole inventory).  "what" is how errors
 *		call the command ("pgops.set_secret()").
 *		Raises if the server is in recovery or the library is not preloaded.
 */
extern Declaration *declaration_begin(const char *cluster, const char *what);

/*
 * declaration_look
 *		The same for a dry run: nothing is locked, and nothing can be stored.
 */
extern Declaration *declaration_look(const char *cluster);

/*
 * declaration_body
 *		The body {hosts, vars} of a group as it is declared (faithful, plain
 *		secrets and verifiers in it; both maps are there), to be changed in
 *		place; marks it as changed.  The same tree at each call.
 *		Raises ERRCODE_PGOPS_UNKNOWN_CLUSTER if there is no such group.  Only of
 *		the cluster that declaration_begin() was asked for, if it was for one:
 *		of the others not everything was read.
 *		cluster NULL: {vars} of all.
 */
extern SpecNode *declaration_body(Declaration *declaration, const char *cluster);

/*
 * declaration_add
 *		The body of a group that is not declared yet: an empty one, below "all".
 *		Raises ERRCODE_DUPLICATE_OBJECT if there is one of that name.
 */
extern SpecNode *declaration_add(Declaration *declaration, const char *cluster);

/* the whole body of a group, in place of what is declared; the group may be a new one */
extern void declaration_put(Declaration *declaration, const char *cluster, SpecNode *body);

/*
 * declaration_document
 *		A whole inventory from its document, in place of what is declared:
 *		validated, sealed, to be stored.  Findings are collected in
 *		declaration->findings.  dry_run: nothing is locked.
 */
extern Declaration *declaration_document(SpecNode *document, bool dry_run, const char *what);

/*
 * declaration_check_kept
 *		Of a document that takes nothing away: whether the clusters that it does
 *		not have still are good with what it declares.  Adds their errors.
 */
extern void declaration_check_kept(Declaration *declaration);

/*
 * declaration_check
 *		Validates what was changed as a document would be, seals passwords;
 *		findings are collected (paths begin with the group's name, as in
 *		"pg-meta.pg_databases[3].connlimit"; a global variable's with "all"),
 *		nothing is raised.  What only the server can tell (HBA lines, roles that
 *		are nowhere) is looked at for the cluster that is this server's.
 */
extern void declaration_check(Declaration *declaration);

/*
 * declaration_check_rest
 *		What only the server can tell of a body in which validation found errors
 *		("findings"), for a cluster in or to be in "inventory".  *server is
 *		filled if it is NULL.
 */
extern void declaration_check_rest(const Inventory *inventory, const char *cluster,
								   const SpecNode *body, ServerState **server,
								   Findings *findings);

/*
 * declaration_store
 *		Stores what was changed, makes revisions, wakes the coordinator at
 *		commit.  The caller has raised the findings.  Returns a list of
 *		CmdbChange *: empty if nothing differs.  dry_run: only compares.
 */
extern List *declaration_store(Declaration *declaration);

#endif							/* PGOPS_WORKER_DECLARATION_H */
