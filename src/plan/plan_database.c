/*
 * plan_database.c
 *		Databases: their order, attributes, parameters, and removal.
 *
 * A database can only be cloned from a template that is complete, so templates
 * are planned with their inside before their clones: first the templates that
 * exist (template1 above all), then in rounds the databases whose template is
 * no longer waiting.  Within a round all statements of the whole server come
 * before the insides, which workers can then do side by side.
 *
 * Not for: CREATE DATABASE itself (plan_database_create.c), privileges
 * (plan_acl.c, plan_grants.c), the inside (plan_local.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "errors.h"
#include "plan/planner.h"

/* ---- steps that several rules share ---- */

/*
 * Ends the sessions of a database, as a step that everybody can see: somebody will
 * ask in the log why the connection was lost.  Five seconds for each to go.
 */
void
plan_sessions_end(Planner *planner, const char *rule, const char *database,
				  const char *reason)
{
	action_sql(planner, rule, database, NULL,
			   psprintf("SELECT pg_catalog.pg_terminate_backend(pid, 5000) "
						"FROM pg_catalog.pg_stat_activity "
						"WHERE datname = %s AND pid <> pg_catalog.pg_backend_pid()",
						quote_literal_cstr(database)),
			   pstrdup(reason));
}

static void
alter_database(Planner *planner, const char *rule, Database *now, char *clause,
			   char *reason)
{
	action_sql(planner, rule, now->name, NULL,
			   psprintf("ALTER DATABASE %s %s", quote_identifier(now->name), clause),
			   reason);
}

/* ---- attributes of a database that exists ---- */

/*
 * The ACL changes with the owner, and privileges are planned after this: what the
 * old owner granted is the new owner's from then on, as ALTER DATABASE does it.
 * May be called twice in a plan; the second time there is nothing left to do.
 */
static void
database_owner(Planner *planner, const Database *want, Database *now)
{
	Action	   *action;

	if (!(want->set & DB_SET_OWNER) || want->owner == NULL ||
		plan_same(want->owner, now->owner))
		return;
	action = action_sql(planner, "database.owner", now->name, NULL,
						psprintf("ALTER DATABASE %s OWNER TO %s",
								 quote_identifier(now->name), quote_identifier(want->owner)),
						psprintf("owner: %s -> %s", now->owner, want->owner));
	if (!plan_role_exists(planner, want->owner))
	{
		action_block(action, ERRCODE_UNDEFINED_OBJECT, "Declare the role.",
					 "role \"%s\" does not exist", want->owner);
		return;
	}
	plan_acl_new_owner(&now->acl, now->owner, want->owner);
	now->owner = want->owner;
}

/*
 * Moving copies every file and needs the database to itself: sessions end first,
 * as a step of the same sequence.  The CMDB's own database cannot be moved by a
 * worker that is connected to it, so that is said instead of failing for ever.
 */
static void
database_tablespace(Planner *planner, const Database *want, Database *now)
{
	Action	   *action;
	bool		open = plan_same(now->name, planner->input->cmdb_database);
	bool		exists;

	if (!(want->set & DB_SET_TABLESPACE) || want->tablespace == NULL ||
		plan_same(want->tablespace, now->tablespace))
		return;
	exists = plan_has_name(planner->snapshot->tablespaces, want->tablespace);
	plan_sequence_begin(planner);
	if (exists && !open)
		plan_sessions_end(planner, "database.sessions", now->name,
						  "a database in use cannot be moved");
	action = action_sql(planner, "database.tablespace", now->name, NULL,
						psprintf("ALTER DATABASE %s SET TABLESPACE %s",
								 quote_identifier(now->name),
								 quote_identifier(want->tablespace)),
						psprintf("tablespace: %s -> %s", now->tablespace, want->tablespace));
	plan_sequence_end(planner);
	if (!exists)
		action_block(action, ERRCODE_UNDEFINED_OBJECT,
					 "Create it with CREATE TABLESPACE: it needs a directory of the server.",
					 "tablespace \"%s\" does not exist", want->tablespace);
	else if (open)
		action_block(action, ERRCODE_PGOPS_PROTECTED,
					 "Move it by hand, connected to another database, while pgops is stopped.",
					 "the database that pgops is connected to cannot be moved");
}

