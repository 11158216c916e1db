/*
 * hba.c
 *		Asks the server's own parser about the text of a pg_hba.conf, before
 *		that text is anywhere on disk.
 *
 * Not for: writing the text (render/hba.c) or the file (file.c).
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "compat.h"
#include "lib/stringinfo.h"
#include "libpq/hba.h"
#include "libpq/ifaddr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#ifdef PGOPS_HBA_OPENS_FILE
#include "utils/conffiles.h"
#endif

#include "io/hba.h"
#include "secret.h"

/* what the parser reports goes to err_msg; its own messages stay below any log level in use */
#define QUIET	DEBUG5

/*
 * Tokenizes the stream into TokenizedAuthLine's in the current memory context.
 * The file's real name is given so that @file and include resolve as they will
 * in the file.
 */
static List *
tokenize_stream(FILE *stream)
{
	List	   *lines = NIL;
#ifdef PGOPS_HBA_OPENS_FILE
	FILE	   *context;

	/*
	 * The tokenizer allocates in a context that only open_auth_file() makes;
	 * opening nothing in particular makes it, and what is read is our stream.
	 */
	context = open_auth_file(DEVNULL, ERROR, CONF_FILE_START_DEPTH, NULL);
	tokenize_auth_file(HbaFileName, stream, &lines, QUIET, CONF_FILE_START_DEPTH);
	FreeFile(context);
#else
	/* the returned context is a child of ours */
	(void) tokenize_auth_file(HbaFileName, stream, &lines, QUIET);
#endif
	return lines;
}

/*
 * Tokenizes a text.  Everything, the tokenizer's context too, lives below the
 * current memory context.  The stream is over memory, so it needs no file, no
 * descriptor and no resource owner, and secrets in options stay off the disk.
 */
static List *
tokenize_text(const char *str)
{
	size_t		length = strlen(str);
	List	   *volatile lines = NIL;
	FILE	   *stream;

	if (length == 0)
		return NIL;
	stream = fmemopen(unconstify(char *, str), length, "r");
	if (stream == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not read rules from memory: %m")));
	PG_TRY();
	{
		lines = tokenize_stream(stream);
	}
	PG_FINALLY();
	{
		(void) fclose(stream);
	}
	PG_END_TRY();
	return lines;
}

/* A context for one question, so that the parser's memory goes with it. */
static MemoryContext
parse_context(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "pgops hba", ALLOCSET_DEFAULT_SIZES);
}

/* Names the file, too, if the line stands in an included one. */
static List *
add_error(List *errors, const TokenizedAuthLine *line)
{
	HbaError   *error = palloc0(sizeof(HbaError));
	const char *message = line->err_msg ? line->err_msg : "invalid line";

	/* the parser quotes what it cannot read */
	if (secret_in_hba(line->raw_line) != NULL)
		message = "invalid line; what the parser says is not shown, as the line holds a secret";

	error->line = line->line_num;
#ifdef PGOPS_HBA_OPENS_FILE
	if (line->file_name != NULL && strcmp(line->file_name, HbaFileName) != 0)
	{
		error->message = psprintf("\"%s\": %s", line->file_name, message);
		return lappend(errors, error);
	}
#endif
	error->message = pstrdup(message);
	return lappend(errors, error);
}

/*
 * Only a missing result is an error: a hostssl line on a server without SSL
 * gives a result and a message, and the server accepts it.  A text without
 * any rule has no bad line.
 */
