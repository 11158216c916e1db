/*
 * steer_check.c
 *		Whether what is asked for can be done: what is true, and what would work.
 *
 * One function per kind, found by a table.  Numbers are in the messages: who is
 * refused in the night must not have to look them up.
 *
 * Not for: doing it (steer_run.c).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "cmdb/job.h"
#include "errors.h"
#include "ops/steer.h"

typedef struct Asked
{
	const SpecNode *args;
	const SteerScene *scene;
	const PatroniView *view;
	const PatroniStatus *status;
} Asked;

/* ---- parts ---- */

/* Facts that nobody confirms are none: a decision by them would be one of minutes ago. */
void
steer_check_known(const SteerScene *scene)
{
	const PatroniView *view = scene->view;

	if (view->absent)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_PATRONI),
				 errmsg("Patroni does not run this server"),
				 errhint("Only a cluster that Patroni runs can be steered; if it does and was not found, set pgops.patroni_url to its REST API.")));
	if (view->cluster == NULL || view->stale)
		ereport(ERROR,
				(errcode(view->sqlstate ? view->sqlstate : ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("no member's Patroni says how the cluster is"),
				 view->problem ? errdetail("The last answer: %s.", view->problem) : 0,
				 errhint("See pgops.ha_status.  Without its store (etcd, Consul, ...) a cluster cannot be steered by anybody.")));
}

/* What would work, in place of what was asked for. */
static const char *
hint_candidates(const SteerScene *scene)
{
	char	   *candidates = steer_candidates(scene);

	return candidates ? psprintf("Who could take over: %s.", candidates) :
		"No member could take over now: see pgops.members.";
}

/* A leader that is only remembered is none; its name helps to find out what happened. */
static PatroniSeen *
require_leader(const Asked *asked)
{
	if (asked->view->leader == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("the cluster has no leader"),
				 asked->view->last_leader ?
				 errdetail("The last one that was known is \"%s\".", asked->view->last_leader) : 0,
				 errhint("pgops.failover() makes a member the leader.  Members: %s.",
						 steer_members(asked->scene))));
	return asked->view->leader;
}

/* the time of the argument "at"; 0: none is given */
static TimestampTz
require_future(const Asked *asked, const char *what)
{
	const char *text = steer_text(asked->args, "at");
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz at = 0;

	if (text == NULL)
		return 0;
	if (!patroni_read_time(text, &at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no time at which something can be done", text)));
	if (at <= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time of the %s is in the past", what),
				 errdetail("It is %s, %ld s ago.", text,
						   (long) (TimestampDifferenceMilliseconds(at, now) / 1000)),
				 errhint("Give a time that is to come, or none to have it done at once.")));
	if (asked->view->cluster->paused)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("nothing can be scheduled in a paused cluster"),
				 errhint("Call pgops.resume_ha() first, or leave out the time.")));
	return at;
}

/* ---- switchover ---- */

/* Names are compared exactly, as Patroni does. */
static PatroniSeen *
require_candidate(const Asked *asked, const char *name)
{
	PatroniSeen *seen = patroni_view_member(asked->view, name);

	if (seen == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_CANDIDATE),
				 errmsg("\"%s\" is no member of the cluster", name),
				 errhint("Members: %s.", steer_members(asked->scene))));
	if (seen->is_leader)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_CANDIDATE),
				 errmsg("\"%s\" is the leader already", name),
				 errhint("%s", hint_candidates(asked->scene))));
	return seen;
}

/* why nobody can take over, member by member */
static char *
reasons(const Asked *asked)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, asked->view->members)
	{
		const PatroniSeen *seen = lfirst(cell);
		char	   *why = steer_not_successor(asked->scene, seen);

		if (why != NULL && !seen->is_leader)
			appendStringInfo(&text, "%s\"%s\" %s", text.len > 0 ? "; " : "", seen->member->name, why);
	}
	return text.len > 0 ? text.data : "there is no other member";
}

