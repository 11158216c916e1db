/*
 * roles.c
 *		Observed roles, their memberships and settings, in three queries.
 *
 * Not for: privileges of roles on objects (acl.c).
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "utils/hsearch.h"
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

/*
 * Memberships and settings come unjoined and unsorted: with ten thousand of
 * them, finding names by oid and sorting the few of each role takes a fraction
 * of what joins and one large sort take.
 *
 * Membership options are columns since 16, and a pair may have several grantors.
 */
static const ObserveVariant membership_queries[] = {
	{15, 15,
		"SELECT m.roleid, m.member, m.grantor, m.admin_option,"
		" NULL::pg_catalog.bool, NULL::pg_catalog.bool"
	" FROM pg_catalog.pg_auth_members m"},
	{16, OBSERVE_NO_LIMIT,
		"SELECT m.roleid, m.member, m.grantor, m.admin_option,"
		" m.set_option, m.inherit_option"
	" FROM pg_catalog.pg_auth_members m"},
	{0, 0, NULL}
};

/* settings of a role in all databases (its name is null then), or in one */
static const char setting_query[] =
"SELECT s.setrole, s.setconfig, s.setdatabase, d.datname"
" FROM pg_catalog.pg_db_role_setting s"
" LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase"
" WHERE s.setrole <> 0";

typedef struct OidEntry
{
	Oid			oid;			/* key */
	char	   *name;
	Role	   *role;			/* NULL: a pg_* role */
} OidEntry;

typedef struct RoleReader
{
	ServerState *snapshot;
	HTAB	   *by_oid;			/* of OidEntry: all roles, pg_* ones too */
} RoleReader;

/*
 * NULL for a role that is not there: until PostgreSQL 15 the grantor of a
 * membership may be one that was dropped since.
 */
static OidEntry *
find_oid(RoleReader *reader, Oid oid)
{
	return hash_search(reader->by_oid, &oid, HASH_FIND, NULL);
}

/* pg_* roles have no Role of their own, but they are groups and grantors. */
static void
remember_oid(RoleReader *reader, Oid oid, char *name, Role *role)
{
	OidEntry   *entry = hash_search(reader->by_oid, &oid, HASH_ENTER, NULL);

	entry->name = name;
	entry->role = role;
}

/*
 * A role without an expiration date and one that expires at infinity are one and
 * the same to the server, so both are DT_NOEND.  The password is the verifier as
 * stored: comparing is all that is done with it, it is never shown.
 */
static void
add_role(CmdbQuery *query, uint64 row, void *arg)
{
	RoleReader *reader = arg;
	ServerState *snapshot = reader->snapshot;
	Oid			oid = cmdb_oid(row, ROLE_COLUMN_OID);
	char	   *name = cmdb_text(query, row, ROLE_COLUMN_NAME);
	Role	   *role;
	Datum		until;
	bool		isnull;

	if (observe_is_reserved(name))
	{
		snapshot->system_roles = lappend(snapshot->system_roles, name);
		remember_oid(reader, oid, name, NULL);
		return;
	}

	role = palloc0(sizeof(Role));
	role->name = name;
	role->state = STATE_CREATE;
	role->set = PG_UINT32_MAX;
	role->oid = oid;
	role->connlimit = cmdb_int4(row, ROLE_COLUMN_CONNLIMIT);
	until = cmdb_datum(row, ROLE_COLUMN_VALIDUNTIL, &isnull);
	role->valid_until = isnull ? DT_NOEND : DatumGetTimestampTz(until);
	role->password = cmdb_text(query, row, ROLE_COLUMN_PASSWORD);
	role->comment = cmdb_text(query, row, ROLE_COLUMN_COMMENT);
	for (int flag = 0; flag < ROLE_NFLAGS; flag++)
		role->flags[flag] = cmdb_bool(row, ROLE_COLUMN_FLAGS + flag);
	snapshot->roles = lappend(snapshot->roles, role);
	remember_oid(reader, oid, name, role);

	if (oid == BOOTSTRAP_SUPERUSERID)
		snapshot->bootstrap_superuser = role->name;
}

/*
 * Options that this version does not have are NULL in the query, and unset here.
 */
static Tri
row_tri(uint64 row, int column)
{
	bool		isnull;
	Datum		value = cmdb_datum(row, column, &isnull);

	if (isnull)
		return TRI_UNSET;
	return DatumGetBool(value) ? TRI_TRUE : TRI_FALSE;
}

