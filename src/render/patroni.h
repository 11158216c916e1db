/*
 * patroni.h
 *		The text of patroni.yml for an instance.
 *
 * Pure.  Not for: where it is written.
 */
#ifndef PGOPS_RENDER_PATRONI_H
#define PGOPS_RENDER_PATRONI_H

#include "spec/model_patroni.h"
#include "spec/tune.h"

typedef struct PatroniPlace
{
	const Cluster *cluster;		/* with cluster->patroni, as seen by the instance (cluster->self) */
	const Instance *instance;
	const SpecNode *vars;		/* what is declared and in effect for that instance, secrets plain,
								 * placeholders resolved; defaults are the catalogue's */
	List	   *parameters;		/* of Setting *: tuned and declared */
	List	   *etcd;			/* of char *: host:port */
	int			server_major;
	int			patroni_version;	/* 0: the newest */
	int			cpu;			/* for the tag "spec" */
	int			mem_mb;
	int64		disk_bytes;
	const char *replication_password;	/* plain */
	const char *superuser_password; /* plain; NULL: none, the local socket is enough */
	const char *bin_dir;		/* where pg_bin_dir is not declared; NULL: the catalogue's */
	bool		masked;			/* secrets are masked: the text is only for people */
} PatroniPlace;

/*
 * render_patroni
 *		The whole file, secrets in plain text; palloc'd.  ERROR (PO109) where a value that
 *		is needed is a Jinja expression.
 */
extern char *render_patroni(const PatroniPlace *place);

/* whether the declaration names another consensus store than the inventory's etcd */
extern bool render_patroni_has_store(const SpecNode *vars);

#endif							/* PGOPS_RENDER_PATRONI_H */
