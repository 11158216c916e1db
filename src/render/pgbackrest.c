/*
 * pgbackrest.c
 *		From declared backups to pgbackrest.conf.
 *
 * The format has one "key=value" a line, its blanks at both ends cut off, and
 * no quotes: validation refuses what it cannot hold (spec/validate_backup.c),
 * and render_pgbackrest_problem() does for what only the server knows.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"

#include "render/pgbackrest.h"
#include "secret.h"
#include "spec/catalogue.h"

/* what the file begins with, whatever is declared */
#define FIRST_WORDS	"# Written by pgops"

/* processes of a command: a share of the processors, within bounds */
typedef struct ProcessShare
{
	const char *command;
	int			divisor;
	int			min;
	int			max;
} ProcessShare;

static const ProcessShare process_shares[] = {
	{"archive-get", 4, 2, 4},
	{"archive-push", 4, 2, 4},
	{"backup", 4, 2, 4},
	/* nothing else runs while data come back */
	{"restore", 1, 1, 8},
};

/* an option that means nothing unless another one is on */
static const struct
{
	const char *option;
	const char *needs;
}			dependent_options[] = {
	{"block", "bundle"},
	{"block_age_map", "block"},
	{"block_checksum_size_map", "block"},
	{"block_size_map", "block"},
	{"block_size_super", "block"},
	{"block_size_super_full", "block"},
	{"bundle_limit", "bundle"},
	{"bundle_size", "bundle"},
};

/* ---- single options ---- */

/* "retention_full" of the first repository: "repo1-retention-full"; palloc'd */
static char *
repo_key(int repo, const char *option)
{
	char	   *key = psprintf("repo%d-%s", repo, option);

	for (char *p = key; *p != '\0'; p++)
	{
		if (*p == '_')
			*p = '-';
	}
	return key;
}

static bool
is_on(const BackupRepo *repo, const char *option)
{
	const char *value = model_backup_option(repo, option);

	return value != NULL && strcmp(value, "y") == 0;
}

/* the declared option without which this one means nothing, or NULL */
static const char *
missing_need(const BackupRepo *repo, const char *option)
{
	for (int i = 0; i < lengthof(dependent_options); i++)
	{
		if (strcmp(dependent_options[i].option, option) == 0 &&
			!is_on(repo, dependent_options[i].needs))
			return dependent_options[i].needs;
	}
	return NULL;
}

static bool
is_too_new(const BackupOption *option, const BackupPlace *place)
{
	return place->version > 0 && option->since > place->version;
}

/*
 * Whether an option gets into the file.  One that depends on another that was
 * left out is left out with it.
 */
static bool
is_written(const BackupRepo *repo, const BackupOption *option, const BackupPlace *place)
{
	if (is_too_new(option, place))
		return false;
	/* switched off is the same as left out, and older versions do not know the words */
	return missing_need(repo, option->name) == NULL;
}

List *
render_pgbackrest_left_out(const BackupSpec *spec, const BackupPlace *place)
{
	List	   *reasons = NIL;
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, spec->repos)
	{
		const BackupRepo *repo = lfirst(lc);

		foreach(lo, repo->options)
		{
			const BackupOption *option = lfirst(lo);
			const char *need = missing_need(repo, option->name);

			if (is_too_new(option, place) && strcmp(option->value, "n") != 0)
				reasons = lappend(reasons,
								  psprintf("%s of repository \"%s\" needs pgBackRest %d.%02d, this is %d.%02d",
										   option->name, repo->name,
										   option->since / 100, option->since % 100,
										   place->version / 100, place->version % 100));
			else if (need != NULL && strcmp(option->value, "n") != 0)
				reasons = lappend(reasons,
								  psprintf("%s of repository \"%s\" means nothing without %s: y",
										   option->name, repo->name, need));
		}
	}
	return reasons;
}

/* ---- the file ---- */

static void
add(StringInfo out, const char *key, const char *value)
{
	appendStringInfo(out, "%s=%s\n", key, value);
}

