/*
 * ha_main.c
 *		The HA worker: a process that looks at Patroni for as long as there is
 *		one, on primaries and standbys alike.
 *
 * Apart from the coordinator, so that no answer that is late delays a pass, and
 * no pass a look.  A transaction is open only while it reads how Patroni is
 * reached; it is never open while an answer is waited for.
 *
 * Between two looks it reads shared memory a few times a second: what happens
 * to replication is seen there before anybody is asked.
 *
 * Not for: what a look is (ha_look.c), when the worker is started (ha_watch.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "guc.h"
#include "io/wait.h"
#include "worker/ha_look.h"
#include "worker/ha_main.h"
#include "worker/session.h"

#define APPLICATION_NAME	"pgops ha worker"

/* how often shared memory is read between looks, ms */
#define STANDBY_TICK_MS		200
#define PRIMARY_TICK_MS		500

/* two looks are never closer than this, ms: whoever sets our latch must not make us spin */
#define MIN_REST_MS			50

/*
 * how often it is read anew how Patroni is reached, ms: without a cause; while it is not
 * known (there is no extension yet); at most on a standby, where WAL is the cause
 */
#define ACCESS_INTERVAL_MS		60000
#define NO_ACCESS_INTERVAL_MS	2000
#define STANDBY_ACCESS_MS		5000

/* until the next look after one that failed, ms: doubled up to the maximum */
#define ERROR_DELAY_MS		1000
#define MAX_ERROR_DELAY_MS	60000

PGDLLEXPORT void pgops_ha_main(Datum arg);

typedef struct HaWorker
{
	HaLook		look;
	HaSign		sign;
	MemoryContext context;		/* of one look */
	MemoryContext access_context;	/* of what is known about the access */
	bool		access_stale;
	TimestampTz access_read;	/* when; 0: never */
	int			errors;			/* looks in a row that failed */
	char		last_error[256];
} HaWorker;

/* ---- how Patroni is reached ---- */

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/*
 * Another address is another Patroni: what is known of this member's name and of who is slow
 * does not hold for it.
 */
static void
take_access(HaWorker *self, PatroniAccess *access)
{
	HaLook	   *look = &self->look;
	const char *url = access ? access->url : NULL;

	if (!same_text(url, look->self.url))
	{
		look->self.member[0] = '\0';
		look->self.answers = false;
		look->slow = NIL;
	}
	look->access = access;
	strlcpy(look->self.url, url ? url : "", sizeof(look->self.url));
	if (access == NULL)
		strlcpy(look->self.problem, "it is not known how Patroni's REST API is reached",
				sizeof(look->self.problem));
}

static char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

static PatroniAccess *
copy_access(const PatroniAccess *access)
{
	PatroniAccess *copy = palloc0(sizeof(PatroniAccess));

	copy->url = copy_text(access->url);
	copy->user = copy_text(access->user);
	copy->password = copy_text(access->password);
	copy->ca_file = copy_text(access->ca_file);
	copy->cert_file = copy_text(access->cert_file);
	copy->key_file = copy_text(access->key_file);
	return copy;
}

/*
 * Whether it is time to read it: on a standby any WAL may be the declaration that
 * changes it.  The clock may have been put back since the last time.
 */
static bool
access_is_due(HaWorker *self)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		age = TimestampDifferenceMilliseconds(self->access_read, now);

	self->access_stale |= patroni_facts_told();
	if (self->access_read == 0 || self->access_read > now ||
		age >= (self->look.access ? ACCESS_INTERVAL_MS : NO_ACCESS_INTERVAL_MS))
		return true;
	return self->access_stale && (!RecoveryInProgress() || age >= STANDBY_ACCESS_MS);
}

