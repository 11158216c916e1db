/*
 * finding.c
 *		Collecting what is wrong in a document, and raising it all at once.
 *
 * Not for: deciding what is wrong (parse.c, validate*.c, model.c).
 */
#include "postgres.h"

#include "errors.h"
#include "spec/finding.h"

/* more errors than this are counted, not listed: a DETAIL is read by people */
#define MAX_LISTED_ERRORS	100

void
finding_add(Findings *findings, FindingSeverity severity, int sqlstate,
			const SpecNode *at, const char *path, const char *hint,
			const char *fmt,...)
{
	Finding    *finding = palloc0(sizeof(Finding));
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&buf, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}

	finding->severity = severity;
	finding->sqlstate = sqlstate;
	finding->path = pstrdup(path == NULL ? "" : path);
	finding->line = at == NULL ? 0 : at->line;
	finding->column = at == NULL ? 0 : at->column;
	finding->message = buf.data;
	finding->hint = hint == NULL ? NULL : pstrdup(hint);

	findings->list = lappend(findings->list, finding);
	if (severity == FINDING_ERROR)
		findings->errors++;
}

static int
compare_findings(const ListCell *a, const ListCell *b)
{
	const Finding *fa = lfirst(a);
	const Finding *fb = lfirst(b);

	if (fa->line != fb->line)
		return fa->line < fb->line ? -1 : 1;
	if (fa->column != fb->column)
		return fa->column < fb->column ? -1 : 1;
	return strcmp(fa->path, fb->path);
}

void
findings_sort(Findings *findings)
{
	/*
	 * list_sort is not stable, and equal findings must come out in the same
	 * order each time: an insertion sort over what is mostly in order
	 * already.
	 */
	List	   *list = findings->list;

	for (int i = 1; i < list_length(list); i++)
	{
		void	   *moved = list_nth(list, i);
		int			j = i;

		while (j > 0)
		{
			ListCell	cell;

			cell.ptr_value = moved;
			if (compare_findings(list_nth_cell(list, j - 1), &cell) <= 0)
				break;
			list_nth_cell(list, j)->ptr_value = list_nth(list, j - 1);
			j--;
		}
		list_nth_cell(list, j)->ptr_value = moved;
	}
}

/* "line 3, column 7: path: message" without the parts that are unknown */
static void
append_finding(StringInfo buf, const Finding *finding)
{
	if (buf->len > 0)
		appendStringInfoChar(buf, '\n');
	if (finding->line > 0)
	{
		appendStringInfo(buf, "line %d", finding->line);
		if (finding->column > 0)
			appendStringInfo(buf, ", column %d", finding->column);
		appendStringInfoString(buf, ": ");
	}
	if (finding->path[0] != '\0')
		appendStringInfo(buf, "%s: ", finding->path);
	appendStringInfoString(buf, finding->message);
}

static void
emit_warnings(const Findings *findings)
{
	ListCell   *lc;

	foreach(lc, findings->list)
	{
		const Finding *finding = lfirst(lc);
		StringInfoData buf;

		if (finding->severity == FINDING_ERROR)
			continue;
		initStringInfo(&buf);
		append_finding(&buf, finding);
		ereport(finding->severity == FINDING_WARNING ? WARNING : NOTICE,
				(errcode(finding->sqlstate),
				 errmsg_internal("%s", buf.data),
				 finding->hint == NULL ? 0 : errhint("%s", finding->hint),
				 errhidestmt(true)));
	}
}

void
findings_raise(Findings *findings, const char *what)
{
	const Finding *first = NULL;
	StringInfoData detail;
	int			listed = 0;
	ListCell   *lc;

	findings_sort(findings);
	emit_warnings(findings);
	if (findings->errors == 0)
		return;

	initStringInfo(&detail);
	foreach(lc, findings->list)
	{
		const Finding *finding = lfirst(lc);

		if (finding->severity != FINDING_ERROR)
			continue;
		if (first == NULL)
			first = finding;
		if (listed++ < MAX_LISTED_ERRORS)
			append_finding(&detail, finding);
	}
	if (listed > MAX_LISTED_ERRORS)
		appendStringInfo(&detail, "\n... and %d more errors",
						 listed - MAX_LISTED_ERRORS);

	/* the statement may hold the document with its passwords: keep it out of the log */
	ereport(ERROR,
			(errcode(findings->errors == 1 ? first->sqlstate : ERRCODE_PGOPS_INVALID_DOCUMENT),
			 errmsg_plural("%s has %d error", "%s has %d errors",
						   findings->errors, what, findings->errors),
			 errdetail_internal("%s", detail.data),
			 first->hint == NULL ? 0 : errhint("%s", first->hint),
			 errhidestmt(true)));
}

const char *
finding_severity_name(FindingSeverity severity)
{
	switch (severity)
	{
		case FINDING_ERROR:
			return "error";
		case FINDING_WARNING:
			return "warning";
		case FINDING_NOTICE:
			return "notice";
	}
	return "error";
}
