/*
 * patroni_view.h
 *		What is kept of Patroni's answers, put together: who is leader, what each
 *		member is and how far it has come, and how much of that still holds.
 *
 * Old facts never look like new ones: what nobody has confirmed for too long is
 * not known any more, and there is a sentence that says why.
 *
 * Not for: asking (worker/ha_look.c), keeping (patroni_facts.h).
 */
#ifndef PGOPS_OBSERVE_PATRONI_VIEW_H
#define PGOPS_OBSERVE_PATRONI_VIEW_H

#include "access/xlogdefs.h"

#include "observe/patroni_facts.h"

/* a member, as it itself, the leader and the cluster's store tell */
typedef struct PatroniSeen
{
	PatroniMember *member;		/* out of /cluster; its state and timeline may be older than those here */
	PatroniNode *node;			/* what it said itself when it was asked last; NULL: it did not answer */
	TimestampTz at;				/* when it was heard of last */
	char	   *problem;		/* why it does not answer, or NULL */
	bool		is_self;
	bool		is_leader;
	PatroniRole role;			/* unknown if nobody confirms it any more */
	const char *state;			/* streaming: a replica that does; running, stopped, ...; unknown */
	const char *sync_state;		/* as the leader sees it: async, sync, potential, quorum; or NULL */
	int			timeline;		/* 0: not known */
	XLogRecPtr	receive;		/* of a leader what it has written; 0: not known */
	XLogRecPtr	replay;
	int64		lag;			/* bytes that the leader has and it has not received; -1: not known */
	double		lag_seconds;	/* since what it replayed last was written; -1: not known */
} PatroniSeen;

typedef struct PatroniView
{
	PatroniSelf self;
	bool		absent;			/* there is no Patroni, or it was never looked at */
	bool		stale;			/* what follows is not confirmed any more */
	char	   *problem;		/* why /cluster was not answered the last time, or what is stale; or NULL */
	int			sqlstate;		/* of that; 0: none */
	PatroniCluster *cluster;	/* as it was said last; NULL: never */
	TimestampTz at;				/* when that was */
	char	   *source;			/* who said it */
	SpecNode   *config;			/* dynamic configuration; NULL: not known */
	TimestampTz config_at;
	PatroniNode *own;			/* what this member's Patroni said last; NULL: it does not answer */
	char	   *own_problem;
	int			own_sqlstate;
	List	   *members;		/* of PatroniSeen *, by name */
	PatroniSeen *leader;		/* NULL: there is none, or it is not known */
	char	   *last_leader;	/* name of the one that was known last, or NULL */
	int			ttl;			/* s, as configured, or Patroni's default */
	int			loop_wait;
	int			retry_timeout;
} PatroniView;

/*
 * patroni_view
 *		All of it as it is now.  Needs no transaction; asks nobody.  In the current memory context.
 */
extern PatroniView *patroni_view(void);

/* the member of that name, or NULL */
extern PatroniSeen *patroni_view_member(const PatroniView *view, const char *name);

/* whether its server is known to run */
extern bool patroni_seen_runs(const PatroniSeen *seen);

/* false: both say on which timeline they are, and it is not the same */
extern bool patroni_same_timeline(const PatroniSeen *one, const PatroniSeen *other);

/* seconds after which what nobody confirms does not hold any more */
extern int	patroni_view_limit(const PatroniView *view);

/* X/Y as a number; 0: it is none */
extern XLogRecPtr patroni_lsn_value(const char *text);

/* a setting of the dynamic configuration as a number; "missing" if it is none */
extern int64 patroni_view_setting(const PatroniView *view, const char *name, int64 missing);

#endif							/* PGOPS_OBSERVE_PATRONI_VIEW_H */
