/*
 * model_role.c
 *		Declared roles: pg_default_roles, then pg_users, in order, with the
 *		credentials of the system users.
 *
 * Not for: settings (model_setting.c), nor whether a role's groups exist.
 */
#include "postgres.h"

#include "common/string.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "secret.h"
#include "spec/model_build.h"
#include "spec/names.h"
#include "spec/reference.h"
#include "spec/spec.h"

typedef struct RoleIndexEntry
{
	char		name[NAMEDATALEN];	/* key */
	Role	   *role;
} RoleIndexEntry;

/* which credential parameter belongs to which system user */
typedef struct Credential
{
	const char *param;
	size_t		user_offset;	/* of the name in Cluster */
} Credential;

static const Credential credentials[] = {
	{"pg_replication_password", offsetof(Cluster, replication_user)},
	{"pg_monitor_password", offsetof(Cluster, monitor_user)},
	{"pg_admin_password", offsetof(Cluster, admin_user)},
	{"pg_dbsu_password", offsetof(Cluster, dbsu)},
};

/*
 * The user's name as the model has it, which is not always the declared one.
 */
static const char *
credential_user(const Cluster *cluster, const Credential *credential)
{
	return *(char *const *) ((const char *) cluster + credential->user_offset);
}

/*
 * Undeclared options of a membership are left as they are, so two values are
 * not enough.
 */
static Tri
field_tri(const SpecNode *entry, const char *field)
{
	bool		value;

	if (!model_field_bool(entry, field, &value))
		return TRI_UNSET;
	return value ? TRI_TRUE : TRI_FALSE;
}

/* One item of "roles": a name, or {name, state, admin, set, inherit}. */
static Membership *
build_membership(const ModelBuild *build, const char *member, const SpecNode *item)
{
	Membership *membership;
	const char *group = model_entry_name(item);

	if (group == NULL)
		return NULL;

	membership = palloc0(sizeof(Membership));
	membership->role = model_role_name(build, group);
	membership->member = pstrdup(member);
	membership->state = STATE_CREATE;
	membership->admin = membership->set_option = membership->inherit = TRI_UNSET;
	if (item->kind == NODE_MAP)
	{
		membership->state = model_field_state(item);
		membership->admin = field_tri(item, "admin");
		membership->set_option = field_tri(item, "set");
		membership->inherit = field_tri(item, "inherit");
	}
	return membership;
}

/*
 * The groups of an entry, added to those that an earlier entry gave the role.
 * A group named twice: the later item counts, in the place of the first.
 */
static void
build_memberships(const ModelBuild *build, Role *role, const SpecNode *entry)
{
	const SpecNode *groups = node_get(entry, "roles");
	SpecNames  *known = spec_names_create();
	ListCell   *cell;

	if (groups == NULL || groups->kind != NODE_LIST)
		return;
	foreach(cell, role->memberships)
	{
		Membership *membership = lfirst(cell);

		(void) spec_names_add(known, membership->role, membership);
	}
	foreach(cell, groups->items)
	{
		Membership *membership = build_membership(build, role->name, lfirst(cell));
		Membership *earlier;

		if (membership == NULL)
			continue;
		earlier = spec_names_add(known, membership->role, membership);
		if (earlier != NULL)
			*earlier = *membership;
		else
			role->memberships = lappend(role->memberships, membership);
	}
}

/* A later entry for the same role changes only what it names. */
static void
build_flags(Role *role, const SpecNode *entry)
{
	for (int flag = 0; flag < ROLE_NFLAGS; flag++)
	{
		if (model_field_bool(entry, role_flag_names[flag].field, &role->flags[flag]))
			role->set |= ROLE_SET_FLAG(flag);
	}

	/* an entry is a user unless it, or an earlier one for the role, says otherwise */
	if ((role->set & ROLE_SET_FLAG(ROLE_LOGIN)) == 0)
	{
		role->flags[ROLE_LOGIN] = true;
		role->set |= ROLE_SET_FLAG(ROLE_LOGIN);
	}
}

/*
 * A date without a zone means midnight in the server's time zone: that of
 * log_timezone, which is the same in every process, while a session's TimeZone
 * would let two sessions disagree about what was declared.  For the same
 * reason the year comes first whatever DateStyle says, as validation demands.
 * False if the text is no timestamp.
 */
