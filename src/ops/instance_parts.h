/*
 * instance_parts.h
 *		What the files instance*.c share.  Private to them.
 */
#ifndef PGOPS_OPS_INSTANCE_PARTS_H
#define PGOPS_OPS_INSTANCE_PARTS_H

#include "ops/instance.h"

/* a path below the instance's own directory, palloc'd */
extern char *instance_path(const BesideInstance *instance, const char *name);

#define INSTANCE_LOG		"server.log"
#define INSTANCE_TABLESPACES	"tablespaces"
#define INSTANCE_SOCKET		"socket"
#define INSTANCE_DATA		"data"
#define INSTANCE_MARKER		"pgops-instance"

/* the last lines of its log, at most "bytes" of them; NULL: there is none */
extern char *instance_log_tail(const BesideInstance *instance, size_t bytes);

/* ends its processes at once, without a job's patience: for cleaning up after a failure */
extern void instance_end(const BesideInstance *instance);

/* ---- instance_files.c ---- */

/*
 * instance_guard_tablespaces
 *		Whether its recovery is kept from making tablespaces.  WAL of a CREATE
 *		TABLESPACE names the directory of the origin, which recovery would link to
 *		and write into, under the running server: without the right to make that
 *		link it stops instead.
 */
extern void instance_guard_tablespaces(const BesideInstance *instance, bool guard);

/* one name of a directory for any name of an instance */
extern char *instance_encode(const char *name);

/* makes the directories, marked as ours */
extern void instance_make(const BesideInstance *instance);

/* ERROR PO508 unless the directory is marked as this server's; false: it is gone */
extern bool instance_is_ours(const BesideInstance *instance);

/* removes what is known to be in it, the mark last; true: nothing is left */
extern bool instance_unmake(Job *job, const BesideInstance *instance);

/* where its socket will be: below its directory, if that path is short enough */
extern char *instance_socket_directory(const char *base);

/* the directory as it will be called by the system, ERROR PO508 if it cannot serve */
extern char *instance_check_directory(const char *directory);

#endif							/* PGOPS_OPS_INSTANCE_PARTS_H */
