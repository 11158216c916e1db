/*
 * finding.c
 *		Collecting what is wrong in a document, and raising it all at once.
 *
 * Not for: deciding what is wrong (parse.c, validate*.c, model.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "errors.h"
#include "format.h"
#include "spec/finding.h"

/* more errors than this are counted, not listed: a DETAIL is read by people */
#define MAX_LISTED_ERRORS	100

/* bytes of a message; what it quotes of a document may be megabytes */
#define MAX_MESSAGE			1000

/* what helps with an error of a kind, where there is nothing more to the point */
static const struct
{
	int			sqlstate;
	const char *hint;
}			general_hints[] = {
	{ERRCODE_PGOPS_SYNTAX, "Look for a missing quote, bracket or colon here and just before; YAML is indented with blanks, never with tabs."},
	{ERRCODE_PGOPS_DUPLICATE_KEY, "Keep one of the two: no value replaces an earlier one."},
	{ERRCODE_PGOPS_UNKNOWN_NAME, "pgops.parameter lists all parameters, the README the fields of objects."},
	{ERRCODE_PGOPS_WRONG_TYPE, "pgops.parameter shows the types of parameters, the README the fields of objects."},
	{ERRCODE_PGOPS_OUT_OF_RANGE, "pgops.parameter shows choices, bounds and defaults of parameters, the README the fields of objects."},
	{ERRCODE_PGOPS_MISSING, "Add what is missing, or remove what needs it."},
	{ERRCODE_PGOPS_DUPLICATE_OBJECT, "Remove one of the two, or correct its name or number."},
	{ERRCODE_PGOPS_BAD_NAME, "Correct the name; a name of another length or form cannot exist on the server."},
	{ERRCODE_PGOPS_UNRESOLVED, "Declare it, or correct the name."},
	{ERRCODE_PGOPS_BAD_ADDRESS, "Write an IPv4 or IPv6 address, with /bits for a network; where access is ruled also a host name or local, localhost, admin, infra, cluster, intra, world."},
	{ERRCODE_PGOPS_CONTRADICTION, "Decide for one of the two."},
	{ERRCODE_PGOPS_UNSUPPORTED_YAML, "Write one document of plain maps, lists and values."},
	{ERRCODE_PGOPS_LIMIT, "Declare less in one document, or in simpler values."},
	{ERRCODE_PGOPS_ENCODING, "Save the document as UTF-8, without NUL characters."},
	{ERRCODE_PGOPS_BAD_HBA_RULE, "Write user, db, addr and auth, or whole lines of pg_hba.conf under \"rules\", one rule on one line."},
};

static const char *
general_hint(int sqlstate)
{
	for (int i = 0; i < lengthof(general_hints); i++)
	{
		if (general_hints[i].sqlstate == sqlstate)
			return general_hints[i].hint;
	}
	return NULL;
}

/*
 * A finding beyond the limit.  Errors go on being counted, for callers compare
 * the number before and after a check; the first one too many is replaced by
 * a word about those that are missing.
 */
static void
count_one_more(Findings *findings, FindingSeverity severity, int *count)
{
	Finding    *last;

	if ((*count)++ > FINDINGS_KEPT)
		return;
	last = palloc0(sizeof(Finding));
	last->severity = severity;
	last->sqlstate = ERRCODE_PGOPS_LIMIT;
	last->path = pstrdup("");
	last->message = psprintf(severity == FINDING_ERROR ?
							 "more than %d errors were found, of which these are the first" :
							 "more than %d warnings were found, of which these are the first",
							 FINDINGS_KEPT);
	findings->list = lappend(findings->list, last);
}

/*
 * Formats as appendStringInfo() does, growing the buffer until the text fits.
 * Nothing of it is translated: findings are rows of data as much as messages,
 * and tests and dashboards compare them.
 */
