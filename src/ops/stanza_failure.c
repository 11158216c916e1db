/*
 * stanza_failure.c
 *		What it means that pgBackRest failed: its exit code and its ERROR lines
 *		as SQLSTATE, message and hint.
 *
 * Not for: running it (stanza_run.c).
 */
#include "postgres.h"

#include <sys/statvfs.h>

#include "errors.h"
#include "io/file.h"
#include "ops/stanza_parts.h"

/* what pgBackRest said is quoted up to here */
#define MAX_DETAIL		4000

/* a file system with less room than for one WAL file is full */
#define FULL_BYTES		(16 * 1024 * 1024)

/* code of "see the errors above" */
#define SEVERAL_ERRORS	104

/*
 * A row of the table.  The first one counts whose code is the one of the
 * failure (0: any) and whose "said" stands somewhere in pgBackRest's words (NULL: always).
 * %s in a message is the stanza's name.
 */
typedef struct Trouble
{
	int			code;
	const char *said;
	int			sqlstate;
	const char *message;
	const char *hint;			/* or NULL: pgBackRest's own, if it gives one */
} Trouble;

/* instead of "said": the file that is named lies in a full file system */
static const char FULL[] = "";

#define HINT_SPACE \
	"Make room there, or keep fewer backups: see the retention of the repository in pgbackrest_repo, and pgops.expire()."
#define HINT_STANZA \
	"If the repository was moved or is not mounted, bring it back. If it is lost for good, SELECT pgops.backup_setup() begins a new one."
#define HINT_ARCHIVE \
	"See pg_stat_archiver and the server log for why archive_command fails."
#define HINT_OTHER_SERVER \
	"After an upgrade of the server the stanza is upgraded by the next pass: SELECT pgops.reconcile(). If it belongs to another server, declare another path for the repository."
#define HINT_PERMISSION \
	"The repository, and the lock, log and spool directories must belong to the server's operating system user."
#define HINT_CIPHER \
	"cipher_pass of the repository in pgbackrest_repo must be the one that it was created with."
#define HINT_CERTIFICATE \
	"storage_ca_file (or storage_ca_path) of the repository in pgbackrest_repo must be a file that the server's operating system user can read; storage_verify_tls: n does without."
#define HINT_CONNECTION \
	"Look whether the repository's host, port and network are as declared in pgbackrest_repo."
#define HINT_CREDENTIALS \
	"Look at the keys of the repository in pgbackrest_repo, and at what its bucket lets them do."
#define HINT_DAMAGED \
	"Make a new full backup: SELECT pgops.backup('full'). \"pgbackrest verify\" says which files are damaged."

/* from 2.60 on it restores, and expires for, no backup with such pages */
#define HINT_DAMAGED_PAGES \
	"The server's data were damaged before that backup was made: use an older one, which pgops.backups lists. If there is none, \"pgbackrest --no-checksum-page-error\" works with it as it is."

