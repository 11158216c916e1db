/*
 * place.c
 *		Finding the place of a secret by its name, and of a role's password.
 *
 * Which values are secrets is asked of the walk (site.c), after the value was
 * put there: so nothing is a secret here that would not be treated as one
 * everywhere else.
 *
 * Not for: making secrets, or storing them.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "cmdb/place.h"
#include "cmdb/site.h"
#include "spec/reference.h"

/* stands in for a value that is about to be taken away */
#define STAND_IN	"x"

/* one part of a place: a key of a map, or an item of a list by name or number */
typedef struct Step
{
	bool		item;
	char	   *name;
	int			number;			/* of an item without quotes and all digits; else -1 */
} Step;

/* ---- reading a name ---- */

static void
raise_no_place(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not the name of a secret", name),
			 errhint("Give the name of a parameter, followed by keys and names of list items: pg_users[app].password, pgbackrest_repo.minio.s3_key_secret. Names with other characters than letters, digits, \"_\" and \"-\" stand in double quotes.")));
}

/* a name in double quotes, written as in JSON; *p is moved behind it */
static char *
read_quoted(const char **p, const char *name)
{
	const char *end = *p + 1;
	char	   *json;
	SpecNode   *text;

	while (*end != '"')
	{
		if (*end == '\\' && end[1] != '\0')
			end++;
		if (*end == '\0')
			raise_no_place(name);
		end++;
	}
	end++;
	json = pnstrdup(*p, end - *p);
	text = node_from_jsonb(DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json))));
	*p = end;
	return pstrdup(node_text(text));
}

/* up to one of the characters in "stop", or in quotes */
static char *
read_name(const char **p, const char *stop, const char *name)
{
	size_t		length;
	char	   *result;

	if (**p == '"')
		return read_quoted(p, name);
	length = strcspn(*p, stop);
	if (length == 0)
		raise_no_place(name);
	result = pnstrdup(*p, length);
	*p += length;
	return result;
}

static Step *
read_step(const char **p, const char *name)
{
	Step	   *step = palloc0(sizeof(Step));
	bool		quoted;

	step->number = -1;
	step->item = **p == '[';
	if (**p == '[' || **p == '.')
		(*p)++;
	quoted = **p == '"';
	step->name = read_name(p, step->item ? "]" : ".[", name);
	if (!step->item)
		return step;
	if (**p != ']')
		raise_no_place(name);
	(*p)++;
	if (!quoted && strlen(step->name) < 9 &&
		step->name[strspn(step->name, "0123456789")] == '\0')
		step->number = pg_strtoint32(step->name);
	return step;
}

/* List of Step *; the first one is the parameter */
static List *
read_place(const char *name)
{
	const char *p = name;
	List	   *steps = NIL;

	do
	{
		if (steps != NIL && *p != '.' && *p != '[')
			raise_no_place(name);
		steps = lappend(steps, read_step(&p, name));
	} while (*p != '\0');
	if (((Step *) linitial(steps))->item)
		raise_no_place(name);
	return steps;
}

/* ---- going there ---- */

static SpecNode *
find_item(const SpecNode *list, const Step *step)
{
	ListCell   *cell;

	if (list == NULL || list->kind != NODE_LIST)
		return NULL;
	if (step->number >= 0)
		return step->number < list_length(list->items) ?
			list_nth(list->items, step->number) : NULL;
	foreach(cell, list->items)
	{
		const char *name = site_item_name(lfirst(cell));

		if (name != NULL && strcmp(name, step->name) == 0)
			return lfirst(cell);
	}
	return NULL;
}

static SpecNode *
find_step(const SpecNode *value, const Step *step)
{
	if (step->item)
		return find_item(value, step);
	return value->kind == NODE_MAP ? node_get(value, step->name) : NULL;
}

/* what the last step is taken from; raises if it is not there */
static SpecNode *
find_parent(SpecNode *vars, const List *steps, const char *name)
{
	SpecNode   *value = vars;

	for (int i = 0; i < list_length(steps) - 1; i++)
	{
		const Step *step = list_nth(steps, i);

		value = find_step(value, step);
		if (value == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("\"%s\" is not declared at this level", step->name),
					 errdetail("The secret \"%s\" would have to lie in it.", name)));
	}
	return value;
}

/* ---- putting a value there ---- */

typedef struct Search
{
	const SpecNode *node;
	bool		found;
} Search;

static void
compare_site(const SecretSite *site, void *arg)
{
	Search	   *search = arg;

	search->found = search->found || site->node == search->node;
}

/* whether the walk, which is what masks and stores, takes the node for a secret */
static bool
is_secret(SpecNode *vars, const char *param, const SpecNode *node)
{
	Search		search = {.node = node};

	site_visit_value(node_get(vars, param), param, NULL, compare_site, &search);
	return search.found;
}

/* a fresh node at the place; NULL if there can be none */
static SpecNode *
put_text(SpecNode *parent, const Step *last, const char *value)
{
	SpecNode   *node = node_string(value);

	node->quoted = true;
	if (!last->item)
	{
		if (parent->kind != NODE_MAP)
			return NULL;
		node_map_set(parent, last->name, node);
		return node;
	}
	if (parent->kind != NODE_LIST || last->number < 0 ||
		last->number >= list_length(parent->items))
		return NULL;
	lfirst(list_nth_cell(parent->items, last->number)) = node;
	return node;
}

/* the map of variables of a level; a host must be one of the group's */
static SpecNode *
level_vars(SpecNode *body, const char *host)
{
	SpecNode   *vars;

	if (host == NULL)
	{
		vars = node_get(body, "vars");
		if (vars == NULL)
		{
			vars = node_map();
			node_map_set(body, "vars", vars);
		}
		return vars;
	}
	vars = node_get(node_get(body, "hosts"), host);
	if (vars == NULL || vars->kind != NODE_MAP)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("host \"%s\" is not declared in this cluster", host)));
	return vars;
}

