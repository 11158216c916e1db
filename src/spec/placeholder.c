/*
 * placeholder.c
 *		Replacing ${name} in declared texts by what it stands for.
 *
 * Not for: where texts are consumed (model*.c, the typed views).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "secret.h"
#include "spec/catalogue.h"
#include "spec/placeholder.h"

/* a variable that names itself, or a chain of them, ends here */
#define MAX_DEPTH		8

/*
 * Ten texts that each name the next one ten times would fill the memory: so
 * many replacements and so many bytes are more than any honest text has.
 */
#define MAX_REPLACED	1000
#define MAX_BYTES		(1024 * 1024)

/* parameters that list access rules: a line of theirs may hold a secret */
#define RULE_LISTS		"hba_rules"

/* the resolving of one text */
typedef struct Resolving
{
	const Placeholders *source;
	int			replaced;
} Resolving;

static void resolve(Resolving *resolving, StringInfo out, const char *str, int depth);

/* ---- what a name stands for ---- */

typedef const char *(*Meaning) (const Placeholders *source);

/*
 * Text of a variable in effect: NULL if it is none, no scalar, empty, a secret,
 * or Jinja.  The catalogue's admin_ip is an example out of a manual, which no
 * access rule may take for a host that somebody named.
 */
static const char *
variable_text(const Placeholders *source, const char *name)
{
	const SpecNode *value;
	const char *str;

	if (catalogue_is_secret(name, NULL))
		return NULL;
	value = source->variable(name, source->arg);
	if (value == NULL && strcmp(name, "admin_ip") != 0)
		value = catalogue_default(name);
	str = value ? node_text(value) : NULL;
	if (str == NULL || str[0] == '\0' || strstr(str, "{{") != NULL || strstr(str, "{%") != NULL)
		return NULL;
	return str;
}

static const char *
meaning_ip(const Placeholders *source)
{
	return source->host;
}

/* the address alone: what wants its mask as well declares pg_vip_address */
static const char *
meaning_vip(const Placeholders *source)
{
	const char *address = variable_text(source, "pg_vip_address");

	return address ? pnstrdup(address, strcspn(address, "/")) : NULL;
}

static const char *
meaning_lo(const Placeholders *source)
{
	return "127.0.0.1";
}

static const char *
meaning_dbsu(const Placeholders *source)
{
	return source->dbsu ? source->dbsu : variable_text(source, "pg_dbsu");
}

static const char *
meaning_repl(const Placeholders *source)
{
	return variable_text(source, "pg_replication_username");
}

static const char *
meaning_monitor(const Placeholders *source)
{
	return variable_text(source, "pg_monitor_username");
}

static const char *
meaning_admin(const Placeholders *source)
{
	return variable_text(source, "pg_admin_username");
}

/* mostly declared; a cluster has its name also where it is not */
static const char *
meaning_cluster(const Placeholders *source)
{
	const char *name = variable_text(source, "pg_cluster");

	return name ? name : source->cluster;
}

/* names with a meaning of their own; any other is a variable's */
static const struct
{
	const char *name;
	Meaning		meaning;
	bool		role;			/* is the name of a role */
}			meanings[] = {
	{"ip", meaning_ip, false},
	{"vip", meaning_vip, false},
	{"lo", meaning_lo, false},
	{"dbsu", meaning_dbsu, true},
	{"repl", meaning_repl, true},
	{"monitor", meaning_monitor, true},
	{"admin", meaning_admin, true},
	{"pg_cluster", meaning_cluster, false},
};

static const char *
meaning_of(const Placeholders *source, const char *name)
{
	for (int i = 0; i < lengthof(meanings); i++)
	{
		if (strcmp(name, meanings[i].name) == 0)
			return meanings[i].meaning(source);
	}
	return variable_text(source, name);
}

/* ---- texts ---- */

bool
placeholder_in(const char *str)
{
	return strstr(str, "${") != NULL;
}

/*
 * The name of a placeholder that begins at "str", palloc'd, and its whole
 * length; NULL if it is none: names are those of Ansible's variables.
 */