static const Trouble troubles[] = {
	/* whatever it was doing */
	{0, "[28] No space left on device", ERRCODE_DISK_FULL,
	"no space is left where it writes", HINT_SPACE},
	{0, "[122] Disk quota exceeded", ERRCODE_DISK_FULL,
	"the disk quota is used up where it writes", HINT_SPACE},
	{64, FULL, ERRCODE_DISK_FULL, "no space is left where it writes", HINT_SPACE},
	{52, FULL, ERRCODE_DISK_FULL, "no space is left where it writes", HINT_SPACE},
	{0, "[30] Read-only file system", ERRCODE_PGOPS_PROCESS,
	"the file system it writes to is read-only", NULL},
	{0, "[24] Too many open files", ERRCODE_INSUFFICIENT_RESOURCES,
	"too many files are open", NULL},
	{50, NULL, ERRCODE_PGOPS_LOCKED,
	"another pgBackRest process works on stanza \"%s\"",
	"Wait until it is done, or end it."},
	{94, NULL, ERRCODE_OUT_OF_MEMORY, "it is out of memory", NULL},

	/* what is not there */
	{55, "/backup.info", ERRCODE_PGOPS_NO_BACKUPS,
	"stanza \"%s\" is not in the repository", HINT_STANZA},
	{55, "/archive.info", ERRCODE_PGOPS_NO_BACKUPS,
	"stanza \"%s\" is not in the repository", HINT_STANZA},
	{55, NULL, ERRCODE_PGOPS_PROCESS, "a file that it needs is missing", NULL},
	{73, NULL, ERRCODE_PGOPS_PROCESS, "a directory that it needs is missing", NULL},
	{103, NULL, ERRCODE_PGOPS_PROCESS, "no repository can be used", NULL},

	/* permissions */
	{0, "[13] Permission denied", ERRCODE_PGOPS_PROCESS,
	"it may not use a file or directory", HINT_PERMISSION},
	{88, NULL, ERRCODE_PGOPS_PROCESS, "a file belongs to another user", HINT_PERMISSION},

	/* WAL archiving */
	{82, NULL, ERRCODE_PGOPS_PROCESS, "WAL was not archived in time", HINT_ARCHIVE},
	{87, NULL, ERRCODE_PGOPS_RESTART_NEEDED, "archive_mode is off",
	"Set it with pg_parameters, or let pgops do it, and restart the server: see pgops.pending_restart."},
	{68, NULL, ERRCODE_PGOPS_PROCESS,
	"archive_command does not archive for stanza \"%s\"", HINT_ARCHIVE},

	/* not this server's */
	{28, NULL, ERRCODE_PGOPS_PROCESS,
	"stanza \"%s\" belongs to another server, or to this one before an upgrade", HINT_OTHER_SERVER},
	{44, NULL, ERRCODE_PGOPS_PROCESS,
	"stanza \"%s\" belongs to another server, or to this one before an upgrade", HINT_OTHER_SERVER},
	{51, NULL, ERRCODE_PGOPS_PROCESS,
	"stanza \"%s\" belongs to another server, or to this one before an upgrade", HINT_OTHER_SERVER},
	/* newer versions find out before they copy, what recovery found out afterwards */
	{58, "target timeline", ERRCODE_PGOPS_TARGET, "the backup does not lead to the target's timeline",
	"Name an older backup with set => '...'; pgops.backups lists them."},
	{58, NULL, ERRCODE_PGOPS_PROCESS,
	"stanza \"%s\" belongs to another server, or to this one before an upgrade", HINT_OTHER_SERVER},
	{45, NULL, ERRCODE_PGOPS_PROCESS,
	"the archive holds another WAL file of the same name",
	"Two servers archive into stanza \"%s\", or this one was restored without a new timeline."},
	{46, NULL, ERRCODE_FEATURE_NOT_SUPPORTED,
	"this pgBackRest does not know this version of PostgreSQL",
	"Install a newer pgBackRest: 17 needs 2.54, 18 needs 2.57."},

	/* encryption, damage */
	{95, "certificate", ERRCODE_PGOPS_PROCESS,
	"it cannot read the certificates for the repository's host", HINT_CERTIFICATE},
	{95, NULL, ERRCODE_PGOPS_PROCESS, "the repository cannot be decrypted", HINT_CIPHER},
	{29, "cipher", ERRCODE_PGOPS_PROCESS, "the repository cannot be decrypted", HINT_CIPHER},
	{29, "encrypted", ERRCODE_PGOPS_PROCESS, "the repository cannot be decrypted", HINT_CIPHER},
	{29, NULL, ERRCODE_PGOPS_BACKUP_DAMAGED, "a file in the repository is damaged", HINT_DAMAGED},
	{26, "invalid page checksum", ERRCODE_PGOPS_BACKUP_DAMAGED,
	"pages in the backup have wrong checksums", HINT_DAMAGED_PAGES},
	{26, NULL, ERRCODE_PGOPS_BACKUP_DAMAGED, "a file in the repository is damaged", HINT_DAMAGED},
	{99, NULL, ERRCODE_PGOPS_BACKUP_DAMAGED, "a file in the repository is damaged", HINT_DAMAGED},

	/* the network, object stores */
	{49, NULL, ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	"the host of a repository does not answer", HINT_CONNECTION},
	{72, NULL, ERRCODE_PGOPS_PROCESS, "the host of a repository is not known", HINT_CONNECTION},
	{101, NULL, ERRCODE_CONNECTION_FAILURE, "the object store failed", NULL},
	{105, NULL, ERRCODE_PGOPS_PROCESS, "the object store refused access", HINT_CREDENTIALS},
	{39, "AccessDenied", ERRCODE_PGOPS_PROCESS, "the object store refused access", HINT_CREDENTIALS},
	{39, "InvalidAccessKeyId", ERRCODE_PGOPS_PROCESS, "the object store refused access", HINT_CREDENTIALS},
	{39, "SignatureDoesNotMatch", ERRCODE_PGOPS_PROCESS, "the object store refused access", HINT_CREDENTIALS},
	{39, NULL, ERRCODE_PGOPS_PROCESS, "the talk with another process or host broke off", NULL},
	{32, "unable to get address for", ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	"the host of a repository is not known", HINT_CONNECTION},

	/* this server */
	{56, NULL, ERRCODE_CONNECTION_FAILURE,
	"it cannot connect to this server",
	"The bootstrap superuser must get in over the Unix socket, as the operating system user of the server."},
	{57, NULL, ERRCODE_PGOPS_PROCESS, "a statement failed in this server", NULL},
	{38, NULL, ERRCODE_PGOPS_INSTANCE, "a server runs in the directory", NULL},
	{40, NULL, ERRCODE_PGOPS_INSTANCE, "the directory is not empty", NULL},

	/* configuration and orders */
	{37, "pg1-path", ERRCODE_PGOPS_PROCESS,
	"the configuration does not know stanza \"%s\"", NULL},
	{27, NULL, ERRCODE_PGOPS_PROCESS, "it does not accept its configuration", NULL},
	{31, NULL, ERRCODE_PGOPS_PROCESS, "it does not accept an option", NULL},
	{32, NULL, ERRCODE_PGOPS_PROCESS, "it does not accept the value of an option", NULL},
	{37, NULL, ERRCODE_PGOPS_PROCESS, "it lacks an option", NULL},
	{75, NULL, ERRCODE_PGOPS_TARGET, "the backup set is not there, or not to be used so", NULL},
	{76, NULL, ERRCODE_PGOPS_PROCESS, "a tablespace cannot be mapped", NULL},
	{78, NULL, ERRCODE_PGOPS_PROCESS, "a link cannot be mapped", NULL},
	{62, NULL, ERRCODE_PGOPS_PROCESS, "pgBackRest was stopped for stanza \"%s\"",
	"\"pgbackrest start\" lets it work again."},
	{63, NULL, ERRCODE_PGOPS_INTERRUPTED, "it was ended by a signal", NULL},
};

