/*
 * diff.c
 *		The difference of two texts, line by line, as a unified diff.
 *
 * The shortest edit script is searched greedily (Myers, "An O(ND) Difference
 * Algorithm"), after common lines at both ends are set aside.  Two texts that
 * differ in more than MAX_EDITS lines are not worth the memory of a shortest
 * script: their middle is shown as replaced whole, which is as correct.
 *
 * Not for: anything but showing to people.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "render/render.h"

#define CONTEXT_LINES	3
#define MAX_EDITS		1000

typedef struct Line
{
	const char *start;
	int			length;			/* without the line end */
	bool		unended;		/* last line of a text that does not end with one */
} Line;

typedef struct Lines
{
	Line	   *lines;
	int			count;
} Lines;

typedef struct Edit
{
	char		kind;			/* ' ', '-', '+' */
	int			before;			/* 0-based line in the old text (next one for '+') */
	int			after;
} Edit;

typedef struct Script
{
	Edit	   *edits;
	int			count;
} Script;

/*
 * The lines point into the text, which must stay.  A text without a final line
 * end has one more, marked so: otherwise the last line would look equal to one
 * that has its end.
 */
static Lines
split_lines(const char *str)
{
	Lines		result = {0};
	int			room = 64;

	result.lines = palloc(sizeof(Line) * room);
	while (*str != '\0')
	{
		const char *end = strchr(str, '\n');
		Line	   *line;

		if (result.count == room)
		{
			room *= 2;
			result.lines = repalloc(result.lines, sizeof(Line) * room);
		}
		line = &result.lines[result.count++];
		line->start = str;
		line->length = end ? (int) (end - str) : (int) strlen(str);
		line->unended = (end == NULL);
		str += line->length + (end ? 1 : 0);
	}
	return result;
}

/* By bytes: what looks the same in some collation is still another file. */
static bool
same_line(const Line *a, const Line *b)
{
	return a->length == b->length && a->unended == b->unended &&
		memcmp(a->start, b->start, a->length) == 0;
}

/*
 * The script has room for every line of both texts, so nothing is checked
 * here.
 */
static void
add_edit(Script *script, char kind, int before, int after)
{
	Edit	   *edit = &script->edits[script->count++];

	edit->kind = kind;
	edit->before = before;
	edit->after = after;
}

/*
 * Furthest-reaching points of each number of edits, until the end of both is
 * reached.  trace[d] holds 2d+1 entries: how far into "a" diagonal k (-d .. d)
 * got.  Returns the number of edits, or -1 if it exceeds MAX_EDITS.
 */
static int
search_script(const Line *a, int a_count, const Line *b, int b_count, int **trace)
{
	int			limit = Min(a_count + b_count, MAX_EDITS);

	for (int d = 0; d <= limit; d++)
	{
		const int  *last = d > 0 ? trace[d - 1] + (d - 1) : NULL;
		int		   *reach;

		trace[d] = palloc(sizeof(int) * (2 * d + 1));
		reach = trace[d] + d;
		for (int k = -d; k <= d; k += 2)
		{
			int			x;

			if (d == 0)
				x = 0;
			else if (k == -d || (k != d && last[k - 1] < last[k + 1]))
				x = last[k + 1];	/* a line of b is inserted */
			else
				x = last[k - 1] + 1;	/* a line of a is removed */
			while (x < a_count && x - k >= 0 && x - k < b_count &&
				   same_line(&a[x], &b[x - k]))
				x++;
			reach[k] = x;
			if (x >= a_count && x - k >= b_count)
				return d;
		}
	}
	return -1;
}

/* Walks the trace back from the end, then turns the steps around. */
static void
follow_trace(Script *script, int **trace, int edits, int a_count, int b_count, int offset)
{
	int			first = script->count;
	int			x = a_count;
	int			y = b_count;

	for (int d = edits; d > 0; d--)
	{
		const int  *last = trace[d - 1] + (d - 1);
		int			k = x - y;
		bool		insert = (k == -d || (k != d && last[k - 1] < last[k + 1]));
		int			from_x = last[insert ? k + 1 : k - 1];
		int			from_y = from_x - (insert ? k + 1 : k - 1);

		while (x > from_x + (insert ? 0 : 1) && y > from_y + (insert ? 1 : 0))
		{
			x--;
			y--;
			add_edit(script, ' ', offset + x, offset + y);
		}
		x = from_x;
		y = from_y;
		add_edit(script, insert ? '+' : '-', offset + x, offset + y);
	}
	while (x > 0 && y > 0)
	{
		x--;
		y--;
		add_edit(script, ' ', offset + x, offset + y);
	}

	for (int i = first, j = script->count - 1; i < j; i++, j--)
	{
		Edit		swap = script->edits[i];

		script->edits[i] = script->edits[j];
		script->edits[j] = swap;
	}
}