static void
add_repos(StringInfo out, const BackupSpec *spec, const BackupPlace *place, bool secrets)
{
	int			number = 0;
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, spec->repos)
	{
		const BackupRepo *repo = lfirst(lc);

		number++;
		foreach(lo, repo->options)
		{
			const BackupOption *option = lfirst(lo);

			if (is_written(repo, option, place) && (secrets || !option->secret))
				add(out, repo_key(number, option->name), option->value);
		}
	}
}

char *
render_pgbackrest_repos(const BackupSpec *spec, const BackupPlace *place)
{
	StringInfoData out;

	initStringInfo(&out);
	add_repos(&out, spec, place, false);
	return out.data;
}

/*
 * Archiving is asynchronous: a burst of WAL goes out in parallel.  WAL that
 * cannot be archived stays where it is, and is never thrown away
 * (archive-push-queue-max is not set): the disk fills, which monitoring sees,
 * instead of a gap in the archive, which nobody does.
 */
static void
add_global(StringInfo out, const BackupSpec *spec, const BackupPlace *place)
{
	appendStringInfoString(out, "[global]\n");
	add_repos(out, spec, place, true);
	add(out, "archive-async", "y");
	add(out, "compress-type", "zst");
	add(out, "expire-auto", "y");
	add(out, "start-fast", "y");
	add(out, "lock-path", place->lock_path);
	add(out, "log-path", spec->log_dir ? spec->log_dir : place->log_path);
	add(out, "log-level-file", "info");
	add(out, "spool-path", place->spool_path);
}

/* what single commands have of their own, in sections that take precedence */
static void
add_commands(StringInfo out, const BackupPlace *place)
{
	for (int i = 0; i < lengthof(process_shares); i++)
	{
		const ProcessShare *share = &process_shares[i];
		int			processes = (place->processors + share->divisor - 1) / share->divisor;

		appendStringInfo(out, "\n[global:%s]\nprocess-max=%d\n", share->command,
						 Min(Max(processes, share->min), share->max));
		if (strcmp(share->command, "backup") == 0)
			add(out, "annotation", psprintf("pg_cluster=%s", place->stanza));
		if (strcmp(share->command, "restore") == 0)
			add(out, "delta", "y");
	}
}

bool
render_pgbackrest_is_ours(const char *text)
{
	return strncmp(text, FIRST_WORDS, strlen(FIRST_WORDS)) == 0;
}

char *
render_pgbackrest(const BackupSpec *spec, const BackupPlace *place)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, FIRST_WORDS " from the declaration of cluster \"%s\";\n"
					 "# what is changed here by hand is overwritten.\n\n", place->stanza);
	add_global(&out, spec, place);
	add_commands(&out, place);
	appendStringInfo(&out, "\n[%s]\n", place->stanza);
	add(&out, "pg1-path", place->data_directory);
	add(&out, "pg1-port", psprintf("%d", place->port));
	add(&out, "pg1-socket-path", place->socket_directory);
	add(&out, "pg1-user", place->user);
	add(&out, "pg1-database", place->database);
	return out.data;
}

/* ---- for people ---- */

/* whether the key of a line ("repo1-cipher-pass") is that of a secret */
static bool
is_secret_key(const char *key, size_t length)
{
	char	   *name = pnstrdup(key, length);
	const char *option = name;

	if (strncmp(name, "repo", 4) == 0)
	{
		option = name + 4 + strspn(name + 4, "0123456789");
		option += *option == '-';
	}
	for (char *p = name; *p != '\0'; p++)
	{
		if (*p == '-')
			*p = '_';
		else if (isspace((unsigned char) *p))
			*p = '\0';
	}
	return catalogue_is_secret("pgbackrest_repo", option);
}

char *
render_pgbackrest_masked(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	while (*text != '\0')
	{
		size_t		length = strcspn(text, "\n");
		const char *equals = memchr(text, '=', length);
		const char *key = text + strspn(text, " \t");

		if (equals != NULL && key < equals && is_secret_key(key, equals - key))
			appendStringInfo(&out, "%.*s" SECRET_MASK, (int) (equals + 1 - text), text);
		else
			appendBinaryStringInfo(&out, text, length);
		text += length;
		if (*text == '\n')
		{
			appendStringInfoChar(&out, '\n');
			text++;
		}
	}
	return out.data;
}