/* one ERROR of pgBackRest */
typedef struct SaidError
{
	int			code;
	StringInfoData text;
	StringInfoData hint;
} SaidError;

/* "ERROR: [050]: unable to ...": begins an error; its text, or NULL */
static const char *
error_start(const char *line, int *code)
{
	const char *mark = strstr(line, "ERROR: [");
	char	   *end;

	if (mark == NULL)
		return NULL;
	*code = (int) strtol(mark + strlen("ERROR: ["), &end, 10);
	return strncmp(end, "]: ", 3) == 0 ? end + 3 : NULL;
}

static void
append_line(StringInfo out, const char *line)
{
	if (out->len > MAX_DETAIL)
		return;
	if (out->len > 0)
		appendStringInfoChar(out, '\n');
	appendStringInfoString(out, line);
}

/* a line of its own belongs to the error before it if it is indented */
static void
continue_error(SaidError *error, const char *line)
{
	const char *words = line + strspn(line, " ");

	if (strncmp(words, "HINT: ", 6) == 0)
		append_line(&error->hint, words + 6);
	else
		append_line(&error->text, words);
}

/* all errors in what was written, of SaidError *; that others are above is none of them */
static List *
said_errors(const char *output)
{
	List	   *errors = NIL;
	SaidError  *current = NULL;
	char	   *rest = pstrdup(output);
	char	   *line;

	while ((line = strsep(&rest, "\n")) != NULL)
	{
		int			code;
		const char *words = error_start(line, &code);

		if (words != NULL)
		{
			current = palloc0(sizeof(SaidError));
			current->code = code;
			initStringInfo(&current->text);
			initStringInfo(&current->hint);
			append_line(&current->text, words);
			if (code != SEVERAL_ERRORS)
				errors = lappend(errors, current);
		}
		else if (current != NULL && *line == ' ')
			continue_error(current, line);
		else
			current = NULL;
	}
	return errors;
}

/* the words of all errors, each one's with its code; NULL: there are none */
static char *
all_words(List *errors)
{
	StringInfoData words;
	ListCell   *cell;

	initStringInfo(&words);
	foreach(cell, errors)
	{
		const SaidError *error = lfirst(cell);

		append_line(&words, psprintf("[%03d] %s", error->code, error->text.data));
	}
	return words.len > 0 ? words.data : NULL;
}

/* the file that is named in quotes first, palloc'd, or NULL */
static char *
named_file(const char *said)
{
	const char *start = strchr(said, '\'');
	const char *end = start ? strchr(start + 1, '\'') : NULL;

	return end != NULL && start[1] == '/' ? pnstrdup(start + 1, end - start - 1) : NULL;
}

/*
 * Whether what could not be written lies in a file system without room: a
 * write that gets only a part of its bytes to the disk is reported without the
 * reason.  The file itself and its directories may be gone again.
 */