List *
io_hba_check(const char *str)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = parse_context();
	List	   *errors = NIL;
	List	   *lines;
	ListCell   *cell;

	MemoryContextSwitchTo(scratch);
	lines = tokenize_text(str);
	foreach(cell, lines)
	{
		TokenizedAuthLine *line = lfirst(cell);

		if (line->err_msg == NULL && parse_hba_line(line, QUIET) != NULL)
			continue;
		MemoryContextSwitchTo(caller);
		errors = add_error(errors, line);
		MemoryContextSwitchTo(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return errors;
}

/* ---- reading rules that are there ---- */

/* Quotes take a keyword its meaning. */
static bool
token_is_keyword(const AuthToken *token, const char *keyword)
{
	return !token->quoted && strcmp(token->string, keyword) == 0;
}

/* Whether a token of a parsed line is a regular expression that the name matches. */
static bool
token_matches(const AuthToken *token, const char *name)
{
	regex_t    *regex = pgops_token_regex(token);
	pg_wchar   *wide;
	int			length;

	if (regex == NULL)
		return false;
	wide = palloc((strlen(name) + 1) * sizeof(pg_wchar));
	length = pg_mb2wchar_with_len(name, wide, strlen(name));
	return pg_regexec(regex, wide, length, 0, NULL, 0, NULL, 0) == REG_OKAY;
}

/* Whether a field names "name", by itself, by the keyword all or by a pattern. */
static bool
field_covers(List *tokens, const char *name)
{
	ListCell   *cell;

	foreach(cell, tokens)
	{
		const AuthToken *token = lfirst(cell);

		if (token_is_keyword(token, "all") || strcmp(token->string, name) == 0 ||
			token_matches(token, name))
			return true;
	}
	return false;
}

/* A token as it has to be written again: quoted if it would not come back. */
static void
append_token(StringInfo out, const AuthToken *token)
{
	if (out->len > 0)
		appendStringInfoChar(out, ' ');
	if (!token->quoted && token->string[strcspn(token->string, " \t\r#,\"")] == '\0')
	{
		appendStringInfoString(out, token->string);
		return;
	}
	appendStringInfoChar(out, '"');
	for (const char *p = token->string; *p; p++)
	{
		if (*p == '"')
			appendStringInfoChar(out, '"');
		appendStringInfoChar(out, *p);
	}
	appendStringInfoChar(out, '"');
}

/* Method and options of a local line, or NULL if it is none that lets the role in. */
static char *
local_line_method(TokenizedAuthLine *line, const char *role)
{
	HbaLine    *rule = line->err_msg == NULL ? parse_hba_line(line, QUIET) : NULL;
	StringInfoData method;

	if (rule == NULL || rule->conntype != ctLocal ||
		!field_covers(rule->databases, "postgres") || !field_covers(rule->roles, role))
		return NULL;

	initStringInfo(&method);
	for (int i = 3; i < list_length(line->fields); i++)
	{
		List	   *tokens = list_nth(line->fields, i);
		ListCell   *cell;

		foreach(cell, tokens)
			append_token(&method, lfirst(cell));
	}
	return method.data;
}

/*
 * What comes back is what the head of the new file needs, to let the superuser
 * in by the way in which he gets in now.
 */
char *
io_hba_superuser_method(const char *str, const char *role)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = parse_context();
	char	   *method = NULL;
	List	   *lines;
	ListCell   *cell;

	MemoryContextSwitchTo(scratch);
	lines = tokenize_text(str);
	foreach(cell, lines)
	{
		method = local_line_method(lfirst(cell), role);
		if (method != NULL)
			break;
	}

	/* the first matching line decides: if it rejects, the role is not let in */
	if (method != NULL && strncmp(method, "reject", strlen("reject")) == 0)
		method = NULL;
	MemoryContextSwitchTo(caller);
	if (method != NULL)
		method = pstrdup(method);
	MemoryContextDelete(scratch);
	return method;
}

/* ---- replication ---- */

/* what a line says to a connection */
typedef enum HbaVerdict
{
	VERDICT_NONE,				/* nothing */
	VERDICT_MAYBE,				/* it lets in some like that */
	VERDICT_IN,
	VERDICT_OUT
} HbaVerdict;

/* a numeric address as the server has that of a client; false: it is none */
static bool
read_address(const char *text, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *) address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		address->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		address->ss_family = AF_INET6;
	return address->ss_family != 0;
}

/* as field_covers(), with roles by membership */
static bool
roles_cover(List *tokens, const char *role)
{
	Oid			roleid = get_role_oid(role, true);
	ListCell   *cell;

	foreach(cell, tokens)
	{
		const AuthToken *token = lfirst(cell);
		Oid			group;

		if (token->quoted || token->string[0] != '+')
			continue;
		group = get_role_oid(token->string + 1, true);
		if (OidIsValid(group) && OidIsValid(roleid) &&
			is_member_of_role_nosuper(roleid, group))
			return true;
	}
	return field_covers(tokens, role);
}

/* databases of a physical replication connection: "all" is none of them */
static bool
databases_cover_replication(List *tokens)
{
	ListCell   *cell;

	foreach(cell, tokens)
	{
		if (token_is_keyword(lfirst(cell), "replication"))
			return true;
	}
	return false;
}

static HbaVerdict
line_verdict(TokenizedAuthLine *line, const char *role, struct sockaddr_storage *address)
{
	HbaLine    *rule = line->err_msg == NULL ? parse_hba_line(line, QUIET) : NULL;
	bool		certain;

	if (rule == NULL || rule->conntype == ctLocal ||
		!databases_cover_replication(rule->databases) || !roles_cover(rule->roles, role))
		return VERDICT_NONE;
	if (rule->ip_cmp_method == ipCmpMask && rule->hostname == NULL &&
		(rule->addr.ss_family != address->ss_family ||
		 !pg_range_sockaddr(address, &rule->addr, &rule->mask)))
		return VERDICT_NONE;
	certain = rule->conntype == ctHost && rule->hostname == NULL &&
		(rule->ip_cmp_method == ipCmpMask || rule->ip_cmp_method == ipCmpAll);
	if (rule->auth_method != uaReject && rule->auth_method != uaImplicitReject)
		return certain ? VERDICT_IN : VERDICT_MAYBE;
	return certain ? VERDICT_OUT : VERDICT_NONE;
}

bool
io_hba_lets_replicate(const char *str, const char *role, const char *address)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = parse_context();
	HbaVerdict	verdict = VERDICT_NONE;
	struct sockaddr_storage client;
	List	   *lines;
	ListCell   *cell;

	/* nothing can be told of it */
	if (!read_address(address, &client))
		return true;
	MemoryContextSwitchTo(scratch);
	lines = tokenize_text(str);
	foreach(cell, lines)
	{
		verdict = line_verdict(lfirst(cell), role, &client);
		if (verdict != VERDICT_NONE)
			break;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return verdict == VERDICT_IN || verdict == VERDICT_MAYBE;
}
