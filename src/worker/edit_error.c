/*
 * edit_error.c
 *		What is wrong with a statement on a typed view, in its own words: the
 *		view, the column, the object.
 *
 * Validation speaks of places in a document.  Those that lie in something that
 * the statement wrote are told as its columns; others, which were wrong before
 * or became so by the change, with their path.  No message holds a value that
 * validation would not show.
 *
 * Not for: deciding what is wrong.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "errors.h"
#include "worker/edit.h"

#define SCHEMA			"pgops"
#define MAX_LISTED		100		/* errors in one DETAIL */
#define MAX_REMEMBERED	200		/* warnings of one transaction that are not repeated */

/* ---- names ---- */

/*
 * What tells a row from its neighbours: its old name, since that is what the
 * person wrote in the condition, or its place in the list.
 */
static void
append_row(StringInfo buf, const Edit *edit)
{
	static const char *const columns[] = {"name", "host", "ordinal", NULL};

	for (int i = 0; columns[i] != NULL; i++)
	{
		const char *value = edit_key(edit, columns[i]);

		if (value == NULL)
			continue;
		appendStringInfo(buf, strcmp(columns[i], "ordinal") == 0 ? ", %s %s" : ", %s \"%s\"",
						 edit->kind->noun, value);
		return;
	}
	appendStringInfo(buf, ", new %s", edit->kind->noun);
}

char *
edit_describe(const Edit *edit)
{
	bool		group = strcmp(edit->kind->view, "clusters") == 0;
	const char *cluster = edit_key(edit, group ? "name" : "cluster");
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "cluster \"%s\"", cluster ? cluster : "");
	if (edit_key(edit, "database") != NULL)
		appendStringInfo(&buf, ", database \"%s\"", edit_key(edit, "database"));
	if (!group)
		append_row(&buf, edit);
	return buf.data;
}

/*
 * What clients can read without taking the message apart, as they can for a
 * constraint of a table.
 */
static int
err_column(const Edit *edit, const char *column)
{
	err_generic_string(PG_DIAG_SCHEMA_NAME, SCHEMA);
	err_generic_string(PG_DIAG_TABLE_NAME, edit->kind->view);
	if (column != NULL)
		err_generic_string(PG_DIAG_COLUMN_NAME, column);
	return 0;
}

/* ---- refusing an edit before it is validated ---- */

void
edit_refuse(const Edit *edit, const char *column, int sqlstate, char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("invalid value for column \"%s\" of pgops.%s", column, edit->kind->view),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 err_column(edit, column),
			 errhidestmt(true)));
}

void
edit_refuse_column(const Edit *edit, const char *column, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot write to column \"%s\" of pgops.%s", column, edit->kind->view),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 err_column(edit, column),
			 errhidestmt(true)));
}

/* ---- findings ---- */

/* a finding in the words of the statement */
typedef struct Told
{
	const Finding *finding;
	const Edit *edit;			/* NULL: nothing that the statement wrote */
	const char *column;			/* or NULL */
} Told;

/* the column that shows a parameter: its own one, or the one that has them all */
static const char *
column_of_param(const EditKind *kind, const char *param)
{
	for (const EditAlias *alias = kind->aliases; alias->column != NULL; alias++)
	{
		if (strcmp(alias->param, param) == 0)
			return alias->column;
	}
	return "variables";
}

/*
 * The edit of a host or group whose place the path lies in.  Whether the next
 * key is a parameter decides, because a path is not quoted.
 */
static bool
tell_by_place(const EditWork *work, Told *told)
{
	ListCell   *lc;

	foreach(lc, work->edits)
	{
		const Edit *edit = lfirst(lc);
		const char *key = edit->path ? item_below_path(told->finding->path, edit->path) : NULL;

		if (key == NULL)
			continue;
		/* a group's path is above that of its hosts, and hosts' names have dots as well */
		if (key[0] != '\0' && node_get(edit->item, key) == NULL)
			continue;
		if (key[0] == '\0')
			key = strcmp(edit->kind->view, "clusters") == 0 ? "name" : "host";
		else
			key = column_of_param(edit->kind, key);
		told->edit = edit;
		told->column = key;
		return true;
	}
	return false;
}

/*
 * The column that a path inside an item is about.  A finding about the item as
 * a whole is about what it lacks or, if it lacks nothing, about its name: that
 * is what duplicates and references are.
 */
static const char *
column_in_item(const Edit *edit, const char *rest)
{
	const char *lacking;

	if (edit->kind->text != NULL)
		return edit->kind->text;
	if (rest[0] == '.')
		return item_below_path(rest, "");
	lacking = item_lacks(edit->list->object, edit->item);
	if (lacking != NULL)
		return lacking;
	return item_field(edit->list->object, "name") ? "name" : NULL;
}

/*
 * The edit of the item that the path lies in.  Validation names items by their
 * places, which are those of the lists as the statement leaves them; of several
 * edits of one item the first one speaks for all.
 */