/* memberships of pg_* roles in others are the server's own and left out */
static void
add_membership(CmdbQuery *query, uint64 row, void *arg)
{
	RoleReader *reader = arg;
	OidEntry   *group = find_oid(reader, cmdb_oid(row, 1));
	OidEntry   *member = find_oid(reader, cmdb_oid(row, 2));
	OidEntry   *grantor = find_oid(reader, cmdb_oid(row, 3));
	Membership *membership;

	if (group == NULL || member == NULL || member->role == NULL)
		return;
	membership = palloc0(sizeof(Membership));
	membership->role = group->name;
	membership->member = member->name;
	membership->state = STATE_CREATE;
	membership->grantor = grantor ? grantor->name : NULL;	/* 15: may be dropped */
	membership->admin = row_tri(row, 4);
	membership->set_option = row_tri(row, 5);
	membership->inherit = row_tri(row, 6);
	member->role->memberships = lappend(member->role->memberships, membership);
}

/*
 * A row of a role or database that was dropped meanwhile, or of a pg_* role, is
 * left out.
 */
static void
add_role_settings(CmdbQuery *query, uint64 row, void *arg)
{
	RoleReader *reader = arg;
	OidEntry   *owner = find_oid(reader, cmdb_oid(row, 1));
	char	   *database = cmdb_text(query, row, 4);
	RoleInDatabase *place;
	Datum		config;
	bool		isnull;

	config = cmdb_datum(row, 2, &isnull);
	if (owner == NULL || owner->role == NULL || isnull)
		return;
	if (!OidIsValid(cmdb_oid(row, 3)))
		owner->role->settings = observe_settings(config);
	else if (database != NULL)
	{
		place = palloc0(sizeof(RoleInDatabase));
		place->database = database;
		place->settings = observe_settings(config);
		owner->role->in_databases = lappend(owner->role->in_databases, place);
	}
}

static int
compare_in_databases(const ListCell *a, const ListCell *b)
{
	return strcmp(((RoleInDatabase *) lfirst(a))->database,
				  ((RoleInDatabase *) lfirst(b))->database);
}

/* By group and grantor: since 16 one pair may be there several times. */
static int
compare_memberships(const ListCell *a, const ListCell *b)
{
	const Membership *left = lfirst(a);
	const Membership *right = lfirst(b);
	int			order = strcmp(left->role, right->role);

	if (order == 0)
		order = strcmp(left->grantor ? left->grantor : "",
					   right->grantor ? right->grantor : "");
	return order;
}

/*
 * The order of the queries matters: memberships and settings are attached to the
 * roles that the first one brought.
 */
void
observe_roles(CmdbQuery *query, ServerState *snapshot)
{
	RoleReader	reader;
	HASHCTL		control;
	ListCell   *cell;

	MemSet(&control, 0, sizeof(control));
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(OidEntry);
	control.hcxt = query->caller;
	reader.snapshot = snapshot;
	reader.by_oid = hash_create("pgops roles by oid", 256, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	cmdb_look(query, role_query, add_role, &reader);
	cmdb_look(query, observe_variant(membership_queries), add_membership, &reader);
	cmdb_look(query, setting_query, add_role_settings, &reader);
	hash_destroy(reader.by_oid);

	/* one order whatever the heap's: a plan must not change with it */
	foreach(cell, snapshot->roles)
	{
		list_sort(((Role *) lfirst(cell))->memberships, compare_memberships);
		list_sort(((Role *) lfirst(cell))->in_databases, compare_in_databases);
	}
}

/*
 * The server keeps these dependencies for DROP ROLE's own sake, of all
 * databases in one shared catalog.  What depends on a role as a whole object of
 * the server (dbid 0) is released in any database.
 */
static const char dependent_query[] =
"SELECT a.rolname, d.datname"
" FROM pg_catalog.pg_shdepend s"
" JOIN pg_catalog.pg_authid a ON a.oid = s.refobjid"
" JOIN pg_catalog.pg_database d ON d.oid = s.dbid"
" WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass"
" GROUP BY a.rolname, d.datname";

static void
add_dependent(CmdbQuery *query, uint64 row, void *arg)
{
	Role	   *role = snapshot_role(arg, cmdb_text(query, row, 1));

	if (role != NULL)
		role->databases = lappend(role->databases, cmdb_text(query, row, 2));
}

/*
 * Not part of observe_roles(): with a thousand databases it is the largest of
 * the shared catalogs, and only a plan that removes roles wants to know.
 */
void
observe_dependents(ServerState *snapshot)
{
	CmdbQuery	query;

	if (snapshot->dependents_known)
		return;
	cmdb_begin(&query);
	cmdb_look(&query, dependent_query, add_dependent, snapshot);
	cmdb_end(&query);
	snapshot->dependents_known = true;
}
