/*
 * model_document_role.c
 *		An observed role as an entry of pg_users, and settings as a map.
 *
 * Not for: in which list an entry stands (model_document.c).
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "secret.h"
#include "spec/model_document.h"

/* ---- settings ---- */

/*
 * A text that begins or ends with a quote would be taken for an identifier in
 * SQL's own quotes, so it is written as one.
 */
static SpecNode *
list_element(const char *element)
{
	size_t		length = strlen(element);
	StringInfoData quoted;

	if (length == 0 || (element[0] != '"' && element[length - 1] != '"'))
		return node_string(element);
	initStringInfo(&quoted);
	appendStringInfoChar(&quoted, '"');
	for (const char *p = element; *p; p++)
		appendStringInfo(&quoted, *p == '"' ? "\"\"" : "%c", *p);
	appendStringInfoChar(&quoted, '"');
	return node_string(quoted.data);
}

/*
 * Whether a text is a whole number as it would be printed, and short enough to
 * be one in every reader of YAML.  +5 and 007 stay texts: as numbers they would
 * come back as something else.
 */
static bool
is_number(const char *str)
{
	const char *digits = str[0] == '-' ? str + 1 : str;
	size_t		length = strlen(digits);

	return length > 0 && length < 10 && digits[strspn(digits, "0123456789")] == '\0' &&
		(digits[0] != '0' || strcmp(str, "0") == 0);
}

/*
 * The value in the kind that reads best among those which become the same text
 * again: on and off are booleans, whole numbers numbers.  The text "default"
 * would mean a reset; as a list of one it does not.
 */
static SpecNode *
setting_node(const Setting *setting)
{
	const char *value = setting->value;
	SpecNode   *node;
	ListCell   *cell;

	if (setting->elements == NIL && pg_strcasecmp(value, "default") != 0)
		return strcmp(value, "on") == 0 ? node_bool(true) :
			strcmp(value, "off") == 0 ? node_bool(false) :
			is_number(value) ? node_int(strtol(value, NULL, 10)) : node_string(value);

	node = node_list();
	if (setting->elements == NIL)
		node_list_add(node, node_string(value));
	foreach(cell, setting->elements)
		node_list_add(node, list_element(lfirst(cell)));
	return node;
}

/* by bytes, as everything that must be the same on two servers */
static int
key_order(const ListCell *a, const ListCell *b)
{
	return strcmp(((SpecEntry *) lfirst(a))->key, ((SpecEntry *) lfirst(b))->key);
}

/*
 * document_settings
 *		A map of settings by name; in which order they were set means nothing.
 *		Names are in lower case: the server keeps some as they were defined,
 *		some as they were written.
 */
SpecNode *
document_settings(List *settings)
{
	SpecNode   *map = node_map();
	ListCell   *cell;

	foreach(cell, settings)
	{
		const Setting *setting = lfirst(cell);
		char	   *name = pstrdup(setting->name);

		for (char *p = name; *p; p++)
			*p = pg_ascii_tolower((unsigned char) *p);
		node_map_set(map, name, setting_node(setting));
	}
	list_sort(map->entries, key_order);
	return map;
}

/* ---- memberships ---- */

/* by the names in the document: the superuser's may be another than the server's */
static int
name_order(const ListCell *a, const ListCell *b)
{
	const SpecNode *left = lfirst(a);
	const SpecNode *right = lfirst(b);

	if (left->kind == NODE_MAP)
		left = node_get(left, "name");
	if (right->kind == NODE_MAP)
		right = node_get(right, "name");
	return strcmp(left->text, right->text);
}

/*
 * All grants of one membership taken together, as the plan takes them: what one
 * allows is allowed.  Options that are as a plain GRANT gives them are not
 * written; so INHERIT counts only where it differs from the member's own.
 */
