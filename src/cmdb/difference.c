/*
 * difference.c
 *		What differs between two bodies.
 *
 * It decides whether a declaration is one at all: no difference, no revision.
 * Not for: the difference between a declaration and the server (plan/).
 */
#include "postgres.h"

#include <math.h>

#include "cmdb/difference.h"
#include "cmdb/site.h"
#include "secret.h"

typedef struct Difference
{
	SpecNode   *list;			/* the result */
	const char *param;			/* whose value is compared */
	StringInfoData path;
} Difference;

static void compare_values(Difference *difference, const char *key,
						   const SpecNode *before, const SpecNode *after);

/* ---- canonical form ---- */

/* JSON has no such number: it comes back as the text that was written for it */
static void
make_finite(SpecNode *node)
{
	ListCell   *lc;

	if (node->kind == NODE_FLOAT && !isfinite(node->number))
	{
		site_set_text(node, node_text(node));
		return;
	}
	foreach(lc, node->kind == NODE_LIST ? node->items : NIL)
		make_finite(lfirst(lc));
	foreach(lc, node->kind == NODE_MAP ? node->entries : NIL)
		make_finite(((SpecEntry *) lfirst(lc))->value);
}

/*
 * The parameters of one level as they come back out of the tables: without this a
 * declaration read back could differ from the one that was stored, and each
 * apply would be a new revision.
 */
static SpecNode *
canonical_vars(const SpecNode *vars)
{
	SpecNode   *result;

	if (vars == NULL || vars->kind != NODE_MAP)
		return node_map();
	result = node_share(vars);
	make_finite(result);
	return result;
}

/* secrets apart are kept as text, so a number in such a place is a text too */
static void
make_text(const SecretSite *site, void *arg)
{
	if (site->node->kind != NODE_STRING)
		site_set_text(site->node, node_text(site->node));
}

/*
 * The result shares nothing with "body", so the caller may take secrets out of
 * it.  "hosts" and "vars" are always there, even if the body has neither.
 */
SpecNode *
difference_canonical(const SpecNode *body)
{
	SpecNode   *result = node_map();
	SpecNode   *hosts = node_map();
	const SpecNode *declared = node_get(body, "hosts");
	ListCell   *lc;

	if (declared != NULL && declared->kind == NODE_MAP)
	{
		foreach(lc, declared->entries)
		{
			SpecEntry  *entry = lfirst(lc);

			SpecEntry  *copy = palloc0(sizeof(SpecEntry));

			/* keys are unique already: no need to look each up */
			copy->key = entry->key;
			copy->value = canonical_vars(entry->value);
			hosts->entries = lappend(hosts->entries, copy);
		}
	}
	node_map_set(result, "hosts", hosts);
	node_map_set(result, "vars", canonical_vars(node_get(body, "vars")));
	site_visit_body(result, "", make_text, NULL);
	return result;
}

/* ---- comparison ---- */

static void
truncate_path(Difference *difference, int length)
{
	difference->path.len = length;
	difference->path.data[length] = '\0';
}

/*
 * What a difference shows lands in pgops.revision, which is dumped and kept for
 * ever: no secret goes in, not even a verifier.
 */
static void
mask_site(const SecretSite *site, void *arg)
{
	site_set_text(site->node, SECRET_MASK);
}

/* what may be shown of a value that stands at "key" */
static SpecNode *
masked(const Difference *difference, const char *key, const SpecNode *value)
{
	SpecNode   *copy = node_share(value);

	if (difference->param != NULL)
		site_visit_value(copy, difference->param, key, mask_site, NULL);
	return copy;
}

/*
 * A side that is missing in the entry (not null: missing) means that the value
 * was added or removed; a declared null is a value like any other.
 */
static void
report(Difference *difference, const char *key, const SpecNode *before, const SpecNode *after)
{
	SpecNode   *entry = node_map();

	node_map_set(entry, "path", node_string(difference->path.data));
	if (before != NULL)
		node_map_set(entry, "old", masked(difference, key, before));
	if (after != NULL)
		node_map_set(entry, "new", masked(difference, key, after));
	node_list_add(difference->list, entry);
}

/* one key that "before", "after" or both have */
static void
compare_key(Difference *difference, bool params, const char *key,
			const SpecNode *before, const SpecNode *after)
{
	int			length = difference->path.len;

	if (params)
		difference->param = key;
	site_append_key(&difference->path, key);
	compare_values(difference, params ? NULL : key, before, after);
	truncate_path(difference, length);
	if (params)
		difference->param = NULL;
}

/* params: the keys are parameters rather than something inside one */
static void
compare_maps(Difference *difference, bool params,
			 const SpecNode *before, const SpecNode *after)
{
	ListCell   *lc;

	foreach(lc, before->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		compare_key(difference, params, entry->key, entry->value,
					node_get(after, entry->key));
	}
	foreach(lc, after->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		if (node_get(before, entry->key) == NULL)
			compare_key(difference, params, entry->key, NULL, entry->value);
	}
}

