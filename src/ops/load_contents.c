/*
 * load_contents.c
 *		Reading what pg_restore says of a dump.
 *
 * Not for: reading it in (load.c).
 */
#include "postgres.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "ops/dump_parts.h"
#include "ops/load_contents.h"

/* ---- the list: "215; 1259 16391 TABLE DATA public t owner" ---- */

/* what follows the three numbers, or NULL for a comment */
static const char *
entry_words(const char *line)
{
	const char *at = line + strspn(line, "0123456789");

	if (at == line || at[0] != ';' || at[1] != ' ')
		return NULL;
	at += 2;
	for (int number = 0; number < 2; number++)
	{
		size_t		digits = strspn(at, "0123456789");

		if (digits == 0 || at[digits] != ' ')
			return NULL;
		at += digits + 1;
	}
	return at;
}

static void
on_entry(const char *line, void *arg)
{
	DumpContents *contents = arg;
	const char *words = entry_words(line);

	if (words == NULL)
		return;
	contents->entries = lappend(contents->entries, pstrdup(line));
	if (strncmp(words, "TABLE DATA ", 11) == 0)
		contents->tables++;
}

/* ---- the script: "-- Name: t; Type: TABLE; Schema: public; Owner: app; Tablespace: fast" ---- */

static bool
is_known(const List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* Names may hold "; Type: " and the like; those of roles that own something hardly do. */
static void
on_script(const char *line, void *arg)
{
	static const char owner_mark[] = "; Owner: ";
	static const char tablespace_mark[] = "; Tablespace: ";
	static const char schema_mark[] = "; Type: SCHEMA; Schema: -; Owner: ";
	DumpContents *contents = arg;
	const char *owner = NULL;
	const char *schema;
	char	   *name;
	char	   *tail;

	if (strncmp(line, "-- Name: ", 9) != 0)
		return;
	for (const char *at = strstr(line, owner_mark); at; at = strstr(at + 1, owner_mark))
		owner = at + strlen(owner_mark);
	if (owner == NULL || *owner == '\0' || strcmp(owner, "-") == 0)
		return;
	name = pstrdup(owner);
	tail = strstr(name, tablespace_mark);
	if (tail != NULL)
		*tail = '\0';
	if (!is_known(contents->owners, name))
		contents->owners = lappend(contents->owners, name);

	schema = strstr(line, schema_mark);
	if (schema != NULL)
	{
		DumpSchema *found = palloc(sizeof(DumpSchema));

		found->name = pnstrdup(line + 9, schema - (line + 9));
		found->owner = name;
		contents->schemas = lappend(contents->schemas, found);
	}
}

DumpContents *
dump_contents(Job *job, const char *directory)
{
	DumpContents *contents = palloc0(sizeof(DumpContents));
	char	   *path = pstrdup(directory);

	dump_tool_read(job, dump_tool("pg_restore", NULL, 0),
				   list_make2("--list", path), on_entry, contents);
	dump_tool_read(job, dump_tool("pg_restore", NULL, 0),
				   list_make3("--schema-only", "--file=-", path), on_script, contents);
	return contents;
}

char *
dump_missing_roles(Job *job, const DumpContents *contents)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *missing;

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_names(&args, contents->owners, false);
	(void) cmdb_run(&query,
					"SELECT string_agg(quote_ident(n), ', ' ORDER BY n)"
					" FROM unnest($1) AS n"
					" WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = n)",
					&args);
	missing = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	txn_end();
	return missing;
}

/* whether an entry of the list is that of one of these schemas */
static bool
is_schema_entry(const char *line, const DumpContents *contents, const List *schemas)
{
	const char *words = entry_words(line);
	ListCell   *cell;

	if (strncmp(words, "SCHEMA - ", 9) != 0)
		return false;
	foreach(cell, contents->schemas)
	{
		const DumpSchema *schema = lfirst(cell);

		if (is_known(schemas, schema->name) &&
			strcmp(words + 9, psprintf("%s %s", schema->name, schema->owner)) == 0)
			return true;
	}
	return false;
}

char *
dump_list_without(const DumpContents *contents, const List *schemas)
{
	StringInfoData list;
	bool		found = false;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, contents->entries)
	{
		if (is_schema_entry(lfirst(cell), contents, schemas))
			found = true;
		else
			appendStringInfo(&list, "%s\n", (char *) lfirst(cell));
	}
	return found ? list.data : NULL;
}
