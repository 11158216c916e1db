/*
 * hba_parts.h
 *		The columns of an HBA line: names, addresses and methods, from what is
 *		declared to what the server's parser reads.
 *
 * Private to src/render/hba*.c.  Each function returns NULL or NIL when the
 * declared text cannot be rendered, with a Problem that says why.
 */
#ifndef PGOPS_RENDER_HBA_PARTS_H
#define PGOPS_RENDER_HBA_PARTS_H

#include "render/render.h"

typedef struct HbaProblem
{
	int			sqlstate;		/* 0: none */
	bool		missing;		/* the rule is fine, but nothing stands behind its alias */
	char	   *message;
	const char *hint;			/* or NULL */
} HbaProblem;

/* one line's address column; "local" means the socket, which has none */
typedef struct HbaAddress
{
	bool		local;
	char	   *address;		/* NULL if local */
} HbaAddress;

/* what an auth alias means on TCP and on the socket; NULL: has no meaning there */
typedef struct HbaAuth
{
	const char *connection;		/* host, hostssl */
	const char *host_method;
	const char *local_method;
} HbaAuth;

/* user or database column: "all", "+dbrole_readonly", "a,b", "\"odd name\"" */
extern char *hba_name_column(const char *declared, int server_major, HbaProblem *problem);

/* list of HbaAddress * for an alias, an address, a network or a host name */
extern List *hba_addresses(const Cluster *cluster, const char *declared,
						   HbaProblem *problem);

/* false, and the problem, for an unknown alias */
extern bool hba_auth(const Cluster *cluster, const char *declared, HbaAuth *auth,
					 HbaProblem *problem);

#endif							/* PGOPS_RENDER_HBA_PARTS_H */
