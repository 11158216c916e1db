/*
 * patroni.h
 *		What Patroni says of a cluster: its answers as types, with the spellings
 *		of Patroni 3 and 4 made one; how its REST API is reached; whether this
 *		server is the leader.
 *
 * Not for: making Patroni do something (apply/patroni.h), keeping what it said
 * (observe/patroni_facts.h).
 */
#ifndef PGOPS_OBSERVE_PATRONI_H
#define PGOPS_OBSERVE_PATRONI_H

#include "io/http.h"
#include "nodes/pg_list.h"
#include "spec/node.h"
#include "utils/timestamp.h"

/* ---- whether there is one ---- */

/*
 * patroni_runs_server
 *		Whether Patroni has started this server: its process is the parent, or
 *		it is a service of that name, or cluster_name is given on the command line and
 *		patroni.dynamic.json lies in the data directory.  Looks at files and /proc; no transaction.
 */
extern bool patroni_runs_server(void);

/* when the library is loaded: lets cmdb/ know, which asks who this server is (cmdb/member.h) */
extern void patroni_found_init(void);

/* ---- how it is reached (patroni_access.c) ---- */
typedef struct PatroniAccess
{
	char	   *url;			/* of the member that is to be asked: http://10.10.10.11:8008, no slash at the end */
	char	   *user;			/* for what changes something */
	char	   *password;
	char	   *ca_file;
	char	   *cert_file;
	char	   *key_file;
} PatroniAccess;

/*
 * patroni_access
 *		Patroni of this very member: by pgops.patroni_url, else by what is declared
 *		for the instance this server is (host, patroni_port, patroni_ssl_enabled,
 *		patroni_username, patroni_password); without a declaration by this machine's
 *		listen_addresses and port 8008.  Needs a transaction (which may be read only); result in the
 *		current memory context.  NULL: it cannot be known.
 */
extern PatroniAccess *patroni_access(void);

/* the same access for another member's api_url ("http://10.10.10.12:8008/patroni" as Patroni gives it, or without path) */
extern PatroniAccess *patroni_access_to(const PatroniAccess *access, const char *api_url);

/* a request for GET and the like: filled from the access; path begins with a slash.  palloc'd */
extern IoHttpRequest *patroni_request(const PatroniAccess *access, const char *method,
									  const char *path, const char *body);

/* ---- what it says (patroni_cluster.c, patroni_node.c: pure) ---- */
typedef enum PatroniRole
{
	PATRONI_UNKNOWN,
	PATRONI_LEADER,				/* leader; master, primary */
	PATRONI_STANDBY_LEADER,
	PATRONI_REPLICA,
	PATRONI_SYNC_STANDBY,
	PATRONI_QUORUM_STANDBY
} PatroniRole;

/* leader, standby_leader, replica, sync_standby, quorum_standby, unknown */
extern const char *patroni_role_name(PatroniRole role);

/* one member, out of /cluster */
typedef struct PatroniMember
{
	char	   *name;
	char	   *host;			/* of PostgreSQL; may be NULL */
	int			port;
	char	   *api_url;		/* may be NULL */
	PatroniRole role;
	char	   *state;			/* running, streaming, in archive recovery, stopped, start failed ...; Patroni 3's
								 * "running" of a replica that streams stays "running" */
	int			timeline;		/* 0: not known */
	int64		lag;			/* bytes; -1: not known */
	char	   *lsn;			/* Patroni 4.1; else NULL */
	char	   *receive_lsn;	/* the same */
	char	   *replay_lsn;
	bool		pending_restart;
	char	   *pending_restart_reason; /* Patroni 4: JSON text; else NULL */
	SpecNode   *scheduled_restart;	/* or NULL */
	SpecNode   *tags;			/* a map, never NULL */
} PatroniMember;

/* /cluster */
typedef struct PatroniCluster
{
	char	   *scope;			/* Patroni 4; else NULL */
	List	   *members;		/* of PatroniMember *, by name */
	bool		paused;
	bool		has_switchover; /* one is scheduled */
	TimestampTz switchover_at;
	char	   *switchover_from;
	char	   *switchover_to;	/* NULL: any */
} PatroniCluster;

/* /patroni of one member */
typedef struct PatroniNode
{
	char	   *name;			/* Patroni 3.1 and newer; else NULL */
	char	   *scope;
	char	   *version;		/* of Patroni */
	PatroniRole role;			/* master and primary are PATRONI_LEADER */
	char	   *state;
	char	   *replication_state;	/* Patroni 3.1 and newer: streaming, in archive recovery; else NULL */
	int			server_version;	/* 150020; 0: not known */
	int			timeline;
	char	   *location;		/* of a leader; LSNs as X/Y; NULL: not known */
	char	   *received;
	char	   *replayed;
	bool		replay_paused;
	char	   *replayed_timestamp;	/* or NULL */
	bool		sync_standby;
	bool		quorum_standby;
	bool		pending_restart;
	SpecNode   *pending_restart_reason; /* Patroni 4: a map by parameter; else NULL */
	bool		paused;			/* the cluster, as this member sees it */
	bool		unlocked;		/* nobody holds the leader's lock */
	bool		failsafe;		/* failsafe mode is active */
	int64		dcs_last_seen;	/* seconds since 1970; 0: not known */
	char	   *system_identifier;	/* or NULL */
	SpecNode   *replication;	/* list of maps, or NULL */
	SpecNode   *tags;			/* or NULL */
} PatroniNode;

/* one line of /history */
typedef struct PatroniHistory
{
	int			timeline;		/* that ended */
	char	   *lsn;			/* X/Y */
	char	   *reason;
	char	   *at;				/* ISO 8601, or NULL */
	char	   *new_leader;		/* or NULL */
} PatroniHistory;

/*
 * Each takes the text of an answer; NULL and *problem (a sentence, palloc'd) if it is none: no JSON, not
 * what Patroni answers.  Unknown keys are ignored; missing ones are not known.
 */
extern PatroniCluster *patroni_read_cluster(const char *text, char **problem);
extern PatroniNode *patroni_read_node(const char *text, char **problem);
extern List *patroni_read_history(const char *text, char **problem);	/* of PatroniHistory *; an empty one is NIL with problem NULL */
extern SpecNode *patroni_read_config(const char *text, char **problem);	/* a map */

/* a time as Patroni writes it (ISO 8601); false: it is none, or NULL */
extern bool patroni_read_time(const char *text, TimestampTz *time);

/* the member of that name, or NULL; the leader (or standby leader), or NULL */
extern PatroniMember *patroni_member(const PatroniCluster *cluster, const char *name);
extern PatroniMember *patroni_leader(const PatroniCluster *cluster);

/* tag as boolean: false if it is not there */
extern bool patroni_tag(const PatroniMember *member, const char *tag);

/* 3.0.2 is 30002, 4.1.5 is 40105; 0: not a version */
extern int	patroni_version(const char *text);

/*
 * patroni_problem
 *		A sentence about a request that did not succeed (no answer, 401, 503, ...), with what
 *		the answer says, one line, at most 200 bytes of it; NULL if it did.  *sqlstate: PO600 ... PO604,
 *		PO605 (wrong user or password), PO606 (redirect), PO607 (Patroni refuses: 4xx, 5xx).
 *		*hint: or NULL.
 */
extern char *patroni_problem(const IoHttpResult *result, int *sqlstate, char **hint);

#endif							/* PGOPS_OBSERVE_PATRONI_H */