/* Without a name one must be there that Patroni can choose. */
static void
check_target(const Asked *asked, const char *name)
{
	PatroniSeen *seen;
	char	   *why;

	if (name == NULL)
	{
		if (asked->view->cluster->paused)
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_HA_NOT_READY),
					 errmsg("the cluster is paused, where Patroni does not choose a new leader by itself"),
					 errhint("Name the candidate, or call pgops.resume_ha() first.  %s",
							 hint_candidates(asked->scene))));
		if (steer_successor(asked->scene) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_HA_NOT_READY),
					 errmsg("the cluster has no member that could take over"),
					 errdetail("%s.", reasons(asked)),
					 errhint("See pgops.members; restart or reinitialize what does not run.")));
		return;
	}
	seen = require_candidate(asked, name);
	why = steer_not_successor(asked->scene, seen);
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_CANDIDATE),
				 errmsg("\"%s\" cannot become the leader: it %s", name, why),
				 errhint("%s", hint_candidates(asked->scene))));
}

/*
 * Who asks means the leader there was: of two that ask at once, the second would take it
 * away again from whom it was just given to.
 */
static void
check_same_leader(const Asked *asked, const PatroniSeen *leader)
{
	const char *then = steer_text(asked->args, STEER_LEADER);

	if (then != NULL && strcmp(then, leader->member->name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("the leader was \"%s\" when this was asked for, and is \"%s\" now",
						then, leader->member->name),
				 errhint("See pgops.jobs for who moved it; ask once more if it is to be moved again.")));
}

/*
 * What is wrong with the request itself is told before what is wrong with the cluster.
 * A second switchover would replace a scheduled one without a word, as they share a place
 * in the store.
 */
static void
check_switchover(const Asked *asked)
{
	const PatroniCluster *cluster = asked->view->cluster;
	PatroniSeen *leader = require_leader(asked);
	const char *to = steer_text(asked->args, "candidate");

	(void) require_future(asked, "switchover");
	if (to != NULL)
		(void) require_candidate(asked, to);
	check_same_leader(asked, leader);
	if (leader->node == NULL || !patroni_seen_runs(leader))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 leader->node == NULL ?
				 errmsg("Patroni of the leader \"%s\" does not answer, so it cannot hand over", leader->member->name) :
				 errmsg("the leader \"%s\" is %s, so it cannot hand over", leader->member->name, leader->state),
				 leader->problem ? errdetail("%s.", leader->problem) : 0,
				 errhint("Wait until it does; pgops.failover() does without it, and may lose data.")));
	if (cluster->has_switchover)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("a switchover is scheduled already, for %s",
						timestamptz_to_str(cluster->switchover_at)),
				 errhint("Call pgops.cancel_switchover() first.")));
	check_target(asked, to);
}

/* ---- failover ---- */

/*
 * The leader is not needed for it, and neither is maximum_lag_on_failover where there is none:
 * Patroni promotes who is named.  So what may be lost is for us to say.
 */
static void
check_failover(const Asked *asked)
{
	const char *to = steer_text(asked->args, "candidate");
	const PatroniView *view = asked->view;
	PatroniSeen *seen;

	if (to == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a failover needs a candidate"),
				 errhint("Members: %s.", steer_members(asked->scene))));
	seen = require_candidate(asked, to);
	if (patroni_tag(seen->member, "nofailover"))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_CANDIDATE),
				 errmsg("\"%s\" cannot become the leader: it is tagged nofailover", to),
				 errhint("%s", hint_candidates(asked->scene))));
	if (seen->node == NULL || !patroni_seen_runs(seen))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_CANDIDATE),
				 seen->node == NULL ?
				 errmsg("\"%s\" cannot become the leader: its Patroni does not answer", to) :
				 errmsg("\"%s\" cannot become the leader: it is %s", to, seen->state),
				 seen->problem ? errdetail("%s.", seen->problem) : 0,
				 errhint("%s", hint_candidates(asked->scene))));
	/* the leader hands over only to who is near enough, whatever may be lost */
	if (view->leader != NULL && view->leader->node != NULL && seen->lag > asked->status->max_lag)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_CANDIDATE),
				 errmsg("\"%s\" cannot become the leader: it is " INT64_FORMAT " bytes behind, more than maximum_lag_on_failover (" INT64_FORMAT ")",
						to, seen->lag, asked->status->max_lag),
				 errhint("%s", hint_candidates(asked->scene))));
	if (!steer_flag(asked->args, "accept_loss"))
		steer_check_loss(asked->scene, seen);
}