static SpecNode *
membership_node(const ModelServer *server, const Role *role, const char *group)
{
	SpecNode   *entry = node_map();
	Tri			admin = TRI_UNSET;
	Tri			set = TRI_UNSET;
	Tri			inherit = TRI_UNSET;
	ListCell   *cell;

	foreach(cell, role->memberships)
	{
		const Membership *grant = lfirst(cell);

		if (strcmp(grant->role, group) != 0)
			continue;
		admin = Max(admin, grant->admin);
		set = Max(set, grant->set_option);
		inherit = Max(inherit, grant->inherit);
	}
	document_put(entry, "name", document_role_name(server, group));
	if (admin == TRI_TRUE)
		node_map_set(entry, "admin", node_bool(true));
	if (set == TRI_FALSE)
		node_map_set(entry, "set", node_bool(false));
	if (inherit != TRI_UNSET && (inherit == TRI_TRUE) != role->flags[ROLE_INHERIT])
		node_map_set(entry, "inherit", node_bool(inherit == TRI_TRUE));
	return document_short(entry);
}

/* The grants of one membership are neighbours: they are sorted by group. */
static void
put_memberships(const ModelServer *server, const Role *role, SpecNode *entry)
{
	SpecNode   *groups = node_list();
	const char *last = NULL;
	ListCell   *cell;

	foreach(cell, role->memberships)
	{
		const char *group = ((Membership *) lfirst(cell))->role;

		if (last == NULL || strcmp(last, group) != 0)
			node_list_add(groups, membership_node(server, role, group));
		last = group;
	}
	list_sort(groups->items, name_order);
	if (groups->items != NIL)
		node_map_set(entry, "roles", groups);
}

/* ---- attributes ---- */

/*
 * Those that are not as the role had them when it was made: by initdb, which
 * gives the bootstrap superuser everything, or by CREATE USER.
 */
static void
put_flags(const ModelServer *server, const Role *role, SpecNode *entry)
{
	bool		dbsu = strcmp(role->name, server->dbsu) == 0;

	for (int flag = 0; flag < ROLE_NFLAGS; flag++)
	{
		bool		usual = dbsu || flag == ROLE_LOGIN || role_flag_names[flag].default_value;

		if (role->flags[flag] != usual || (dbsu && flag == ROLE_SUPERUSER))
			node_map_set(entry, role_flag_names[flag].field, node_bool(role->flags[flag]));
	}
}

/*
 * In UTC, so that two servers write the same text, with the offset, so that two
 * read the same time from it.
 */
static void
put_expiration(const Role *role, SpecNode *entry)
{
	char		str[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;

	if (role->valid_until == DT_NOEND)
		return;
	if (TIMESTAMP_NOT_FINITE(role->valid_until) ||
		timestamp2tm(role->valid_until, NULL, &tm, &fsec, NULL, NULL) != 0)
	{
		document_put(entry, "expire_at", "-infinity");
		return;
	}
	tm.tm_isdst = 0;			/* else the offset is not written */
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, str);
	document_put(entry, "expire_at", str);
}

/* Databases that only some server had (a setting outlives none) cannot occur. */
static void
put_in_databases(const Role *role, SpecNode *entry)
{
	SpecNode   *databases = node_map();
	ListCell   *cell;

	foreach(cell, role->in_databases)
	{
		const RoleInDatabase *place = lfirst(cell);

		node_map_set(databases, place->database, document_settings(place->settings));
	}
	if (databases->entries != NIL)
		node_map_set(entry, "database_parameters", databases);
}

/*
 * document_role
 *		The entry of one role.  A password that the server keeps in a form which
 *		it would itself not accept is left out.
 */
SpecNode *
document_role(const ModelServer *server, const Role *role)
{
	SpecNode   *entry = node_map();

	document_put(entry, "name", document_role_name(server, role->name));
	if (role->password != NULL && secret_is_verifier(role->password))
		document_put(entry, "password", role->password);
	put_flags(server, role, entry);
	if (role->connlimit != -1)
		node_map_set(entry, "connlimit", node_int(role->connlimit));
	put_expiration(role, entry);
	put_memberships(server, role, entry);
	if (role->settings != NIL)
		node_map_set(entry, "parameters", document_settings(role->settings));
	put_in_databases(role, entry);
	document_put(entry, "comment", role->comment);
	return entry;
}
