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
	const Cluster *cluster;		/* with cluster->patroni */
	const Instance *instance;
	const SpecNode *vars;		/* what is in effect for that instance, secrets plain */
	List	   *parameters;		/* of Setting *: tuned and declared */
	List	   *etcd;			/* of char *: host:port */
	int			server_major;
	int			patroni_version;	/* 0: the newest */
	int			cpu;			/* for the tag "spec" */
	int			mem_mb;
	int64		disk_bytes;
} PatroniPlace;

/* the whole file, secrets in plain text; palloc'd */
extern char *render_patroni(const PatroniPlace *place);

#endif							/* PGOPS_RENDER_PATRONI_H */
