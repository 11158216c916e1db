/*
 * session.c
 *		Settings that every process of pgops pins.
 *
 * A worker connects as the bootstrap superuser and would inherit what ALTER
 * ROLE or ALTER DATABASE set for it: a search_path somebody else can write
 * to, a timeout that kills it.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "compat.h"
#include "guc.h"
#include "worker/session.h"

static const struct
{
	const char *name;
	const char *value;
}			pinned[] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"row_security", "off"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_isolation", "read committed"},
	{"idle_in_transaction_session_timeout", "0"},
	{"statement_timeout", "0"},	/* armed for each statement, see apply/execute.c */
	{"client_min_messages", "warning"},
	{"max_parallel_workers_per_gather", "0"},
	{"synchronous_commit", "local"},	/* a missing standby must not stop us */
	{"standard_conforming_strings", "on"},
	{"escape_string_warning", "off"},
	{"datestyle", "ISO, MDY"},
	{"jit", "off"},
#ifdef PGOPS_HAVE_TRANSACTION_TIMEOUT
	{"transaction_timeout", "0"},
#endif
};

void
session_pin_settings(const char *application_name)
{
	char		lock_timeout_text[32];

	for (int i = 0; i < lengthof(pinned); i++)
		SetConfigOption(pinned[i].name, pinned[i].value, PGC_SUSET, PGC_S_OVERRIDE);
	snprintf(lock_timeout_text, sizeof(lock_timeout_text), "%d", pgops_guc_lock_timeout);
	SetConfigOption("lock_timeout", lock_timeout_text, PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", application_name, PGC_USERSET, PGC_S_OVERRIDE);
}
