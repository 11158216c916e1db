/*
 * session.c
 *		Settings that every process of pgops pins.
 *
 * A worker connects as the bootstrap superuser and would inherit what ALTER
 * ROLE or ALTER DATABASE set for it: a search_path somebody else can write
 * to, a timeout that kills it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"

#include "compat.h"
#include "guc.h"
#include "worker/session.h"

static const struct
{
	int			min_major;
	const char *name;
	const char *value;
}			pinned[] = {
	/* what our statements mean */
	{15, "search_path", "pg_catalog, pg_temp"},
	{15, "role", "none"},
	{15, "session_replication_role", "origin"},
	{15, "row_security", "off"},
	{15, "default_transaction_read_only", "off"},
	{15, "default_transaction_deferrable", "off"},
	{15, "default_transaction_isolation", "read committed"},
	{15, "standard_conforming_strings", "on"},
	{15, "quote_all_identifiers", "off"},
	{15, "transform_null_equals", "off"},
	{15, "datestyle", "ISO, MDY"},
	/* how long they take */
	{15, "statement_timeout", "0"}, /* armed for each statement, see apply/execute.c */
	{15, "idle_in_transaction_session_timeout", "0"},
	{17, "transaction_timeout", "0"},
	{15, "synchronous_commit", "local"},	/* a missing standby must not stop us */
	{15, "max_parallel_workers_per_gather", "0"},
	{15, "jit", "off"},
	/* what of them is written down */
	{15, "client_min_messages", "error"},
	{15, "log_statement", "none"},
	{15, "log_duration", "off"},
	{15, "log_min_duration_statement", "-1"},
	{15, "log_min_duration_sample", "-1"},
	{15, "log_transaction_sample_rate", "0"},
	{15, "log_min_error_statement", "panic"},
};

/* PGC_S_OVERRIDE beats what ALTER ROLE and ALTER DATABASE set for us. */
void
session_pin_settings(const char *application_name)
{
	char		lock_timeout_text[32];

	for (int i = 0; i < lengthof(pinned); i++)
	{
		if (PGOPS_SERVER_MAJOR >= pinned[i].min_major)
			SetConfigOption(pinned[i].name, pinned[i].value, PGC_SUSET, PGC_S_OVERRIDE);
	}
	snprintf(lock_timeout_text, sizeof(lock_timeout_text), "%d", pgops_guc_lock_timeout);
	SetConfigOption("lock_timeout", lock_timeout_text, PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", application_name, PGC_USERSET, PGC_S_OVERRIDE);
}

/*
 * Finding the conversion needs a transaction.  Where there is none for the
 * encoding of this database, texts travel as they are.
 */
void
session_use_utf8(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) set_config_option("client_encoding", pg_encoding_to_char(PG_UTF8),
							 PGC_SUSET, PGC_S_OVERRIDE, GUC_ACTION_SET, true,
							 WARNING, false);
	CommitTransactionCommand();
}
