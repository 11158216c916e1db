/*
 * place.h
 *		Secrets by name: "pgbackrest_repo.minio.s3_key_secret" and
 *		"pg_users[app].password" are places in a body, written as in the
 *		columns name and path of pgops.secret.
 *
 * Not for: storing what was changed.
 */
#ifndef PGOPS_CMDB_PLACE_H
#define PGOPS_CMDB_PLACE_H

#include "spec/inventory.h"

/*
 * place_set_secret
 *		Puts a secret at a place of a body ({hosts, vars}), in the variables of
 *		a host or (NULL) in its own; value NULL takes it away.  What the place
 *		lies in must be declared.  Raises ERRCODE_INVALID_PARAMETER_VALUE if
 *		the place is none of a secret, ERRCODE_UNDEFINED_OBJECT if what it lies
 *		in is not there.
 */
extern void place_set_secret(SpecNode *body, const char *host, const char *name,
							 const char *value);

/*
 * place_set_role_password
 *		Puts the password of a role where the declaration of a group has it:
 *		into its entry of pg_users or pg_default_roles, or into the parameter of
 *		a system user.  "body" is the group's, to be changed.  Raises
 *		ERRCODE_UNDEFINED_OBJECT if the role is not declared, and
 *		ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE if it is declared at another
 *		level than the group's, or by reference.  Returns the place.
 */
extern char *place_set_role_password(const Inventory *inventory, const InventoryGroup *group,
									 SpecNode *body, const char *role, const char *password);

#endif							/* PGOPS_CMDB_PLACE_H */
