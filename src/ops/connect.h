/*
 * connect.h
 *		How programs that a job runs connect to this server: through its Unix
 *		socket, as the bootstrap superuser.
 *
 * Not for: instances beside this one (instance.h), other servers (io/remote.h).
 */
#ifndef PGOPS_OPS_CONNECT_H
#define PGOPS_OPS_CONNECT_H

#include "postgres.h"

#include "io/remote.h"
#include "lib/stringinfo.h"
#include "ops/job.h"

/* name of the bootstrap superuser, palloc'd.  Needs a transaction */
extern char *connect_superuser(void);

/* the first of unix_socket_directories, else 127.0.0.1: palloc'd */
extern char *connect_host(void);

/*
 * connect_conninfo
 *		A connection string of libpq for a database of this server, whatever its
 *		name is: palloc'd.  It holds no secret.
 */
extern char *connect_conninfo(const char *superuser, const char *database);

/* appends keyword='value', quoted as libpq reads it */
extern void connect_add(StringInfo out, const char *keyword, const char *value);

/* waits for the one request of a set, answering to cancel and deadline; false: it failed */
extern bool connect_finish(Job *job, RemoteSet *set, const Remote *remote);

#endif							/* PGOPS_OPS_CONNECT_H */
