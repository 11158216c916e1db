/*
 * default_unit.h
 *		How a single default privilege is written where pgops remembers that it
 *		set it: "GRANT SELECT ON TABLES TO app", for one schema with "IN SCHEMA
 *		x " before it.
 *
 * Private to src/plan/.  The texts are stored: what is written in a new form
 * must still be read in the old one.
 */
#ifndef PGOPS_PLAN_DEFAULT_UNIT_H
#define PGOPS_PLAN_DEFAULT_UNIT_H

/* grantee NULL: PUBLIC; palloc'd */
extern char *plan_default_unit(bool is_grant, const char *privilege, char objtype,
							   const char *grantee, bool grantable);

/* "IN SCHEMA x ", "" for NULL */
extern char *plan_default_unit_prefix(const char *schema);

/* the part of a unit from GRANT or REVOKE on; points into it */
extern const char *plan_default_unit_clause(const char *unit);

/* the kind of object that such a part is about; 0: none that is known */
extern char plan_default_unit_objtype(const char *clause);

#endif							/* PGOPS_PLAN_DEFAULT_UNIT_H */
