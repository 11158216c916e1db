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
 * Not for: what a declared name stands for (spec/model_hba.c).
 */
#include "postgres.h"

#include "errors.h"
#include "render/hba_parts.h"
#include "spec/hba_name.h"

/* from this version on, a name that begins with a slash cannot be written */
#define REGEXP_SINCE	16

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

/* Says why a name cannot be written; false if it can. */
static bool
refuse_name(const HbaName *name, int server_major, HbaProblem *problem)
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
	else if (strncmp(name->name, "${", 2) == 0 && !name->quoted)
	{
		problem->message = psprintf("\"%s\" stands for nothing here", name->name);
		problem->hint = "Known are ${dbsu}, ${repl}, ${monitor}, ${admin}, and the names of variables that are declared.";
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

/* Writes one name; a name in quotes is never taken for a keyword. */
static void
append_name(StringInfo out, const HbaName *name)
{
	if (out->len > 0)
		appendStringInfoChar(out, ',');
	if (name->group)
		appendStringInfoChar(out, '+');
	if (name->quoted || !is_plain(name->name))
		append_quoted(out, name->name);
	else
		appendStringInfoString(out, name->name);
}

/*
 * Names separated by commas without blanks: a blank would end the column.  A
 * bare keyword is one; "all" databases do not include replication, as in the
 * server.
 */
char *
hba_name_column(const char *declared, int server_major, HbaProblem *problem)
{
	StringInfoData out;
	List	   *names = hba_names_split(declared);
	ListCell   *cell;

	initStringInfo(&out);
	foreach(cell, names)
	{
		HbaName    *name = lfirst(cell);

		if (refuse_name(name, server_major, problem))
			return NULL;
		append_name(&out, name);
	}
	if (out.len > 0)
		return out.data;

	problem->sqlstate = ERRCODE_PGOPS_BAD_NAME;
	problem->message = pstrdup("a name is empty");
	return NULL;
}