/*
 * The template mark is kept up to date in "now": dropping, and cloning by later
 * steps, depend on it.
 */
static void
database_flags(Planner *planner, const Database *want, Database *now)
{
	if ((want->set & DB_SET_CONNLIMIT) && want->connlimit != now->connlimit)
		alter_database(planner, "database.connlimit", now,
					   psprintf("WITH CONNECTION LIMIT %d", want->connlimit),
					   psprintf("connlimit: %d -> %d", now->connlimit, want->connlimit));
	if ((want->set & DB_SET_IS_TEMPLATE) && want->is_template != now->is_template)
	{
		alter_database(planner, "database.is_template", now,
					   psprintf("WITH IS_TEMPLATE %s", want->is_template ? "true" : "false"),
					   psprintf("is_template: %s -> %s", now->is_template ? "true" : "false",
								want->is_template ? "true" : "false"));
		now->is_template = want->is_template;
	}
}

/*
 * Refusing connections comes last, when the inside of the database is done;
 * allowing them may as well.
 */
static void
database_allowconn(Planner *planner, const Database *want, Database *now)
{
	if ((want->set & DB_SET_ALLOWCONN) && want->allowconn != now->allowconn)
		alter_database(planner, "database.allowconn", now,
					   psprintf("WITH ALLOW_CONNECTIONS %s", want->allowconn ? "true" : "false"),
					   psprintf("allowconn: %s -> %s", now->allowconn ? "true" : "false",
								want->allowconn ? "true" : "false"));
}

static void
database_comment(Planner *planner, const Database *want, Database *now)
{
	if (!(want->set & DB_SET_COMMENT) || plan_same(want->comment, now->comment))
		return;
	action_sql(planner, "database.comment", now->name, NULL,
			   psprintf("COMMENT ON DATABASE %s IS %s", quote_identifier(now->name),
						want->comment ? quote_literal_cstr(want->comment) : "NULL"),
			   psprintf("comment: %s -> %s", now->comment ? now->comment : "none",
						want->comment ? want->comment : "none"));
}

/* what can only be chosen at creation, and differs, is said */
static void
database_create_only(Planner *planner, const Database *want, Database *now)
{
	char	   *reason = plan_create_only_differences(want, now, false);

	if (reason != NULL)
		action_block(action_door(planner, DOOR_NONE, "database.create_only", now->name,
								 NULL, NULL, reason),
					 ERRCODE_PGOPS_CREATE_ONLY,
					 "Declare the database with state: recreate to create it anew, without its data, or declare what it has.",
					 "can only be chosen when the database is created");
}

/* ---- removal ---- */

/*
 * database_drop
 *		Drops a database, its mark as template first if it has it.
 */
static void
database_drop(Planner *planner, Database *now, const char *rule,
				   const char *reason)
{
	OwnedItem  *item = plan_owned(planner, "database", NULL, now->name, NULL);
	Action	   *action;

	/* an invalid database cannot be altered, only dropped */
	if (now->is_template && !now->invalid)
		alter_database(planner, "database.unset_template", now,
					   pstrdup("WITH IS_TEMPLATE false"),
					   pstrdup("is_template: true -> false"));
	action = action_sql(planner, rule, now->name, NULL,
						psprintf("DROP DATABASE %s WITH (FORCE)", quote_identifier(now->name)),
						pstrdup(reason));
	if (item != NULL)
		action_forget(action, item);
	plan_database_remove(planner, now);
}

/*
 * The row that says so instead of the drop: a declaration that cannot be obeyed
 * must not look like one that was.
 */
