/*
 * secret_log.c
 *		Keeps statements that carry a document or a secret, and so perhaps
 *		passwords, out of the server log and pg_stat_activity.
 *
 * The log hook sees every message before it is written.  It raises nothing:
 * texts are cut in place, in the buffers of the error itself.  The hook runs
 * before the message goes to the client as well; therefore only LOG messages
 * are cut at will, and of others the STATEMENT and CONTEXT lines of the log are
 * left out, and what an error of the parser quotes.
 *
 * Not for: passwords of other people's statements (CREATE ROLE in psql).
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"

#include "secret.h"

#define HIDDEN	"<hidden by pgops>"

/*
 * A statement that holds one of these may hold a document or a secret.
 * "validate" is a word that other people's statements have as well: where our
 * schema's name does not stand before it (it may be in the search_path, or in
 * quotes), only together with "hosts", which every document has.  Likewise
 * writing to a view (INSERT INTO pgops.users) is known by our schema's name
 * together with what a secret's field is called; where the schema is not
 * named, by secret_hide_statement() alone.
 */
static const struct
{
	const char *word;
	const char *together_with[4];	/* any of them; none: the word is enough */
}			needles[] = {
	{"apply_cluster"},
	{"apply_inventory"},
	{"set_secret"},
	{"rotate_password"},
	{"pgops.validate"},
	{"validate", {"hosts"}},
	{"pgops.", {"passw", "secret", "cipher_pass"}},
	{"pgops\".", {"passw", "secret", "cipher_pass"}},
};

/* what modules that log plans put before the statement and its parameters, untranslated */
#define PLANNED_STATEMENT	"Query Text"

static emit_log_hook_type previous_hook = NULL;

/* start time of a statement that was found out to be one of ours; 0: none */
static TimestampTz hidden_statement = 0;

/* First place of the word in the text, upper and lower case being the same (ASCII). */
static char *
find_word(char *str, const char *word)
{
	size_t		length = strlen(word);
	char		first[3] = {word[0], (char) pg_toupper((unsigned char) word[0]), '\0'};

	for (char *p = strpbrk(str, first); p != NULL; p = strpbrk(p + 1, first))
	{
		if (pg_strncasecmp(p, word, length) == 0)
			return p;
	}
	return NULL;
}

/* whether one of the words (as many as there are) is in the text, or there is none to look for */
static bool
has_any_word(char *str, const char *const *words, int count)
{
	for (int i = 0; i < count && words[i] != NULL; i++)
	{
		if (find_word(str, words[i]) != NULL)
			return true;
	}
	return words[0] == NULL;
}

/*
 * Looked for in every message of a session: a few scans of the text for a
 * byte, which cost nothing beside writing it.  The result may be written to,
 * if the text was the message's own.
 */
static char *
find_needle(char *str)
{
	if (str == NULL)
		return NULL;
	for (int i = 0; i < lengthof(needles); i++)
	{
		char	   *place = find_word(str, needles[i].word);

		if (place != NULL && has_any_word(str, needles[i].together_with,
										  lengthof(needles[i].together_with)))
			return place;
	}
	return NULL;
}

/* Overwrites what begins at "from" with the notice, as far as there is room. */
static void
cut(char *from)
{
	size_t		room = strlen(from);
	size_t		length = Min(room, strlen(HIDDEN));

	memcpy(from, HIDDEN, length);
	explicit_bzero(from + length, room - length);
}

/*
 * Where the statement begins in a message about it ("statement: ...",
 * "duration: ... ms  statement: ...", "execute p: ..."), or NULL.  It stands
 * there as it was received; where a module quotes it in another way, the
 * needle is the best mark there is.
 */
static char *
statement_in(char *message, bool hidden)
{
	char	   *place = NULL;

	if (message == NULL)
		return NULL;
	if (hidden && debug_query_string != NULL && debug_query_string[0] != '\0')
		place = strstr(message, debug_query_string);
	if (place == NULL)
		place = find_needle(message);

	/* the plan of what we run ourselves: its parameters may be secrets */
	if (place == NULL && hidden)
		place = strstr(message, PLANNED_STATEMENT);
	return place;
}

/* Messages that report a statement: the statement goes, and its parameters with it. */
static void
hide_in_report(ErrorData *edata, bool hidden)
{
	char	   *statement = statement_in(edata->message, hidden);
	bool		prepared = find_needle(edata->detail) != NULL ||
		find_needle(edata->detail_log) != NULL;

	/*
	 * EXECUTE name('...'): only the detail, which shows what was prepared, tells
	 * that this is one of ours.  It stays so until the statement ends.
	 */
	if (prepared)
		hidden_statement = GetCurrentStatementStartTimestamp();
	if (statement == NULL && prepared && edata->message != NULL &&
		debug_query_string != NULL)
		statement = strstr(edata->message, debug_query_string);

	if (statement != NULL)
		cut(statement);
	if (statement != NULL || prepared || hidden)
	{
		if (edata->detail != NULL)
			cut(edata->detail);
		if (edata->detail_log != NULL)
			cut(edata->detail_log);
		edata->hide_stmt = true;
	}
}

