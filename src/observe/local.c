/*
 * local.c
 *		The inside of the database this process is connected to: schemas,
 *		extensions, default privileges.
 *
 * Three plain scans of catalogs that are always small, not queries: a worker
 * that looks at a database lives for milliseconds, and most of a first
 * query's time would go into filling the planner's caches.
 *
 * Not for: other databases; a worker takes this there (worker/task.h).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "observe/parts.h"

typedef void (*LocalRow) (HeapTuple tuple, TupleDesc desc, LocalState *local);

/* visits all rows of a catalog; lock_timeout bounds the wait for a VACUUM FULL */
static void
scan_catalog(Oid relation, LocalRow visit, LocalState *local)
{
	Relation	rel = table_open(relation, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		visit(tuple, RelationGetDescr(rel), local);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* NULL if the role is gone, which a concurrent DROP can cause */
static char *
owner_name(Oid owner)
{
	return GetUserNameFromId(owner, true);
}

/*
 * Name of the extension whose script made a schema, or NULL.  Such a schema
 * comes and goes with its extension; one that CREATE EXTENSION was merely told
 * is nobody's.
 */
static char *
making_extension(Oid schema)
{
	Oid			extension = getExtensionOfObject(NamespaceRelationId, schema);

	return OidIsValid(extension) ? get_extension_name(extension) : NULL;
}

/*
 * Temporary, toast and catalog schemas are never anybody's; neither declared nor
 * dropped, they are not even seen here.
 */
static void
add_schema(HeapTuple tuple, TupleDesc desc, LocalState *local)
{
	Form_pg_namespace form = (Form_pg_namespace) GETSTRUCT(tuple);
	const char *name = NameStr(form->nspname);
	Schema	   *schema;
	Datum		acl;
	bool		isnull;

	if (observe_is_reserved(name) || strcmp(name, "information_schema") == 0)
		return;

	schema = palloc0(sizeof(Schema));
	schema->name = pstrdup(name);
	schema->state = STATE_CREATE;
	schema->set = PG_UINT32_MAX;
	schema->owner = owner_name(form->nspowner);
	acl = heap_getattr(tuple, Anum_pg_namespace_nspacl, desc, &isnull);
	schema->acl = observe_acl(acl, isnull, 'n', form->nspowner);
	schema->extension = making_extension(form->oid);
	local->schemas = lappend(local->schemas, schema);
}

/*
 * Names of the extensions that one requires, from its dependencies rather than
 * from control files: those say what a version would require, and may be gone.
 */
static List *
required_extensions(Oid extension)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	List	   *names = NIL;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, DependDependerIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		char	   *name = form->refclassid == ExtensionRelationId ?
		get_extension_name(form->refobjid) : NULL;

		if (name != NULL)
			names = lappend(names, name);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return names;
}

/*
 * Schema and version as they are now; what the server could offer instead is
 * observe_available()'s to say.
 */
static void
add_extension(HeapTuple tuple, TupleDesc desc, LocalState *local)
{
	Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);
	Extension  *extension = palloc0(sizeof(Extension));
	Datum		version;
	bool		isnull;

	extension->name = pstrdup(NameStr(form->extname));
	extension->state = STATE_CREATE;
	extension->set = PG_UINT32_MAX;
	extension->schema = get_namespace_name(form->extnamespace);
	extension->relocatable = form->extrelocatable;
	extension->requires = required_extensions(form->oid);
	version = heap_getattr(tuple, Anum_pg_extension_extversion, desc, &isnull);
	extension->version = isnull ? NULL : TextDatumGetCString(version);
	local->extensions = lappend(local->extensions, extension);
}

/*
 * An ACL of such a row replaces the built-in one (a row for all schemas) or adds
 * to it (a row for one schema); both forms are kept apart by "schema".
 */
static void
add_default_acl(HeapTuple tuple, TupleDesc desc, LocalState *local)
{
	Form_pg_default_acl form = (Form_pg_default_acl) GETSTRUCT(tuple);
	DefaultAcl *acl;
	char	   *role = owner_name(form->defaclrole);
	Datum		value;
	bool		isnull;

	if (role == NULL)
		return;
	acl = palloc0(sizeof(DefaultAcl));
	acl->role = role;
	acl->schema = OidIsValid(form->defaclnamespace) ?
		get_namespace_name(form->defaclnamespace) : NULL;
	acl->objtype = form->defaclobjtype;
	value = heap_getattr(tuple, Anum_pg_default_acl_defaclacl, desc, &isnull);
	if (!isnull)
		acl->acl = observe_acl(value, false, form->defaclobjtype, form->defaclrole);
	local->default_acls = lappend(local->default_acls, acl);
}

static int
compare_schemas(const ListCell *a, const ListCell *b)
{
	return strcmp(((Schema *) lfirst(a))->name, ((Schema *) lfirst(b))->name);
}

static int
compare_extensions(const ListCell *a, const ListCell *b)
{
	return strcmp(((Extension *) lfirst(a))->name, ((Extension *) lfirst(b))->name);
}

/* By role, schema and type, of which the catalog has one row each. */
static int
compare_default_acls(const ListCell *a, const ListCell *b)
{
	const DefaultAcl *left = lfirst(a);
	const DefaultAcl *right = lfirst(b);
	int			order = strcmp(left->role, right->role);

	if (order == 0)
		order = strcmp(left->schema ? left->schema : "",
					   right->schema ? right->schema : "");
	return order ? order : left->objtype - right->objtype;
}

/*
 * Under the catalogs' own snapshots, each scan its own: what somebody changes in
 * between is seen by the next pass.
 */
LocalState *
observe_local_read(void)
{
	LocalState *local = palloc0(sizeof(LocalState));

	scan_catalog(NamespaceRelationId, add_schema, local);
	scan_catalog(ExtensionRelationId, add_extension, local);
	scan_catalog(DefaultAclRelationId, add_default_acl, local);

	/* heap order changes with every update; a plan must not */
	list_sort(local->schemas, compare_schemas);
	list_sort(local->extensions, compare_extensions);
	list_sort(local->default_acls, compare_default_acls);
	return local;
}

void
observe_local_here(StringInfo out)
{
	observe_local_encode(out, observe_local_read());
}
