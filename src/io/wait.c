/*
 * wait.c
 *		The one wait of pgops.
 *
 * Everything that has to wait comes here, so that everything answers to
 * cancel, shutdown, postmaster death and process barriers, and shows in
 * pg_stat_activity what it waits for.
 *
 * Not for: deciding how long, or what to do after a reload.
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "io/wait.h"

#ifdef PGOPS_HAVE_WAIT_EVENTS
static const char *const wait_event_names[IO_WAIT_NEVENTS] = {
	[IO_WAIT_MAIN] = "PgopsMain",
	[IO_WAIT_DATABASE_WORKER] = "PgopsDatabaseWorker",
	[IO_WAIT_CONVERGENCE] = "PgopsConvergence",
	[IO_WAIT_SESSIONS] = "PgopsSessions",
	[IO_WAIT_REMOTE] = "PgopsRemote",
	[IO_WAIT_PROCESS] = "PgopsProcess",
	[IO_WAIT_HTTP] = "PgopsHttp",
	[IO_WAIT_HA] = "PgopsHa",
};
#endif

/*
 * The number of a wait event.  Names are registered at their first use: that
 * needs shared memory, which _PG_init does not have.
 */
static uint32
wait_event_info(IoWaitEvent event)
{
#ifdef PGOPS_HAVE_WAIT_EVENTS
	static uint32 infos[IO_WAIT_NEVENTS];

	if (infos[event] == 0)
		infos[event] = WaitEventExtensionNew(wait_event_names[event]);
	return infos[event];
#else
	return PG_WAIT_EXTENSION;
#endif
}

/*
 * The latch is set by signals, by other processes and by nothing at all; a
 * caller looks at its condition after each return, and never takes one for the
 * event it hopes for.
 */
bool
io_wait(long timeout_ms, IoWaitEvent event)
{
	int			wake = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	int			happened;

	/* what is already pending must not wait for the timeout */
	CHECK_FOR_INTERRUPTS();

	if (timeout_ms >= 0)
		wake |= WL_TIMEOUT;
	happened = WaitLatch(MyLatch, wake, timeout_ms >= 0 ? timeout_ms : -1L,
						 wait_event_info(event));

	/* reset before looking at what woke us, or a second wake-up gets lost */
	if (happened & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return (happened & WL_LATCH_SET) != 0;
}

/* The latch, the postmaster and the sockets, each with its own as user data. */
static WaitEventSet *
make_event_set(const IoSocket *sockets, int count)
{
	WaitEventSet *set = pgops_create_wait_event_set(count + 2);

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; i < count; i++)
		AddWaitEventToSet(set, sockets[i].wanted, sockets[i].fd, NULL,
						  (void *) &sockets[i]);
	return set;
}

/*
 * The set is made for each wait: a library that connects may close a socket and
 * open another one under the same number, which a set that stays would not see.
 */
bool
io_wait_sockets(IoSocket *sockets, int count, long timeout_ms, IoWaitEvent event)
{
	WaitEvent  *events = palloc((count + 1) * sizeof(WaitEvent));
	WaitEventSet *volatile set = NULL;
	volatile bool latch = false;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < count; i++)
		sockets[i].happened = 0;
	PG_TRY();
	{
		int			found;

		set = make_event_set(sockets, count);
		found = WaitEventSetWait(set, timeout_ms >= 0 ? timeout_ms : -1L, events,
								 count + 1, wait_event_info(event));
		for (int i = 0; i < found; i++)
		{
			if (events[i].events & WL_LATCH_SET)
				latch = true;
			else if (events[i].user_data != NULL)
				((IoSocket *) events[i].user_data)->happened = events[i].events;
		}
	}
	PG_FINALLY();
	{
		if (set != NULL)
			FreeWaitEventSet(set);
	}
	PG_END_TRY();
	pfree(events);

	if (latch)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return latch;
}

/*
 * Never negative, as "no time left" must not become "for ever"; and rounded
 * up, so that a wait does not end just before its deadline and spin.
 */
long
io_remaining_ms(TimestampTz deadline)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
}
