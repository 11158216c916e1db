/*
 * verify.c
 *		The job verify_backup: restores a backup beside this server, starts it,
 *		checks it, asks it, drops it.
 *
 * A backup that has not been restored is a hope.  All that is wrong with it is
 * collected and told at the end, so that one test gives the whole picture.
 *
 * Not for: what is checked (verify_check.c) and asked (verify_probe.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/timestamp.h"

#include "cmdb/extension.h"
#include "errors.h"
#include "io/directory.h"
#include "ops/finally.h"
#include "ops/kinds.h"
#include "ops/verify_parts.h"

/* seconds since *start, which becomes now */
static double
lap(instr_time *start)
{
	instr_time	now;
	instr_time	passed;

	INSTR_TIME_SET_CURRENT(now);
	passed = now;
	INSTR_TIME_SUBTRACT(passed, *start);
	*start = now;
	return INSTR_TIME_GET_DOUBLE(passed);
}

/* ---- which backup ---- */

static bool
is_asked_for(const BackupSet *set, const char *label, int repo)
{
	return (label == NULL || strcmp(set->label, label) == 0) &&
		(repo == 0 || set->repo == repo);
}

/* the newest of those that are asked for */
static const BackupSet *
choose_set(Job *job, const StanzaState *state)
{
	const char *label = job_arg(job, "set");
	int			repo = (int) job_arg_int(job, "repo", 0);
	const BackupSet *chosen = NULL;
	ListCell   *cell;

	foreach(cell, state->backups)
	{
		const BackupSet *set = lfirst(cell);

		if (is_asked_for(set, label, repo) && (chosen == NULL || set->stop > chosen->stop))
			chosen = set;
	}
	if (chosen != NULL)
		return chosen;
	if (label == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_BACKUPS),
				 errmsg("there is no backup to be tested"),
				 errhint("SELECT pgops.backup() makes one.")));
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_NO_BACKUPS),
			 errmsg("there is no backup \"%s\"", label),
			 errhint("See pgops.backups.")));
}

/* in the words of a restore */
static RestoreTarget *
make_target(Job *job, const BackupSet *set)
{
	const char *type = job_arg(job, "target");
	SpecNode   *args = node_map();

	node_map_set(args, "type", node_string(type ? type : "latest"));
	node_map_set(args, "set", node_string(set->label));
	node_map_set(args, "repo", node_int(set->repo));
	if (type != NULL && strcmp(type, "immediate") == 0)
		node_map_set(args, "action", node_string("promote"));
	return restore_target(args);
}

static void
prepare(Job *job, Verification *test)
{
	job_step(job, "looking into the repositories");
	verify_drop_leftovers(job);
	job_begin(job);
	test->stanza = stanza_local();
	txn_end();
	test->state = stanza_read(job, test->stanza, NULL);
	test->set = choose_set(job, test->state);
	test->target = make_target(job, test->set);

	job_begin(job);
	restore_check(test->target, test->state, 0);
	test->instance = instance_plan(psprintf("verify-" INT64_FORMAT, job->id), "verify", NULL, 0);
	txn_end();
	test->instance->job = job->id;
	job_result(job, "backup", node_string(test->set->label));
}

/* ---- the work ---- */

static void
start_instance(Job *job, void *arg)
{
	Verification *test = arg;

	instance_configure(job, test->instance, NIL);
	instance_start(job, test->instance, test->target);
}

/*
 * An instance that does not come up is what the test was made for; out of
 * memory or cancelled is not.
 */
static void
recover(Job *job, Verification *test)
{
	ErrorData  *error = job_attempt(job, start_instance, test);

	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_PGOPS_PROCESS || error->sqlerrcode == ERRCODE_PGOPS_TARGET)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_BACKUP_DAMAGED),
				 errmsg("backup \"%s\" was restored, but does not start: %s",
						test->set->label, error->message),
				 error->detail ? errdetail_internal("%s", error->detail) : 0,
				 errhint("Make a new full backup: SELECT pgops.backup('full').")));
	ReThrowError(error);
}