static bool
tell_by_item(const EditWork *work, Told *told)
{
	ListCell   *lc;

	/* from the end: what lies inside a database comes after the databases */
	for (int i = list_length(work->lists) - 1; i >= 0; i--)
	{
		const EditList *list = list_nth(work->lists, i);
		int			index = -1;
		const char *rest = list->path == NULL ? NULL :
			item_in_path(told->finding->path, list->path, &index);

		if (rest == NULL || index < 0 || index >= list_length(list->node->items))
			continue;
		foreach(lc, work->edits)
		{
			const Edit *edit = lfirst(lc);

			if (edit->item != list_nth(list->node->items, index))
				continue;
			told->edit = edit;
			told->column = column_in_item(edit, rest);
			return true;
		}
	}
	return false;
}

/* 'cluster "pg-meta", database "app": message', or the path where it is none of ours */
static void
append_told(StringInfo buf, const Told *told)
{
	const char *where;

	if (buf->len > 0)
		appendStringInfoChar(buf, '\n');
	where = told->edit ? edit_describe(told->edit) : told->finding->path;
	if (where[0] != '\0')
		appendStringInfo(buf, "%s: ", where);
	appendStringInfoString(buf, told->finding->message);
}

/* texts of the warnings of this transaction, in its memory */
static List *warned = NIL;

static void
forget_warnings(void *arg)
{
	warned = NIL;
}

/* the list ends with the memory that it is in */
static void
remember_warning(const char *warning)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	if (warned == NIL)
	{
		MemoryContextCallback *end = palloc0(sizeof(MemoryContextCallback));

		end->func = forget_warnings;
		MemoryContextRegisterResetCallback(TopTransactionContext, end);
	}
	warned = lappend(warned, pstrdup(warning));
	MemoryContextSwitchTo(old);
}

/*
 * Each warning once in a transaction: every statement validates the cluster as
 * a whole, and finds the same ones again.
 */
static bool
warned_already(const char *warning)
{
	ListCell   *lc;

	foreach(lc, warned)
	{
		if (strcmp(lfirst(lc), warning) == 0)
			return true;
	}
	if (list_length(warned) < MAX_REMEMBERED)
		remember_warning(warning);
	return false;
}

/* a warning stops nothing, and is worth a word all the same */
static void
warn(const Told *told)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_told(&buf, told);
	if (warned_already(buf.data))
		return;
	ereport(WARNING,
			(errcode(told->finding->sqlstate),
			 errmsg_internal("%s", buf.data),
			 told->finding->hint ? errhint("%s", told->finding->hint) : 0,
			 errhidestmt(true)));
}

/*
 * One ERROR for all, as findings_raise() does it for documents.  Its message is
 * about the first that is the statement's own.
 */
static void
raise_all(const Findings *findings, const Told *first, const char *detail)
{
	int			sqlstate = findings->errors == 1 ? first->finding->sqlstate :
		ERRCODE_PGOPS_INVALID_DOCUMENT;
	const char *hint = first->finding->hint;

	if (first->edit == NULL)
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg_plural("declaration has %d error", "declaration has %d errors",
							   findings->errors, findings->errors),
				 errdetail_internal("%s", detail),
				 hint ? errhint("%s", hint) : 0,
				 errhidestmt(true)));
	ereport(ERROR,
			(errcode(sqlstate),
			 first->column ?
			 errmsg("invalid value for column \"%s\" of pgops.%s",
					first->column, first->edit->kind->view) :
			 errmsg("invalid row for pgops.%s", first->edit->kind->view),
			 errdetail_internal("%s", detail),
			 hint ? errhint("%s", hint) : 0,
			 err_column(first->edit, first->column),
			 errhidestmt(true)));
}

/*
 * All findings are looked at before anything is raised: what the statement
 * itself got wrong is told first, though older faults may stand before it.
 */
void
edit_report(const EditWork *work)
{
	Findings   *findings = &work->declaration->findings;
	Told		first = {0};
	StringInfoData detail;
	int			listed = 0;
	ListCell   *lc;

	findings_sort(findings);
	initStringInfo(&detail);
	foreach(lc, findings->list)
	{
		Told		told = {lfirst(lc)};

		if (told.finding->severity == FINDING_NOTICE)
			continue;
		if (!tell_by_item(work, &told))
			(void) tell_by_place(work, &told);
		if (told.finding->severity == FINDING_WARNING)
		{
			warn(&told);
			continue;
		}
		if (first.finding == NULL || (first.edit == NULL && told.edit != NULL))
			first = told;
		if (listed++ < MAX_LISTED)
			append_told(&detail, &told);
	}
	if (findings->errors == 0)
		return;
	if (listed > MAX_LISTED)
		appendStringInfo(&detail, "\n... and %d more errors", listed - MAX_LISTED);
	raise_all(findings, &first, detail.data);
}