/* ---- lists whose items have names ---- */

/*
 * Binary search in what site_named_items() sorted: lists of ten thousand users
 * are compared, each with each.
 */
static const NamedItem *
find_named(const NamedItem *items, int count, const char *name)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			result = strcmp(name, items[middle].name);

		if (result == 0)
			return &items[middle];
		if (result < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/*
 * The order alone as a value, for people: items themselves are reported one by
 * one, and repeating them all would bury that.
 */
static SpecNode *
names_of(const SpecNode *list)
{
	SpecNode   *names = node_list();
	ListCell   *lc;

	foreach(lc, list->items)
		node_list_add(names, node_string(site_item_name(lfirst(lc))));
	return names;
}

/*
 * Items are shown by name, pg_users[app], not by number: inserting one in front
 * of a thousand is one entry, and the path still says whom it is about.
 */
static void
compare_item(Difference *difference, const char *key, const char *name,
			 const SpecNode *before, const SpecNode *after)
{
	int			length = difference->path.len;

	site_append_name(&difference->path, name);
	compare_values(difference, key, before, after);
	truncate_path(difference, length);
}

/* whether the items that both lists have stand in another order */
static bool
order_differs(const SpecNode *before, const NamedItem *after, int count)
{
	int			last = -1;
	ListCell   *lc;

	foreach(lc, before->items)
	{
		const NamedItem *same = find_named(after, count, site_item_name(lfirst(lc)));

		if (same == NULL)
			continue;
		if (same->position < last)
			return true;
		last = same->position;
	}
	return false;
}

/* by name if both lists allow it; returns whether they do */
static bool
compare_named_lists(Difference *difference, const char *key,
					const SpecNode *before, const SpecNode *after)
{
	int			before_count;
	int			after_count;
	NamedItem  *old_items = site_named_items(before, &before_count);
	NamedItem  *new_items = site_named_items(after, &after_count);
	ListCell   *lc;

	if (old_items == NULL || new_items == NULL)
		return false;

	foreach(lc, before->items)
	{
		const char *name = site_item_name(lfirst(lc));
		const NamedItem *same = find_named(new_items, after_count, name);

		compare_item(difference, key, name, lfirst(lc), same ? same->item : NULL);
	}
	foreach(lc, after->items)
	{
		const char *name = site_item_name(lfirst(lc));

		if (find_named(old_items, before_count, name) == NULL)
			compare_item(difference, key, name, NULL, lfirst(lc));
	}
	if (order_differs(before, new_items, after_count))
		report(difference, NULL, names_of(before), names_of(after));
	return true;
}

/*
 * Equal values make no entry at all, and that decides whether a declaration is a
 * new revision.  Maps and named lists are entered, everything else is reported
 * whole: a list of plain values has no identity of its items to go by.
 */
static void
compare_values(Difference *difference, const char *key,
			   const SpecNode *before, const SpecNode *after)
{
	if (before != NULL && after != NULL)
	{
		if (node_equal(before, after))
			return;
		if (before->kind == NODE_MAP && after->kind == NODE_MAP)
		{
			compare_maps(difference, false, before, after);
			return;
		}
		if (before->kind == NODE_LIST && after->kind == NODE_LIST &&
			compare_named_lists(difference, key, before, after))
			return;
	}
	report(difference, key, before, after);
}

/* a host that came or went is one entry, its parameters are others */
static void
compare_host(Difference *difference, const char *host,
			 const SpecNode *before, const SpecNode *after)
{
	SpecNode   *nothing = node_map();

	appendStringInfoString(&difference->path, "hosts");
	site_append_name(&difference->path, host);
	if (before == NULL || after == NULL)
		report(difference, NULL, before ? nothing : NULL, after ? nothing : NULL);
	compare_maps(difference, true, before ? before : nothing, after ? after : nothing);
	truncate_path(difference, 0);
}

/*
 * Hosts first, then the cluster's own parameters, each in the order of the older
 * body, with what was added after it: the same two bodies always give the same
 * list.
 */
SpecNode *
difference_make(const SpecNode *before, const SpecNode *after)
{
	Difference	difference = {.list = node_list()};
	SpecNode   *nothing = node_map();
	const SpecNode *old_hosts = before ? node_get(before, "hosts") : nothing;
	const SpecNode *new_hosts = node_get(after, "hosts");
	ListCell   *lc;

	initStringInfo(&difference.path);
	foreach(lc, old_hosts->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		compare_host(&difference, entry->key, entry->value, node_get(new_hosts, entry->key));
	}
	foreach(lc, new_hosts->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		if (node_get(old_hosts, entry->key) == NULL)
			compare_host(&difference, entry->key, NULL, entry->value);
	}
	compare_maps(&difference, true, before ? node_get(before, "vars") : nothing,
				 node_get(after, "vars"));
	return difference.list;
}
