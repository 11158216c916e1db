/*
 * baseline.c
 *		Runs the SQL file that a database's "baseline" names.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "apply/baseline.h"
#include "errors.h"
#include "guc.h"
#include "io/file.h"

#define BASELINE_MAX_BYTES	((size_t) 64 * 1024 * 1024)

/*
 * Text of the file.  It is looked up again although the plan did so: the
 * directory may have changed, and a name that leads out of it by a symbolic
 * link must not be followed now either.
 */
static char *
baseline_text(const char *name)
{
	bool		exists;
	char	   *path = io_path_below(pgops_guc_baseline_directory, name, &exists);
	char	   *text;

	if (path == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_BASELINE_PATH),
				 errmsg("baseline \"%s\" does not lie below pgops.baseline_directory", name)));
	text = io_read_file(path, BASELINE_MAX_BYTES);
	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("baseline file \"%s\" does not exist", path)));

	/* the parser must not see bytes that are no text here */
	return pg_any_to_server(text, (int) strlen(text), PG_UTF8);
}

void
apply_baseline(const char *name)
{
	char	   *text = baseline_text(name);
	int			level = NewGUCNestLevel();
	int			result;

	/* a script written for psql expects to create in "public" */
	(void) set_config_option("search_path", "\"$user\", public",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	result = SPI_execute(text, false, 0);
	if (result < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("baseline file \"%s\" holds a statement that cannot run in a transaction", name)));
	SPI_finish();
	PopActiveSnapshot();
	AtEOXact_GUC(true, level);
}

List *
apply_baseline_files(List *names)
{
	List	   *found = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		bool		exists = false;
		char	   *path = io_path_below(pgops_guc_baseline_directory, lfirst(cell), &exists);

		if (path != NULL && exists)
			found = lappend(found, lfirst(cell));
	}
	return found;
}