static bool
parse_expiration(const char *str, TimestampTz *result)
{
	MemoryContext caller = CurrentMemoryContext;
	pg_tz	   *session_zone = session_timezone;
	int			session_order = DateOrder;
	volatile bool ok = true;

	PG_TRY();
	{
		session_timezone = log_timezone;
		DateOrder = DATEORDER_YMD;
		*result = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
														  CStringGetDatum(str),
														  ObjectIdGetDatum(InvalidOid),
														  Int32GetDatum(-1)));
	}
	PG_CATCH();
	{
		session_timezone = session_zone;
		DateOrder = session_order;

		/*
		 * Bad dates are of class 22; anything else (memory, a cancel) is not
		 * ours to swallow.  Nothing but parsing happened: there is no other
		 * state to clean up.
		 */
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		ok = false;
	}
	PG_END_TRY();

	session_timezone = session_zone;
	DateOrder = session_order;
	return ok;
}

/* ISO text with an explicit offset, so that it means the same in any session. */
static char *
expiration_text(TimestampTz value)
{
	char		str[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;

	if (value == DT_NOEND)
		return pstrdup("infinity");
	if (TIMESTAMP_NOT_FINITE(value) ||
		timestamp2tm(value, &tz, &tm, &fsec, NULL, log_timezone) != 0)
		return pstrdup("-infinity");
	EncodeDateTime(&tm, fsec, true, tz, NULL, USE_ISO_DATES, str);
	return pstrdup(str);
}

/* expire_in (days) beats expire_at; its date is fixed where there is a clock. */
static void
build_expiration(const ModelBuild *build, Role *role, const SpecNode *entry, const char *path)
{
	char	   *str = model_field_text(entry, "expire_at");
	int			count;

	if (model_field_int(entry, "expire_in", &count) && count != 0)
	{
		role->expire_in = count;
		role->valid_until = 0;
		role->valid_until_text = NULL;
		role->set |= ROLE_SET_VALIDUNTIL;
		return;
	}
	if (str == NULL)
		return;
	if (!parse_expiration(str, &role->valid_until))
	{
		finding_add(build->findings, FINDING_ERROR, ERRCODE_INVALID_DATETIME_FORMAT,
					node_get(entry, "expire_at"), psprintf("%s.expire_at", path),
					"Write a date such as 2030-12-31, or infinity.",
					"\"%s\" is not a date", str);
		return;
	}
	role->expire_in = 0;
	role->valid_until_text = expiration_text(role->valid_until);
	role->set |= ROLE_SET_VALIDUNTIL;
}

/*
 * Whatever is no verifier by now (a masked value, or a plain password that
 * was never sealed) does not become a password: the model is shown in plans.
 * A reference is kept for whoever may read files.
 */
static void
set_password(const ModelBuild *build, Role *role, const SpecNode *value, const char *path)
{
	const char *password = value ? node_text(value) : NULL;

	if (spec_reference(value, NULL, NULL))
	{
		role->password_source = value;
		role->password_path = pstrdup(path);
		role->password = NULL;
		role->set &= ~ROLE_SET_PASSWORD;
		return;
	}
	if (password == NULL || password[0] == '\0')
		return;
	if (spec_is_jinja(value))
	{
		finding_add(build->findings, FINDING_WARNING, ERRCODE_PGOPS_NOT_SUPPORTED, value, path,
					"Declare a verifier, or where the password stands: { file: ... } or { env: ... }.",
					"the password of role \"%s\" is a Jinja expression; it is left as it is",
					role->name);
		return;
	}
	if (!secret_is_verifier(password))
	{
		finding_add(build->findings, FINDING_WARNING, ERRCODE_PGOPS_UNRESOLVED, value, path,
					"Declare the password again.",
					"no verifier is known for the password of role \"%s\"; it is left as it is",
					role->name);
		return;
	}
	role->password = pstrdup(password);
	role->password_source = NULL;
	role->set |= ROLE_SET_PASSWORD;
}

/* Comments that pgops did not declare stay: there is no default comment. */
static void
build_comment(Role *role, const SpecNode *entry)
{
	const SpecNode *comment = node_get(entry, "comment");

	/* an empty comment is a declared one: it removes what is there */
	if (comment == NULL || comment->kind == NODE_NULL)
		return;
	role->comment = model_field_text(entry, "comment");
	role->set |= ROLE_SET_COMMENT;
}

/* what is declared for the role in one database, made if there is nothing yet */
static RoleInDatabase *
in_database(Role *role, const char *database)
{
	RoleInDatabase *found;
	ListCell   *cell;

	foreach(cell, role->in_databases)
	{
		found = lfirst(cell);
		if (strcmp(found->database, database) == 0)
			return found;
	}
	found = palloc0(sizeof(RoleInDatabase));
	found->database = pstrdup(database);
	role->in_databases = lappend(role->in_databases, found);
	return found;
}

/* The settings in single databases; a later entry for the role adds to an earlier one. */
static void
build_in_databases(const ModelBuild *build, Role *role, const SpecNode *entry, const char *path)
{
	const SpecNode *databases = node_get(entry, "database_parameters");
	ListCell   *cell;
	ListCell   *other;

	if (databases == NULL || databases->kind != NODE_MAP)
		return;
	foreach(cell, databases->entries)
	{
		const SpecEntry *database = lfirst(cell);
		List	   *settings = model_build_settings(build, database->value,
													psprintf("%s.database_parameters.%s",
															 path, database->key));

		if (settings == NIL)
			continue;
		foreach(other, settings)
		{
			RoleInDatabase *place = in_database(role, database->key);

			place->settings = model_add_setting(place->settings, lfirst(other));
		}
	}
}

/* Applies one entry to a role, which may have been declared before. */
static void
build_role(const ModelBuild *build, Role *role, const SpecNode *entry, const char *path)
{
	ListCell   *cell;
	List	   *settings;

	role->state = STATE_CREATE;
	if (entry->kind != NODE_MAP)
	{
		role->flags[ROLE_LOGIN] = true;
		role->set |= ROLE_SET_FLAG(ROLE_LOGIN);
		return;
	}

	role->state = model_field_state(entry);
	build_flags(role, entry);
	if (model_field_int(entry, "connlimit", &role->connlimit))
		role->set |= ROLE_SET_CONNLIMIT;
	build_expiration(build, role, entry, path);
	set_password(build, role, node_get(entry, "password"), psprintf("%s.password", path));
	build_comment(role, entry);
	build_memberships(build, role, entry);

	settings = model_build_settings(build, node_get(entry, "parameters"),
									psprintf("%s.parameters", path));
	foreach(cell, settings)
		role->settings = model_add_setting(role->settings, lfirst(cell));
	build_in_databases(build, role, entry, path);
}

/*
 * A name in both lists is one role, with the later entry on top of the earlier
 * one; this is how pg_users gives a default role its password.  The index is a
 * hash because a cluster may have ten thousand roles.
 */
static void
build_role_list(const ModelBuild *build, Cluster *cluster, HTAB *index, const char *param)
{
	ListCell   *cell;

	foreach(cell, model_param_items(build, param))
	{
		const SpecNode *entry = lfirst(cell);
		char	   *path = model_item_path(build, param, foreach_current_index(cell));
		const char *declared = model_entry_name(entry);
		RoleIndexEntry *slot;
		char	   *name;
		bool		found;

		if (declared == NULL || strlen(declared) >= NAMEDATALEN)
			continue;			/* validation has said so */

		name = model_role_name(build, declared);
		slot = hash_search(index, name, HASH_ENTER, &found);
		if (!found)
		{
			slot->role = palloc0(sizeof(Role));
			slot->role->name = name;
			slot->role->connlimit = -1;
			cluster->roles = lappend(cluster->roles, slot->role);
		}
		build_role(build, slot->role, entry, path);
	}
}

/*
 * The credential parameters give the system users their password, unless their
 * entry has one.  Only declared values count: the catalogue's defaults are
 * known to everybody.
 */
static void
build_credentials(const ModelBuild *build, HTAB *index, const Cluster *cluster)
{
	for (int i = 0; i < lengthof(credentials); i++)
	{
		const char *user = credential_user(cluster, &credentials[i]);
		const SpecNode *value = model_declared_param(build, credentials[i].param);
		RoleIndexEntry *slot;

		if (strlen(user) >= NAMEDATALEN)
			continue;
		slot = hash_search(index, user, HASH_FIND, NULL);
		if (slot == NULL)
			continue;
		slot->role->system = true;
		if ((slot->role->set & ROLE_SET_PASSWORD) || slot->role->password_source != NULL)
			continue;
		set_password(build, slot->role, value,
					 psprintf("%s.%s", build->name, credentials[i].param));
	}
}

/* model_build_roles fills cluster->roles: default roles, then users, in order. */
void
model_build_roles(const ModelBuild *build, Cluster *cluster)
{
	HASHCTL		ctl = {0};
	HTAB	   *index;

	ctl.keysize = NAMEDATALEN;
	ctl.entrysize = sizeof(RoleIndexEntry);
	ctl.hcxt = CurrentMemoryContext;
	index = hash_create("pgops declared roles", 256, &ctl,
						HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);

	build_role_list(build, cluster, index, "pg_default_roles");
	build_role_list(build, cluster, index, "pg_users");
	build_credentials(build, index, cluster);
	hash_destroy(index);
}
