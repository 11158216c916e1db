/*
 * expiration.c
 *		expire_in of roles: days from when it was first declared.
 *
 * Not for: expire_at, which is a date already (model).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cmdb/cmdb.h"
#include "cmdb/query.h"

static const CmdbColumn role_columns[] = {
	{"name", TEXTOID}, {"days", TEXTOID}, {"ordinal", INT4OID}
};

/*
 * Midnight UTC, with its offset in the text: the date must not depend on the
 * time zone of whoever declares, nor of the worker that says VALID UNTIL.
 */
#define RESOLVED \
	"COALESCE(r.resolved," \
	" to_char((now() AT TIME ZONE 'UTC')::date + n.days::integer, 'YYYY-MM-DD')" \
	" || ' 00:00:00+00')"

#define REMEMBERED \
	"LEFT JOIN pgops.resolution AS r ON r.cluster = $1 AND r.kind = 'role'" \
	" AND r.name = n.name AND r.attribute = 'expire_in' AND r.declared = n.days"

/*
 * The ordinal in the set is the place in "roles": rows come back in any order,
 * and looking each role up by name would be quadratic.
 */
static void
read_resolved(CmdbQuery *query, CmdbRow *args, List *roles)
{
	uint64		count = cmdb_run(query,
								 "SELECT e.ordinal, e.resolved, e.resolved::timestamptz"
								 " FROM (SELECT n.ordinal, " RESOLVED " AS resolved"
								 "  FROM new_role AS n " REMEMBERED ") AS e", args);

	for (uint64 i = 0; i < count; i++)
	{
		Role	   *role = list_nth(roles, cmdb_int4(i, 1));

		role->valid_until_text = cmdb_text(query, i, 2);
		role->valid_until = cmdb_time(i, 3);
		role->set |= ROLE_SET_VALIDUNTIL;
	}
}

/* a role that no longer declares it would start anew */
static void
remember(CmdbQuery *query, CmdbRow *args)
{
	cmdb_run(query,
			 "DELETE FROM pgops.resolution AS r"
			 " WHERE r.cluster = $1 AND r.kind = 'role' AND r.attribute = 'expire_in'"
			 " AND NOT EXISTS (SELECT FROM new_role AS n"
			 "  WHERE n.name = r.name AND n.days = r.declared)", args);
	cmdb_run(query,
			 "INSERT INTO pgops.resolution (cluster, kind, name, attribute, declared, resolved)"
			 " SELECT DISTINCT ON (n.name) $1, 'role', n.name, 'expire_in', n.days, " RESOLVED
			 " FROM new_role AS n " REMEMBERED
			 " WHERE r.name IS NULL"
			 " ORDER BY n.name, n.ordinal DESC"
			 " ON CONFLICT DO NOTHING", args);
}

/*
 * "store" only where a declaration is being stored: a dry run, a plan and a pass
 * must not start anybody's days.  Without a remembered date they count from
 * today, which is what storing it now would make of them.
 */
void
cmdb_resolve_expirations(const char *cluster, List *roles, bool store)
{
	CmdbQuery	query;
	CmdbRowSet *set;
	CmdbRow		args = {0};
	int			found = 0;

	cmdb_begin(&query);
	set = cmdb_row_set(&query, "new_role", role_columns, lengthof(role_columns));
	for (int i = 0; i < list_length(roles); i++)
	{
		Role	   *role = list_nth(roles, i);
		CmdbRow		row = {0};

		if (role->expire_in == 0)
			continue;
		cmdb_put_text(&row, role->name);
		cmdb_put_text(&row, psprintf("%d", role->expire_in));
		cmdb_put_int4(&row, i);
		cmdb_row_set_add(set, &row);
		found++;
	}

	cmdb_put_text(&args, cluster);
	if (store)
		remember(&query, &args);
	if (found > 0)
		read_resolved(&query, &args, roles);
	cmdb_end(&query);
}