static char *
placeholder_name(const char *str, size_t *length)
{
	size_t		name = strspn(str + 2, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (name == 0 || str[2 + name] != '}')
		return NULL;
	*length = name + 3;
	return pnstrdup(str + 2, name);
}

bool
placeholder_is_role(const char *str)
{
	size_t		length;
	char	   *name = strncmp(str, "${", 2) == 0 ? placeholder_name(str, &length) : NULL;

	if (name == NULL || str[length] != '\0')
		return false;
	for (int i = 0; i < lengthof(meanings); i++)
	{
		if (strcmp(name, meanings[i].name) == 0)
			return meanings[i].role;
	}
	return false;
}

/* what the placeholder at "str" stands for, or NULL; and its length */
static const char *
replacement(const Resolving *resolving, const char *str, size_t *length)
{
	char	   *name = placeholder_name(str, length);

	return name ? meaning_of(resolving->source, name) : NULL;
}

/* Appends the text with its placeholders replaced; those of a replacement, too. */
static void
resolve(Resolving *resolving, StringInfo out, const char *str, int depth)
{
	const char *next;

	while ((next = strstr(str, "${")) != NULL)
	{
		size_t		length = 2;
		const char *value = NULL;

		/* $${ is how the text ${ itself is written */
		if (next > str && next[-1] == '$')
		{
			appendBinaryStringInfo(out, str, next - str - 1);
			appendStringInfoString(out, "${");
			resolving->replaced++;
			str = next + length;
			continue;
		}
		appendBinaryStringInfo(out, str, next - str);
		if (depth < MAX_DEPTH && resolving->replaced < MAX_REPLACED && out->len < MAX_BYTES)
			value = replacement(resolving, next, &length);
		if (value != NULL)
		{
			resolving->replaced++;
			resolve(resolving, out, value, depth + 1);
		}
		else
			appendBinaryStringInfo(out, next, length);
		str = next + length;
	}
	appendStringInfoString(out, str);
}

const char *
placeholder_text(const Placeholders *source, const char *str)
{
	Resolving	resolving = {.source = source};
	StringInfoData out;

	if (!placeholder_in(str))
		return str;
	initStringInfo(&out);
	resolve(&resolving, &out, str, 0);
	return resolving.replaced > 0 ? out.data : str;
}

/* ---- trees ---- */

static SpecNode *resolve_node(const Placeholders *source, const char *param,
							  const SpecNode *node);

/*
 * Of a line of an access rule only what stands before a secret: the password
 * that is an option of its method is as literal as any other.
 */
static const char *
resolve_line(const Placeholders *source, const char *str)
{
	const char *secret = secret_in_hba(str);
	char	   *head;
	const char *resolved;

	if (secret == NULL)
		return placeholder_text(source, str);
	head = pnstrdup(str, secret - str);
	resolved = placeholder_text(source, head);
	return resolved == head ? str : psprintf("%s%s", resolved, secret);
}

static bool
is_rule_list(const char *param)
{
	size_t		length = strlen(param);
	size_t		suffix = strlen(RULE_LISTS);

	return length >= suffix && strcmp(param + length - suffix, RULE_LISTS) == 0;
}

/* a copy of a node without what it holds, at the same place of the document */
static SpecNode *
shallow_copy(const SpecNode *node)
{
	SpecNode   *copy = palloc(sizeof(SpecNode));

	*copy = *node;
	return copy;
}

static SpecNode *
resolve_string(const Placeholders *source, const char *param, const SpecNode *node)
{
	const char *str = is_rule_list(param) ? resolve_line(source, node->text) :
		placeholder_text(source, node->text);
	SpecNode   *copy;

	if (str == node->text)
		return unconstify(SpecNode *, node);
	copy = shallow_copy(node);
	copy->text = pstrdup(str);
	copy->quoted = true;
	return copy;
}

/* The list is copied at its first item that changes. */
static SpecNode *
resolve_list(const Placeholders *source, const char *param, const SpecNode *node)
{
	SpecNode   *copy = NULL;
	ListCell   *cell;

	foreach(cell, node->items)
	{
		SpecNode   *item = resolve_node(source, param, lfirst(cell));

		if (item == lfirst(cell))
			continue;
		if (copy == NULL)
		{
			copy = shallow_copy(node);
			copy->items = list_copy(node->items);
		}
		lfirst(list_nth_cell(copy->items, foreach_current_index(cell))) = item;
	}
	return copy ? copy : unconstify(SpecNode *, node);
}

/* Likewise.  Keys are names, not texts; below the key of a secret all is secret. */
static SpecNode *
resolve_map(const Placeholders *source, const char *param, const SpecNode *node)
{
	SpecNode   *copy = NULL;
	ListCell   *cell;

	foreach(cell, node->entries)
	{
		SpecEntry  *entry = lfirst(cell);
		SpecNode   *value = resolve_node(source, param, entry->value);
		SpecEntry  *changed;

		if (value == entry->value || catalogue_is_secret(param, entry->key))
			continue;
		if (copy == NULL)
		{
			copy = shallow_copy(node);
			copy->entries = list_copy(node->entries);
		}
		changed = palloc(sizeof(SpecEntry));
		*changed = *entry;
		changed->value = value;
		lfirst(list_nth_cell(copy->entries, foreach_current_index(cell))) = changed;
	}
	return copy ? copy : unconstify(SpecNode *, node);
}

static SpecNode *
resolve_node(const Placeholders *source, const char *param, const SpecNode *node)
{
	check_stack_depth();
	switch (node->kind)
	{
		case NODE_STRING:
			return resolve_string(source, param, node);
		case NODE_LIST:
			return resolve_list(source, param, node);
		case NODE_MAP:
			return resolve_map(source, param, node);
		default:
			return unconstify(SpecNode *, node);
	}
}

SpecNode *
placeholder_tree(const Placeholders *source, const char *param, const SpecNode *value)
{
	if (catalogue_is_secret(param, NULL))
		return unconstify(SpecNode *, value);
	return resolve_node(source, param, value);
}