/* Without the extension there is no declaration, and nobody who could look at what is kept. */
static void
read_access(HaWorker *self)
{
	MemoryContext fresh;
	MemoryContext old;
	PatroniAccess *access = NULL;

	if (!access_is_due(self))
		return;
	self->access_stale = false;
	self->access_read = GetCurrentTimestamp();
	fresh = AllocSetContextCreate(TopMemoryContext, "pgops ha access", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(self->context);
	if (txn_begin() == EXTENSION_READY)
	{
		Binding    *binding = cmdb_binding();

		strlcpy(self->look.instance, binding->state == BINDING_BOUND ? binding->instance : "",
				sizeof(self->look.instance));
		access = patroni_access();
		if (access != NULL)
		{
			MemoryContextSwitchTo(fresh);
			access = copy_access(access);
			MemoryContextSwitchTo(self->context);
		}
		txn_end();
	}
	take_access(self, access);
	MemoryContextSwitchTo(old);
	if (self->access_context)
		MemoryContextDelete(self->access_context);
	self->access_context = fresh;
}

/* ---- looking ---- */

/* logs an error once; a repetition only makes the next look later */
static long
report_error(HaWorker *self)
{
	long		delay = ERROR_DELAY_MS;
	ErrorData  *error;

	MemoryContextSwitchTo(self->context);
	error = CopyErrorData();
	if (strncmp(self->last_error, error->message, sizeof(self->last_error) - 1) != 0)
		EmitErrorReport();
	FlushErrorState();
	strlcpy(self->last_error, error->message, sizeof(self->last_error));
	for (int i = 0; i < self->errors && delay < MAX_ERROR_DELAY_MS; i++)
		delay *= 2;
	self->errors++;
	return Min(delay, MAX_ERROR_DELAY_MS);
}

/*
 * A look, whatever becomes of it; ms until the next one.  What failed is outside of
 * a transaction as often as in one, so locks are given back here.
 */
static long
look_safely(HaWorker *self)
{
	volatile long rest = 0;

	MemoryContextReset(self->context);
	MemoryContextSwitchTo(self->context);
	PG_TRY();
	{
		read_access(self);
		rest = ha_look(&self->look);
		self->errors = 0;
		self->last_error[0] = '\0';
	}
	PG_CATCH();
	{
		LWLockReleaseAll();
		QueryCancelPending = false;
		rest = report_error(self);
		txn_abort();
		self->access_stale = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	return rest;
}

/* ---- resting ---- */

/* whether replication here is not what it was */
static bool
something_happened(HaWorker *self)
{
	HaSign		sign;
	bool		differs;

	ha_sign_read(&sign);
	differs = memcmp(&sign, &self->sign, sizeof(sign)) != 0;
	self->sign = sign;
	return differs;
}

/* ms since then, by a clock that nobody puts back */
static long
elapsed_ms(instr_time since)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, since);
	return (long) INSTR_TIME_GET_MILLISEC(now);
}

/*
 * Whether who has set our latch wants a look now.  On a standby the coordinator
 * tells of each bit of WAL, which is no reason for that.
 */
static bool
has_reason(HaWorker *self)
{
	return ConfigReloadPending || patroni_facts_hurry_left() > 0 || access_is_due(self);
}

/*
 * The rest between two looks; ends when it is over, or there is a reason for a look
 * now.  What happens here is looked at closely for a while: its consequences elsewhere take time.
 */
static void
rest(HaWorker *self, long ms)
{
	long		tick = self->sign.recovery ? STANDBY_TICK_MS : PRIMARY_TICK_MS;
	bool		woken = false;
	instr_time	begun;
	long		spent;

	INSTR_TIME_SET_CURRENT(begun);
	HOLD_CANCEL_INTERRUPTS();
	while ((spent = elapsed_ms(begun)) < MIN_REST_MS)
		woken |= io_wait(MIN_REST_MS - spent, IO_WAIT_HA);
	while (!(woken && has_reason(self)) && (spent = elapsed_ms(begun)) < ms)
	{
		if (something_happened(self))
		{
			patroni_facts_hurry(HA_HURRY_MS / 2);
			break;
		}
		woken = io_wait(Min(ms - spent, tick), IO_WAIT_HA);
	}
	RESUME_CANCEL_INTERRUPTS();
	QueryCancelPending = false;
}

/* ---- the process ---- */

static void
on_exit_leave(int code, Datum arg)
{
	patroni_facts_leave();
}

/* Whether there still is a Patroni; what is told of this server otherwise says that there is none. */
static bool
goes_on(HaWorker *self)
{
	PatroniSelf none = {.known = true};

	if (ha_is_wanted(&self->look.self.managed))
		return true;
	patroni_self_set(&none);
	return false;
}

static void
read_settings(HaWorker *self)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	session_pin_settings(APPLICATION_NAME);
	self->access_stale = true;
	self->access_read = 0;
}

static void
set_up(HaWorker *self)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	session_pin_settings(APPLICATION_NAME);
	BackgroundWorkerInitializeConnection(pgops_guc_database, NULL, 0);
	session_use_utf8();
	pgstat_report_activity(STATE_RUNNING, "pgops: looking at Patroni");

	memset(self, 0, sizeof(HaWorker));
	self->look.memory = AllocSetContextCreate(TopMemoryContext, "pgops ha memory",
											  ALLOCSET_SMALL_SIZES);
	self->context = AllocSetContextCreate(TopMemoryContext, "pgops ha look",
										  ALLOCSET_DEFAULT_SIZES);
	patroni_self_get(&self->look.self);
	ha_sign_read(&self->sign);
}

/*
 * pgops_ha_main
 *		Entry point of the HA worker.  It ends by itself where Patroni is no more.
 */
void
pgops_ha_main(Datum arg)
{
	HaWorker	self;

	set_up(&self);
	before_shmem_exit(on_exit_leave, (Datum) 0);
	if (patroni_facts_claim())
	{
		for (;;)
		{
			if (ConfigReloadPending)
				read_settings(&self);
			if (access_is_due(&self) && !goes_on(&self))
				break;
			rest(&self, look_safely(&self));
		}
	}

	/* 0: the postmaster has nothing to say about it in the log */
	proc_exit(0);
}