/* Plans may be reported at these levels, too; everything else is what we tell the client. */
static void
hide_in_notice(ErrorData *edata)
{
	char	   *statement = edata->message ? strstr(edata->message, PLANNED_STATEMENT) : NULL;

	if (statement != NULL)
		cut(statement);
}

/*
 * Errors of the parser and of input functions quote what they could not read:
 * a token, or everything from an unbalanced quote to the end.  The quoted part
 * goes, for the client too, which has the position.  The detail goes from the
 * log alone.
 */
static void
hide_in_error(ErrorData *edata)
{
	char	   *quoted;

	if (edata->sqlerrcode != ERRCODE_SYNTAX_ERROR &&
		edata->sqlerrcode != ERRCODE_INVALID_TEXT_REPRESENTATION)
		return;

	/* a translated message may have other quotation marks: none of them ASCII */
	quoted = edata->message;
	while (quoted != NULL && *quoted != '\0' && *quoted != '"' && !IS_HIGHBIT_SET(*quoted))
		quoted++;
	if (quoted != NULL)
		cut(quoted);

	if (edata->detail_log != NULL)
		cut(edata->detail_log);
	else if (edata->detail != NULL)
	{
		edata->detail_log = MemoryContextAllocExtended(edata->assoc_context, sizeof(HIDDEN),
													   MCXT_ALLOC_NO_OOM);
		if (edata->detail_log != NULL)
			memcpy(edata->detail_log, HIDDEN, sizeof(HIDDEN));
		else
			cut(edata->detail);
	}
}

/* words in the name or value of a setting that make its value a secret */
static const char *const setting_words[] = {"password", "passphrase", "secret", "token", NULL};

/*
 * What the postmaster writes at a reload.  The name stands before the value, and
 * either may tell: connection strings hold passwords.
 */
static void
hide_in_reload(ErrorData *edata)
{
	const char *between = "\" changed to \"";
	char	   *value;

	if (edata->message_id == NULL || edata->message == NULL ||
		strcmp(edata->message_id, "parameter \"%s\" changed to \"%s\"") != 0)
		return;
	value = strstr(edata->message, between);
	for (int i = 0; value != NULL && setting_words[i] != NULL; i++)
	{
		if (strstr(edata->message, setting_words[i]) != NULL)
		{
			cut(value + strlen(between));
			return;
		}
	}
}

/*
 * Decides by what ran, not by what the message says: whatever is logged while
 * a statement with a document runs may quote it.  That a statement is one is
 * known from its text, or because secret_hide_statement() marked it; start
 * times of statements differ within a session, so the mark ends with the
 * statement.
 */
static void
hide_secrets(ErrorData *edata)
{
	bool		marked = hidden_statement != 0 &&
		hidden_statement == GetCurrentStatementStartTimestamp();
	bool		hidden = marked ||
		find_needle(unconstify(char *, debug_query_string)) != NULL;
	char	   *internal = find_needle(edata->internalquery);

	if (hidden)
		edata->hide_stmt = true;
	if (internal != NULL)
	{
		cut(internal);
		edata->internalpos = 0;
	}

	/* the context may quote a statement of a function, or bind parameters */
	if (edata->context != NULL && (hidden || find_needle(edata->context) != NULL))
		edata->hide_ctx = true;

	if (edata->elevel >= ERROR && hidden)
		hide_in_error(edata);
	else if (edata->elevel > LOG_SERVER_ONLY && hidden)
		hide_in_notice(edata);
	if (edata->elevel <= LOG_SERVER_ONLY && (hidden || MyBackendType == B_BACKEND))
		hide_in_report(edata, hidden);
}

/* Other hooks come after ours, and see what is left. */
static void
log_hook(ErrorData *edata)
{
	hide_secrets(edata);
	hide_in_reload(edata);
	if (previous_hook != NULL)
		previous_hook(edata);
}

/*
 * By _PG_init(), once for each process that loads the library; it cannot be
 * taken back, as the library cannot be unloaded.
 */
void
secret_install_log_hook(void)
{
	previous_hook = emit_log_hook;
	emit_log_hook = log_hook;
}

/*
 * Sets the mark and replaces the text in pg_stat_activity, which every member
 * of pg_read_all_stats could read.  There is a moment between the statement's
 * arrival and this call; the README says how to declare without a secret in
 * any statement.
 */
void
secret_hide_statement(void)
{
	hidden_statement = GetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, HIDDEN);
}
