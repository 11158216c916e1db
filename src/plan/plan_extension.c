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

/*
 * Blocked rather than tried: a missing package is the commonest reason why a
 * declaration does not converge, and the server's own error would name a control
 * file rather than a package.  Returns whether it blocked.
 */
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
		!plan_has_name(available->versions, want->version))
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

/* what the server offers under this name; NULL also where that is not known */
static AvailableExtension *
available_extension(Planner *planner, const char *name)
{
	return planner->snapshot->available_known ?
		snapshot_available(planner->snapshot, name) : NULL;
}

/*
 * It, and by CASCADE those it requires, are there from here on: a second declared
 * extension that requires the same must not wait for what will be there.
 */
static Extension *
assume_extension(Planner *planner, Database *now, const char *name, const char *schema,
				 const char *version, int depth)
{
	AvailableExtension *available = available_extension(planner, name);
	Extension  *extension = model_find_extension(now->local->extensions, name);
	ListCell   *lc;

	if (extension != NULL || depth > 16)
		return extension;
	extension = palloc0(sizeof(Extension));
	extension->name = pstrdup(name);
	extension->set = EXTENSION_SET_SCHEMA | EXTENSION_SET_VERSION;
	extension->relocatable = available == NULL || available->schema == NULL;
	extension->schema = pstrdup(!extension->relocatable ? available->schema :
								schema ? schema : "public");
	if (version == NULL && available != NULL)
		version = available->default_version;
	extension->version = version ? pstrdup(version) : NULL;
	now->local->extensions = lappend(now->local->extensions, extension);
	if (available != NULL)
	{
		foreach(lc, available->requires)
			assume_extension(planner, now, lfirst(lc), schema, NULL, depth + 1);
	}
	return extension;
}

/*
 * The schema that CREATE EXTENSION is told; NULL: none, since its control file
 * fixes it.  Statements run with search_path = pg_catalog, where an extension
 * would go if the server were left to choose, so one that is declared without a
 * schema goes where a user's session puts it: into public.
 */
static const char *
placed_in(Planner *planner, const Database *now, const Extension *want)
{
	AvailableExtension *available = available_extension(planner, want->name);

	if (available != NULL && available->schema != NULL)
		return NULL;
	if ((want->set & EXTENSION_SET_SCHEMA) && want->schema != NULL)
		return want->schema;
	return model_find_schema(now->local->schemas, "public") != NULL ? "public" : NULL;
}

/*
 * Only a declared version is compared; one that is not declared may be anything,
 * so that minor upgrades by hand are nobody's drift.
 */
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

/*
 * The schema an extension is declared in is wanted as if it were declared itself:
 * it is made before the extension and never an orphan while that is there.
 */
static void
extension_schema(Planner *planner, Database *now, const Extension *want, Extension *have)
{
	AvailableExtension *available = available_extension(planner, want->name);
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
					 available != NULL && available->schema != NULL ?
					 psprintf("Its control file fixes its schema: declare %s.",
							  available->schema) :
					 "Declare the schema it is in, or drop the extension and let it be created again.",
					 "extension \"%s\" cannot be moved to another schema", want->name);
}

/*
 * CASCADE makes those it requires; they are assumed from here on but not
 * remembered as pgops' own, and so never dropped on their own account.
 */
static void
extension_create(Planner *planner, Database *now, const Extension *want)
{
	const char *version = (want->set & EXTENSION_SET_VERSION) ? want->version : NULL;
	const char *placed = placed_in(planner, now, want);
	Action		probe = {0};
	Action	   *action;

	/* no schema is made for an extension that cannot come */
	if (placed != NULL && (want->set & EXTENSION_SET_SCHEMA) &&
		!block_unavailable(planner, now, want, &probe))
		plan_schema_implied(planner, now, placed, want->name);
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

	/* a declared schema that its control file does not allow is said at once */
	extension_schema(planner, now, want,
					 assume_extension(planner, now, want->name, placed, version, 0));
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
			plan_adopt(planner, "extension", now->name, want->name, NULL);
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
