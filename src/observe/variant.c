/*
 * variant.c
 *		Which form of a catalog query the server of this version understands.
 *
 * Not for: which queries are asked (roles.c, databases.c).
 */
#include "postgres.h"

#include "compat.h"
#include "observe/variant.h"

/*
 * By the version that we were compiled for, which is the one we run in.  A server
 * beyond the table gets the newest form.
 */
const char *
observe_variant(const ObserveVariant *variants)
{
	for (const ObserveVariant *variant = variants; variant->sql; variant++)
	{
		if (PGOPS_SERVER_MAJOR >= variant->min_major &&
			PGOPS_SERVER_MAJOR <= variant->max_major)
			return variant->sql;
	}
	elog(ERROR, "no catalog query for PostgreSQL %d", PGOPS_SERVER_MAJOR);
	return NULL;				/* keep compiler quiet */
}
