/*
 * plan_local.c
 *		The inside of one database: schemas, extensions, baseline, and what of
 *		that is to go.
 *
 * Each database is planned once, template databases before their clones; the
 * state that its actions will make is what a clone begins with.
 *
 * Not for: privileges of the inside (plan_grants.c, plan_default_acl.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

/* ---- what is desired ---- */

/*
 * template1, so that databases created later have them too, and the one database
 * that is named for it.
 */
static bool
gets_defaults(const Cluster *cluster, const char *database)
{
	return strcmp(database, "template1") == 0 || plan_same(database, cluster->primary_db);
}

/* the schemas of a database (declared: NULL if it is not), and the default
 * ones where they belong */
List *
plan_desired_schemas(const Cluster *cluster, const Database *declared,
					 const char *database)
{
	List	   *result = declared ? list_copy(declared->schemas) : NIL;
	ListCell   *lc;

	if (!gets_defaults(cluster, database))
		return result;
	foreach(lc, cluster->default_schemas)
	{
		Schema	   *schema = lfirst(lc);

		if (model_find_schema(result, schema->name) == NULL)
			result = lappend(result, schema);
	}
	return result;
}

/* likewise for extensions */
List *
plan_desired_extensions(const Cluster *cluster, const Database *declared,
						const char *database)
{
	List	   *result = declared ? list_copy(declared->extensions) : NIL;
	ListCell   *lc;

	if (!gets_defaults(cluster, database))
		return result;
	foreach(lc, cluster->default_extensions)
	{
		Extension  *extension = lfirst(lc);

		if (model_find_extension(result, extension->name) == NULL)
			result = lappend(result, extension);
	}
	return result;
}

/* schemas that every database has and that are not observed */
static bool
schema_is_system(const char *name)
{
	return strncmp(name, "pg_", 3) == 0 || strcmp(name, "information_schema") == 0;
}

/* ---- schemas ---- */

/*
 * Without a declared owner it is the bootstrap superuser's, who runs the
 * statement.  Its ACL is assumed to be the built-in one; what default
 * privileges add to it is granted again at most, which changes nothing.
 */
static void
schema_create(Planner *planner, Database *now, const char *rule, const char *name,
			  const char *owner, char *reason)
{
	Action	   *action = action_sql(planner, rule, name, now->name,
									psprintf("CREATE SCHEMA %s%s%s", quote_identifier(name),
											 owner ? " AUTHORIZATION " : "",
											 owner ? quote_identifier(owner) : ""),
									reason);
	Schema	   *schema;

	if (owner != NULL && !plan_role_exists(planner, owner))
	{
		action_block(action, ERRCODE_UNDEFINED_OBJECT, "Declare the role.",
					 "role \"%s\" does not exist", owner);
		return;
	}
	action_record(action, "schema", now->name, name, NULL, NULL);
	schema = palloc0(sizeof(Schema));
	schema->name = pstrdup(name);
	schema->set = SCHEMA_SET_OWNER;
	schema->owner = pstrdup(owner ? owner : planner->snapshot->bootstrap_superuser);
	schema->acl = plan_acl_add(NIL, schema->owner, schema->owner, "USAGE", false);
	schema->acl = plan_acl_add(schema->acl, schema->owner, schema->owner, "CREATE", false);
	now->local->schemas = lappend(now->local->schemas, schema);
}

/*
 * Like a database's: the ACL moves to the new owner, and only a declared owner is
 * compared.
 */
static void
schema_owner(Planner *planner, Database *now, const Schema *want, Schema *have)
{
	Action	   *action;

	if (!(want->set & SCHEMA_SET_OWNER) || want->owner == NULL ||
		plan_same(want->owner, have->owner))
		return;
	action = action_sql(planner, "schema.owner", want->name, now->name,
						psprintf("ALTER SCHEMA %s OWNER TO %s", quote_identifier(want->name),
								 quote_identifier(want->owner)),
						psprintf("owner: %s -> %s", have->owner, want->owner));

	/* who owns it could put functions beside those that run as superuser */
	if (strcmp(want->name, "pgops") == 0 &&
		plan_same(now->name, planner->input->cmdb_database))
	{
		action_block(action, ERRCODE_PGOPS_PROTECTED, "Remove the owner from the declaration.",
					 "schema \"pgops\" belongs to pgops itself");
		return;
	}
	if (!plan_role_exists(planner, want->owner))
	{
		action_block(action, ERRCODE_UNDEFINED_OBJECT, "Declare the role.",
					 "role \"%s\" does not exist", want->owner);
		return;
	}
	plan_acl_new_owner(&have->acl, have->owner, want->owner);
	have->owner = want->owner;
}

