/*
 * default_privilege.h
 *		What default privileges there are, as data, and one declared one, read
 *		by the server's own grammar; and likewise a privilege on one database
 *		or schema.
 *
 * Not for: for which roles and in which databases they are set (plan/).
 */
#ifndef PGOPS_SPEC_DEFAULT_PRIVILEGE_H
#define PGOPS_SPEC_DEFAULT_PRIVILEGE_H

#include "spec/model.h"

/* a privilege on a kind of object, and what is built in besides the owner's */
typedef struct TypePrivilege
{
	char		objtype;		/* letter of pg_default_acl */
	const char *privilege;
	int			min_major;		/* first server version that has it */
	bool		to_public;		/* PUBLIC has it if nothing else is said */
} TypePrivilege;

/* the table ends with privilege NULL */
extern const TypePrivilege type_privileges[];

/* "TABLES" for 'r' and so on */
extern const char *default_privilege_keyword(char objtype);

/* why a text is no default privilege */
typedef struct DefaultPrivilegeProblem
{
	int			sqlstate;
	char	   *message;
	const char *hint;
} DefaultPrivilegeProblem;

/*
 * default_privilege_parse
 *		Reads what follows ALTER DEFAULT PRIVILEGES.  NULL, and the problem, if
 *		it is not exactly one GRANT or REVOKE that pgops can keep.  Every
 *		version reads what any supported version has; whether this server has
 *		it is for the plan to say.  The result's "text" is not set: it depends
 *		on what the names stand for.
 */
extern DefaultPrivilege *default_privilege_parse(const char *str,
												 DefaultPrivilegeProblem *problem);

/* the same for one of a database's own, before which FOR ROLE and IN SCHEMA may stand */
extern DefaultPrivilege *own_default_privilege_parse(const char *str,
													 DefaultPrivilegeProblem *problem);

/*
 * object_privilege_parse
 *		The same for a clause about one object, which does not name it: "GRANT
 *		CONNECT TO app".  objtype: 'd' database, 'n' schema.
 */
extern DefaultPrivilege *object_privilege_parse(const char *str, char objtype,
												DefaultPrivilegeProblem *problem);

#endif							/* PGOPS_SPEC_DEFAULT_PRIVILEGE_H */