List *
render_pgbackrest_secrets(const char *text)
{
	List	   *values = NIL;

	while (*text != '\0')
	{
		size_t		length = strcspn(text, "\n");
		const char *equals = memchr(text, '=', length);
		const char *key = text + strspn(text, " \t");

		if (equals != NULL && key < equals && is_secret_key(key, equals - key))
			values = lappend(values, pnstrdup(equals + 1, text + length - equals - 1));
		text += length;
		if (*text == '\n')
			text++;
	}
	return values;
}

/* ---- what cannot be changed ---- */

/* options that say where a repository is */
static const char *const place_options[] = {
	"type", "path", "s3-bucket", "s3-endpoint", "azure-container", "azure-account",
	"gcs-bucket", "sftp-host"
};

/* what pgBackRest takes for an option that is not there */
static const char *
default_value(const char *option)
{
	return strcmp(option, "type") == 0 ? "posix" : strcmp(option, "cipher-type") == 0 ? "none" : "";
}

/* value of "repo2-path" in a text, blanks cut off, palloc'd; its default where it is not there */
static char *
value_in_text(const char *text, int repo, const char *option)
{
	char	   *key = psprintf("repo%d-%s", repo, option);
	size_t		key_length = strlen(key);

	for (; *text != '\0'; text += *text == '\n')
	{
		const char *start = text + strspn(text, " \t");
		const char *value = start + key_length;

		text += strcspn(text, "\n");
		if (strncmp(start, key, key_length) != 0)
			continue;
		value += strspn(value, " \t");
		if (*value++ != '=')
			continue;
		value += strspn(value, " \t");
		while (text > value && isspace((unsigned char) text[-1]))
			text--;
		return pnstrdup(value, text - value);
	}
	return pstrdup(default_value(option));
}

static bool
same_in_both(const char *a, int repo_a, const char *b, int repo_b, const char *option)
{
	return strcmp(value_in_text(a, repo_a, option), value_in_text(b, repo_b, option)) == 0;
}

static bool
same_place(const char *a, int repo_a, const char *b, int repo_b)
{
	for (int i = 0; i < lengthof(place_options); i++)
	{
		if (!same_in_both(a, repo_a, b, repo_b, place_options[i]))
			return false;
	}
	return true;
}

int
render_pgbackrest_recoded(const char *before, const char *after, int repo)
{
	for (int i = 1; i <= RENDER_PGBACKREST_REPOS; i++)
	{
		if (value_in_text(before, i, "path")[0] == '\0' || !same_place(before, i, after, repo))
			continue;
		return same_in_both(before, i, after, repo, "cipher-type") &&
			same_in_both(before, i, after, repo, "cipher-pass") ? 0 : i;
	}
	return 0;
}

/* whether a line of the file can hold a value */
static bool
fits_line(const char *value)
{
	size_t		length = strlen(value);

	return length > 0 && strpbrk(value, "\r\n") == NULL &&
		!isspace((unsigned char) value[0]) && !isspace((unsigned char) value[length - 1]);
}

char *
render_pgbackrest_problem(const BackupPlace *place)
{
	const struct
	{
		const char *what;
		const char *value;
	}			lines[] = {
		{"the data directory", place->data_directory},
		{"the directory of the server's socket", place->socket_directory},
		{"the name of the bootstrap superuser", place->user},
		{"the name of the database in pgops.database", place->database},
		{"the path of the logs", place->log_path},
		{"the path of the locks", place->lock_path},
		{"the path of the spool directory", place->spool_path},
	};

	if (place->socket_directory == NULL)
		return pstrdup("the server has no Unix socket, through which pgBackRest connects");
	for (int i = 0; i < lengthof(lines); i++)
	{
		if (!fits_line(lines[i].value))
			return psprintf("%s cannot be written into pgbackrest.conf: it begins or ends with a blank, or has a line break",
							lines[i].what);
	}
	return NULL;
}
