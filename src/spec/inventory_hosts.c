/*
 * inventory_hosts.c
 *		The keys below "hosts": patterns that stand for several hosts, and ports
 *		behind a name, as Ansible reads them.
 *
 *		node[01:03]		node01, node02, node03 (a leading zero keeps the width)
 *		node[a:c]		nodea, nodeb, nodec
 *		node[1:9:2]		each second one
 *		node1:2222		node1, reached at port 2222 (ansible_port)
 *
 * Not for: whether a host's name is sound (validate.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "errors.h"
#include "spec/inventory_parts.h"
#include "spec/validate.h"

/* hosts that the patterns of one group may stand for together */
#define MAX_EXPANDED	100000

/* the letters of a range, in the order in which Ansible counts them */
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* where the hosts of a group go */
typedef struct Expansion
{
	SpecNode   *map;			/* all hosts so far */
	SpecNames  *entries;		/* SpecEntry, by host */
	const SpecEntry *from;		/* the key that is being read */
	const char *path;			/* of that key, for findings */
	const char *port;			/* behind the pattern, or NULL */
	bool		used;			/* the key's own map is a host's already */
	int			expanded;
	Findings   *findings;
} Expansion;

/* one bracket of a pattern */
typedef struct Range
{
	int64		from;
	int64		to;
	int64		step;
	int			width;			/* digits, with zeros in front; 0: as they come */
	bool		alphabetic;		/* indexes of letters[] */
} Range;

/* a number without a sign; false if it is none, or too long to be meant */
static bool
read_number(const char *string, int64 *number)
{
	if (*string == '\0' || strspn(string, "0123456789") != strlen(string) ||
		strlen(string) > 15)
		return false;
	*number = strtoi64(string, NULL, 10);
	return true;
}

/* begin:end or begin:end:step, split in place; NULL or what is wrong with it */
static const char *
read_range(char *string, Range *range)
{
	char	   *end = strchr(string, ':');
	char	   *step = end == NULL ? NULL : strchr(end + 1, ':');

	memset(range, 0, sizeof(Range));
	range->step = 1;
	if (end == NULL)
		return "it must be begin:end or begin:end:step";
	*end++ = '\0';
	if (step != NULL)
		*step++ = '\0';
	if (*end == '\0')
		return "it has no end";
	if (step != NULL && (!read_number(step, &range->step) || range->step == 0))
		return "its step must be a positive number";
	if (*string == '\0')
		string = "0";
	if (string[0] == '0' && string[1] != '\0')
	{
		range->width = strlen(string);
		if (strlen(end) != range->width)
			return "begin and end must have the same number of digits";
	}
	if (string[1] == '\0' && end[1] == '\0' &&
		strchr(letters, *string) != NULL && strchr(letters, *end) != NULL)
	{
		range->alphabetic = true;
		range->from = strchr(letters, *string) - letters;
		range->to = strchr(letters, *end) - letters;
	}
	else if (!read_number(string, &range->from) || !read_number(end, &range->to))
		return "begin and end must be two numbers or two letters";
	return range->from > range->to ? "its begin is beyond its end" : NULL;
}

/* an error at the key; the pattern goes on without the host */
static void
bad_pattern(const Expansion *expansion, int sqlstate, const char *problem)
{
	SpecNode	at = spec_place_of_key(expansion->from);

	spec_error(expansion->findings, sqlstate, &at, expansion->path,
			   "A range looks like node[01:03] or node[1:9:2].",
			   "the range of hosts \"%s\" cannot be read: %s",
			   spec_clip(expansion->from->key, 60), problem);
}

/*
 * The host's variables: the key's own map for the first host, so that the
 * document and the inventory are one tree, copies for the others.
 */
static SpecNode *
own_vars(Expansion *expansion)
{
	SpecNode   *vars = expansion->from->value;

	if (expansion->used)
		vars = node_copy(vars);
	expansion->used = true;
	if (expansion->port != NULL && node_get(vars, "ansible_port") == NULL)
		node_map_set(vars, "ansible_port", node_int(strtoi64(expansion->port, NULL, 10)));
	return vars;
}

/*
 * One host.  One that another pattern of the group named already gets the
 * variables of both; the later ones win.
 */
static void
add_host(Expansion *expansion, const char *name)
{
	SpecEntry  *entry = palloc(sizeof(SpecEntry));
	SpecEntry  *other;
	ListCell   *lc;

	*entry = *expansion->from;
	entry->key = pstrdup(name);
	entry->value = own_vars(expansion);
	other = spec_names_add(expansion->entries, entry->key, entry);
	if (other == NULL)
	{
		expansion->map->entries = lappend(expansion->map->entries, entry);
		return;
	}
	foreach(lc, entry->value->entries)
	{
		const SpecEntry *variable = lfirst(lc);

		node_map_set(other->value, variable->key, variable->value);
	}
}