/* ---- members ---- */

/* the argument "name": a member whose Patroni answers, for it must do it itself */
static PatroniSeen *
require_member(const Asked *asked)
{
	const char *name = steer_text(asked->args, "name");
	PatroniSeen *seen = name ? patroni_view_member(asked->view, name) : NULL;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of the member must not be null"),
				 errhint("Members: %s.", steer_members(asked->scene))));
	if (seen == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no member of the cluster", name),
				 errhint("Members: %s.", steer_members(asked->scene))));
	if (seen->node == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("Patroni of \"%s\" does not answer", name),
				 seen->problem ? errdetail("%s.", seen->problem) : 0,
				 errhint("Start Patroni there: it is the one who does this.")));
	return seen;
}

/* Patroni keeps one scheduled restart of each member. */
static void
check_restart(const Asked *asked)
{
	PatroniSeen *seen = require_member(asked);

	if (require_future(asked, "restart") != 0 && seen->member->scheduled_restart != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("a restart of \"%s\" is scheduled already", seen->member->name),
				 errhint("Call pgops.cancel_restart('%s') first.", seen->member->name)));
}

/* A member that answers is all that is needed. */
static void
check_member(const Asked *asked)
{
	(void) require_member(asked);
}

/* Without a leader there is nobody to copy from, and the data would be gone. */
static void
check_reinit(const Asked *asked)
{
	PatroniSeen *seen = require_member(asked);

	if (seen->is_leader)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("\"%s\" is the leader: its data are the cluster's", seen->member->name),
				 errhint("Move the leader with pgops.switchover() first.")));
	(void) require_leader(asked);
}

/* Of a member that is not known to have one, Patroni would say so, too, but later. */
static void
check_cancel_restart(const Asked *asked)
{
	PatroniSeen *seen = require_member(asked);

	if (seen->member->scheduled_restart == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("no restart of \"%s\" is scheduled", seen->member->name)));
}

/* Whether the leader can be restarted: by handing over, or because it was said that it may be down. */
static void
check_rolling(const Asked *asked)
{
	PatroniSeen *leader = require_leader(asked);
	bool		only_pending = steer_flag(asked->args, "only_pending");
	ListCell   *cell;

	foreach(cell, asked->view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (seen->node == NULL || !patroni_seen_runs(seen))
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_HA_NOT_READY),
					 seen->node == NULL ?
					 errmsg("Patroni of \"%s\" does not answer", seen->member->name) :
					 errmsg("\"%s\" is %s", seen->member->name, seen->state),
					 errdetail("A rolling restart begins only when all members are up."),
					 errhint("Bring it up first, or restart single members with pgops.restart_member().")));
	}
	if ((leader->node->pending_restart || !only_pending) &&
		!steer_flag(asked->args, "restart_leader") && steer_successor(asked->scene) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("the leader \"%s\" has nobody to hand over to while it is restarted",
						leader->member->name),
				 errdetail("%s.", reasons(asked)),
				 errhint("Say restart_leader => true if nobody can write meanwhile.")));
}

/* ---- the cluster ---- */

/* One that is under way at this moment is none that is scheduled. */
static void
check_cancel_switchover(const Asked *asked)
{
	if (!asked->view->cluster->has_switchover)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("no switchover is scheduled")));
}

/* By the configuration, which holds also while there is no leader. */
static bool
is_standby_cluster(const Asked *asked)
{
	const SpecNode *upstream = asked->view->config ?
		node_get(asked->view->config, "standby_cluster") : NULL;

	return upstream != NULL && upstream->kind == NODE_MAP;
}

