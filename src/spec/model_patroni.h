/*
 * model_patroni.h
 *		What is declared about high availability: Patroni's dynamic configuration,
 *		its REST API, what each member is.
 *
 * Pure.  Not for: the text of patroni.yml (render/patroni.h), what Patroni says
 * (observe/patroni.h).
 */
#ifndef PGOPS_SPEC_MODEL_PATRONI_H
#define PGOPS_SPEC_MODEL_PATRONI_H

#include "spec/model.h"
#include "spec/node.h"

typedef struct PatroniSpec
{
	bool		enabled;		/* patroni_enabled; default true */
	char	   *scope;			/* pg_cluster, or pg_shard of a Citus group */
	char	   *mode;			/* patroni_mode: default, pause, remove */
	bool		mode_declared;
	char	   *namespace;		/* pg_namespace */
	int			port;			/* of the REST API */
	bool		tls;			/* patroni_ssl_enabled */
	char	   *user;			/* of the REST API */
	char	   *password;
	char	   *conf;			/* template: oltp, olap, crit, tiny; without ".yml" */
	bool		conf_declared;	/* pg_conf is declared, not just the catalogue's default */
	int			rto[10];		/* of pg_rto_plan[pg_rto]: ttl, loop_wait, retry_timeout, primary_start_timeout, safety margin, ... */
	bool		rto_declared;	/* pg_rto or pg_rto_plan */
	int64		rpo;			/* pg_rpo, bytes */
	bool		rpo_declared;
	char	   *watchdog;		/* off, automatic, required */
	SpecNode   *dcs;			/* pgops_dcs as declared: a map that goes over all that is computed; NULL: none */
	char	   *upstream;		/* host that the cluster's declared primary follows (standby cluster), or NULL */
	int			upstream_port;
	char	   *delay;			/* pg_delay of the declared primary ("1h"), or NULL */
	int			group;			/* pg_group of a Citus cluster; -1: none */
	char	   *citus_database;	/* or NULL */
	List	   *upstreams;		/* of PatroniUpstream *: replicas that follow another member (cascade) */
} PatroniSpec;

/* a replica with pg_upstream */
typedef struct PatroniUpstream
{
	char	   *instance;
	char	   *host;			/* as declared */
	char	   *member;			/* name of the instance with that host, or NULL: none in this cluster */
} PatroniUpstream;

/* model_patroni.c: from the effective variables; called by model_build(), which keeps it in Cluster.patroni */
extern PatroniSpec *model_patroni(const Cluster *cluster, const SpecNode *vars,
								  const SpecNode *body, Findings *findings);

/*
 * model_patroni_dynamic
 *		The dynamic configuration that the declaration wants, as a map like that of GET
 *		/config: ttl, loop_wait, ..., postgresql.parameters.  all: for a new cluster, with
 *		everything that is computed from defaults; else only what is declared, so that the rest of a
 *		running cluster is left alone.  parameters: those of PostgreSQL (list of Setting *; a value NULL
 *		becomes null), already complete (tuned, pg_parameters on top).  patroni_version: as
 *		patroni_version(), 0: the newest; "quorum" before 4.0 becomes synchronous_standby_names
 *		'ANY n (*)' without synchronous_mode.  palloc'd.
 */
extern SpecNode *model_patroni_dynamic(const PatroniSpec *spec, const List *parameters,
									   int patroni_version, bool all);

/*
 * model_patroni_overlay
 *		Lays a map over another one: what is a map in both goes into each other, anything
 *		else takes its place.  A null takes a key away at once (remove), or stays, to do it later.
 */
extern void model_patroni_overlay(SpecNode *out, const SpecNode *over, bool remove);

/*
 * model_patroni_patch
 *		The smallest map that PATCH /config needs to make "have" say what "want" does: keys of
 *		"want" that differ, null where "want" has null and "have" has a value.  Keys that "want" does
 *		not name are left alone.  Values that mean the same ('on' and true, '64MB' and '65536kB' for "same")
 *		are equal: same() is asked for each parameter of PostgreSQL, NULL: texts are compared.
 *		NULL: nothing differs.
 */
typedef bool (*PatroniSameValue) (const char *parameter, const char *have, const char *want, void *arg);
extern SpecNode *model_patroni_patch(const SpecNode *have, const SpecNode *want,
									 PatroniSameValue same, void *arg);

/* whether Patroni sets this parameter itself, from the command line or by rule, so that nobody may: listen_addresses, port, cluster_name, hot_standby ... */
extern bool model_patroni_owns(const char *parameter);

/* whether it must be the same on all members and so belongs into /config alone: max_connections, wal_level ... */
extern bool model_patroni_is_shared(const char *parameter);

/* what holds where neither /config nor a member's file says anything; NULL: the server's default */
extern const char *model_patroni_default(const char *parameter);

/* the same of a key of the configuration itself (ttl, synchronous_mode ...); NULL: nothing */
extern const char *model_patroni_key_default(const char *key);

/*
 * model_patroni_ignores
 *		The least that Patroni would take in place of this value of a shared parameter, which it
 *		ignores, saying nothing; NULL: it takes the value.
 */
extern const char *model_patroni_ignores(const char *parameter, const char *value);

/*
 * Parameters of which a replica must have at least what the primary has (NULL ends them), and whether
 * one of them goes down: that comes into force on the leader first, and on a replica not before.
 */
extern const char *const model_patroni_followed[];
extern bool model_patroni_lowers(const char *parameter, const char *from, const char *to);

/* a parameter's value as /config has it: a plain number as number, else a text */
extern SpecNode *model_patroni_value(const char *text);

#endif							/* PGOPS_SPEC_MODEL_PATRONI_H */
