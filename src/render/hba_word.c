/*
 * hba_word.c
 *		A line of pg_hba.conf as words, and names that are the same.
 *
 * Not for: what a word means where (hba_read.c).
 */
#include "postgres.h"

#include "render/hba_word.h"

/*
 * The words of a rule, quotes and all; what follows a # is none.  The server
 * takes "a, b" for one column: here it is two words, so the line has too many
 * of them and stays as it is.
 */
List *
hba_words(const char *line)
{
	List	   *words = NIL;
	const char *p = line;

	for (;;)
	{
		const char *start;
		bool		quoted = false;

		p += strspn(p, " ");
		if (*p == '\0' || *p == '#')
			return words;
		for (start = p; *p != '\0' && (quoted || (*p != ' ' && *p != '#')); p++)
		{
			if (*p == '"')
				quoted = !quoted;
		}
		words = lappend(words, pnstrdup(start, p - start));
	}
}

/* words that mean something else in quotes */
static const char *const keywords[] = {
	"\"all\"", "\"replication\"", "\"sameuser\"", "\"samerole\"", "\"samegroup\"", NULL
};

/*
 * The next name of a column that *p stands on, palloc'd, and *p moved behind
 * the comma; without quotes where they change nothing.
 */
char *
hba_next_name(const char **p)
{
	const char *start = *p;
	bool		quoted = false;
	char	   *name;
	size_t		length;

	for (; **p != '\0' && (quoted || **p != ','); (*p)++)
	{
		if (**p == '"')
			quoted = !quoted;
	}
	name = pnstrdup(start, *p - start);
	length = strlen(name);
	if (**p == ',')
		(*p)++;
	for (int i = 0; keywords[i] != NULL; i++)
	{
		if (strcmp(name, keywords[i]) == 0)
			return name;
	}
	if (length > 2 && name[0] == '"' && name[length - 1] == '"' &&
		strspn(name + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == length - 2)
	{
		name[length - 1] = '\0';
		return name + 1;
	}
	return name;
}

/*
 * Whether two words are the same names, one by one.  Other people quote names
 * that need no quotes; pgops writes them without.
 */
static bool
same_word(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0')
	{
		if (strcmp(hba_next_name(&a), hba_next_name(&b)) != 0)
			return false;
	}
	return *a == *b;
}

/* The layout of a line means nothing: its words do, in their order. */
bool
hba_same_words(List *a, List *b)
{
	ListCell   *left;
	ListCell   *right;

	if (list_length(a) != list_length(b))
		return false;
	forboth(left, a, right, b)
	{
		if (!same_word(lfirst(left), lfirst(right)))
			return false;
	}
	return true;
}
