/*
 * steer.h
 *		Steering a cluster that Patroni runs: moving its leader, restarting its
 *		members, pausing it.
 *
 * What is asked for is checked twice against what Patroni says: when it is
 * asked for, so that whoever asks is told at once, and when the job does it.  The
 * work itself is Patroni's.
 *
 * Not for: the SQL functions (worker/sql_steer.c), what Patroni's configuration
 * should be (plan/).
 */
#ifndef PGOPS_OPS_STEER_H
#define PGOPS_OPS_STEER_H

#include "observe/patroni_status.h"
#include "ops/job.h"

/* how the cluster is, as Patroni says */
typedef struct SteerScene
{
	PatroniView *view;
	PatroniStatus *status;
	MemoryContext context;		/* all of it lies in there */
} SteerScene;

/* ---- steer_see.c ---- */

/*
 * steer_see
 *		Has Patroni looked at and returns what it says: not older than age_ms, if that
 *		is to be had within wait_ms.  Asks nobody itself (the HA worker does); needs no
 *		transaction, and holds up the one there is.
 */
extern SteerScene *steer_see(int age_ms, int wait_ms);
extern void steer_forget(SteerScene *scene);

/* sees until test() is true; NULL: not within wait_ms.  Stores output meanwhile; answers to cancel */
typedef bool (*SteerTest) (const SteerScene *scene, void *arg);
extern SteerScene *steer_wait(Job *job, int wait_ms, SteerTest test, void *arg);

/* "pg-1 (leader), pg-2, pg-3"; palloc'd */
extern char *steer_members(const SteerScene *scene);

/* when the member's server was started, as Patroni writes it; NULL: not known.  palloc'd */
extern char *steer_started(const char *member);

/* seconds since 1970 and the like are not for people: ISO 8601 */
extern SpecNode *steer_time(TimestampTz time);

/* values of a map of arguments; NULL, false: not there */
extern const char *steer_text(const SpecNode *args, const char *name);
extern bool steer_flag(const SpecNode *args, const char *name);

/* ---- steer_candidate.c ---- */

/* why the leader cannot hand over to this member without loss, as a phrase; NULL: it can */
extern char *steer_not_successor(const SteerScene *scene, const PatroniSeen *seen);

/* to whom it would best; NULL: nobody */
extern const PatroniSeen *steer_successor(const SteerScene *scene);

/* all of them, with how far behind they are, for people; NULL: nobody */
extern char *steer_candidates(const SteerScene *scene);

/* ERROR PO612 if a failover to this member loses data, or nobody knows */
extern void steer_check_loss(const SteerScene *scene, const PatroniSeen *candidate);

/* ---- steer_check.c ---- */

/* argument of a switchover: who was leader when it was asked for */
#define STEER_LEADER	"leader"

/*
 * steer_check
 *		ERROR unless what a job of this kind and with these arguments would do can be
 *		done now: PO610 without Patroni, PO611 if the cluster is not in the state for it, PO612 if data
 *		would or may be lost, PO613 for a candidate that cannot become leader,
 *		22023 for arguments that mean nothing.
 */
extern void steer_check(const char *kind, const SpecNode *args, const SteerScene *scene);

/* ERROR PO610, or of why Patroni does not say how the cluster is */
extern void steer_check_known(const SteerScene *scene);

/* PO505 (an ERROR or a WARNING) if a job of this server is at work that a restart of it would
 * break off; needs a transaction.  own: the job that asks, or 0 */
extern void steer_check_jobs(int64 own, int elevel);

/* ---- steer_name.c ---- */

/*
 * steer_name
 *		Patroni's name of a member, which may be given as that or as the name of the
 *		declared instance with the same address; as it is if it is neither.  Needs
 *		a transaction.
 */
extern char *steer_name(const SteerScene *scene, const char *name);

/* ---- steer_request.c ---- */

/* a member whose Patroni answers: this one, else the leader, else any.  ERROR if there is none.
 * In a transaction of its own */
extern PatroniAccess *steer_access(Job *job, const SteerScene *scene);

/* that of one member */
extern PatroniAccess *steer_access_to(Job *job, const PatroniSeen *seen);

/*
 * steer_post
 *		A request whose answer takes long; the job's output is stored meanwhile, and tick(), if it
 *		is not NULL, called about every tick_ms.  False, with a note, if the answer was lost: what was
 *		asked for may be done all the same.
 */
extern bool steer_post(Job *job, const PatroniAccess *access, const char *method, const char *path,
					   const SpecNode *body, int timeout_ms, IoHttpTick tick, int tick_ms,
					   void *arg);

/* ---- steer_move.c: of the leader, steer_restart.c: of a member ---- */

/*
 * steer_move
 *		Moves the leader to a member (NULL: Patroni chooses).  The job may end in
 *		its middle, for its server may: "memory" gets what is needed then, and is
 *		stored.  Returns what came of it, a map for the job's result.  force: as a failover.
 */
extern SpecNode *steer_move(Job *job, SpecNode *memory, const SteerScene *scene, const char *to,
							bool force);

/* goes on with it in another life; only if memory has "move" */
extern SpecNode *steer_move_settle(Job *job, SpecNode *memory);

/* restarts the server of a member, and waits until it is as it should be; likewise with "restart" in memory */
extern void steer_restart(Job *job, SpecNode *memory, const SteerScene *scene, const char *name,
						  bool only_pending);
extern void steer_restart_settle(Job *job, SpecNode *memory);

/* milliseconds that a job has left, at most "most" */
extern int	steer_time_left(const Job *job, int most);

#endif							/* PGOPS_OPS_STEER_H */