/* A leader must be there to be promoted. */
static void
check_promote(const Asked *asked)
{
	(void) require_leader(asked);
	if (!is_standby_cluster(asked))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("this is no standby cluster: it follows nobody"),
				 errhint("To move the leader within the cluster use pgops.switchover().")));
}

/* With a name that no slot can have, the servers here would not start any more. */
static void
require_slot(const char *slot)
{
	if (slot == NULL)
		return;
	if (slot[0] == '\0' || strlen(slot) >= NAMEDATALEN ||
		slot[strspn(slot, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" cannot be the name of a replication slot", slot),
				 errhint("Such a name has only lower case letters, digits and underscores, at most %d.",
						 NAMEDATALEN - 1)));
}

/* Following a member of its own, the cluster would be without anybody who writes. */
static void
check_demote(const Asked *asked)
{
	const char *host = steer_text(asked->args, "host");
	const SpecNode *port = node_get(asked->args, "port");

	if (host == NULL || host[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a standby cluster needs the host that it follows")));
	require_slot(steer_text(asked->args, "slot"));
	if (port == NULL || port->kind != NODE_INT || port->integer < 1 || port->integer > 65535)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the port must be a number from 1 to 65535")));
	(void) require_leader(asked);
	if (is_standby_cluster(asked))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("this is a standby cluster already")));
	for (ListCell *cell = list_head(asked->view->members); cell != NULL;
		 cell = lnext(asked->view->members, cell))
	{
		const PatroniMember *member = ((PatroniSeen *) lfirst(cell))->member;

		if (member->host != NULL && strcmp(member->host, host) == 0 && member->port == port->integer)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s is a member of this very cluster, \"%s\"", host, member->name),
					 errhint("A standby cluster follows another one.")));
	}
}

/* Pausing and resuming can always be asked for: also twice. */
static void
check_nothing(const Asked *asked)
{
}

static const struct
{
	const char *kind;
	void		(*check) (const Asked *asked);
}			checks[] = {
	{"switchover", check_switchover},
	{"failover", check_failover},
	{"restart_member", check_restart},
	{"reload_member", check_member},
	{"reinit_member", check_reinit},
	{"cancel_restart", check_cancel_restart},
	{"rolling_restart", check_rolling},
	{"pause_ha", check_nothing},
	{"resume_ha", check_nothing},
	{"cancel_switchover", check_cancel_switchover},
	{"promote_cluster", check_promote},
	{"demote_cluster", check_demote},
};

/* The kinds that steer are in this table, or cannot be asked for. */
void
steer_check(const char *kind, const SpecNode *args, const SteerScene *scene)
{
	Asked		asked = {args, scene, scene->view, scene->status};

	steer_check_known(scene);
	for (int i = 0; i < lengthof(checks); i++)
	{
		if (strcmp(checks[i].kind, kind) == 0)
		{
			checks[i].check(&asked);
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is nothing by which a cluster is steered", kind)));
}

/* ---- this server's own work ---- */

/*
 * Jobs that steer go on after a restart, and those of no interest to people are asked for
 * again: neither is in the way.
 */
void
steer_check_jobs(int64 own, int elevel)
{
	ListCell   *cell;

	foreach(cell, cmdb_job_open())
	{
		const CmdbJobOpen *job = lfirst(cell);
		const JobKind *kind = job_kind(job->kind);

		if (!job->running || job->id == own || kind == NULL || kind->quiet || kind->resumes)
			continue;
		ereport(elevel,
				(errcode(ERRCODE_PGOPS_JOB_BUSY),
				 errmsg("job " INT64_FORMAT " (%s) is at work on this server, and would be broken off",
						job->id, job->kind),
				 errhint("Wait for it with pgops.job_wait(" INT64_FORMAT "), or end it with pgops.job_cancel(" INT64_FORMAT ").",
						 job->id, job->id)));
	}
}
