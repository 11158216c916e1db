/*
 * history.c
 *		Old declarations, and what lies between two of them.
 *
 * Documents in the history are masked, so two of them do not tell whether a
 * secret changed; the difference that was recorded with each revision does.
 *
 * Not for: writing the history (revision.c).
 */
#include "postgres.h"

#include "cmdb/difference.h"
#include "cmdb/history.h"
#include "cmdb/query.h"
#include "cmdb/site.h"
#include "errors.h"
#include "secret.h"
#include "spec/names.h"

/* ---- documents ---- */

/* an unknown revision: which ones there are is what the reader needs next */
static void
raise_unknown(CmdbQuery *query, const char *cluster, int64 revision)
{
	CmdbRow		args = {0};
	int64		first;
	int64		last;

	cmdb_put_text(&args, cluster);
	cmdb_run(query,
			 "SELECT min(r.revision), max(r.revision) FROM pgops.revision AS r"
			 " WHERE r.cluster = $1", &args);
	first = cmdb_int8(0, 1);
	last = cmdb_int8(0, 2);
	if (last == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("nothing was ever declared for \"%s\"", cluster),
				 errhint("SELECT DISTINCT cluster FROM pgops.revisions() lists what has a history.")));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("\"%s\" has no revision " INT64_FORMAT, cluster, revision),
			 errdetail("It has revisions " INT64_FORMAT " to " INT64_FORMAT ".", first, last)));
}

int64
history_newest(const char *cluster)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	int64		newest;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	cmdb_run(&query,
			 "SELECT max(r.revision) FROM pgops.revision AS r WHERE r.cluster = $1", &args);
	newest = cmdb_int8(0, 1);
	if (newest == 0)
		raise_unknown(&query, cluster, 0);
	cmdb_end(&query);
	return newest;
}

/* before the first revision there was nothing */
static SpecNode *
document_or_nothing(const char *cluster, int64 revision)
{
	if (revision != 0)
		return history_document(cluster, revision);
	(void) history_newest(cluster);
	return node_map();
}

SpecNode *
history_document(const char *cluster, int64 revision)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	SpecNode   *document;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	cmdb_put_int8(&args, revision);
	if (cmdb_run(&query,
				 "SELECT r.document FROM pgops.revision AS r"
				 " WHERE r.cluster = $1 AND r.revision = $2", &args) == 0)
		raise_unknown(&query, cluster, revision);
	document = cmdb_json(&query, 0, 1);
	cmdb_end(&query);
	return document;
}

/* ---- recorded differences ---- */

/* the same on both sides, with a mask: a secret that changed, and nothing else about it */
static bool
is_changed_secret(const SpecNode *entry)
{
	const SpecNode *old = node_get(entry, "old");
	const SpecNode *new = node_get(entry, "new");

	return old != NULL && new != NULL && node_equal(old, new) && site_holds_mask(old);
}

typedef bool (*EntryFilter) (const SpecNode *entry);

static bool
touches_secret(const SpecNode *entry)
{
	return site_holds_mask(node_get(entry, "old")) || site_holds_mask(node_get(entry, "new"));
}

/* paths of the filtered entries in the revisions after "from" up to "upto", each once */
static List *
recorded_paths(const char *cluster, int64 from, int64 upto, EntryFilter filter)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	List	   *paths = NIL;
	SpecNames  *seen = spec_names_create();
	uint64		count;

	cmdb_begin(&query);
	cmdb_put_text(&args, cluster);
	cmdb_put_int8(&args, from);
	cmdb_put_int8(&args, upto);
	count = cmdb_run(&query,
					 "SELECT d.entry FROM pgops.revision AS r"
					 " CROSS JOIN jsonb_array_elements(r.difference) WITH ORDINALITY AS d (entry, place)"
					 " WHERE r.cluster = $1 AND r.revision > $2 AND r.revision <= $3"
					 " AND d.entry::text LIKE '%" SECRET_MASK "%'"
					 " ORDER BY r.revision, d.place", &args);
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(query.caller);
		SpecNode   *entry = node_from_jsonb(cmdb_jsonb(i, 1));
		const char *path = node_text(node_get(entry, "path"));

		if (path != NULL && filter(entry) && spec_names_add(seen, path, entry) == NULL)
			paths = lappend(paths, pstrdup(path));
		MemoryContextSwitchTo(old);
	}
	cmdb_end(&query);
	return paths;
}

List *
history_secrets_since(const char *cluster, int64 revision)
{
	return recorded_paths(cluster, revision, PG_INT64_MAX, touches_secret);
}

/* ---- difference ---- */

/* as a row of the result; a side that is missing was added or removed */
static CmdbChange *
make_change(const char *cluster, const char *path, SpecNode *old, SpecNode *new)
{
	CmdbChange *change = palloc0(sizeof(CmdbChange));

	change->group = cluster;
	change->path = path;
	change->old = old;
	change->new = new;
	change->action = old == NULL ? "added" : new == NULL ? "removed" : "changed";
	return change;
}

/*
 * Whether the path itself was reported, or that what it lies in came or went.
 * A change of what it lies in may be one of the order alone.
 */
static bool
is_covered(const List *changes, const char *path)
{
	ListCell   *cell;

	foreach(cell, changes)
	{
		const CmdbChange *change = lfirst(cell);
		size_t		length = strlen(change->path);

		if (strncmp(path, change->path, length) != 0)
			continue;
		if (path[length] == '\0' ||
			((path[length] == '.' || path[length] == '[') &&
			 (change->old == NULL || change->new == NULL)))
			return true;
	}
	return false;
}

/* which group lies in which is part of the document of "all" alone */
static List *
compare_children(List *changes, const char *cluster, const SpecNode *before,
				 const SpecNode *after)
{
	SpecNode   *old = node_get(before, "children");
	SpecNode   *new = node_get(after, "children");

	if ((old == NULL && new == NULL) || (old != NULL && new != NULL && node_equal(old, new)))
		return changes;
	return lappend(changes, make_change(cluster, "children", old, new));
}

List *
history_difference(const char *cluster, int64 a, int64 b)
{
	SpecNode   *before = document_or_nothing(cluster, a);
	SpecNode   *after = document_or_nothing(cluster, b);
	SpecNode   *difference = difference_make(difference_canonical(before),
											 difference_canonical(after));
	List	   *changes = NIL;
	ListCell   *cell;

	foreach(cell, difference->items)
	{
		const SpecNode *entry = lfirst(cell);

		changes = lappend(changes, make_change(cluster, node_text(node_get(entry, "path")),
											   node_get(entry, "old"), node_get(entry, "new")));
	}
	changes = compare_children(changes, cluster, before, after);
	foreach(cell, recorded_paths(cluster, Min(a, b), Max(a, b), is_changed_secret))
	{
		const char *path = lfirst(cell);

		if (!is_covered(changes, path))
			changes = lappend(changes, make_change(cluster, path, node_string(SECRET_MASK),
												   node_string(SECRET_MASK)));
	}
	return changes;
}
