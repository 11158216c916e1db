/*
 * in_place_server.c
 *		How this server was started, so that it can be started in the same way.
 *
 * Not for: starting it (pgops-runner).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "io/file.h"
#include "io/process.h"
#include "ops/in_place_parts.h"

#define OPTIONS_FILE	"postmaster.opts"
#define MAX_OPTIONS		(64 * 1024)

extern char **environ;

/*
 * The postmaster's environment is ours.  It may hold passwords, so only what is
 * known to matter goes into the task.
 */
static const char *const kept_names[] = {
	"LANG=", "LANGUAGE=", "LC_", "TZ=", "LD_LIBRARY_PATH=", "PG_OOM_ADJUST_FILE=",
	"PG_OOM_ADJUST_VALUE=", "KRB5_KTNAME=", "KRB5_CONFIG=", "OPENSSL_CONF=", "PATH=", "HOME=",
};

static List *
read_environment(void)
{
	List	   *kept = NIL;

	for (char **at = environ; *at != NULL; at++)
	{
		for (int i = 0; i < lengthof(kept_names); i++)
		{
			if (strncmp(*at, kept_names[i], strlen(kept_names[i])) == 0)
				kept = lappend(kept, pstrdup(*at));
		}
	}
	return kept;
}

/*
 * The words as the postmaster wrote them down: its program as it is, each
 * option in double quotes, nothing escaped.
 */
static List *
read_options(void)
{
	char	   *text = io_read_file(OPTIONS_FILE, MAX_OPTIONS);
	List	   *words = NIL;
	char	   *at = text ? strstr(text, " \"") : NULL;

	while (at != NULL)
	{
		char	   *word = at + 2;
		char	   *end = strstr(word, "\" \"");

		at = end;
		if (end == NULL)
			end = strrchr(word, '"');
		if (end == NULL)
			break;
		words = lappend(words, pnstrdup(word, end - word));
		if (at != NULL)
			at++;
	}
	return words;
}

/* -D DIRECTORY goes where pg_ctl wants it; the rest stays. */
static void
split_options(InPlaceServer *server, List *words)
{
	ListCell   *cell;
	bool		directory = false;

	server->start_directory = pstrdup(DataDir);
	foreach(cell, words)
	{
		char	   *word = lfirst(cell);

		if (directory)
			server->start_directory = word;
		else if (strncmp(word, "-D", 2) == 0 && word[2] != '\0')
			server->start_directory = word + 2;
		else if (strcmp(word, "-D") != 0)
			server->options = lappend(server->options, word);
		directory = !directory && strcmp(word, "-D") == 0;
	}
	/* it was relative to where the server was started from, which is not known */
	if (!is_absolute_path(server->start_directory))
		server->start_directory = pstrdup(DataDir);
}

InPlaceServer *
in_place_server(void)
{
	InPlaceServer *server = palloc0(sizeof(InPlaceServer));

	split_options(server, read_options());
	server->log = io_process_output_file(PostmasterPid);
	server->environment = read_environment();
	return server;
}
