/*
 * model_document.h
 *		The typed model as a document: the reverse of model_build(), for a
 *		server that was observed.
 *
 * Pure.  What it writes says all that a declaration can say about the server,
 * and switches off what the catalogue would add: declaring it on that server
 * changes nothing, declaring it on an empty one makes an equal one.
 *
 * Not for: hosts and the name of the cluster (worker/), pg_hba.conf
 * (render/hba_read.h), nor how a tree becomes text (yaml_write.h).
 */
#ifndef PGOPS_SPEC_MODEL_DOCUMENT_H
#define PGOPS_SPEC_MODEL_DOCUMENT_H

#include "spec/model.h"

/* an observed server, as far as a document tells of it */
typedef struct ModelServer
{
	int			major;			/* 15 ... 18: which privileges there are */
	const char *dbsu;			/* the bootstrap superuser's real name */
	List	   *roles;			/* of Role *: observed, all but the pg_* ones, by name */
	List	   *system_roles;	/* of char *: names of the pg_* roles */
	List	   *databases;		/* of Database *: observed, with their insides, by name */
} ModelServer;

/*
 * model_document
 *		Adds parameters to the map "vars": pg_default_roles (the bootstrap
 *		superuser), pg_users, pg_databases, what initdb chose, and empty lists
 *		for what the catalogue would add.  Left out: pg_* roles, template0,
 *		databases that are invalid, schemas that an extension's script made,
 *		and pgops itself.  Verifiers of passwords are in it.
 */
extern void model_document(const ModelServer *server, SpecNode *vars);

/*
 * document_role_name
 *		How a role is called in the document: the bootstrap superuser is
 *		"postgres" (pg_dbsu's default), unless there is another role so named.
 */
extern const char *document_role_name(const ModelServer *server, const char *name);

/* ---- private to src/spec/model_document*.c ---- */

extern SpecNode *document_role(const ModelServer *server, const Role *role);
extern SpecNode *document_settings(List *settings);
extern SpecNode *document_database(const ModelServer *server, const Database *database);

/* "a" instead of {name: a} where an entry says nothing but its name */
extern SpecNode *document_short(SpecNode *entry);

/* adds a text to a map, unless it is NULL */
extern void document_put(SpecNode *map, const char *key, const char *value);

/* what an ACL is compared with: what PUBLIC and the owner have without any grant */
typedef struct DocumentAcl
{
	char		objtype;		/* as in type_privileges */
	const char *owner;
	bool		from_nothing;	/* nobody has anything: a default ACL of one schema */
	bool		public_usage;	/* PUBLIC has USAGE: schema public */
	bool		no_temporary;	/* PUBLIC has no TEMPORARY: database template1 */
	const char *prefix;			/* put before each clause: "FOR ROLE a " */
	const char *on;				/* put before TO and FROM: " ON TABLES" */
} DocumentAcl;

/*
 * document_clauses
 *		GRANT and REVOKE clauses that make the built-in privileges what the ACL
 *		says, each text of the result a node.  Who granted is not said.
 */
extern List *document_clauses(const ModelServer *server, const DocumentAcl *base, List *acl);

#endif							/* PGOPS_SPEC_MODEL_DOCUMENT_H */
