/*
 * hba_read.c
 *		The text of a pg_hba.conf as declared rules.
 *
 * The reader is simpler than the server's tokenizer on purpose.  It only has to
 * be right about lines of the common form; whatever it misunderstands is found
 * when the rule is rendered again, and is then declared by its line.
 *
 * Not for: proof that a rule becomes the same lines again (hba_read.h says why).
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "render/hba_read.h"
#include "render/hba_word.h"

/* how a file of ours begins, and how the superuser's rule in it is marked */
#define OUR_HEAD	"# pg_hba.conf of "
#define OUR_MARK	"[pgops]"

/* comments longer than this are cut to their last line: a rule's title is one line */
#define MAX_TITLE	160

/* where a rule may be live, as the title of a rule of ours tells it */
static const char *const rule_roles[] = {
	"default", "common", "primary", "replica", "offline", "standby", "delayed", NULL
};

/* ---- lines ---- */

/* Without blanks at its ends; control characters are blanks, as in what pgops writes. */
static char *
trimmed(const char *str, size_t length)
{
	char	   *line = pnstrdup(str, length);

	for (char *p = line; *p; p++)
	{
		if ((unsigned char) *p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
	length = strlen(line);
	while (length > 0 && line[length - 1] == ' ')
		line[--length] = '\0';
	return line + strspn(line, " ");
}

/*
 * The next line of the text, with those joined that end with a backslash, as
 * the server joins them.  NULL at the end.
 */
static char *
next_line(const char **text)
{
	StringInfoData line;

	if (**text == '\0')
		return NULL;
	initStringInfo(&line);
	for (;;)
	{
		size_t		length = strcspn(*text, "\n");
		bool		last = (*text)[length] == '\0';
		bool		joined;

		appendBinaryStringInfo(&line, *text, (int) length);
		*text += length + (last ? 0 : 1);
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.data[--line.len] = '\0';
		joined = line.len > 0 && line.data[line.len - 1] == '\\';
		if (joined)
			line.data[--line.len] = '\0';
		if (!joined || last)
			return trimmed(line.data, line.len);
	}
}

/* ---- titles ---- */

/* cuts " [word]" off the end of a title; NULL if it does not end so */
static char *
cut_mark(char *title)
{
	size_t		length = strlen(title);
	char	   *open = strrchr(title, '[');

	if (length == 0 || title[length - 1] != ']' || open == NULL ||
		(open > title && open[-1] != ' '))
		return NULL;
	title[length - 1] = '\0';
	open[open > title ? -1 : 0] = '\0';
	return open + 1;
}

/*
 * What pgops wrote above a rule: "title [role]" or "title [role] [disabled]".
 * A rule without a title is called "rule" there, so a title of that name is
 * none; nobody will miss it.
 */
static void
our_title(HbaUnit *unit, const char *comment)
{
	char	   *title = pstrdup(comment);
	char	   *mark = cut_mark(title);

	if (mark != NULL && strcmp(mark, "disabled") == 0)
		mark = cut_mark(title);
	for (int i = 0; mark != NULL && rule_roles[i] != NULL; i++)
	{
		if (strcmp(mark, rule_roles[i]) == 0)
			unit->role = rule_roles[i];
	}
	if (title[0] != '\0' && strcmp(title, "rule") != 0)
		unit->title = title;
}

/*
 * The comment directly above a rule, its lines joined: people break sentences.
 * What is longer than a sentence or two is the file's manual, of which the last
 * line is nearest to the rule.
 */
static void
their_title(HbaUnit *unit, List *comments)
{
	StringInfoData title;
	ListCell   *cell;

	initStringInfo(&title);
	foreach(cell, comments)
	{
		const char *comment = lfirst(cell);

		if (comment[0] != '\0')
			appendStringInfo(&title, "%s%s", title.len > 0 ? " " : "", comment);
	}
	if (title.len > MAX_TITLE)
	{
		resetStringInfo(&title);
		appendStringInfoString(&title, llast(comments));
	}
	while (title.len > 0 && strchr("\\ ", title.data[title.len - 1]) != NULL)
		title.data[--title.len] = '\0';
	if (title.len > 0 && strcmp(title.data, "rule") != 0)
		unit->title = title.data;
}

/* ---- the file ---- */

/* where the reader stands */
typedef struct HbaReader
{
	HbaFile    *file;
	HbaUnit    *unit;			/* the one that lines are added to; NULL: none */
	List	   *comments;		/* of char *: those directly above */
	bool		disabled;		/* a rule of ours that is not live: its lines are comments */
} HbaReader;

/*
 * A line belongs to the unit that is open.  A comment or a blank line closes
 * it, as render_hba() writes them between rules.
 */
static void
add_rule(HbaReader *reader, char *line)
{
	if (reader->unit == NULL)
	{
		reader->unit = palloc0(sizeof(HbaUnit));
		if (reader->file->ours && reader->comments != NIL)
			our_title(reader->unit, llast(reader->comments));
		else
			their_title(reader->unit, reader->comments);
		reader->file->units = lappend(reader->file->units, reader->unit);
	}
	reader->unit->lines = lappend(reader->unit->lines, line);
}

/*
 * In a file of ours the lines of a rule that is not live now are comments
 * without a blank after the #; they are rules, or a standby's rules would be
 * lost to a document that was made on the primary.
 */
static void
add_comment(HbaReader *reader, char *line)
{
	const char *text = line + strspn(line, "# ");
	size_t		length = strlen(text);

	if (reader->disabled && line[1] != ' ')
	{
		add_rule(reader, line + 1);
		return;
	}
	if (reader->unit != NULL)
		reader->comments = NIL;
	reader->unit = NULL;
	reader->comments = lappend(reader->comments, pstrdup(text));
	reader->disabled = reader->file->ours && length > strlen("[disabled]") &&
		strcmp(text + length - strlen("[disabled]"), "[disabled]") == 0;
}

/* the superuser's rule that every file of ours begins with */
static bool
is_head(const char *line, const char *dbsu, const char *method)
{
	List	   *head = hba_words(psprintf("local all x %s", method));
	List	   *words = hba_words(line);
	char	   *user = list_length(words) > 2 ? lthird(words) : NULL;

	if (user == NULL || (strcmp(user, dbsu) != 0 &&
						 strcmp(user, psprintf("\"%s\"", dbsu)) != 0))
		return false;
	lthird(words) = "x";
	return hba_same_words(head, words);
}

/*
 * Takes the head out, if it stands first.  Further down it is a rule like any
 * other: what stands before it may reject the superuser.  In a file of ours it
 * is the head whatever its method: another one may be right by now.
 */
static void
drop_head(HbaFile *file, const char *dbsu, const char *method)
{
	HbaUnit    *first = file->units ? linitial(file->units) : NULL;

	if (first == NULL || !(is_head(linitial(first->lines), dbsu, method) ||
						   (file->ours && first->title != NULL &&
							strstr(first->title, OUR_MARK) != NULL)))
		return;
	first->lines = list_delete_first(first->lines);
	if (first->lines == NIL)
		file->units = list_delete_first(file->units);
}

/* ---- rules ---- */

/*
 * Methods that an alias says, by the kind of connection.  "pwd" and its like are
 * not among them: what they mean depends on pg_pwd_enc, the file is explicit.
 */
static const struct
{
	const char *connection;
	const char *method;
	const char *auth;
}			auths[] = {
	{"local", "peer", "peer"},
	{"local", "trust", "trust"},
	{"local", "reject", "reject"},
	{"local", "scram-sha-256", "scram-sha-256"},
	{"local", "md5", "md5"},
	{"host", "ident", "ident"},
	{"host", "trust", "trust"},
	{"host", "reject", "reject"},
	{"host", "scram-sha-256", "scram-sha-256"},
	{"host", "md5", "md5"},
	{"hostssl", "cert", "cert"},
	{"hostssl", "scram-sha-256", "ssl-sha"},
	{"hostssl", "md5", "ssl-md5"},
};

/*
 * Addresses that one alias stands for, in its order; the socket, which has none,
 * leaves an empty place before the first blank.
 */
static const struct
{
	const char *addresses;
	const char *alias;
}			aliases[] = {
	{" 127.0.0.1/32 ::1/128", "localhost"},
	{"0.0.0.0/0 ::/0", "world"},
};

/* a line in the form that aliases can say; false: it has another one */
typedef struct PlainRule
{
	const char *connection;
	const char *db;
	const char *user;
	const char *address;		/* "" for the socket */
	const char *method;
} PlainRule;

/* By the number of words: options, or a mask of its own, make one too many. */
static bool
plain_rule(const char *line, PlainRule *rule)
{
	List	   *words = hba_words(line);
	bool		local;

	if (words == NIL)
		return false;
	rule->connection = linitial(words);
	local = strcmp(rule->connection, "local") == 0;
	if (list_length(words) != (local ? 4 : 5))
		return false;
	rule->db = lsecond(words);
	rule->user = lthird(words);
	rule->address = local ? "" : lfourth(words);
	rule->method = llast(words);
	return true;
}

/* the alias for how a line authenticates, or NULL */
static const char *
auth_of(const PlainRule *rule)
{
	for (int i = 0; i < lengthof(auths); i++)
	{
		if (strcmp(auths[i].connection, rule->connection) == 0 &&
			strcmp(auths[i].method, rule->method) == 0)
			return auths[i].auth;
	}
	return NULL;
}

/* what "addr" says for the addresses of a unit (joined by blanks), or NULL */
static char *
addr_of(const char *joined, int count)
{
	if (count == 1)
		return pstrdup(joined[0] == '\0' ? "local" : joined);
	for (int i = 0; i < lengthof(aliases); i++)
	{
		if (strcmp(aliases[i].addresses, joined) == 0)
			return pstrdup(aliases[i].alias);
	}
	return NULL;
}

/*
 * A whole unit as one rule: lines that differ in nothing but the address.
 * *rule is that of the last line, which is never the socket's where there are
 * others.  NULL if it is none.
 */
static char *
unit_address(const HbaUnit *unit, PlainRule *rule)
{
	StringInfoData joined;
	PlainRule	first = {0};
	ListCell   *cell;

	initStringInfo(&joined);
	foreach(cell, unit->lines)
	{
		if (!plain_rule(lfirst(cell), rule) || auth_of(rule) == NULL)
			return NULL;
		if (foreach_current_index(cell) == 0)
			first = *rule;
		else
			appendStringInfoChar(&joined, ' ');
		appendStringInfoString(&joined, rule->address);
		if (strcmp(first.db, rule->db) != 0 || strcmp(first.user, rule->user) != 0)
			return NULL;
	}
	return addr_of(joined.data, list_length(unit->lines));
}

/* The user column, in which the superuser is called what he is on any server. */
static char *
user_of(const char *column, const char *dbsu)
{
	StringInfoData user;
	const char *p = column;

	initStringInfo(&user);
	while (*p != '\0')
	{
		const char *start = p;
		bool		is_dbsu = strcmp(hba_next_name(&p), dbsu) == 0;
		size_t		length = p - start - (p[-1] == ',' ? 1 : 0);

		appendStringInfo(&user, "%s", user.len > 0 ? "," : "");
		if (is_dbsu)
			appendStringInfoString(&user, "${dbsu}");
		else
			appendBinaryStringInfo(&user, start, (int) length);
	}
	return user.data;
}

/*
 * In other people's files lines follow each other without a break that have
 * nothing to do with one another: then each is a rule, unless one of them can
 * only be kept as it is.
 */
static List *
split_unit(List *units, HbaUnit *unit)
{
	PlainRule	rule;
	ListCell   *cell;

	foreach(cell, unit->lines)
	{
		HbaUnit    *single = palloc0(sizeof(HbaUnit));

		if (foreach_current_index(cell) == 0)
			single->title = unit->title;
		single->lines = list_make1(lfirst(cell));
		single->raw = unit_address(single, &rule) == NULL;
		units = lappend(units, single);
	}
	return units;
}

/*
 * Decides which units are declared by their lines.  A unit of ours is one rule
 * of a declaration, and stays one: apart, its lines would get titles.
 */
static void
classify(HbaFile *file)
{
	List	   *units = NIL;
	ListCell   *cell;

	foreach(cell, file->units)
	{
		HbaUnit    *unit = lfirst(cell);
		PlainRule	rule;

		unit->raw = unit_address(unit, &rule) == NULL;
		if (unit->raw && !file->ours)
			units = split_unit(units, unit);
		else
			units = lappend(units, unit);
	}
	file->units = units;
}

/* See hba_read.h. */
HbaFile *
hba_read(const char *text, const char *dbsu, const char *method)
{
	HbaFile    *file = palloc0(sizeof(HbaFile));
	HbaReader	reader = {file};
	char	   *line;

	file->ours = strncmp(text, OUR_HEAD, strlen(OUR_HEAD)) == 0;
	while ((line = next_line(&text)) != NULL)
	{
		if (line[0] == '#')
			add_comment(&reader, line);
		else if (line[0] != '\0')
			add_rule(&reader, line);
		else
		{
			reader.unit = NULL;
			reader.comments = NIL;
			reader.disabled = false;
		}
	}
	drop_head(file, dbsu, method);
	classify(file);
	return file;
}

/*
 * Role "default" is what a rule has that says nothing.  The fields are in the
 * order in which people write them.
 */
SpecNode *
hba_unit_node(const HbaUnit *unit, const char *dbsu)
{
	SpecNode   *node = node_map();
	SpecNode   *lines = node_list();
	PlainRule	rule;
	ListCell   *cell;

	if (unit->title != NULL)
		node_map_set(node, "title", node_string(unit->title));
	if (unit->role != NULL && strcmp(unit->role, "default") != 0)
		node_map_set(node, "role", node_string(unit->role));
	if (!unit->raw)
	{
		char	   *address = unit_address(unit, &rule);

		node_map_set(node, "user", node_string(user_of(rule.user, dbsu)));
		node_map_set(node, "db", node_string(rule.db));
		node_map_set(node, "addr", node_string(address));
		node_map_set(node, "auth", node_string(auth_of(&rule)));
		return node;
	}
	foreach(cell, unit->lines)
		node_list_add(lines, node_string(lfirst(cell)));
	node_map_set(node, "rules", lines);
	return node;
}

/*
 * To the byte where pgops wrote the file: there a difference in blanks would
 * make the next plan write it anew.
 */
bool
hba_unit_matches(const HbaFile *file, const HbaUnit *unit, List *lines)
{
	ListCell   *mine;
	ListCell   *theirs;

	if (list_length(unit->lines) != list_length(lines))
		return false;
	forboth(mine, unit->lines, theirs, lines)
	{
		if (file->ours ? strcmp(lfirst(mine), lfirst(theirs)) != 0 :
			!hba_same_words(hba_words(lfirst(mine)), hba_words(lfirst(theirs))))
			return false;
	}
	return true;
}
