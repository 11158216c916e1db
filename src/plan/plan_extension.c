/*
 * plan_extension.c
 *		Extensions of one database: creation, version, schema.
 *
 * Whether the server has an extension at all is asked before planning to
 * create it, so that a missing package is a reason and a hint rather than a
 * failure that is tried again and again.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

static bool
list_has(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

/*
 * The first extension, of this one and those it requires, that is neither in
 * the database nor on the server; NULL if all are there.  "depth" guards
 * against control files that require each other.
 */
static const char *
unavailable(Planner *planner, const LocalState *local, const char *name, int depth)
{
	AvailableExtension *available = snapshot_available(planner->snapshot, name);
	ListCell   *lc;

	if (model_find_extension(local->extensions, name) != NULL || depth > 16)
		return NULL;
	if (available == NULL)
		return name;
	foreach(lc, available->requires)
	{
		const char *missing = unavailable(planner, local, lfirst(lc), depth + 1);

		if (missing != NULL)
			return missing;
	}
	return NULL;
}

static bool
block_unavailable(Planner *planner, Database *now, const Extension *want, Action *action)
{
	AvailableExtension *available;
	const char *missing;

	if (!planner->snapshot->available_known)
		return false;
	missing = unavailable(planner, now->local, want->name, 0);
	if (missing != NULL)
	{
		action_block(action, ERRCODE_PGOPS_NOT_AVAILABLE,
					 strcmp(missing, want->name) == 0 ?
					 "Install the package that provides it; pgops looks again at every pass." :
					 psprintf("Install the package that provides it: %s requires it.",
							  want->name),
					 "extension \"%s\" is not available on this server", missing);
		return true;
	}
	available = snapshot_available(planner->snapshot, want->name);
	if ((want->set & EXTENSION_SET_VERSION) && want->version != NULL && available != NULL &&
		!list_has(available->versions, want->version))
	{
		action_block(action, ERRCODE_PGOPS_NOT_AVAILABLE,
					 psprintf("The server offers version %s; install the package of the declared one.",
							  available->default_version ? available->default_version : "unknown"),
					 "extension \"%s\" is not available in version %s", want->name,
					 want->version);
		return true;
	}
	return false;
}

/* it, and by CASCADE those it requires, are there from here on */
static void
assume_extension(Planner *planner, Database *now, const char *name, const char *schema,
				 const char *version, int depth)
{
	AvailableExtension *available = planner->snapshot->available_known ?
	snapshot_available(planner->snapshot, name) : NULL;
	Extension  *extension;
	ListCell   *lc;

	if (model_find_extension(now->local->extensions, name) != NULL || depth > 16)
		return;
	extension = palloc0(sizeof(Extension));
	extension->name = pstrdup(name);
	extension->set = EXTENSION_SET_SCHEMA | EXTENSION_SET_VERSION;
	extension->relocatable = true;	/* most are; if not, the next pass says so */
	extension->schema = pstrdup(schema ? schema : "public");
	if (version == NULL && available != NULL)
		version = available->default_version;
	extension->version = version ? pstrdup(version) : NULL;
	now->local->extensions = lappend(now->local->extensions, extension);
	if (available == NULL)
		return;
	foreach(lc, available->requires)
		assume_extension(planner, now, lfirst(lc), schema, NULL, depth + 1);
}

/*
 * Extensions whose control file fixes their schema: naming another one is an
 * error, so none is named for them.
 */
static const char *const fixed_schema[] = {
	"citus", "pg_cron", "plperl", "plperlu", "plpgsql", "plpython3u", "pltcl",
	"pltclu", "plv8", NULL
};

/*
 * The schema of an extension whose declaration names none.  Statements run
 * with search_path = pg_catalog, where CREATE EXTENSION would put it if it
 * were left to choose, so it is told what a user's session chooses: public.
 */
static const char *
default_schema(const LocalState *local, const char *extension)
{
	for (int i = 0; fixed_schema[i] != NULL; i++)
	{
		if (strcmp(fixed_schema[i], extension) == 0)
			return NULL;
	}
	return model_find_schema(local->schemas, "public") != NULL ? "public" : NULL;
}

