/*
 * databases.c
 *		Observed databases with their settings, and the tablespaces, in three
 *		queries.
 *
 * Not for: what is inside a database (local.c).
 */
#include "postgres.h"

#include "observe/parts.h"

/* datconnlimit of a database whose DROP was interrupted: only DROP works on it */
#define CONNLIMIT_INVALID	(-2)

/* columns of the database queries */
enum
{
	DATABASE_COLUMN_OID = 1,
	DATABASE_COLUMN_NAME,
	DATABASE_COLUMN_OWNER_OID,
	DATABASE_COLUMN_OWNER,
	DATABASE_COLUMN_ENCODING,
	DATABASE_COLUMN_COLLATE,
	DATABASE_COLUMN_CTYPE,
	DATABASE_COLUMN_TABLESPACE,
	DATABASE_COLUMN_IS_TEMPLATE,
	DATABASE_COLUMN_ALLOWCONN,
	DATABASE_COLUMN_CONNLIMIT,
	DATABASE_COLUMN_COMMENT,
	DATABASE_COLUMN_ACL,
	DATABASE_COLUMN_PROVIDER,
	DATABASE_COLUMN_PROVIDER_LOCALE,
	DATABASE_COLUMN_ICU_RULES
};

#define DATABASE_SELECT \
	"SELECT d.oid, d.datname, d.datdba, a.rolname," \
	" pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype," \
	" t.spcname, d.datistemplate, d.datallowconn, d.datconnlimit," \
	" c.description, d.datacl, d.datlocprovider::pg_catalog.text,"

#define DATABASE_FROM \
	" FROM pg_catalog.pg_database d" \
	" LEFT JOIN pg_catalog.pg_authid a ON a.oid = d.datdba" \
	" LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace" \
	" LEFT JOIN pg_catalog.pg_shdescription c" \
	" ON c.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND c.objoid = d.oid" \
	" ORDER BY d.datname"

/* the provider's locale was ICU's alone until 17; ICU rules came in 16 */
static const ObserveVariant database_queries[] = {
	{15, 15, DATABASE_SELECT " d.daticulocale, NULL::pg_catalog.text" DATABASE_FROM},
	{16, 16, DATABASE_SELECT " d.daticulocale, d.daticurules" DATABASE_FROM},
	{17, OBSERVE_NO_LIMIT, DATABASE_SELECT " d.datlocale, d.daticurules" DATABASE_FROM},
	{0, 0, NULL}
};

/* settings of a database for all roles */
static const char setting_query[] =
"SELECT d.datname, s.setconfig"
" FROM pg_catalog.pg_db_role_setting s"
" JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase"
" WHERE s.setrole = 0";

static const char tablespace_query[] =
"SELECT t.spcname FROM pg_catalog.pg_tablespace t ORDER BY t.spcname";

/* providers by pg_database.datlocprovider */
static const struct
{
	char		letter;
	const char *name;
}			providers[] = {
	{'c', "libc"},
	{'i', "icu"},
	{'b', "builtin"},
};

/*
 * Which column holds what depends on the provider.  A locale of a provider that
 * this table does not know is left NULL: then nothing is compared with it.
 */
static void
fill_locale(Database *database, CmdbQuery *query, uint64 row)
{
	char	   *letter = cmdb_text(query, row, DATABASE_COLUMN_PROVIDER);
	char	   *locale = cmdb_text(query, row, DATABASE_COLUMN_PROVIDER_LOCALE);

	database->lc_collate = cmdb_text(query, row, DATABASE_COLUMN_COLLATE);
	database->lc_ctype = cmdb_text(query, row, DATABASE_COLUMN_CTYPE);
	database->icu_rules = cmdb_text(query, row, DATABASE_COLUMN_ICU_RULES);
	for (int i = 0; i < lengthof(providers); i++)
	{
		if (letter && letter[0] == providers[i].letter)
			database->locale_provider = pstrdup(providers[i].name);
	}
	if (letter && letter[0] == 'i')
		database->icu_locale = locale;
	else if (letter && letter[0] == 'b')
		database->builtin_locale = locale;
}

/*
 * LEFT JOINs on owner and tablespace: a catalog that lost one of them must still
 * show the database.  An invalid database (left by an interrupted DROP) has a
 * connection limit that no ALTER can set, so the flag is read from that.
 */
static void
add_database(CmdbQuery *query, uint64 row, void *arg)
{
	ServerState *snapshot = arg;
	Database   *database = palloc0(sizeof(Database));
	Datum		acl;
	bool		isnull;

	database->name = cmdb_text(query, row, DATABASE_COLUMN_NAME);
	database->state = STATE_CREATE;
	database->set = PG_UINT32_MAX;
	database->oid = cmdb_oid(row, DATABASE_COLUMN_OID);
	database->owner = cmdb_text(query, row, DATABASE_COLUMN_OWNER);
	database->encoding = cmdb_text(query, row, DATABASE_COLUMN_ENCODING);
	database->tablespace = cmdb_text(query, row, DATABASE_COLUMN_TABLESPACE);
	database->is_template = cmdb_bool(row, DATABASE_COLUMN_IS_TEMPLATE);
	database->allowconn = cmdb_bool(row, DATABASE_COLUMN_ALLOWCONN);
	database->connlimit = cmdb_int4(row, DATABASE_COLUMN_CONNLIMIT);
	database->invalid = database->connlimit == CONNLIMIT_INVALID;
	database->comment = cmdb_text(query, row, DATABASE_COLUMN_COMMENT);
	fill_locale(database, query, row);

	acl = cmdb_datum(row, DATABASE_COLUMN_ACL, &isnull);
	database->acl = observe_acl(acl, isnull, 'd',
								cmdb_oid(row, DATABASE_COLUMN_OWNER_OID));
	snapshot->databases = lappend(snapshot->databases, database);
}

/* Settings for one role in one database (setrole <> 0) are the role's: see roles.c. */
static void
add_database_settings(CmdbQuery *query, uint64 row, void *arg)
{
	ServerState *snapshot = arg;
	Database   *database = snapshot_database(snapshot, cmdb_text(query, row, 1));
	Datum		config;
	bool		isnull;

	config = cmdb_datum(row, 2, &isnull);
	if (database && !isnull)
		database->settings = observe_settings(config);
}

static void
add_tablespace(CmdbQuery *query, uint64 row, void *arg)
{
	ServerState *snapshot = arg;

	snapshot->tablespaces = lappend(snapshot->tablespaces, cmdb_text(query, row, 1));
}

/* All databases in three queries, however many there are, under one snapshot. */
void
observe_databases(CmdbQuery *query, ServerState *snapshot)
{
	cmdb_look(query, observe_variant(database_queries), add_database, snapshot);
	cmdb_look(query, setting_query, add_database_settings, snapshot);
	cmdb_look(query, tablespace_query, add_tablespace, snapshot);
}