/* one number or letter of a range as it stands in a name */
static char *
range_text(const Range *range, int64 value)
{
	if (range->alphabetic)
		return psprintf("%c", letters[value]);
	return psprintf("%0*lld", range->width, (long long) value);
}

/* the hosts of a pattern from its first bracket on; brackets behind it in turn */
static void
expand(Expansion *expansion, const char *pattern)
{
	const char *open = strchr(pattern, '[');
	const char *close = open == NULL ? NULL : strchr(open, ']');
	const char *problem;
	Range		range;

	check_stack_depth();
	if (open == NULL)
	{
		add_host(expansion, pattern);
		return;
	}
	if (close == NULL)
	{
		bad_pattern(expansion, ERRCODE_PGOPS_BAD_ADDRESS, "its bracket is not closed");
		return;
	}
	problem = read_range(pnstrdup(open + 1, close - open - 1), &range);
	if (problem != NULL)
	{
		bad_pattern(expansion, ERRCODE_PGOPS_BAD_ADDRESS, problem);
		return;
	}
	for (int64 value = range.from; value <= range.to; value += range.step)
	{
		char	   *name;

		CHECK_FOR_INTERRUPTS();
		if (++expansion->expanded > MAX_EXPANDED)
		{
			/* said once: the counter goes on */
			if (expansion->expanded == MAX_EXPANDED + 1)
				bad_pattern(expansion, ERRCODE_PGOPS_LIMIT,
							psprintf("it stands for more than %d hosts", MAX_EXPANDED));
			return;
		}
		name = psprintf("%.*s%s%s", (int) (open - pattern), pattern,
						range_text(&range, value), close + 1);
		expand(expansion, name);
		pfree(name);
	}
}

/* whether the text could be a host's name or address, with ranges in it */
static bool
plausible(const char *string)
{
	bool		inside = false;

	if (*string == '\0')
		return false;
	for (; *string != '\0'; string++)
	{
		if (*string == '[')
			inside = true;
		else if (*string == ']')
			inside = false;
		else if (!IS_HIGHBIT_SET(*string) && !isalnum((unsigned char) *string) &&
				 strchr("._-", *string) == NULL && !(inside && *string == ':'))
			return false;
	}
	return !inside;
}

/*
 * The port behind a name: "node:22", "[fe80::1]:22", but not the end of a bare
 * IPv6 address.  Returns the host's part, palloc'd.
 */
static char *
split_port(const char *key, const char **port)
{
	const char *colon = strrchr(key, ':');
	char	   *host;
	int64		number;

	*port = NULL;
	if (colon == NULL || !read_number(colon + 1, &number))
		return pstrdup(key);
	host = pnstrdup(key, colon - key);
	if (host[0] == '[' && colon[-1] == ']' && strchr(host, ']') == host + strlen(host) - 1)
		host = pnstrdup(host + 1, strlen(host) - 2);
	else if (!plausible(host))
		return pstrdup(key);
	*port = colon + 1;
	return host;
}

/* a key that stands for one host, written as it is called */
static bool
is_plain(const char *key)
{
	return strpbrk(key, "[:") == NULL;
}

/* null is no variables; what is no map is reported and taken for none */
static void
take_vars(SpecEntry *entry, const char *path, Findings *findings)
{
	if (entry->value->kind == NODE_MAP)
		return;
	if (entry->value->kind != NODE_NULL)
	{
		char	   *below = spec_path_key(path, entry->key);

		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, entry->value, below, NULL,
				   "host must be a map of parameters");
		pfree(below);
	}
	/* in place: the document's tree is the inventory's */
	entry->value->kind = NODE_MAP;
	entry->value->items = NIL;
	entry->value->text = NULL;
}

SpecNode *
inventory_expand_hosts(SpecNode *hosts, const char *path, Findings *findings)
{
	Expansion	expansion = {0};
	bool		plain = true;
	ListCell   *lc;

	foreach(lc, hosts->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		take_vars(entry, path, findings);
		plain &= is_plain(entry->key);
	}
	if (plain)
		return hosts;

	expansion.map = node_map();
	expansion.map->line = hosts->line;
	expansion.map->column = hosts->column;
	expansion.entries = spec_names_create();
	expansion.findings = findings;
	foreach(lc, hosts->entries)
	{
		expansion.from = lfirst(lc);
		expansion.path = spec_path_key(path, expansion.from->key);
		expansion.used = false;
		expand(&expansion, split_port(expansion.from->key, &expansion.port));
	}
	return expansion.map;
}
