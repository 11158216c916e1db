/*
 * steer_candidate.c
 *		Who could become the leader without loss, and what a failover would lose.
 *
 * Patroni itself would promote more: a replica that is near enough, but receives
 * nothing, or is on an older timeline, has in a minute still what it has now.
 *
 * Not for: who takes over when the leader dies (observe/patroni_status.c).
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "errors.h"
#include "observe/patroni_facts.h"
#include "ops/steer.h"

/* ---- handing over ---- */

/*
 * A leader that is shut down sends what there is to those that stream, and waits until
 * they have it; others it does not wait for.
 */
char *
steer_not_successor(const SteerScene *scene, const PatroniSeen *seen)
{
	char	   *why = patroni_not_candidate(scene->view, scene->status, seen);

	if (why == NULL && strcmp(seen->state, "streaming") != 0)
		why = psprintf("does not stream, and would lack what it has not received (" INT64_FORMAT " bytes by now)",
					   seen->lag);
	return why;
}

/* The candidates are in order: the one that lost least is the first. */
const PatroniSeen *
steer_successor(const SteerScene *scene)
{
	ListCell   *cell;

	foreach(cell, scene->status->candidates)
	{
		if (steer_not_successor(scene, lfirst(cell)) == NULL)
			return lfirst(cell);
	}
	return NULL;
}

char *
steer_candidates(const SteerScene *scene)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, scene->status->candidates)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (steer_not_successor(scene, seen) == NULL)
			appendStringInfo(&text, "%s%s (" INT64_FORMAT " bytes behind)",
							 text.len > 0 ? ", " : "", seen->member->name, seen->lag);
	}
	return text.len > 0 ? text.data : NULL;
}

/* ---- taking over ---- */

/* bytes that another member has received and this one has not */
static int64
behind_others(const SteerScene *scene, const PatroniSeen *candidate, const char **ahead)
{
	int64		most = 0;
	ListCell   *cell;

	foreach(cell, scene->view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (seen == candidate || seen->is_leader || seen->node == NULL ||
			!patroni_same_timeline(seen, candidate) || seen->receive <= candidate->receive ||
			(int64) (seen->receive - candidate->receive) <= most)
			continue;
		most = (int64) (seen->receive - candidate->receive);
		*ahead = seen->member->name;
	}
	return most;
}

/* A switchover is what is meant then: it waits until the candidate has everything. */
static void
refuse_alive(const PatroniSeen *leader, const PatroniSeen *candidate)
{
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_HA_DATA_LOSS),
			 errmsg("the leader \"%s\" is alive: a failover may lose what it has not sent to \"%s\" yet",
					leader->member->name, candidate->member->name),
			 candidate->lag >= 0 ?
			 errdetail("\"%s\" is " INT64_FORMAT " bytes behind.", candidate->member->name,
					   candidate->lag) :
			 errdetail("Nobody knows how far \"%s\" is behind.", candidate->member->name),
			 errhint("pgops.switchover('%s') loses nothing; or say accept_loss => true.",
					 candidate->member->name)));
}

/* The newest one that the store's history tells of, whoever is left of those who were on it; 0: none. */
static int
newest_timeline(void)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_HISTORY, NULL);
	char	   *problem = NULL;
	List	   *lines = fact && fact->text ? patroni_read_history(fact->text, &problem) : NIL;
	int			newest = 0;
	ListCell   *cell;

	foreach(cell, lines)
		newest = Max(newest, ((PatroniHistory *) lfirst(cell))->timeline + 1);
	return newest;
}

/*
 * What was written on a newer timeline is not on an older one, whatever the locations say.  The only
 * others on the newer one may be dead or not know theirs at the moment, and a replica that cannot
 * be asked for its own (Patroni needs a replication connection for that) may be on any.
 */
static void
refuse_old_timeline(const SteerScene *scene, const PatroniSeen *candidate)
{
	int			newest = newest_timeline();
	ListCell   *cell;

	foreach(cell, scene->view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (!patroni_same_timeline(seen, candidate) && seen->timeline > candidate->timeline)
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_HA_DATA_LOSS),
					 errmsg("\"%s\" is on timeline %d, and lacks what was written on timeline %d, on which \"%s\" is",
							candidate->member->name, candidate->timeline, seen->timeline,
							seen->member->name),
					 errhint("Choose \"%s\", or say accept_loss => true.", seen->member->name)));
	}
	if (candidate->timeline <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_DATA_LOSS),
				 errmsg("nobody knows on which timeline \"%s\" is", candidate->member->name),
				 errhint("Try once more in a moment, or say accept_loss => true if what it lacks may be lost.")));
	if (candidate->timeline < newest)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_DATA_LOSS),
				 errmsg("\"%s\" is on timeline %d, and lacks what was written on timeline %d",
						candidate->member->name, candidate->timeline, newest),
				 errhint("Choose another member, bring the last leader back, or say accept_loss => true.")));
}

/* With a quorum some of its members have all, and the one that has most is one of them, if all can be seen. */
static bool
is_quorum_seen(const SteerScene *scene)
{
	ListCell   *cell;

	foreach(cell, scene->view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (seen->role == PATRONI_QUORUM_STANDBY && seen->node == NULL)
			return false;
	}
	return true;
}

/* what is not known by comparing it with the others that are left */
static void
refuse_lag(const PatroniSeen *candidate)
{
	int64		lag = candidate->lag >= 0 ? candidate->lag : candidate->member->lag;

	if (lag != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_DATA_LOSS),
				 lag < 0 ?
				 errmsg("nobody knows how much \"%s\" lacks of what the last leader has written",
						candidate->member->name) :
				 errmsg("\"%s\" lacks " INT64_FORMAT " bytes of what the last leader has written",
						candidate->member->name, lag),
				 candidate->lag_seconds >= 0 ?
				 errdetail("It is %.1f s behind.", candidate->lag_seconds) : 0,
				 errhint("Say accept_loss => true if that may be lost, or bring the last leader back.")));
}

/*
 * A leader that died without having been followed synchronously: what is missing is
 * gone.  Where it does not answer any more, the store still has how far it had come, as of
 * some seconds before; where commits waited for standbys, that is not good enough.
 */
void
steer_check_loss(const SteerScene *scene, const PatroniSeen *candidate)
{
	const PatroniSeen *leader = scene->view->leader;
	const char *ahead = NULL;
	int64		behind;

	if (leader != NULL && leader->node != NULL && patroni_seen_runs(leader))
		refuse_alive(leader, candidate);
	refuse_old_timeline(scene, candidate);
	if (candidate->role == PATRONI_SYNC_STANDBY)
		return;
	behind = behind_others(scene, candidate, &ahead);
	if (behind > 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_DATA_LOSS),
				 errmsg("\"%s\" lacks " INT64_FORMAT " bytes that \"%s\" has",
						candidate->member->name, behind, ahead),
				 errhint("Choose \"%s\", or say accept_loss => true.", ahead)));
	if (candidate->role == PATRONI_QUORUM_STANDBY && is_quorum_seen(scene))
		return;
	if (patroni_keeps_sync(scene->view))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_DATA_LOSS),
				 candidate->role == PATRONI_QUORUM_STANDBY ?
				 errmsg("a synchronous standby that may have more than \"%s\" does not answer",
						candidate->member->name) :
				 errmsg("\"%s\" is no synchronous standby, and may lack what was committed last",
						candidate->member->name),
				 errhint("Bring a synchronous standby or the last leader back, or say accept_loss => true.")));
	refuse_lag(candidate);
}