void
place_set_secret(SpecNode *body, const char *host, const char *name, const char *value)
{
	List	   *steps = read_place(name);
	const char *param = ((Step *) linitial(steps))->name;
	const Step *last = llast(steps);
	SpecNode   *vars = level_vars(body, host);
	SpecNode   *parent = find_parent(vars, steps, name);
	SpecNode   *node = put_text(parent, last, value ? value : STAND_IN);

	if (node == NULL)
		raise_no_place(name);
	if (!is_secret(vars, param, node))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a secret", name),
				 errhint("Declare it with pgops.apply_cluster(), pgops.apply_inventory() or through the views. The column \"secret\" of pgops.parameter tells which parameters are secrets.")));
	if (value == NULL && last->item)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" cannot be taken out of its list", name)));
	if (value == NULL)
		node_map_unset(parent, last->name);
}

/* ---- passwords of roles ---- */

static const InventorySetting *
setting_of(const List *settings, const char *name)
{
	const ListCell *cell;

	foreach(cell, settings)
	{
		const InventorySetting *setting = lfirst(cell);

		if (strcmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}

static SpecNode *
role_entry(const InventorySetting *list, const char *role)
{
	Step		step = {.item = true, .name = unconstify(char *, role), .number = -1};

	return list ? find_item(list->value, &step) : NULL;
}

/*
 * One password for one group: what all groups have in common, or one host has
 * for itself, is changed where it is declared, by set_secret().
 */
static void
require_level(const InventorySetting *setting, const SpecNode *body, const char *role)
{
	const SpecNode *hosts = node_get(body, "hosts");
	ListCell   *cell;

	if (strcmp(setting->scope, "cluster") != 0 && strcmp(setting->scope, "default") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the password of \"%s\" is declared in \"%s\", not in this cluster alone",
						role, setting->origin ? setting->origin : "all"),
				 errhint("Set it there with pgops.set_secret().")));
	foreach(cell, hosts ? hosts->entries : NIL)
	{
		const SpecEntry *host = lfirst(cell);

		if (host->value->kind == NODE_MAP && node_get(host->value, setting->name) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("host \"%s\" has its own \"%s\"", host->key, setting->name),
					 errhint("Set the password there with pgops.set_secret().")));
	}
}

/* the parameter that is this role's password, if it is a system user; else NULL */
static const char *
credential_of(const List *settings, const char *role)
{
	const char *param;
	const char *role_param;

	for (int i = 0; (param = site_role_password(i, &role_param)) != NULL; i++)
	{
		const InventorySetting *name = setting_of(settings, role_param);
		const char *text = name ? node_text(name->value) : NULL;

		if (text != NULL && strcmp(text, role) == 0)
			return param;
	}
	return NULL;
}

/* a password that stands elsewhere is changed there: overwriting the reference would hide that */
static void
require_no_reference(const SpecNode *password, const char *role)
{
	if (spec_reference(password, NULL, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the password of \"%s\" is declared by reference", role),
				 errhint("Change it where the reference points, or declare another one with pgops.set_secret().")));
}

/* the place "list[role].password" in the group's own variables */
static char *
put_in_entry(const InventorySetting *list, SpecNode *body, const char *role,
			 const char *password)
{
	StringInfoData place;

	require_level(list, body, role);
	if (strcmp(list->scope, "default") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("role \"%s\" is only declared by default", role),
				 errhint("Declare it in pg_users.")));
	initStringInfo(&place);
	appendStringInfoString(&place, list->name);
	site_append_name(&place, role);
	appendStringInfoString(&place, ".password");
	place_set_secret(body, NULL, place.data, password);
	return place.data;
}

/* a system user's password may stand anywhere above: the group gets its own */
static char *
put_in_parameter(const char *param, SpecNode *body, const char *role, const char *password)
{
	InventorySetting own = {.name = param, .scope = "cluster"};

	require_level(&own, body, role);
	place_set_secret(body, NULL, param, password);
	return pstrdup(param);
}

/*
 * As the model merges them (model_role.c): the entry in pg_users counts more
 * than that in pg_default_roles, and any password in an entry more than the
 * parameter of a system user.
 */
char *
place_set_role_password(const Inventory *inventory, const InventoryGroup *group,
						SpecNode *body, const char *role, const char *password)
{
	List	   *settings = inventory_settings(inventory, group, NULL, true);
	const InventorySetting *users = setting_of(settings, "pg_users");
	const InventorySetting *roles = setting_of(settings, "pg_default_roles");
	const char *credential = credential_of(settings, role);
	const InventorySetting *present = credential ? setting_of(settings, credential) : NULL;
	const SpecNode *user = role_entry(users, role);
	const SpecNode *other = role_entry(roles, role);
	const SpecNode *of_user = user ? node_get(user, "password") : NULL;
	const SpecNode *of_other = other ? node_get(other, "password") : NULL;

	if (user != NULL && (credential == NULL || of_user != NULL))
	{
		require_no_reference(of_user, role);
		return put_in_entry(users, body, role, password);
	}
	if (other != NULL && (credential == NULL || of_other != NULL))
	{
		require_no_reference(of_other, role);
		return put_in_entry(roles, body, role, password);
	}
	if (credential != NULL)
	{
		require_no_reference(present ? present->value : NULL, role);
		return put_in_parameter(credential, body, role, password);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("user \"%s\" is not declared in cluster \"%s\"", role, group->name),
			 errhint("SELECT name FROM pgops.users lists the declared ones.")));
	return NULL;
}
