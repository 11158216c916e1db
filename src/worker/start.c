/*
 * start.c
 *		Starting a dynamic background worker.
 *
 * Not for: the coordinator, which is static (coordinator.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "worker/start.h"

BackgroundWorkerHandle *
worker_start(const WorkerStart *start)
{
	BackgroundWorkerHandle *handle = NULL;
	BackgroundWorker worker;

	Assert(start->extra_length <= BGW_EXTRALEN);
	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, start->name, BGW_MAXLEN);
	strlcpy(worker.bgw_type, start->type, BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = start->on_standby ? BgWorkerStart_ConsistentState :
		BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "pgops", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, start->function, sizeof(worker.bgw_function_name));
	worker.bgw_main_arg = start->arg;
	if (start->extra != NULL)
		memcpy(worker.bgw_extra, start->extra, start->extra_length);
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}
