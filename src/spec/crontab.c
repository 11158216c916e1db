/*
 * crontab.c
 *		Lines of crontabs, as inventories declare them, and what they amount to.
 *
 * The programs that are known are those which people write there: the scripts
 * of the field (pg-backup, pg-vacuum, pg-repack), pgbackrest itself, psql with
 * a VACUUM or ANALYZE, vacuumdb and reindexdb.  A line with more to it than one
 * of these (a pipe, a second command, an option that is not known) is not
 * guessed at.
 *
 * Not for: what is declared with a name (model_schedule.c).
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "spec/crontab.h"

#define CRON_FIELDS	5

/* ---- words ---- */

/* what separates commands, or hides what they are, outside of single quotes */
#define SHELL_SPECIAL	"|&;()<>`$\\*?[#~{}!"

/*
 * One word, taken out of its quotes; *at moves behind it.  False if there is
 * something in it that only a shell could make sense of.
 */
static bool
next_word(const char **at, char **word)
{
	StringInfoData buf;
	char		quote = '\0';
	const char *p = *at + strspn(*at, " \t");

	initStringInfo(&buf);
	for (; *p != '\0' && (quote != '\0' || (*p != ' ' && *p != '\t')); p++)
	{
		if (quote == '\0' && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (quote != '\0' && *p == quote)
			quote = '\0';
		else if ((quote == '\0' && strchr(SHELL_SPECIAL, *p) != NULL) ||
				 (quote == '"' && strchr("`$\\", *p) != NULL))
			return false;
		else
			appendStringInfoChar(&buf, *p);
	}
	*at = p;
	*word = buf.data;
	return quote == '\0';
}

/* where a command ends and only redirections follow: ">> /pg/log/backup.log 2>&1"; their output is the job's */
static const char *
redirections(const char *command)
{
	static const char *const forms[] = {" >", " 2>", " 1>", " &>", NULL};
	const char *first = NULL;

	for (int i = 0; forms[i] != NULL; i++)
	{
		const char *found = strstr(command, forms[i]);

		if (found != NULL && (first == NULL || found < first))
			first = found;
	}
	/* anything but a file after them is another matter */
	if (first != NULL && strpbrk(first, "|;`$('\"") != NULL)
		return NULL;
	return first;
}

/* the words of a command; false: it takes a shell */
static bool
split_command(const char *command, List **words)
{
	const char *end = redirections(command);
	char	   *text = end ? pnstrdup(command, end - command) : pstrdup(command);
	const char *at = text;

	*words = NIL;
	while (at[strspn(at, " \t")] != '\0')
	{
		char	   *word;

		if (!next_word(&at, &word))
			return false;
		*words = lappend(*words, word);
	}
	return *words != NIL;
}

/* ---- known commands ---- */

static SpecNode *
name_list(List *names)
{
	SpecNode   *list = node_list();
	ListCell   *lc;

	foreach(lc, names)
		node_list_add(list, node_string(lfirst(lc)));
	return list;
}

static bool
is_backup_type(const char *word)
{
	return strcmp(word, "full") == 0 || strcmp(word, "diff") == 0 || strcmp(word, "incr") == 0;
}

static bool
backup(CrontabLine *line, const char *type)
{
	line->what = pstrdup("backup");
	node_map_set(line->options, "type", node_string(type));
	return true;
}

/* pg-backup [full|diff|incr] */
static bool
pg_backup(CrontabLine *line, List *args)
{
	if (list_length(args) > 1 || (args != NIL && !is_backup_type(linitial(args))))
		return false;
	return backup(line, args == NIL ? "incr" : linitial(args));
}

/* pgbackrest --stanza=... --type=full backup, or expire; other options are those of the configuration */
static bool
pgbackrest(CrontabLine *line, List *args)
{
	const char *command = NULL;
	const char *type = "incr";
	ListCell   *lc;

	foreach(lc, args)
	{
		const char *arg = lfirst(lc);

		if (strncmp(arg, "--type=", 7) == 0 && is_backup_type(arg + 7))
			type = arg + 7;
		else if (strncmp(arg, "--stanza=", 9) == 0)
			line->stanza = pstrdup(arg + 9);
		else
		{
			if (arg[0] == '-' || command != NULL)
				return false;
			command = arg;
		}
	}
	if (command != NULL && strcmp(command, "backup") == 0)
		return backup(line, type);
	if (command == NULL || strcmp(command, "expire") != 0)
		return false;
	line->what = pstrdup("expire");
	return true;
}

/*
 * A kind that takes the names of databases, all of them without any.  A
 * connection string is none: it may be about another server, or hold a password.
 */
static bool
in_databases(CrontabLine *line, const char *what, List *databases)
{
	ListCell   *lc;

	foreach(lc, databases)
	{
		const char *name = lfirst(lc);

		if (name[0] == '-' || strstr(name, "://") != NULL || strchr(name, '=') != NULL)
			return false;
	}
	line->what = pstrdup(what);
	if (databases != NIL)
		node_map_set(line->options, "databases", name_list(databases));
	return true;
}

static bool
pg_vacuum(CrontabLine *line, List *args)
{
	return in_databases(line, "freeze", args);
}

static bool
pg_repack(CrontabLine *line, List *args)
{
	return in_databases(line, "repack", args);
}

/* the kind of job that a statement amounts to; NULL: none */
static const char *
kind_of_statement(const char *statement)
{
	static const struct
	{
		const char *statement;
		const char *what;
	}			known[] = {
		{"VACUUM", "vacuum"}, {"VACUUM ANALYZE", "vacuum"}, {"VACUUM (ANALYZE)", "vacuum"},
		{"VACUUM FREEZE", "freeze"}, {"VACUUM (FREEZE)", "freeze"}, {"ANALYZE", "analyze"},
	};
	size_t		length = strlen(statement);

	while (length > 0 && strchr(" ;", statement[length - 1]) != NULL)
		length--;
	for (int i = 0; i < lengthof(known); i++)
	{
		if (strlen(known[i].statement) == length &&
			pg_strncasecmp(known[i].statement, statement, length) == 0)
			return known[i].what;
	}
	return NULL;
}

/* the value of an option: "-d x" (takes the next word), "-dx", "--dbname=x"; NULL: it is another word */
static const char *
option_value(List *args, int *at, const char *letter, const char *word)
{
	const char *arg = list_nth(args, *at);
	size_t		length = strlen(word);

	if (strcmp(arg, letter) == 0)
		return *at + 1 < list_length(args) ? list_nth(args, ++(*at)) : NULL;
	if (strncmp(arg, letter, 2) == 0 && arg[1] != '-')
		return arg + 2;
	if (strncmp(arg, word, length) == 0 && arg[length] == '=')
		return arg + length + 1;
	return NULL;
}

/* psql -c 'VACUUM FREEZE;' dbname */
static bool
psql(CrontabLine *line, List *args)
{
	const char *what = NULL;
	List	   *databases = NIL;

	for (int i = 0; i < list_length(args); i++)
	{
		const char *word = list_nth(args, i);
		const char *statement = option_value(args, &i, "-c", "--command");
		const char *database = statement ? NULL : option_value(args, &i, "-d", "--dbname");

		if (statement != NULL && what == NULL)
			what = kind_of_statement(statement);
		else if (statement != NULL)
			return false;
		else
			databases = lappend(databases, pstrdup(database ? database : word));
	}
	return what != NULL && list_length(databases) == 1 && in_databases(line, what, databases);
}

/* vacuumdb, reindexdb: whole databases, without options that choose less */
static bool
whole_databases(CrontabLine *line, List *args, const char *what)
{
	List	   *databases = NIL;
	bool		all = false;

	for (int i = 0; i < list_length(args); i++)
	{
		const char *arg = list_nth(args, i);
		const char *database = option_value(args, &i, "-d", "--dbname");

		if (strcmp(arg, "-a") == 0 || strcmp(arg, "--all") == 0)
			all = true;
		else if (strcmp(arg, "-F") == 0 || strcmp(arg, "--freeze") == 0)
			what = "freeze";
		else if (strcmp(arg, "-Z") == 0 || strcmp(arg, "--analyze-only") == 0)
			what = "analyze";
		else if (strcmp(arg, "-z") != 0 && strcmp(arg, "--analyze") != 0 &&
				 strcmp(arg, "--concurrently") != 0)
			databases = lappend(databases, pstrdup(database ? database : arg));
	}
	return (all || databases != NIL) && in_databases(line, what, databases);
}

static bool
vacuumdb(CrontabLine *line, List *args)
{
	return whole_databases(line, args, "vacuum");
}

static bool
reindexdb(CrontabLine *line, List *args)
{
	return whole_databases(line, args, "reindex");
}

static const struct
{
	const char *program;
	bool		(*translate) (CrontabLine *line, List *args);
}			commands[] = {
	{"pg-backup", pg_backup},
	{"pgbackrest", pgbackrest},
	{"pg-vacuum", pg_vacuum},
	{"pg-repack", pg_repack},
	{"psql", psql},
	{"vacuumdb", vacuumdb},
	{"reindexdb", reindexdb},
};

/* Fills what, or problem. */
static void
translate(CrontabLine *line, const char *command)
{
	List	   *words;
	const char *program;

	if (!split_command(command, &words))
	{
		line->problem = pstrdup("it takes a shell, and pgops runs none");
		return;
	}
	program = strrchr(linitial(words), '/');
	program = program ? program + 1 : linitial(words);
	for (int i = 0; i < lengthof(commands); i++)
	{
		if (strcmp(program, commands[i].program) != 0)
			continue;
		if (!commands[i].translate(line, list_delete_first(words)))
		{
			line->what = NULL;
			line->problem = psprintf("pgops does not know these arguments of %s",
									 commands[i].program);
		}
		return;
	}
	line->problem = pstrdup("the command is none that pgops knows");
}

/* ---- the line ---- */

/* as many words as there are; *at moves behind them and the blanks */
static char *
take_words(const char **at, int count)
{
	const char *start = *at + strspn(*at, " \t");
	const char *end = start;
	const char *p = start;

	for (int i = 0; i < count; i++)
	{
		p += strspn(p, " \t");
		p += strcspn(p, " \t");
		end = p;
	}
	*at = p + strspn(p, " \t");
	return pnstrdup(start, end - start);
}

/* NAME=value, NAME = value: what cron takes for a variable */
static bool
is_variable(const char *line)
{
	size_t		length = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

	return length > 0 && line[length + strspn(line + length, " \t")] == '=';
}

/* see crontab.h */
CrontabLine *
crontab_parse(const char *text, bool with_user)
{
	CrontabLine *line = palloc0(sizeof(CrontabLine));
	const char *at = text + strspn(text, " \t\r\n");
	const char *problem;
	const char *hint;

	if (*at == '\0' || *at == '#' || is_variable(at))
		return NULL;
	line->options = node_map();
	line->expression = take_words(&at, *at == '@' ? 1 : CRON_FIELDS);
	line->cron = cron_parse(line->expression, &problem, &hint);
	if (line->cron == NULL)
		line->problem = psprintf("\"%s\" is no cron expression: %s", line->expression, problem);
	if (with_user)
		line->user = take_words(&at, 1);
	if (line->cron != NULL)
		translate(line, at);
	return line;
}