/* schemas that are to exist */
static void
schemas_declared(Planner *planner, Database *now, List *wanted)
{
	ListCell   *lc;

	foreach(lc, wanted)
	{
		Schema	   *want = lfirst(lc);
		Schema	   *have = model_find_schema(now->local->schemas, want->name);

		if (want->state == STATE_ABSENT || schema_is_system(want->name))
			continue;
		plan_want(planner, "schema", now->name, want->name, NULL);
		if (have == NULL)
		{
			schema_create(planner, now, "schema.create", want->name,
						  (want->set & SCHEMA_SET_OWNER) ? want->owner : NULL,
						  pstrdup("missing"));
			continue;
		}
		/* public was there before anybody: it is nobody's orphan */
		if (!now->local->assumed && strcmp(want->name, "public") != 0)
			plan_adopt(planner, "schema", now->name, want->name, NULL);
		schema_owner(planner, now, want, have);
	}
}

/*
 * plan_schema_implied
 *		The schema that a declared extension goes into; it is as good as
 *		declared.
 */
void
plan_schema_implied(Planner *planner, Database *now, const char *schema,
					const char *extension)
{
	if (schema_is_system(schema))
		return;
	plan_want(planner, "schema", now->name, schema, NULL);
	if (model_find_schema(now->local->schemas, schema) == NULL)
		schema_create(planner, now, "schema.implied", schema, NULL,
					  psprintf("missing; extension %s is declared in it", extension));
}

/* ---- baseline ---- */

/*
 * The baseline file runs once, in a database that pgops created.  Whether it ran is
 * remembered and not observed: its effects are anybody's to change later.
 */
static void
plan_baseline(Planner *planner, const Database *want, Database *now)
{
	OwnedItem  *item;
	Action	   *action;

	if (want == NULL || !(want->set & DB_SET_BASELINE) || want->baseline == NULL)
		return;
	item = plan_owned(planner, "baseline", NULL, want->name, want->baseline);
	if (OidIsValid(now->oid) && (item == NULL || !plan_same(item->value, "pending")))
		return;
	action = action_door(planner, DOOR_BASELINE, "baseline.run", want->name, now->name,
						 psprintf("-- statements of file %s", quote_literal_cstr(want->baseline)),
						 pstrdup("new database"));
	action->file_path = want->baseline;
	if (planner->input->baseline_directory == NULL ||
		planner->input->baseline_directory[0] == '\0')
		action_block(action, ERRCODE_PGOPS_BASELINE_PATH,
					 "Set pgops.baseline_directory to the folder that holds baseline files.",
					 "no folder for baseline files is configured");
	else if (!plan_has_name(planner->input->baseline_files, want->baseline))
		action_block(action, ERRCODE_UNDEFINED_FILE,
					 "Put the file into the folder that pgops.baseline_directory names.",
					 "baseline file \"%s\" does not exist", want->baseline);
	else
		action_record(action, "baseline", NULL, want->name, want->baseline, "done");
}

/* ---- removal ---- */

/* an object of the inside that can be dropped or orphaned, as data */
typedef struct LocalKind
{
	const char *kind;			/* of the owned item, prefix of the rules */
	const char *keyword;
	const char *keep;			/* the one that every database begins with */
} LocalKind;

static const LocalKind extension_kind = {"extension", "EXTENSION", "plpgsql"};
static const LocalKind schema_kind = {"schema", "SCHEMA", "public"};

static bool
local_exists(const LocalKind *kind, const LocalState *local, const char *name)
{
	return kind == &schema_kind ? model_find_schema(local->schemas, name) != NULL :
		model_find_extension(local->extensions, name) != NULL;
}

/*
 * CASCADE, since "absent" says that the thing is to be gone with what is in it;
 * the row is destructive, and plan_local_obstacle() was asked before.
 */
static void
local_drop(Planner *planner, Database *now, const LocalKind *kind, const char *verb,
		   const char *name, const char *reason)
{
	LocalState *local = now->local;
	OwnedItem  *item = plan_owned(planner, kind->kind, now->name, name, NULL);
	Action	   *action = action_sql(planner, psprintf("%s.%s", kind->kind, verb), name,
									now->name,
									psprintf("DROP %s %s CASCADE", kind->keyword,
											 quote_identifier(name)),
									pstrdup(reason));

	/* what a database that is not there yet will have from its template is nobody's */
	if (local->assumed)
		action->destructive = false;
	if (item != NULL)
		action_forget(action, item);
	if (kind == &schema_kind)
		local->schemas = list_delete_ptr(local->schemas,
										 model_find_schema(local->schemas, name));
	else
		local->extensions = list_delete_ptr(local->extensions,
											model_find_extension(local->extensions, name));
}

