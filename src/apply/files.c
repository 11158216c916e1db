/*
 * files.c
 *		The doors to files and to the postmaster: writing a configuration file,
 *		reloading the server.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "apply/result.h"
#include "errors.h"
#include "io/file.h"
#include "io/hba.h"

#define HBA_FILE_MODE	0600

/* asked once more at the last moment: a file that does not parse is never installed */
static void
check_candidate(const Action *action)
{
	List	   *errors;
	HbaError   *first;

	if (strncmp(action->rule->id, "hba.", 4) != 0)
		return;
	errors = io_hba_check(action->file_text);
	if (errors == NIL)
		return;
	first = linitial(errors);
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_HBA_REJECTED),
			 errmsg("the server's parser rejects line %d of the new \"%s\": %s",
					first->line, action->file_path, first->message)));
}

/* a file with a mode of its own holds secrets */
static void
write_file(const Action *action)
{
	ListCell   *cell;

	foreach(cell, action->directories)
		io_make_directory(lfirst(cell));
	if (action->file_mode != 0)
	{
		if (!action->file_is_ours)
			io_keep_private_original(action->file_path, action->file_mode);
		io_write_private_file(action->file_path, action->file_text, action->file_mode);
		return;
	}
	io_keep_original(action->file_path);
	io_write_file(action->file_path, action->file_text, HBA_FILE_MODE);
}

/*
 * Everything is decided before the first byte is written: the parser is
 * asked, then the first original is kept, then the file is replaced in one
 * rename.  An error becomes the action's result and stops nothing else.
 */
ActionResult *
apply_file(const Action *action)
{
	ActionResult *result = result_begin(action->step);
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		check_candidate(action);
		write_file(action);
		result->ok = true;
	}
	PG_CATCH();
	{
		result_take_error(result, context);
	}
	PG_END_TRY();
	result->finished = GetCurrentTimestamp();
	return result;
}

/*
 * The postmaster is signalled directly: pg_reload_conf() is the same, but
 * would need a transaction, which a standby's pass has no use for.
 */
ActionResult *
apply_reload(const Action *action)
{
	ActionResult *result = result_begin(action->step);

	result->ok = kill(PostmasterPid, SIGHUP) == 0;
	if (!result->ok)
	{
		result->sqlstate = ERRCODE_SYSTEM_ERROR;
		result->message = psprintf("could not signal the postmaster: %s", strerror(errno));
	}
	result->finished = GetCurrentTimestamp();
	return result;
}