static void
database_protected(Planner *planner, Database *now, const char *rule)
{
	action_block(action_sql(planner, rule, now->name, NULL,
							psprintf("DROP DATABASE %s WITH (FORCE)",
									 quote_identifier(now->name)),
							pstrdup("existing")),
				 ERRCODE_PGOPS_PROTECTED, "Remove its entry from the declaration.",
				 "database \"%s\" is never dropped", now->name);
}

/*
 * Whether state: recreate is still to be done.  The digest is that of the entry's
 * text: what was done for it is not done again until somebody changes the entry.
 */
static bool
recreate_is_due(Planner *planner, const Database *want)
{
	return want->state == STATE_RECREATE &&
		plan_owned(planner, "recreate", NULL, want->name, want->entry_digest) == NULL;
}

/*
 * Drops what stands in the way of creating a database; returns what is left of
 * it: NULL if it is to be created.
 */
static Database *
database_clear(Planner *planner, Database *want, Database *now)
{
	if (now->invalid)
	{
		database_drop(planner, now, "database.drop_invalid",
						   "invalid: left by an interrupted command");
		return NULL;
	}
	if (!recreate_is_due(planner, want))
		return now;
	if (plan_database_protected(planner, now))
	{
		database_protected(planner, now, "database.recreate");
		return now;
	}
	if (planner->cluster->safeguard)
	{
		/* plan_limits() blocks the row; the database stays, and is kept in order */
		action_sql(planner, "database.recreate", now->name, NULL,
				   psprintf("DROP DATABASE %s WITH (FORCE)", quote_identifier(now->name)),
				   pstrdup("recreate"));
		return now;
	}
	/* all that follows for this database belongs to the one decision to drop it */
	plan_sequence_begin(planner);
	plan_map_put(planner->sequences, want->name, makeInteger(planner->sequence));
	database_drop(planner, now, "database.recreate", "recreate");
	return NULL;
}

/* ---- one database ---- */

/* a database that was just created already has what CREATE DATABASE gives */
static void
database_attributes(Planner *planner, Database *want, Database *now)
{
	SettingTarget target = {"DATABASE", "database_setting", want->name};

	database_owner(planner, want, now);
	database_tablespace(planner, want, now);
	database_flags(planner, want, now);
	plan_settings(planner, &target, want->settings, now->settings);
	database_comment(planner, want, now);
	plan_database_grants(planner, want, now);
}

/*
 * As of roles (plan_role.c): what the declaration does not say of a database that
 * pgops created is what CREATE DATABASE gave it.  Its owner and its comment are
 * not among that: they may be somebody's decision or words.
 */
static void
complete_created(Planner *planner, Database *want)
{
	const OwnedItem *owned = plan_owned(planner, "database", NULL, want->name, NULL);

	if (owned == NULL || !owned->created)
		return;
	if (!(want->set & DB_SET_CONNLIMIT))
		want->connlimit = -1;
	if (!(want->set & DB_SET_ALLOWCONN))
		want->allowconn = true;
	if (!(want->set & DB_SET_IS_TEMPLATE))
		want->is_template = false;
	want->set |= DB_SET_CONNLIMIT | DB_SET_ALLOWCONN | DB_SET_IS_TEMPLATE;
}

/* says so instead of creating an empty database in the place of a renamed one */
static bool
database_was_renamed(Planner *planner, const Database *want)
{
	const char *present = plan_database_renamed(planner, want->name);

	if (present == NULL)
		return false;
	action_block(action_door(planner, DOOR_NONE, "database.renamed", want->name, NULL, NULL,
							 psprintf("missing; its oid is that of %s", present)),
				 ERRCODE_PGOPS_PROTECTED,
				 psprintf("ALTER DATABASE %s RENAME TO %s, or declare database \"%s\" too.",
						  quote_identifier(present), quote_identifier(want->name), present),
				 "database \"%s\" was renamed to \"%s\"; none is created in its place",
				 want->name, present);
	return true;
}

/*
 * One database that is to exist: what stands in its way goes, then it is created
 * or, if it is there, brought to what is declared.  A blocked creation plans
 * nothing more: its attributes would be steps that cannot work.
 */
