/*
 * local_codec.c
 *		A LocalState as bytes, for the way from a database worker back.
 *
 * Names of things inside a database are in that database's encoding and
 * travel as UTF-8.  Names of roles are shared: their bytes are the same in
 * every database, whatever its encoding says, and travel as they are.
 *
 * Not for: reading catalogs (local.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "observe/parts.h"
#include "wire.h"

/* begins each message: changed with the layout */
#define LOCAL_MAGIC		INT64CONST(0x70676c6f63616c33)

/*
 * Whether a name can travel.  Only a database of encoding SQL_ASCII can hold
 * one that cannot; no declaration can mean it, so its object is left out
 * rather than making the whole database unreadable.
 */
static bool
name_is_portable(const char *name)
{
	return GetDatabaseEncoding() != PG_SQL_ASCII ||
		pg_verify_mbstr(PG_UTF8, name, strlen(name), true);
}

/* Grantees and grantors are roles: see above for why they are not converted. */
static void
put_acl(StringInfo out, List *acl)
{
	ListCell   *cell;

	wire_put_int(out, list_length(acl));
	foreach(cell, acl)
	{
		const AclEntry *entry = lfirst(cell);

		wire_put_text(out, entry->grantee);
		wire_put_text(out, entry->grantor);
		wire_put_text(out, entry->privilege);
		wire_put_bool(out, entry->grantable);
	}
}

/*
 * The counterpart of put_acl().  Everything is checked by the reader: a message
 * cut short raises, it is never read beyond.
 */
static List *
get_acl(WireReader *reader)
{
	List	   *acl = NIL;
	int64		count = wire_get_int(reader);

	for (int64 i = 0; i < count; i++)
	{
		AclEntry   *entry = palloc0(sizeof(AclEntry));

		entry->grantee = wire_get_text(reader);
		entry->grantor = wire_get_text(reader);
		entry->privilege = wire_get_text(reader);
		entry->grantable = wire_get_bool(reader);
		acl = lappend(acl, entry);
	}
	return acl;
}

/*
 * The fields of these functions and of their counterparts stand in one order;
 * state and set are the same for everything observed and do not travel.
 */
static void
put_schema(StringInfo out, const Schema *schema)
{
	wire_put_local(out, schema->name);
	wire_put_text(out, schema->owner);
	put_acl(out, schema->acl);
	wire_put_local(out, schema->extension);
}

/* An observed object has all its attributes: every bit of "set" is on. */
static Schema *
get_schema(WireReader *reader)
{
	Schema	   *schema = palloc0(sizeof(Schema));

	schema->name = wire_get_local(reader);
	schema->state = STATE_CREATE;
	schema->set = PG_UINT32_MAX;
	schema->owner = wire_get_text(reader);
	schema->acl = get_acl(reader);
	schema->extension = wire_get_local(reader);
	return schema;
}

static void
put_extension(StringInfo out, const Extension *extension)
{
	ListCell   *cell;

	wire_put_local(out, extension->name);
	wire_put_local(out, extension->schema);
	wire_put_local(out, extension->version);
	wire_put_bool(out, extension->relocatable);
	wire_put_int(out, list_length(extension->requires));
	foreach(cell, extension->requires)
		wire_put_local(out, lfirst(cell));
}

static Extension *
get_extension(WireReader *reader)
{
	Extension  *extension = palloc0(sizeof(Extension));
	int64		count;

	extension->name = wire_get_local(reader);
	extension->state = STATE_CREATE;
	extension->set = PG_UINT32_MAX;
	extension->schema = wire_get_local(reader);
	extension->version = wire_get_local(reader);
	extension->relocatable = wire_get_bool(reader);
	count = wire_get_int(reader);
	for (int64 i = 0; i < count; i++)
		extension->requires = lappend(extension->requires, wire_get_local(reader));
	return extension;
}

/* Schema NULL (all schemas) is a NULL on the way, too, not an empty name. */
static void
put_default_acl(StringInfo out, const DefaultAcl *acl)
{
	wire_put_text(out, acl->role);
	wire_put_local(out, acl->schema);
	wire_put_int(out, acl->objtype);
	put_acl(out, acl->acl);
}

static DefaultAcl *
get_default_acl(WireReader *reader)
{
	DefaultAcl *acl = palloc0(sizeof(DefaultAcl));

	acl->role = wire_get_text(reader);
	acl->schema = wire_get_local(reader);
	acl->objtype = (char) wire_get_int(reader);
	acl->acl = get_acl(reader);
	return acl;
}

/* those of a list of schemas that can travel */
static List *
portable_schemas(List *schemas)
{
	List	   *portable = NIL;
	ListCell   *cell;

	foreach(cell, schemas)
	{
		if (name_is_portable(((Schema *) lfirst(cell))->name))
			portable = lappend(portable, lfirst(cell));
	}
	return portable;
}

/* likewise default ACLs, which name their schema */
static List *
portable_default_acls(List *acls)
{
	List	   *portable = NIL;
	ListCell   *cell;

	foreach(cell, acls)
	{
		const DefaultAcl *acl = lfirst(cell);

		if (acl->schema == NULL || name_is_portable(acl->schema))
			portable = lappend(portable, lfirst(cell));
	}
	return portable;
}

/* Called in the worker's database, whose encoding the names are in. */
void
observe_local_encode(StringInfo out, const LocalState *local)
{
	List	   *schemas = portable_schemas(local->schemas);
	List	   *default_acls = portable_default_acls(local->default_acls);
	ListCell   *cell;

	wire_put_int(out, LOCAL_MAGIC);
	wire_put_int(out, list_length(schemas));
	foreach(cell, schemas)
		put_schema(out, lfirst(cell));
	wire_put_int(out, list_length(local->extensions));
	foreach(cell, local->extensions)
		put_extension(out, lfirst(cell));
	wire_put_int(out, list_length(default_acls));
	foreach(cell, default_acls)
		put_default_acl(out, lfirst(cell));
}

/*
 * Called in the coordinator or in a session: the names come out in the encoding
 * of the CMDB's database.  In the current memory context.
 */
LocalState *
observe_local_decode(const char *data, int length)
{
	LocalState *local = palloc0(sizeof(LocalState));
	WireReader	reader;
	int64		count;

	wire_read(&reader, data, length);
	if (wire_get_int(&reader) != LOCAL_MAGIC)
		elog(ERROR, "message of a pgops worker is not a description of a database");

	count = wire_get_int(&reader);
	for (int64 i = 0; i < count; i++)
		local->schemas = lappend(local->schemas, get_schema(&reader));
	count = wire_get_int(&reader);
	for (int64 i = 0; i < count; i++)
		local->extensions = lappend(local->extensions, get_extension(&reader));
	count = wire_get_int(&reader);
	for (int64 i = 0; i < count; i++)
		local->default_acls = lappend(local->default_acls, get_default_acl(&reader));
	return local;
}
