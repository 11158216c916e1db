/*
 * hba_name.c
 *		The user and database columns of an HBA line.
 *
 * What the server's tokenizer makes of a column decides how a name is written:
 * a quoted token is never a keyword, a leading + counts only outside quotes
 * (so a group's odd name is quoted after the +), @ includes a file unless
 * quoted, and since 16 a leading slash makes a regular expression, quoted or
 * not.
 *
 * Not for: which role an alias of the declaration means beyond the four system users.
 */
#include "postgres.h"

#include "errors.h"
#include "render/hba_parts.h"
#include "spec/hba_name.h"

/* from this version on, a name that begins with a slash cannot be written */
#define REGEXP_SINCE	16

static const char *const user_keywords[] = {"all", NULL};
static const char *const database_keywords[] = {
	"all", "replication", "sameuser", "samerole", "samegroup", NULL
};

/* declared aliases of the system users */
typedef struct UserAlias
{
	const char *alias;
	size_t		offset;			/* of the name in Cluster */
} UserAlias;

static const UserAlias user_aliases[] = {
	{"${dbsu}", offsetof(Cluster, dbsu)},
	{"${repl}", offsetof(Cluster, replication_user)},
	{"${monitor}", offsetof(Cluster, monitor_user)},
	{"${admin}", offsetof(Cluster, admin_user)},
};

/* Exactly in lower case, as the server compares them. */
static bool
is_keyword(const char *name, const char *const *keywords)
{
	for (int i = 0; keywords[i] != NULL; i++)
	{
		if (strcmp(name, keywords[i]) == 0)
			return true;
	}
	return false;
}

/* Names made of these alone need no quotes in any version. */
static bool
is_plain(const char *name)
{
	return name[0] != '\0' &&
		name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$-")] == '\0';
}

/*
 * The tokenizer reads line by line, so a line end cannot be quoted; the others
 * would only hide what a line says.
 */
static bool
has_control_character(const char *name)
{
	for (const unsigned char *p = (const unsigned char *) name; *p; p++)
	{
		if (*p < 0x20 || *p == 0x7f)
			return true;
	}
	return false;
}

/* Says why a name cannot be written; false if it can.  "expanded": it came from an alias. */
static bool
refuse_name(const HbaName *name, bool expanded, int server_major, HbaProblem *problem)
{
	problem->sqlstate = ERRCODE_PGOPS_BAD_NAME;
	if (name->name[0] == '\0')
		problem->message = pstrdup("a name is empty");
	else if (has_control_character(name->name))
		problem->message = pstrdup("a name holds a control character, which pg_hba.conf cannot express");
	else if (strlen(name->name) >= NAMEDATALEN)
		problem->message = psprintf("name \"%s\" is longer than %d bytes", name->name,
									NAMEDATALEN - 1);
	else if (name->name[0] == '/' && !name->group && server_major >= REGEXP_SINCE)
		problem->message = psprintf("name \"%s\" would be a regular expression", name->name);
	else if (strncmp(name->name, "${", 2) == 0 && !name->quoted && !expanded)
	{
		problem->message = psprintf("\"%s\" is not an alias that is known here", name->name);
		problem->hint = "Users have the aliases ${dbsu}, ${repl}, ${monitor} and ${admin}, databases none.";
	}
	else
	{
		problem->sqlstate = 0;
		return false;
	}
	return true;
}

/*
 * The tokenizer undoubles quotes inside quotes, whatever comes before them.
 */
static void
append_quoted(StringInfo out, const char *name)
{
	appendStringInfoChar(out, '"');
	for (const char *p = name; *p; p++)
	{
		if (*p == '"')
			appendStringInfoChar(out, '"');
		appendStringInfoChar(out, *p);
	}
	appendStringInfoChar(out, '"');
}

/* Writes one name; "literal" names are never taken for keywords. */
static void
append_name(StringInfo out, const HbaName *name, bool literal, const char *const *keywords)
{
	bool		keyword = !name->group && is_keyword(name->name, keywords);

	if (out->len > 0)
		appendStringInfoChar(out, ',');
	if (name->group)
		appendStringInfoChar(out, '+');
	if (name->quoted || !is_plain(name->name) || (keyword && literal))
		append_quoted(out, name->name);
	else
		appendStringInfoString(out, name->name);
}

/* The name that ${dbsu} and its like stand for, or NULL. */
static char *
expand_alias(const Cluster *cluster, const HbaName *name)
{
	if (name->quoted)
		return NULL;
	for (int i = 0; i < lengthof(user_aliases); i++)
	{
		if (strcmp(name->name, user_aliases[i].alias) == 0)
			return *(char *const *) ((const char *) cluster + user_aliases[i].offset);
	}
	return NULL;
}

/*
 * Names separated by commas without blanks: a blank would end the column.
 * "cluster" is NULL where no alias is known (databases).
 */
static char *
column(const Cluster *cluster, const char *declared, const char *const *keywords,
	   int server_major, HbaProblem *problem)
{
	StringInfoData out;
	List	   *names = hba_names_split(declared);
	ListCell   *cell;

	initStringInfo(&out);
	foreach(cell, names)
	{
		HbaName    *name = lfirst(cell);
		char	   *expanded = cluster ? expand_alias(cluster, name) : NULL;

		if (expanded != NULL)
			name->name = expanded;
		if (refuse_name(name, expanded != NULL, server_major, problem))
			return NULL;
		append_name(&out, name, expanded != NULL, keywords);
	}
	if (out.len > 0)
		return out.data;

	problem->sqlstate = ERRCODE_PGOPS_BAD_NAME;
	problem->message = pstrdup("a name is empty");
	return NULL;
}

/*
 * See hba_parts.h.  A keyword stands only if it was declared as one; a system
 * user called "all" is quoted.
 */
char *
hba_user_column(const Cluster *cluster, const char *declared, int server_major,
				HbaProblem *problem)
{
	return column(cluster, declared, user_keywords, server_major, problem);
}

/* Likewise.  "all" does not include replication, as in the server. */
char *
hba_database_column(const char *declared, int server_major, HbaProblem *problem)
{
	return column(NULL, declared, database_keywords, server_major, problem);
}