static bool
is_full(const char *said)
{
	char	   *path = named_file(said);
	struct statvfs space;

	while (path != NULL && path[0] != '\0')
	{
		if (statvfs(path, &space) == 0)
			return (uint64) space.f_bavail * space.f_frsize < FULL_BYTES;
		get_parent_directory(path);
	}
	return false;
}

/* whether a row of the table is about this failure */
static bool
fits(const Trouble *trouble, int code, const char *said)
{
	if (trouble->code != 0 && trouble->code != code)
		return false;
	if (trouble->said == FULL)
		return is_full(said);
	return trouble->said == NULL || strstr(said, trouble->said) != NULL;
}

static const Trouble *
find_trouble(int code, const char *said)
{
	for (int i = 0; i < lengthof(troubles); i++)
	{
		if (fits(&troubles[i], code, said))
			return &troubles[i];
	}
	return NULL;
}

/*
 * The process that holds a lock, if its lock file says so: the file is named
 * in quotes by who could not get it.  0: not known.
 */
static int
lock_holder(const char *said)
{
	char	   *file = named_file(said);
	char	   *text;
	SpecNode   *content;
	SpecNode   *pid;

	if (file == NULL)
		return 0;
	text = io_read_file(file, 4096);
	content = text ? stanza_json(text, NULL) : NULL;
	pid = content ? node_get(content, "pid") : NULL;
	if (pid == NULL || pid->kind != NODE_INT || io_process_start_time((pid_t) pid->integer) == 0)
		return 0;
	return (int) pid->integer;
}

/* fills in the stanza's name, where the text wants it */
static char *
with_stanza(const char *text, const Stanza *stanza)
{
	const char *place = strstr(text, "%s");

	if (place == NULL)
		return pstrdup(text);
	return psprintf("%.*s%s%s", (int) (place - text), text, stanza->name, place + 2);
}

/* it could not be started at all */
static StanzaFailure *
not_started(const Stanza *stanza, const IoProcessResult *result)
{
	StanzaFailure *failure = palloc0(sizeof(StanzaFailure));

	failure->sqlstate = ERRCODE_PGOPS_PROGRAM_MISSING;
	failure->message = psprintf("could not run \"%s\": %s", stanza->program,
								strerror(result->start_errno));
	failure->hint = pstrdup("Install pgBackRest, or say with the setting pgops.pgbackrest where it is.");
	return failure;
}

/* it ended without a word, or by a signal */
static StanzaFailure *
wordless(const char *command, const IoProcessResult *result)
{
	StanzaFailure *failure = palloc0(sizeof(StanzaFailure));

	failure->sqlstate = ERRCODE_PGOPS_PROCESS;
	failure->message = psprintf("\"pgbackrest %s\" %s", command, io_process_describe(result));
	if (*result->err != '\0')
		failure->detail = pnstrdup(result->err, Min(strlen(result->err), MAX_DETAIL));
	return failure;
}

static StanzaFailure *
explained(const Stanza *stanza, const char *command, const SaidError *cause, char *words)
{
	StanzaFailure *failure = palloc0(sizeof(StanzaFailure));
	const Trouble *trouble = find_trouble(cause->code, words);
	int			holder;

	failure->sqlstate = trouble ? trouble->sqlstate : ERRCODE_PGOPS_PROCESS;
	failure->message = psprintf("\"pgbackrest %s\" failed: %s", command,
								trouble ? with_stanza(trouble->message, stanza) :
								pnstrdup(cause->text.data, strcspn(cause->text.data, "\n")));
	failure->detail = words;
	if (trouble && trouble->hint)
		failure->hint = with_stanza(trouble->hint, stanza);
	else if (cause->hint.len > 0)
		failure->hint = cause->hint.data;

	if (failure->sqlstate == ERRCODE_PGOPS_LOCKED && (holder = lock_holder(words)) != 0)
		failure->hint = psprintf("Wait until process %d is done, or end it.", holder);
	return failure;
}

/*
 * Its words go to stderr; they are looked for on stdout as well, because its
 * configuration may send them there.
 */
StanzaFailure *
stanza_failure(const Stanza *stanza, const char *command, const IoProcessResult *result)
{
	List	   *errors;

	if (result->end == IO_PROCESS_EXITED && result->exit_code == 0)
		return NULL;
	if (result->end == IO_PROCESS_NOT_STARTED)
		return not_started(stanza, result);
	errors = said_errors(result->err);
	if (errors == NIL)
		errors = said_errors(result->out);
	if (errors == NIL || result->end != IO_PROCESS_EXITED)
		return wordless(command, result);
	return explained(stanza, command, linitial(errors), all_words(errors));
}
