/*
 * default_unit.c
 *		How a single default privilege is written where pgops remembers that it
 *		set it.
 *
 * Not for: which ones are set or undone (plan_default_acl.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "plan/default_unit.h"
#include "plan/planner.h"
#include "spec/default_privilege.h"

/*
 * Also the form that plan_default_unit_objtype() and plan_unit_undoable() read
 * back: these texts are stored, so a change of it must keep reading the old one.
 */
char *
plan_default_unit(bool is_grant, const char *privilege, char objtype, const char *grantee,
		  bool grantable)
{
	return psprintf("%s %s ON %s %s %s%s", is_grant ? "GRANT" : "REVOKE", privilege,
					default_privilege_keyword(objtype), is_grant ? "TO" : "FROM",
					plan_grantee(grantee),
					is_grant && grantable ? " WITH GRANT OPTION" : "");
}

/* "IN SCHEMA x " before a unit of a single schema; what plan_default_unit_clause() skips */
char *
plan_default_unit_prefix(const char *schema)
{
	return schema ? psprintf("IN SCHEMA %s ", quote_identifier(schema)) : "";
}

/* A remembered unit without its schema: where GRANT or REVOKE stands. */
const char *
plan_default_unit_clause(const char *unit)
{
	const char *name = unit + strlen("IN SCHEMA ");
	bool		quoted;

	if (strncmp(unit, "IN SCHEMA ", strlen("IN SCHEMA ")) != 0)
		return unit;
	quoted = *name == '"';
	for (name += quoted ? 1 : 0; *name != '\0'; name++)
	{
		if (quoted ? (*name == '"' && *++name != '"') : *name == ' ')
			break;
	}
	return name + strspn(name, " ");
}

/* the kind of object that a remembered unit is about; 0: none that is known */
char
plan_default_unit_objtype(const char *unit)
{
	for (const TypePrivilege *type = type_privileges; type->privilege != NULL; type++)
	{
		char	   *about = psprintf(" %s ON %s ", type->privilege,
									 default_privilege_keyword(type->objtype));

		if (strncmp(unit + strcspn(unit, " "), about, strlen(about)) == 0)
			return type->objtype;
	}
	return 0;
}
