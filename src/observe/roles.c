/*
 * roles.c
 *		Observed roles, their memberships and settings, in three queries.
 *
 * Not for: privileges of roles on objects (acl.c).
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "utils/timestamp.h"

#include "observe/parts.h"

/* columns of role_query; the flags follow the order of RoleFlag */
enum
{
	ROLE_COLUMN_OID = 1,
	ROLE_COLUMN_NAME,
	ROLE_COLUMN_CONNLIMIT,
	ROLE_COLUMN_VALIDUNTIL,
	ROLE_COLUMN_PASSWORD,
	ROLE_COLUMN_COMMENT,
	ROLE_COLUMN_FLAGS
};

static const char role_query[] =
"SELECT a.oid, a.rolname, a.rolconnlimit, a.rolvaliduntil, a.rolpassword, d.description,"
" a.rolsuper, a.rolcreatedb, a.rolcreaterole, a.rolinherit, a.rolcanlogin,"
" a.rolreplication, a.rolbypassrls"
" FROM pg_catalog.pg_authid a"
" LEFT JOIN pg_catalog.pg_shdescription d"
" ON d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.objoid = a.oid"
" ORDER BY a.rolname";

/* membership options are columns since 16, and a pair may have several grantors */
static const ObserveVariant membership_queries[] = {
	{15, 15,
		"SELECT g.rolname, u.rolname, b.rolname, m.admin_option,"
		" NULL::pg_catalog.bool, NULL::pg_catalog.bool"
		" FROM pg_catalog.pg_auth_members m"
		" JOIN pg_catalog.pg_authid g ON g.oid = m.roleid"
		" JOIN pg_catalog.pg_authid u ON u.oid = m.member"
		" LEFT JOIN pg_catalog.pg_authid b ON b.oid = m.grantor"
	" ORDER BY 2, 1, 3"},
	{16, OBSERVE_NO_LIMIT,
		"SELECT g.rolname, u.rolname, b.rolname, m.admin_option,"
		" m.set_option, m.inherit_option"
		" FROM pg_catalog.pg_auth_members m"
		" JOIN pg_catalog.pg_authid g ON g.oid = m.roleid"
		" JOIN pg_catalog.pg_authid u ON u.oid = m.member"
		" LEFT JOIN pg_catalog.pg_authid b ON b.oid = m.grantor"
	" ORDER BY 2, 1, 3"},
	{0, 0, NULL}
};

/* settings of a role in all databases; those for one database are not pgops' */
static const char setting_query[] =
"SELECT a.rolname, c.element"
" FROM pg_catalog.pg_db_role_setting s"
" JOIN pg_catalog.pg_authid a ON a.oid = s.setrole,"
" LATERAL pg_catalog.unnest(s.setconfig) WITH ORDINALITY AS c(element, place)"
" WHERE s.setdatabase = 0"
" ORDER BY a.rolname, c.place";

static void
add_role(const ObserveRow *row, void *arg)
{
	ServerState *snapshot = arg;
	char	   *name = observe_row_text(row, ROLE_COLUMN_NAME);
	Role	   *role;
	Datum		until;
	bool		isnull;

	if (observe_is_reserved(name))
	{
		snapshot->system_roles = lappend(snapshot->system_roles, name);
		return;
	}

	role = palloc0(sizeof(Role));
	role->name = name;
	role->state = STATE_CREATE;
	role->set = PG_UINT32_MAX;
	role->oid = observe_row_oid(row, ROLE_COLUMN_OID);
	role->connlimit = observe_row_int(row, ROLE_COLUMN_CONNLIMIT);
	until = observe_row_datum(row, ROLE_COLUMN_VALIDUNTIL, &isnull);
	role->valid_until = isnull ? DT_NOEND : DatumGetTimestampTz(until);
	role->password = observe_row_text(row, ROLE_COLUMN_PASSWORD);
	role->comment = observe_row_text(row, ROLE_COLUMN_COMMENT);
	for (int flag = 0; flag < ROLE_NFLAGS; flag++)
		role->flags[flag] = observe_row_bool(row, ROLE_COLUMN_FLAGS + flag);
	snapshot->roles = lappend(snapshot->roles, role);

	if (role->oid == BOOTSTRAP_SUPERUSERID)
		snapshot->bootstrap_superuser = role->name;
}

static Tri
row_tri(const ObserveRow *row, int column)
{
	bool		isnull;
	Datum		value = observe_row_datum(row, column, &isnull);

	if (isnull)
		return TRI_UNSET;
	return DatumGetBool(value) ? TRI_TRUE : TRI_FALSE;
}

/* memberships of pg_* roles in others are the server's own and left out */
static void
add_membership(const ObserveRow *row, void *arg)
{
	ServerState *snapshot = arg;
	char	   *member = observe_row_text(row, 2);
	Role	   *role = snapshot_role(snapshot, member);
	Membership *membership;

	if (role == NULL)
		return;
	membership = palloc0(sizeof(Membership));
	membership->role = observe_row_text(row, 1);
	membership->member = member;
	membership->state = STATE_CREATE;
	membership->grantor = observe_row_text(row, 3);
	membership->admin = row_tri(row, 4);
	membership->set_option = row_tri(row, 5);
	membership->inherit = row_tri(row, 6);
	role->memberships = lappend(role->memberships, membership);
}

static void
add_role_setting(const ObserveRow *row, void *arg)
{
	ServerState *snapshot = arg;
	Role	   *role = snapshot_role(snapshot, observe_row_text(row, 1));

	if (role)
		role->settings = lappend(role->settings,
								 observe_setting(observe_row_text(row, 2)));
}

void
observe_roles(ObserveQuery *query, ServerState *snapshot)
{
	observe_rows(query, role_query, add_role, snapshot);
	observe_rows(query, observe_variant(membership_queries), add_membership, snapshot);
	observe_rows(query, setting_query, add_role_setting, snapshot);
}
