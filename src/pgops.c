/*
 * pgops.c
 *		Loading of the library: settings, shared memory, log hook, the
 *		coordinator's registration; and pgops.version().
 *
 * Nothing is done here that the postmaster must not do: no connection, no
 * thread, no file.  Not for: what the coordinator does (worker/).
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "cmdb/extension.h"
#include "guc.h"
#include "observe/patroni.h"
#include "secret.h"
#include "worker/shared.h"
#include "worker/wake.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(pgops_version);

void		_PG_init(void);

/*
 * _PG_init
 *		Runs in the postmaster when preloaded, in a backend after LOAD or the
 *		first call otherwise.  Never fails when it was not preloaded: pg_upgrade
 *		loads every library that way.
 */
void
_PG_init(void)
{
	guc_define();
	wake_register_callback();
	patroni_found_init();
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;

	secret_install_log_hook();
	shared_request();
	coordinator_register();
}

/*
 * pgops_version
 *		SQL: pgops.version(): the version of the loaded library, of the
 *		installed SQL objects, of the server.
 */
Datum
pgops_version(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	char	   *installed = extension_installed_version();

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(PGOPS_VERSION);
	if (installed)
		values[1] = CStringGetTextDatum(installed);
	else
		nulls[1] = true;
	values[2] = CStringGetTextDatum(GetConfigOption("server_version", false, false));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
