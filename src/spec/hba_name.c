/*
 * hba_name.c
 *		Taking apart the "user" and "db" of an HBA rule.
 *
 * Not for: what a name becomes in the file (render/), or what it means.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "spec/hba_name.h"

/*
 * The blanks of any notation: a value may come from a folded YAML text with
 * line ends in it.
 */
static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')
		p++;
	return p;
}

/* Reads "..." with doubled quotes from *p, which stands on the first quote. */
static char *
read_quoted(const char **p)
{
	StringInfoData name;
	const char *at = *p + 1;

	initStringInfo(&name);
	while (*at != '\0')
	{
		if (*at == '"')
		{
			if (at[1] != '"')
			{
				at++;
				break;
			}
			at++;
		}
		appendStringInfoChar(&name, *at++);
	}
	*p = at;
	return name.data;
}

/* Reads up to the next comma, without trailing blanks. */
static char *
read_plain(const char **p)
{
	const char *start = *p;
	size_t		length = strcspn(start, ",");

	*p = start + length;
	while (length > 0 && strchr(" \t\r\n", start[length - 1]) != NULL)
		length--;
	return pnstrdup(start, length);
}

/*
 * Our syntax is that of the file, so that people can write what they know,
 * with one addition: ${aliases}.  A lone + or a + before a comma is a name, as
 * it could not be a group.
 */
List *
hba_names_split(const char *str)
{
	List	   *names = NIL;
	const char *p = skip_blanks(str);

	while (*p != '\0')
	{
		HbaName    *name;

		if (*p == ',')
		{
			p = skip_blanks(p + 1);
			continue;
		}
		name = palloc0(sizeof(HbaName));
		if (*p == '+' && p[1] != '\0' && p[1] != ',')
		{
			name->group = true;
			p++;
		}
		name->quoted = (*p == '"');
		name->name = name->quoted ? read_quoted(&p) : read_plain(&p);
		names = lappend(names, name);

		/* whatever stands between a closing quote and the comma is dropped */
		p += strcspn(p, ",");
	}
	return names;
}

/*
 * Quoted only where the bare word says something: as the keyword, or as a
 * placeholder that stands for nothing.  What else needs quotes,
 * hba_names_join() sees.
 */
HbaName *
hba_name_literal(const char *name)
{
	HbaName    *literal = palloc0(sizeof(HbaName));

	literal->name = pstrdup(name);
	literal->quoted = strcmp(name, "all") == 0 || strncmp(name, "${", 2) == 0;
	return literal;
}

/*
 * Whether a name would be split or read in another way if it stood bare.
 * Names that were quoted stay so: the quotes keep "all" from being the
 * keyword.
 */
static bool
needs_quotes(const HbaName *name)
{
	const char *str = name->name;
	size_t		length = strlen(str);

	return name->quoted || length == 0 || str[0] == '"' || str[0] == '+' ||
		strchr(str, ',') != NULL || strchr(" \t\r\n", str[0]) != NULL ||
		strchr(" \t\r\n", str[length - 1]) != NULL;
}

/*
 * Needed because the names of a rule change (pg_dbsu stands for the bootstrap
 * superuser) between being declared and being rendered, and the model keeps
 * them as one text.
 */
char *
hba_names_join(List *names)
{
	StringInfoData str;
	ListCell   *cell;

	initStringInfo(&str);
	foreach(cell, names)
	{
		const HbaName *name = lfirst(cell);

		if (str.len > 0)
			appendStringInfoChar(&str, ',');
		if (name->group)
			appendStringInfoChar(&str, '+');
		if (!needs_quotes(name))
		{
			appendStringInfoString(&str, name->name);
			continue;
		}
		appendStringInfoChar(&str, '"');
		for (const char *p = name->name; *p; p++)
		{
			if (*p == '"')
				appendStringInfoChar(&str, '"');
			appendStringInfoChar(&str, *p);
		}
		appendStringInfoChar(&str, '"');
	}
	return str.data;
}
