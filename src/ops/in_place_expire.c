/*
 * in_place_expire.c
 *		Directories of runs whose jobs are not kept any more.
 *
 * Not for: runs whose result nobody has taken in: people may need them.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "guc.h"
#include "ops/in_place_parts.h"

#define SECONDS_PER_DAY	86400

/* all that is ever in one; anything else in it keeps the directory */
static const char *const known_files[] = {
	IN_PLACE_TASK, IN_PLACE_STATE, IN_PLACE_LOG, IN_PLACE_GO,
};

/*
 * The marker goes last: a directory without it would be looked at as one whose
 * result is still to come.
 */
void
in_place_expire(const char *directory)
{
	char	   *marker = psprintf("%s/" IN_PLACE_IMPORTED, directory);
	struct stat st;

	if (stat(marker, &st) != 0 ||
		time(NULL) - st.st_mtime < (time_t) pgops_guc_job_retention * SECONDS_PER_DAY)
		return;
	for (int i = 0; i < lengthof(known_files); i++)
		(void) unlink(psprintf("%s/%s", directory, known_files[i]));
	(void) unlink(marker);
	(void) rmdir(directory);
}