/* drops what is declared as absent, or says why that cannot be */
static void
local_absent(Planner *planner, Database *now, const LocalKind *kind, const char *name,
			 List *extensions)
{
	const char *obstacle = plan_local_obstacle(planner, now, kind->kind, name, extensions);

	plan_want(planner, kind->kind, now->name, name, NULL);
	if (obstacle == NULL)
		local_drop(planner, now, kind, "drop", name, "absent");
	else
		action_block(action_sql(planner, psprintf("%s.drop", kind->kind), name, now->name,
								psprintf("DROP %s %s CASCADE", kind->keyword,
										 quote_identifier(name)),
								pstrdup("absent")),
					 ERRCODE_PGOPS_PROTECTED,
					 "Remove its entry from the declaration, or declare what stands in the way as absent, too.",
					 "%s", obstacle);
}

/*
 * Remembered objects that nobody declares any more.  One on which something
 * declared stands is as good as declared: it is neither dropped nor reported.
 */
static void
local_undeclared(Planner *planner, Database *now, const LocalKind *kind, List *extensions)
{
	ListCell   *lc;

	foreach(lc, plan_owned_of(planner, kind->kind, now->name))
	{
		OwnedItem  *item = lfirst(lc);

		if (plan_wanted(planner, item))
			continue;
		if (!local_exists(kind, now->local, item->name) ||
			strcmp(item->name, kind->keep) == 0)
			plan_forget(planner, item);
		else if (plan_local_obstacle(planner, now, kind->kind, item->name, extensions))
			continue;
		else if (plan_authoritative(planner))
			local_drop(planner, now, kind, "drop_extra", item->name, "no longer declared");
		else
			action_orphan(planner, psprintf("%s.orphan", kind->kind), item->name, now->name);
	}
}

/*
 * local_removals
 *		Extensions, then schemas, that are declared as absent or not declared
 *		any more.  An item that is dropped here is wanted, as far as the
 *		search for undeclared ones is concerned.
 */
static void
local_removals(Planner *planner, Database *now, List *schemas, List *extensions)
{
	ListCell   *lc;

	foreach(lc, extensions)
	{
		Extension  *want = lfirst(lc);

		if (want->state != STATE_ABSENT ||
			model_find_extension(now->local->extensions, want->name) == NULL)
			continue;
		local_absent(planner, now, &extension_kind, want->name, extensions);
	}
	local_undeclared(planner, now, &extension_kind, extensions);
	foreach(lc, schemas)
	{
		Schema	   *want = lfirst(lc);

		if (want->state != STATE_ABSENT || schema_is_system(want->name) ||
			model_find_schema(now->local->schemas, want->name) == NULL)
			continue;
		local_absent(planner, now, &schema_kind, want->name, extensions);
	}
	local_undeclared(planner, now, &schema_kind, extensions);
}

/* ---- one database ---- */

/*
 * Only where looking failed.  Without an error it was left out on purpose:
 * nothing about it was declared anew since it was last found in order.
 */
static void
report_unobserved(Planner *planner, Database *now)
{
	if (now->local_error != NULL)
		action_block(action_door(planner, DOOR_NONE, "database.unobserved", now->name,
								 now->name, NULL, pstrdup("its inside is not known")),
					 ERRCODE_PGOPS_WORKER_LOST, "It is looked into again at the next pass.",
					 "%s", now->local_error);
}

/*
 * plan_inside
 *		The inside of one database, once per plan.
 */
void
plan_inside(Planner *planner, Database *now)
{
	Database   *want = plan_map_get(planner->declared_databases, now->name);
	Integer    *sequence = plan_map_get(planner->sequences, now->name);
	List	   *schemas;
	List	   *extensions;

	if (now->invalid || strcmp(now->name, "template0") == 0 ||
		plan_map_get(planner->insides, now->name) != NULL)
		return;
	plan_map_put(planner->insides, now->name, now);
	if (now->local == NULL)
	{
		report_unobserved(planner, now);
		return;
	}
	planner->sequence = sequence ? intVal(sequence) : 0;
	schemas = plan_desired_schemas(planner->cluster, want, now->name);
	extensions = plan_desired_extensions(planner->cluster, want, now->name);

	/* first: what is created below, by whomever, is to have them already */
	plan_default_privileges(planner, now);
	schemas_declared(planner, now, schemas);
	plan_extensions(planner, now, extensions);

	/* last: they may be about a schema, and say who gets what in times to come */
	plan_own_default_privileges(planner, now);
	plan_schema_grants(planner, now, schemas);
	plan_baseline(planner, want, now);
	local_removals(planner, now, schemas, extensions);
	planner->sequence = 0;
}