static char *
joined(const List *texts)
{
	StringInfoData all;
	ListCell   *cell;

	initStringInfo(&all);
	foreach(cell, texts)
		appendStringInfo(&all, "%s%s", all.len > 0 ? "\n" : "", (char *) lfirst(cell));
	return all.data;
}

/* the verdict: what is damaged weighs more than what a query did not find */
static void
judge(const Verification *test)
{
	List	   *all = list_concat_copy(test->damage, test->failed_probes);

	if (test->damage != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_BACKUP_DAMAGED),
				 errmsg("backup \"%s\" is damaged", test->set->label),
				 errdetail_internal("%s", joined(all)),
				 errhint("Make a new full backup: SELECT pgops.backup('full'). If the damage is in the server's own files, too, look at its disks first.")));
	if (test->failed_probes != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_PROBE_FAILED),
				 errmsg("backup \"%s\" was restored, but %d of %d probes failed",
						test->set->label, list_length(test->failed_probes),
						list_length(test->probes->items)),
				 errdetail_internal("%s", joined(all))));
}

/*
 * Checksums come last, on the stopped instance: only then every page is on disk
 * and read from there, and what recovery repaired by a full page image is good.
 * What pg_amcheck and the probes have read is not written back without its
 * checksum having been right.
 */
static void
verify_work(Job *job, void *arg)
{
	Verification *test = arg;
	instr_time	clock;

	if (test->set->error)
		test->damage = lappend(test->damage,
							   "pgBackRest found pages with wrong checksums when it made this backup");
	instance_record(job, test->instance, "creating");
	instance_check_space(test->instance, test->set);
	INSTR_TIME_SET_CURRENT(clock);
	instance_restore(job, test->instance, test->stanza, test->target);
	test->restore_seconds = lap(&clock);
	test->bytes = io_directory_size(test->instance->data_directory);
	(void) lap(&clock);
	recover(job, test);
	test->recovery_seconds = lap(&clock);

	verify_archive_end(job, test);
	verify_amcheck(job, test);
	verify_probes(job, test);
	verify_checksums(job, test);
	test->check_seconds = lap(&clock);
	judge(test);
}

static void
verify_drop(Job *job, void *arg)
{
	Verification *test = arg;

	instance_remove(job, test->instance);
}

static void
tell_result(Job *job, const Verification *test)
{
	if (test->recovery_seconds > 0)
		job_result(job, "seconds_to_restore",
				   node_number(psprintf("%.2f", test->restore_seconds + test->recovery_seconds)));
	if (test->bytes > 0)
		job_result(job, "bytes", node_int(test->bytes));
	if (test->checksums != NULL)
		job_result(job, "checksums", test->checksums);
	if (test->amcheck != NULL)
		job_result(job, "amcheck", test->amcheck);
	if (test->probes != NULL)
		job_result(job, "probes", node_int(list_length(test->probes->items)));
	if (test->failed_probes != NIL)
		job_result(job, "failed_probes", node_int(list_length(test->failed_probes)));
}

/*
 * Whatever comes out, the instance goes and the row says what was found, in this
 * order: a row that is closed has left nothing behind.  A second cancel must
 * not come between.
 */
void
verify_backup_run(Job *job)
{
	Verification test = {0};
	ErrorData  *error;
	ErrorData  *late;

	prepare(job, &test);
	verify_store_begin(job, &test);
	error = job_attempt(job, verify_work, &test);

	HOLD_CANCEL_INTERRUPTS();
	late = job_attempt(job, verify_drop, &test);
	if (late == NULL)			/* an ERROR has done so */
		RESUME_CANCEL_INTERRUPTS();
	else if (error != NULL)
		job_note(job, "the scratch instance could not be removed: %s", late->message);
	tell_result(job, &test);
	if (error == NULL)
		error = late;
	verify_store_end(job, &test, error);
	if (error != NULL)
		ReThrowError(error);
}
