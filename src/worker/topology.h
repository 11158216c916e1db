/*
 * topology.h
 *		What is declared of a cluster's members beside what Patroni says of them.
 *
 * Not for: asking Patroni; what is kept of its answers is enough.
 */
#ifndef PGOPS_WORKER_TOPOLOGY_H
#define PGOPS_WORKER_TOPOLOGY_H

#include "observe/patroni.h"
#include "observe/patroni_facts.h"
#include "spec/inventory.h"

/* one instance, one member, or both */
typedef struct TopologyPlace
{
	char	   *instance;		/* NULL: not declared */
	char	   *host;			/* as declared; else that of the member, or NULL */
	int			port;
	char	   *declared_role;	/* primary, replica, offline, standby, delayed; NULL: not declared */
	const PatroniMember *member;	/* NULL: Patroni knows none */
	char	   *problem;		/* where both differ; NULL: they fit */
} TopologyPlace;

typedef struct Topology
{
	char	   *group;			/* of the inventory */
	char	   *instance;		/* that this server is */
	PatroniFact *fact;			/* what Patroni said, and when; NULL: nothing */
	char	   *unread;			/* why that is no list of members; else NULL */
	PatroniCluster *cluster;	/* the same, read; NULL: not known */
	const PatroniMember *leader;	/* or NULL */
	List	   *places;			/* of TopologyPlace *: instances as declared, then members nobody declares */
} Topology;

/*
 * topology_read
 *		Of the cluster that this server is a member of (the instances of its group with its
 *		pg_cluster).  NULL: Patroni does not run this server, or it is unbound.  "inventory": the
 *		group's scope, NULL to have it read.  Needs a transaction; palloc'd.
 */
extern Topology *topology_read(const Inventory *inventory);

/* what a place is to be declared as so that it fits; NULL: as it is */
extern const char *topology_fitting_role(const Topology *topology, const TopologyPlace *place);

#endif							/* PGOPS_WORKER_TOPOLOGY_H */