static void
database_declared(Planner *planner, Database *want)
{
	Database   *now = plan_database_now(planner, want->name);

	plan_want(planner, "database", NULL, want->name, NULL);
	if (now != NULL)
		now = database_clear(planner, want, now);
	if (now == NULL && !database_was_renamed(planner, want) &&
		plan_database_create(planner, want))
	{
		now = plan_database_now(planner, want->name);
		database_attributes(planner, want, now);
	}
	else if (now != NULL)
	{
		/* its oid tells a renamed database from a dropped one */
		plan_adopt(planner, "database", NULL, want->name,
				   OidIsValid(now->oid) ? psprintf("%u", now->oid) : NULL);
		complete_created(planner, want);
		database_attributes(planner, want, now);
		database_create_only(planner, want, now);
	}
	plan_sequence_end(planner);
}

/* ---- the order ---- */

/*
 * Asked before anything of the database is planned, so that clones wait for it.
 * An invalid one counts as missing: it can be neither altered nor cloned.
 */
static bool
will_be_created(Planner *planner, const Database *want)
{
	Database   *now;

	if (want->state == STATE_ABSENT)
		return false;
	now = plan_database_now(planner, want->name);
	return now == NULL || now->invalid || recreate_is_due(planner, want);
}

/* the inside of a database that is there; what it grants depends on who will own it */
static void
plan_existing_inside(Planner *planner, Database *now)
{
	Database   *want = plan_map_get(planner->declared_databases, now->name);

	if (want != NULL && want->state != STATE_ABSENT && want->owner != NULL &&
		plan_role_exists(planner, want->owner))
		database_owner(planner, want, now);
	plan_inside(planner, now);
}

/* insides that must be complete before anything is cloned, and the busiest one */
static void
plan_existing_templates(Planner *planner)
{
	Database   *now = plan_database_now(planner, "template1");
	ListCell   *lc;

	if (now != NULL)
		plan_existing_inside(planner, now);
	if (planner->cluster->primary_db != NULL &&
		(now = plan_database_now(planner, planner->cluster->primary_db)) != NULL)
	{
		Database   *want = plan_map_get(planner->declared_databases, now->name);

		if (want == NULL || (want->state != STATE_ABSENT && !will_be_created(planner, want)))
			plan_existing_inside(planner, now);
	}
	foreach(lc, planner->cluster->databases)
	{
		Database   *want = lfirst(lc);
		Database   *source;

		if (!will_be_created(planner, want) || !(want->set & DB_SET_TEMPLATE) ||
			want->template == NULL)
			continue;
		source = plan_map_get(planner->declared_databases, want->template);
		now = plan_database_now(planner, want->template);
		if (now != NULL && (source == NULL || !will_be_created(planner, source)))
			plan_existing_inside(planner, now);
	}
}

/*
 * One round: the databases whose template is not waiting; returns those that wait.
 * Each round plans at least one, so a circle of templates ends the waiting, too.
 */
static List *
plan_round(Planner *planner, List *waiting)
{
	PlanMap    *names = plan_map_new();
	List	   *ready = NIL;
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, waiting)
	{
		Database   *want = lfirst(lc);

		if (will_be_created(planner, want))
			plan_map_put(names, want->name, want);
	}
	foreach(lc, waiting)
	{
		Database   *want = lfirst(lc);

		if (will_be_created(planner, want) && (want->set & DB_SET_TEMPLATE) &&
			want->template != NULL && strcmp(want->template, want->name) != 0 &&
			plan_map_get(names, want->template) != NULL)
			rest = lappend(rest, want);
		else
			ready = lappend(ready, want);
	}

	/* templates in a circle: the server says what is wrong with them */
	if (ready == NIL)
	{
		ready = rest;
		rest = NIL;
	}
	foreach(lc, ready)
		database_declared(planner, lfirst(lc));
	foreach(lc, ready)
	{
		Database   *now = plan_database_now(planner, ((Database *) lfirst(lc))->name);

		if (now != NULL)
			plan_inside(planner, now);
	}
	return rest;
}