void
finding_add(Findings *findings, FindingSeverity severity, int sqlstate,
			const SpecNode *at, const char *path, const char *hint,
			const char *fmt,...)
{
	int		   *count = severity == FINDING_ERROR ? &findings->errors : &findings->others;
	Finding    *finding;
	StringInfoData buf;

	if (hint == NULL && severity == FINDING_ERROR)
		hint = general_hint(sqlstate);
	if (*count >= FINDINGS_KEPT)
	{
		count_one_more(findings, severity, count);
		return;
	}

	initStringInfo(&buf);
	FORMAT_ARGUMENTS(&buf, fmt);

	if (buf.len > MAX_MESSAGE)
	{
		buf.len = pg_mbcliplen(buf.data, buf.len, MAX_MESSAGE);
		buf.data[buf.len] = '\0';
		appendStringInfoString(&buf, "...");
	}

	finding = palloc0(sizeof(Finding));
	finding->severity = severity;
	finding->sqlstate = sqlstate;
	finding->path = pstrdup(path == NULL ? "" : path);
	finding->line = at == NULL ? 0 : at->line;
	finding->column = at == NULL ? 0 : at->column;
	finding->message = buf.data;
	finding->hint = hint == NULL ? NULL : pstrdup(hint);

	findings->list = lappend(findings->list, finding);
	(*count)++;
}

/*
 * findings_append
 *		See finding.h.  The counts are those of all that was found, so the sum
 *		is right even where one of the two lists is not complete.
 */
void
findings_append(Findings *findings, Findings *more)
{
	findings->list = list_concat(findings->list, more->list);
	findings->errors += more->errors;
	findings->others += more->others;
}

/* a finding and its place in the list, which keeps the sort stable */
typedef struct SortItem
{
	Finding    *finding;
	int			position;
} SortItem;

/*
 * What has no line (JSON through jsonb, whole documents) comes first.  The
 * position makes the order total, as qsort() is not stable.
 */
static int
compare_findings(const void *a, const void *b)
{
	const SortItem *ia = a;
	const SortItem *ib = b;
	int			order;

	if (ia->finding->line != ib->finding->line)
		return ia->finding->line < ib->finding->line ? -1 : 1;
	if (ia->finding->column != ib->finding->column)
		return ia->finding->column < ib->finding->column ? -1 : 1;
	order = strcmp(ia->finding->path, ib->finding->path);
	if (order != 0)
		return order;
	return ia->position < ib->position ? -1 : 1;
}

/*
 * Sorts an array and puts the pointers back into the list's cells, so that
 * pointers to the list itself stay valid.
 */
void
findings_sort(Findings *findings)
{
	int			count = list_length(findings->list);
	SortItem   *items = palloc(Max(count, 1) * sizeof(SortItem));

	for (int i = 0; i < count; i++)
	{
		items[i].finding = list_nth(findings->list, i);
		items[i].position = i;
	}
	qsort(items, count, sizeof(SortItem), compare_findings);
	for (int i = 0; i < count; i++)
		list_nth_cell(findings->list, i)->ptr_value = items[i].finding;
	pfree(items);
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

/* notices are for pgops.validate(): a declaration is not to be noisy about defaults */
static void
emit_warnings(const Findings *findings)
{
	ListCell   *lc;

	foreach(lc, findings->list)
	{
		const Finding *finding = lfirst(lc);
		StringInfoData buf;

		if (finding->severity != FINDING_WARNING)
			continue;
		initStringInfo(&buf);
		append_finding(&buf, finding);
		ereport(WARNING,
				(errcode(finding->sqlstate),
				 errmsg_internal("%s", buf.data),
				 finding->hint == NULL ? 0 : errhint("%s", finding->hint),
				 errhidestmt(true)));
	}
}

/*
 * One ERROR for all, because the first one alone would make people fix a
 * document line by line, with one run for each.  Does not return if there is
 * an error.
 */
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
						 findings->errors - MAX_LISTED_ERRORS);

	/* the statement may hold the document with its passwords: keep it out of the log */
	ereport(ERROR,
			(errcode(findings->errors == 1 ? first->sqlstate : ERRCODE_PGOPS_INVALID_DOCUMENT),
			 errmsg_plural("%s has %d error", "%s has %d errors",
						   findings->errors, what, findings->errors),
			 errdetail_internal("%s", detail.data),
			 first->hint == NULL ? 0 : errhint("%s", first->hint),
			 errhidestmt(true)));
}

/* As GUC values and psql write them, for the column "severity". */
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
