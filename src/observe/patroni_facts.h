/*
 * patroni_facts.h
 *		What Patroni said last, in shared memory: for views on any member, also a
 *		standby, and for plans, without asking anybody.
 *
 * The HA worker (worker/ha_main.c) writes, everybody reads.  Kept are the texts of
 * the answers, as they came; they are gone with a restart of the server.
 *
 * Not for: asking (worker/ha_*.c), reading an answer (patroni.h).
 */
#ifndef PGOPS_OBSERVE_PATRONI_FACTS_H
#define PGOPS_OBSERVE_PATRONI_FACTS_H

#include "observe/patroni.h"

#define PATRONI_FACT_MEMBERS	16	/* members whose /patroni is kept */
#define PATRONI_FACT_TEXT		(64 * 1024)	/* of cluster, config, history: longest text */
#define PATRONI_FACT_NODE		(8 * 1024)	/* of a member's /patroni */

typedef enum PatroniFactKind
{
	PATRONI_FACT_CLUSTER,		/* /cluster */
	PATRONI_FACT_CONFIG,		/* /config */
	PATRONI_FACT_HISTORY,		/* /history */
	PATRONI_FACT_NODE_TEXT		/* /patroni of a member, by its name; "" is that of this server */
} PatroniFactKind;

typedef struct PatroniFact
{
	char	   *text;			/* palloc'd copy of the last good answer; NULL: there was none */
	TimestampTz at;				/* when that was; 0: never */
	TimestampTz since;			/* since when it has been this text, as far as was seen */
	TimestampTz tried;			/* when it was asked last */
	char	   *source;			/* URL that answered */
	int			sqlstate;		/* of the last try; 0: it succeeded */
	char	   *problem;		/* of the last try; NULL: none */
} PatroniFact;

/* what the worker tells about itself and this server */
typedef struct PatroniSelf
{
	bool		known;			/* the worker has run since the server started */
	bool		managed;		/* Patroni runs this server */
	bool		answers;		/* Patroni of this member answered the last time */
	char		member[NAMEDATALEN];	/* this member's name for Patroni; empty: not known */
	char		url[256];
	char		problem[256];	/* of this member's Patroni; empty: none */
	TimestampTz looked;			/* when it asked last */
} PatroniSelf;

/* in shmem request and startup hooks (worker/shared.c calls them) */
extern void patroni_facts_request(void);
extern void patroni_facts_init(void);

/* NULL result of _get: nothing is kept (not preloaded, never asked, unknown member) */
extern PatroniFact *patroni_fact_get(PatroniFactKind kind, const char *member);

/* keeps a good answer.  Too long a text is kept as a problem (PO604) */
extern void patroni_fact_put(PatroniFactKind kind, const char *member, const char *text,
							 const char *source);

/* the same, of an answer that came a while ago */
extern void patroni_fact_put_at(PatroniFactKind kind, const char *member, const char *text,
								const char *source, TimestampTz at);

/* the last try failed; the last good answer stays */
extern void patroni_fact_failed(PatroniFactKind kind, const char *member, int sqlstate,
								const char *problem);

/* forgets members that are not in the list (of char *) */
extern void patroni_fact_keep_members(const List *names);

extern void patroni_self_get(PatroniSelf *self);
extern void patroni_self_set(const PatroniSelf *self);

/*
 * patroni_facts_hurry
 *		Asks the HA worker to look at once, and for "ms" milliseconds as often as it can: after a
 *		change of role, a request that changes something.  Does nothing where there is none.
 */
extern void patroni_facts_hurry(int ms);

/* for the worker: how long others want it to hurry yet, ms; 0: not */
extern int	patroni_facts_hurry_left(void);

/*
 * patroni_facts_claim
 *		The calling process becomes the HA worker, whose latch patroni_facts_hurry() sets.  False: there
 *		is one that lives.  patroni_facts_leave() undoes it, if it is this process.
 */
extern bool patroni_facts_claim(void);
extern void patroni_facts_leave(void);

/* tells it that a declaration or the settings changed; whether it was told since it asked last */
extern void patroni_facts_tell(void);
extern bool patroni_facts_told(void);

/* process number of the HA worker that lives; 0: none */
extern int	patroni_facts_worker_pid(void);

/*
 * counter that rises with each change of what is kept (another text, another problem; not
 * the same once more): for waiting
 */
extern uint64 patroni_facts_version(void);

#endif							/* PGOPS_OBSERVE_PATRONI_FACTS_H */
