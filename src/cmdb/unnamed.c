/*
 * unnamed.c
 *		Masks in lists whose items have no names: whether the place alone tells
 *		which secret is meant.
 *
 * A secret of a named item is found wherever the item stands.  Lines of access
 * rules have only their places: where one with a secret was taken out, or two
 * changed places, the mask of one would silently get the secret of another.
 *
 * Not for: secrets of named items, finding the stored value (site.c).
 */
#include "postgres.h"

#include <ctype.h>

#include "cmdb/unnamed.h"

/* index (from 0) of the item at whose place a path begins; -1: it has a name */
static int
item_index(const char *path)
{
	return path[0] == '[' && isdigit((unsigned char) path[1]) ?
		(int) strtol(path + 1, NULL, 10) : -1;
}

static SpecNode *
list_of(const SpecNode *body, const SecretSite *site)
{
	const SpecNode *vars = site->host == NULL ? node_get(body, "vars") :
		node_get(node_get(body, "hosts"), site->host);
	SpecNode   *value = node_get(vars, site->param);

	return value != NULL && value->kind == NODE_LIST ? value : NULL;
}

static void
remember_place(const SecretSite *site, void *arg)
{
	List	  **places = arg;
	SecretEntry *place = palloc0(sizeof(SecretEntry));

	place->host = site->host;
	place->param = site->param;
	place->path = pstrdup(site->path);
	place->value = "";
	*places = lappend(*places, place);
}

/* whether each secret that is stored in the list still has one in its place */
static bool
all_in_place(const SecretSite *site, SpecNode *declared, SpecNode *stored)
{
	List	   *now = NIL;
	List	   *before = NIL;
	ListCell   *cell;

	site_visit_value(declared, site->param, NULL, remember_place, &now);
	site_visit_value(stored, site->param, NULL, remember_place, &before);
	site_sort(now);
	foreach(cell, before)
	{
		const SecretEntry *entry = lfirst(cell);
		SecretSite	place = {.param = entry->param, .path = entry->path};

		if (item_index(entry->path) >= 0 && site_find(now, &place) == NULL)
			return false;
	}
	return true;
}

/* what an item says besides its lines: its title, for whom it is */
static SpecNode *
heading(const SpecNode *item)
{
	SpecNode   *map = node_map();
	ListCell   *cell;

	foreach(cell, item->entries)
	{
		SpecEntry  *entry = lfirst(cell);

		if (entry->value->kind != NODE_LIST)
			map->entries = lappend(map->entries, entry);
	}
	return map;
}

/* whether the item at a place is one that was at another */
static bool
has_moved(int index, const SpecNode *declared, const SpecNode *stored)
{
	const SpecNode *own = heading(list_nth(declared->items, index));
	ListCell   *cell;

	if (index < list_length(stored->items) &&
		node_equal(own, heading(list_nth(stored->items, index))))
		return false;
	foreach(cell, stored->items)
	{
		if (node_equal(own, heading(lfirst(cell))))
			return true;
	}
	return false;
}

/* See unnamed.h. */
bool
unnamed_is_clear(const SecretSite *site, const SpecNode *declared, const SpecNode *stored)
{
	int			index = item_index(site->path);
	SpecNode   *now = index < 0 ? NULL : list_of(declared, site);
	SpecNode   *before = index < 0 ? NULL : list_of(stored, site);

	if (now == NULL || before == NULL || index >= list_length(now->items))
		return true;
	return all_in_place(site, now, before) && !has_moved(index, now, before);
}
