/*
 * edit_carry.c
 *		What a statement did to the views, as one declaration.
 *
 * Not for: what the rows mean for the bodies (edit_list.c, edit_group.c).
 */
#include "postgres.h"

#include "cmdb/cmdb.h"
#include "errors.h"
#include "ops/guard.h"
#include "worker/edit.h"

/* column of the view that names the cluster */
static const char *
cluster_column(const Edit *edit)
{
	return strcmp(edit->kind->view, "clusters") == 0 ? "name" : "cluster";
}

/* a cluster is deleted by what pgops.forget() does */
static bool
forgets(const Edit *edit)
{
	return edit->action == EDIT_DELETE && strcmp(edit->kind->view, "clusters") == 0;
}

/* each row has a cluster, and stays in it */
static void
check_cluster(const Edit *edit)
{
	const char *column = cluster_column(edit);

	if (edit_key(edit, column) == NULL)
		edit_refuse(edit, column, ERRCODE_NOT_NULL_VIOLATION,
					pstrdup("It must not be null."), NULL);
	for (int i = 0; edit->action == EDIT_UPDATE && i < edit->ncells; i++)
	{
		if (edit->cells[i].changed && strcmp(edit->cells[i].column, column) == 0)
			edit_refuse_column(edit, column,
							   edit->kind->params == NULL && strcmp(column, "name") == 0 ?
							   "A cluster keeps its name." : "A row stays in its cluster.",
							   "Delete the row and insert it where it is to be.");
	}
}

/*
 * Clusters are forgotten first, so that what the statement declares besides can
 * take their hosts and names.  Returns the other edits.
 */
static List *
forget_clusters(List *edits)
{
	List	   *others = NIL;
	ListCell   *lc;

	guard_declaring();
	cmdb_lock_declarations();
	foreach(lc, edits)
	{
		Edit	   *edit = lfirst(lc);

		check_cluster(edit);
		if (forgets(edit))
			edit_forget(edit_key(edit, "name"));
		else
			others = lappend(others, edit);
	}
	return others;
}

/*
 * Whether an edit brings a name that any group of the inventory may have
 * already: what is stored for the cluster does not tell which others to read.
 */
static bool
brings_names(const Edit *edit)
{
	if (edit->kind->params != NULL)
		return false;
	return edit->action == EDIT_INSERT || edit_new(edit, "host") != NULL;
}

/* the cluster that is enough to be read; NULL: everything */
static const char *
only_cluster(const List *edits)
{
	const char *only = NULL;
	ListCell   *lc;

	foreach(lc, edits)
	{
		const Edit *edit = lfirst(lc);
		const char *cluster = edit_key(edit, cluster_column(edit));

		if (brings_names(edit) || (only != NULL && strcmp(only, cluster) != 0))
			return NULL;
		only = cluster;
	}
	return only;
}

/* whether an edit can take away what makes a cluster complete, or has not yet given it */
static bool
is_structural(const List *edits)
{
	ListCell   *lc;

	foreach(lc, edits)
	{
		if (((const Edit *) lfirst(lc))->kind->params == NULL)
			return true;
	}
	return false;
}

/*
 * For one cluster only what has a say in it is read, for several everything: they
 * are also checked against each other as the statement leaves them.
 */
static void
declare(EditWork *work)
{
	const Edit *first = linitial(work->edits);
	ListCell   *lc;

	work->declaration = declaration_begin(only_cluster(work->edits),
										  psprintf("writing to pgops.%s", first->kind->view));
	work->local = cmdb_local_cluster();
	work->declaration->join = true;
	work->declaration->incomplete = edit_unfinished() || is_structural(work->edits);
	work->lists_by_place = spec_names_create();

	foreach(lc, work->edits)
	{
		Edit	   *edit = lfirst(lc);

		edit->kind->carry(work, edit);
	}
	edit_close_lists(work);
	declaration_check(work->declaration);
	edit_report(work);
	edit_tell_copies(work);
	(void) declaration_store(work->declaration);
}

/*
 * Deletes, then declares, then pauses: the last needs the row of a cluster that
 * the same statement may have made.
 */
void
edit_carry_out(List *edits)
{
	EditWork	work = {0};
	ListCell   *lc;

	work.edits = forget_clusters(edits);
	if (work.edits == NIL)
		return;
	declare(&work);
	foreach(lc, work.structural)
		edit_check_at_commit(lfirst(lc));
	foreach(lc, work.paused)
		edit_pause(lfirst(lc));
}
