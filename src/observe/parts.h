/*
 * parts.h
 *		What the files of observe/ share among themselves.
 *
 * Not for: other folders, which use snapshot.h.
 */
#ifndef PGOPS_OBSERVE_PARTS_H
#define PGOPS_OBSERVE_PARTS_H

#include "cmdb/query.h"
#include "observe/snapshot.h"
#include "observe/variant.h"

/* roles.c: roles, system_roles, bootstrap_superuser, memberships, role settings */
extern void observe_roles(CmdbQuery *query, ServerState *snapshot);

/* databases.c: databases, their settings, tablespaces */
extern void observe_databases(CmdbQuery *query, ServerState *snapshot);

/*
 * observe_settings
 *		List of Setting * from a pg_db_role_setting.setconfig (text[] of
 *		"name=value"), in its order.
 */
extern List *observe_settings(Datum setconfig);

/* setting_start.c: why the server would not start with a value, palloc'd, and a hint; or NULL */
extern char *observe_start_problem(const Setting *setting, char **hint);

/* local_codec.c: appends a LocalState in transport form */
extern void observe_local_encode(StringInfo out, const LocalState *local);

/* whether a name is one of those only the server makes (pg_...) */
extern bool observe_is_reserved(const char *name);

#endif							/* PGOPS_OBSERVE_PARTS_H */