/*
 * A database that will be dropped needs no care: its inside is not planned, or the
 * plan would repair what it then destroys.
 */
static bool
will_be_dropped(Planner *planner, Database *now)
{
	Database   *want = plan_map_get(planner->declared_databases, now->name);

	if (want != NULL)
		return want->state == STATE_ABSENT && !plan_database_protected(planner, now);
	return plan_database_is_extra(planner, now);
}

/*
 * plan_databases
 *		All databases that are to exist, with their insides.
 */
void
plan_databases(Planner *planner)
{
	List	   *waiting = NIL;
	ListCell   *lc;

	foreach(lc, planner->cluster->databases)
	{
		Database   *want = lfirst(lc);

		if (want->state != STATE_ABSENT)
			waiting = lappend(waiting, want);
	}
	plan_existing_templates(planner);
	while (waiting != NIL)
		waiting = plan_round(planner, waiting);
	plan_settings_undo(planner, false);
	foreach(lc, planner->database_list)
	{
		if (!will_be_dropped(planner, lfirst(lc)))
			plan_inside(planner, lfirst(lc));
	}
	foreach(lc, planner->cluster->databases)
	{
		Database   *want = lfirst(lc);
		Database   *now = plan_database_now(planner, want->name);
		Integer    *sequence = plan_map_get(planner->sequences, want->name);

		planner->sequence = sequence ? intVal(sequence) : 0;
		if (want->state != STATE_ABSENT && now != NULL)
			database_allowconn(planner, want, now);
		planner->sequence = 0;
	}
}

/* ---- databases that are not to exist ---- */

/*
 * Steps of one sequence: with the drop held back by a limit, the template mark
 * stays as well.
 */
static void
database_absent(Planner *planner, Database *now, const char *rule, const char *reason)
{
	if (plan_database_protected(planner, now))
	{
		database_protected(planner, now, rule);
		return;
	}
	plan_sequence_begin(planner);
	database_drop(planner, now, rule, reason);
	plan_sequence_end(planner);
}

/* remembered things inside databases that are gone are forgotten with them */
static void
forget_gone_databases(Planner *planner)
{
	ListCell   *lc;

	foreach(lc, planner->input->owned)
	{
		OwnedItem  *item = lfirst(lc);
		bool		gone = item->database != NULL &&
		plan_database_now(planner, item->database) == NULL;

		if (strcmp(item->kind, "database_grant") == 0)
			gone = plan_database_now(planner, item->name) == NULL;
		if (gone && snapshot_database(planner->snapshot,
									  item->database ? item->database : item->name) == NULL)
			plan_forget(planner, item);
	}
}

/*
 * plan_database_drops
 *		Databases declared as absent; those that are not declared any more,
 *		by policy.
 */
void
plan_database_drops(Planner *planner)
{
	ListCell   *lc;
	List	   *existing;

	foreach(lc, planner->cluster->databases)
	{
		Database   *want = lfirst(lc);
		Database   *now = plan_database_now(planner, want->name);

		if (want->state == STATE_ABSENT && now != NULL)
			database_absent(planner, now, "database.drop", "absent");
	}
	existing = list_copy(planner->database_list);
	foreach(lc, existing)
	{
		Database   *now = lfirst(lc);

		if (plan_database_is_extra(planner, now))
			database_absent(planner, now, "database.drop_extra", "not declared");
	}
	foreach(lc, plan_owned_of(planner, "database", NULL))
	{
		OwnedItem  *item = lfirst(lc);
		Database   *now = plan_database_now(planner, item->name);

		/* what is never dropped is nobody's orphan */
		if (now != NULL && plan_database_protected(planner, now))
			continue;
		if (plan_map_get(planner->declared_databases, item->name) == NULL && now != NULL)
			action_orphan(planner, "database.orphan", item->name, NULL);
		else if (!plan_wanted(planner, item) &&
				 snapshot_database(planner->snapshot, item->name) == NULL)
			plan_forget(planner, item);
	}
	forget_gone_databases(planner);
}