/* The edits of the part between the common ends. */
static void
compare_middle(Script *script, const Lines *before, const Lines *after, int prefix, int suffix)
{
	int			a_count = before->count - prefix - suffix;
	int			b_count = after->count - prefix - suffix;
	int		  **trace = palloc(sizeof(int *) * (MAX_EDITS + 1));
	int			edits = search_script(before->lines + prefix, a_count,
									  after->lines + prefix, b_count, trace);

	if (edits >= 0)
	{
		follow_trace(script, trace, edits, a_count, b_count, prefix);
		return;
	}
	for (int i = 0; i < a_count; i++)
		add_edit(script, '-', prefix + i, prefix);
	for (int i = 0; i < b_count; i++)
		add_edit(script, '+', prefix + a_count, prefix + i);
}

/*
 * Setting common ends aside first makes the usual case (one rule added to
 * hundreds) cost next to nothing.
 */
static Script
compare(const Lines *before, const Lines *after)
{
	Script		script = {0};
	int			shorter = Min(before->count, after->count);
	int			prefix = 0;
	int			suffix = 0;

	script.edits = palloc(sizeof(Edit) * (before->count + after->count + 1));
	while (prefix < shorter &&
		   same_line(&before->lines[prefix], &after->lines[prefix]))
		prefix++;
	while (suffix < shorter - prefix &&
		   same_line(&before->lines[before->count - 1 - suffix],
					 &after->lines[after->count - 1 - suffix]))
		suffix++;

	for (int i = 0; i < prefix; i++)
		add_edit(&script, ' ', i, i);
	compare_middle(&script, before, after, prefix, suffix);
	for (int i = suffix; i > 0; i--)
		add_edit(&script, ' ', before->count - i, after->count - i);
	return script;
}

/* A file may hold bytes that are no text in the server's encoding; a plan may not. */
static void
append_line(StringInfo out, char kind, const Line *line)
{
	const char *p = line->start;
	int			left = line->length;

	appendStringInfoChar(out, kind);
	while (left > 0)
	{
		int			length = pg_encoding_mblen(GetDatabaseEncoding(), p);

		if (length > left || !pg_verifymbstr(p, length, true))
		{
			appendStringInfoChar(out, '?');
			length = 1;
		}
		else
			appendBinaryStringInfo(out, p, length);
		p += length;
		left -= length;
	}
	appendStringInfoChar(out, '\n');
	if (line->unended)
		appendStringInfoString(out, "\\ No newline at end of file\n");
}

/* "12,3": first line and number of lines; one line has no number, none names the line before. */
static void
append_range(StringInfo out, char sign, int start, int count)
{
	appendStringInfo(out, "%c%d", sign, count == 0 ? start : start + 1);
	if (count != 1)
		appendStringInfo(out, ",%d", count);
}

/* One "@@" block: edits first up to end, which include their context. */
static void
append_hunk(StringInfo out, const Script *script, int first, int end,
			const Lines *before, const Lines *after)
{
	int			removed = 0;
	int			added = 0;

	for (int i = first; i < end; i++)
	{
		removed += script->edits[i].kind != '+';
		added += script->edits[i].kind != '-';
	}
	appendStringInfoString(out, "@@ ");
	append_range(out, '-', script->edits[first].before, removed);
	appendStringInfoChar(out, ' ');
	append_range(out, '+', script->edits[first].after, added);
	appendStringInfoString(out, " @@\n");

	for (int i = first; i < end; i++)
	{
		const Edit *edit = &script->edits[i];

		append_line(out, edit->kind, edit->kind == '+' ?
					&after->lines[edit->after] : &before->lines[edit->before]);
	}
}

/*
 * End of the hunk that begins with the change at "change": changes that have
 * no more than two contexts of equal lines between them share a hunk.
 */
static int
hunk_end(const Script *script, int change)
{
	int			last = change;

	for (int i = change + 1; i < script->count && i - last <= 2 * CONTEXT_LINES + 1; i++)
	{
		if (script->edits[i].kind != ' ')
			last = i;
	}
	return Min(last + 1 + CONTEXT_LINES, script->count);
}

/*
 * In the form that patch(1) reads, so that what a plan shows can be tried.
 * Either text may be NULL, which is an empty file.
 */
char *
render_diff(const char *path, const char *before, const char *after)
{
	StringInfoData out;
	Lines		old_lines;
	Lines		new_lines;
	Script		script;
	int			i = 0;

	initStringInfo(&out);
	if (strcmp(before ? before : "", after ? after : "") == 0)
		return out.data;

	old_lines = split_lines(before ? before : "");
	new_lines = split_lines(after ? after : "");
	script = compare(&old_lines, &new_lines);

	appendStringInfo(&out, "--- %s\n+++ %s (pgops)\n", path, path);
	while (i < script.count)
	{
		int			end;

		if (script.edits[i].kind == ' ')
		{
			i++;
			continue;
		}
		end = hunk_end(&script, i);
		append_hunk(&out, &script, Max(i - CONTEXT_LINES, 0), end, &old_lines, &new_lines);
		i = end;
	}
	return out.data;
}