static void
extension_create(Planner *planner, Database *now, const Extension *want)
{
	const char *schema = (want->set & EXTENSION_SET_SCHEMA) ? want->schema : NULL;
	const char *version = (want->set & EXTENSION_SET_VERSION) ? want->version : NULL;
	const char *placed = schema ? schema : default_schema(now->local, want->name);
	Action		probe = {0};
	Action	   *action;

	/* no schema is made for an extension that cannot come */
	if (schema != NULL && !block_unavailable(planner, now, want, &probe))
		plan_schema_implied(planner, now, schema, want->name);
	action = action_sql(planner, "extension.create", want->name, now->name,
						psprintf("CREATE EXTENSION %s%s%s%s%s CASCADE",
								 quote_identifier(want->name),
								 placed ? " WITH SCHEMA " : "",
								 placed ? quote_identifier(placed) : "",
								 version ? " VERSION " : "",
								 version ? quote_literal_cstr(version) : ""),
						pstrdup("missing"));
	if (block_unavailable(planner, now, want, action))
		return;
	action_record(action, "extension", now->name, want->name, NULL, NULL);
	assume_extension(planner, now, want->name, placed, version, 0);
}

static void
extension_version(Planner *planner, Database *now, const Extension *want, Extension *have)
{
	Action	   *action;

	/* a version that is only assumed, and not known, is not compared */
	if (!(want->set & EXTENSION_SET_VERSION) || want->version == NULL ||
		have->version == NULL || plan_same(want->version, have->version))
		return;
	action = action_sql(planner, "extension.update", want->name, now->name,
						psprintf("ALTER EXTENSION %s UPDATE TO %s",
								 quote_identifier(want->name),
								 quote_literal_cstr(want->version)),
						psprintf("version: %s -> %s", have->version, want->version));
	if (!block_unavailable(planner, now, want, action))
		have->version = want->version;
}

static void
extension_schema(Planner *planner, Database *now, const Extension *want, Extension *have)
{
	Action	   *action;

	if (!(want->set & EXTENSION_SET_SCHEMA) || want->schema == NULL)
		return;
	if (plan_same(want->schema, have->schema))
	{
		plan_want(planner, "schema", now->name, want->schema, NULL);
		return;
	}
	if (have->relocatable)
		plan_schema_implied(planner, now, want->schema, want->name);
	action = action_sql(planner, "extension.schema", want->name, now->name,
						psprintf("ALTER EXTENSION %s SET SCHEMA %s",
								 quote_identifier(want->name), quote_identifier(want->schema)),
						psprintf("schema: %s -> %s", have->schema, want->schema));
	if (have->relocatable)
		have->schema = want->schema;
	else
		action_block(action, ERRCODE_PGOPS_CREATE_ONLY,
					 "Declare the schema it is in, or drop the extension and let it be created again.",
					 "extension \"%s\" cannot be moved to another schema", want->name);
}

/* extensions that are to exist */
void
plan_extensions(Planner *planner, Database *now, List *wanted)
{
	ListCell   *lc;

	foreach(lc, wanted)
	{
		Extension  *want = lfirst(lc);
		Extension  *have = model_find_extension(now->local->extensions, want->name);

		if (want->state == STATE_ABSENT)
			continue;
		plan_want(planner, "extension", now->name, want->name, NULL);
		if (have == NULL)
		{
			extension_create(planner, now, want);
			continue;
		}
		if (!now->local->assumed && strcmp(want->name, "plpgsql") != 0)
			plan_adopt(planner, "extension", now->name, want->name);
		extension_version(planner, now, want, have);
		extension_schema(planner, now, want, have);
	}
}

/* whether one of the declared extensions is to be created or updated */
static bool
needs_available(List *wanted, const LocalState *local)
{
	ListCell   *lc;

	foreach(lc, wanted)
	{
		Extension  *want = lfirst(lc);
		Extension  *have = local ? model_find_extension(local->extensions, want->name) : NULL;

		if (want->state != STATE_ABSENT &&
			(have == NULL || ((want->set & EXTENSION_SET_VERSION) &&
							  !plan_same(want->version, have->version))))
			return true;
	}
	return false;
}

/*
 * plan_needs_available
 *		Whether a declared extension is to be created or updated, so that the
 *		planner must know what the server offers.
 */
bool
plan_needs_available(const Cluster *cluster, const ServerState *snapshot)
{
	PlanMap    *existing = plan_map_new();
	PlanMap    *declared = plan_map_new();
	ListCell   *lc;

	foreach(lc, snapshot->databases)
		plan_map_put(existing, ((Database *) lfirst(lc))->name, lfirst(lc));
	foreach(lc, cluster->databases)
	{
		Database   *want = lfirst(lc);

		plan_map_put(declared, want->name, want);
		if (want->state != STATE_ABSENT && plan_map_get(existing, want->name) == NULL &&
			needs_available(want->extensions, NULL))
			return true;
	}
	foreach(lc, snapshot->databases)
	{
		Database   *have = lfirst(lc);
		Database   *want = plan_map_get(declared, have->name);

		if (have->local != NULL &&
			needs_available(plan_desired_extensions(cluster, want, have->name), have->local))
			return true;
	}
	return false;
}
