/*
 * revision.c
 *		The history of declarations: who, when, what, why.
 *
 * Not for: reading it (history.c).
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"

#include "cmdb/revision.h"
#include "cmdb/site.h"

static const CmdbColumn revision_columns[] = {
	{"cluster", TEXTOID}, {"document", JSONOID}, {"difference", JSONBOID}
};

/* ---- several statements, one revision ---- */

/* the entry of a difference about the same path, or NULL */
static SpecNode *
find_path(const SpecNode *difference, const char *path)
{
	ListCell   *cell;

	foreach(cell, difference->items)
	{
		const char *other = node_text(node_get(lfirst(cell), "path"));

		if (other != NULL && strcmp(other, path) == 0)
			return lfirst(cell);
	}
	return NULL;
}

/* whether nothing is left of a change; of two masks nobody can tell */
static bool
is_undone(const SpecNode *entry)
{
	const SpecNode *old = node_get(entry, "old");
	const SpecNode *new = node_get(entry, "new");

	if (old == NULL || new == NULL)
		return old == new;
	return node_equal(old, new) && !site_holds_mask(new);
}

/*
 * "earlier" and then "later": of a value that changed twice, the oldest old and
 * the newest new; what was set and taken back in between is no difference.
 */
static SpecNode *
merge_differences(SpecNode *earlier, const SpecNode *later)
{
	ListCell   *cell;

	foreach(cell, later->items)
	{
		SpecNode   *entry = lfirst(cell);
		SpecNode   *same = find_path(earlier, node_text(node_get(entry, "path")));
		SpecNode   *new = node_get(entry, "new");

		if (same == NULL)
		{
			node_list_add(earlier, entry);
			continue;
		}
		node_map_unset(same, "new");
		if (new != NULL)
			node_map_set(same, "new", new);
		if (is_undone(same))
			earlier->items = list_delete_ptr(earlier->items, same);
	}
	return earlier;
}

/*
 * The newest revision is this transaction's if its row version is: that needs no
 * memory of ours, and ROLLBACK TO undoes it by itself.
 */
static bool
join_revision(CmdbQuery *query, const Revision *revision, const char *note)
{
	CmdbRow		args = {0};
	bool		isnull;
	SpecNode   *difference;

	cmdb_put_text(&args, revision->name);
	if (cmdb_run(query,
				 "SELECT r.xmin, r.difference, r.revision FROM pgops.revision AS r"
				 " WHERE r.cluster = $1 ORDER BY r.revision DESC LIMIT 1", &args) == 0 ||
		!TransactionIdIsCurrentTransactionId(DatumGetTransactionId(cmdb_datum(0, 1, &isnull))))
		return false;
	difference = merge_differences(node_from_jsonb(cmdb_jsonb(0, 2)), revision->difference);
	cmdb_put_int8(&args, cmdb_int8(0, 3));
	cmdb_put_json(&args, revision->document);
	cmdb_put_jsonb(&args, node_to_jsonb(difference));
	cmdb_put_text(&args, note);
	cmdb_run(query,
			 "UPDATE pgops.revision AS r"
			 " SET document = $3, difference = $4, note = COALESCE($5, r.note),"
			 "  generation = (SELECT c.generation FROM pgops.cluster AS c WHERE c.name = $1)"
			 " WHERE r.cluster = $1 AND r.revision = $2", &args);
	return true;
}

/* ---- adding ---- */

/*
 * Declarations are serialised by cmdb_lock_declarations(), so the next number
 * is the greatest plus one.  The session user counts, not a role it has set.
 * The groups' rows have their new generation by now; "all" has no row.
 */
void
revision_add(CmdbQuery *query, const List *revisions, const char *note, bool join)
{
	CmdbRowSet *set = cmdb_row_set(query, "new_revision", revision_columns,
								   lengthof(revision_columns));
	CmdbRow		args = {0};
	ListCell   *cell;

	foreach(cell, revisions)
	{
		const Revision *revision = lfirst(cell);
		CmdbRow		row = {0};

		if (join && join_revision(query, revision, note))
			continue;
		cmdb_put_text(&row, revision->name);
		cmdb_put_json(&row, revision->document);
		cmdb_put_jsonb(&row, node_to_jsonb(revision->difference));
		cmdb_row_set_add(set, &row);
	}
	cmdb_put_text(&args, note);
	cmdb_run(query,
			 "INSERT INTO pgops.revision"
			 " (cluster, revision, generation, document, difference, note,"
			 "  role, application_name, client_addr)"
			 " SELECT n.cluster,"
			 "  COALESCE((SELECT max(r.revision) FROM pgops.revision AS r"
			 "   WHERE r.cluster = n.cluster), 0) + 1,"
			 "  c.generation, n.document, n.difference, $1,"
			 "  session_user, current_setting('application_name'), inet_client_addr()"
			 " FROM new_revision AS n LEFT JOIN pgops.cluster AS c ON c.name = n.cluster",
			 &args);
}
