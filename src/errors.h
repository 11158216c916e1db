/*
 * errors.h
 *		SQLSTATEs of pgops' own conditions, class PO.
 *
 * The third character is the group: 1 document, 2 plan and policy, 3 apply,
 * 4 files and HBA, 5 processes, 6 HTTP, 7 identity and mode.  Conditions that
 * PostgreSQL already names (undefined object, bad parameter value, ...) use
 * PostgreSQL's own code, so a client needs no second vocabulary.
 *
 * Not for: texts of messages; they stand where they are raised.
 */
#ifndef PGOPS_ERRORS_H
#define PGOPS_ERRORS_H

#include "utils/elog.h"

/* documents */
#define ERRCODE_PGOPS_INVALID_DOCUMENT		MAKE_SQLSTATE('P','O','1','0','0')
#define ERRCODE_PGOPS_SYNTAX				MAKE_SQLSTATE('P','O','1','0','1')
#define ERRCODE_PGOPS_DUPLICATE_KEY			MAKE_SQLSTATE('P','O','1','0','2')
#define ERRCODE_PGOPS_UNKNOWN_NAME			MAKE_SQLSTATE('P','O','1','0','3')
#define ERRCODE_PGOPS_WRONG_TYPE			MAKE_SQLSTATE('P','O','1','0','4')
#define ERRCODE_PGOPS_OUT_OF_RANGE			MAKE_SQLSTATE('P','O','1','0','5')
#define ERRCODE_PGOPS_MISSING				MAKE_SQLSTATE('P','O','1','0','6')
#define ERRCODE_PGOPS_DUPLICATE_OBJECT		MAKE_SQLSTATE('P','O','1','0','7')
#define ERRCODE_PGOPS_BAD_NAME				MAKE_SQLSTATE('P','O','1','0','8')
#define ERRCODE_PGOPS_UNRESOLVED			MAKE_SQLSTATE('P','O','1','0','9')
#define ERRCODE_PGOPS_BAD_ADDRESS			MAKE_SQLSTATE('P','O','1','1','0')
#define ERRCODE_PGOPS_BAD_SELECTOR			MAKE_SQLSTATE('P','O','1','1','1')
#define ERRCODE_PGOPS_CONTRADICTION			MAKE_SQLSTATE('P','O','1','1','2')
#define ERRCODE_PGOPS_UNSUPPORTED_YAML		MAKE_SQLSTATE('P','O','1','1','3')
#define ERRCODE_PGOPS_LIMIT					MAKE_SQLSTATE('P','O','1','1','4')
#define ERRCODE_PGOPS_ENCODING				MAKE_SQLSTATE('P','O','1','1','5')
#define ERRCODE_PGOPS_BAD_HBA_RULE			MAKE_SQLSTATE('P','O','1','1','6')
#define ERRCODE_PGOPS_WEAK_SECRET			MAKE_SQLSTATE('P','O','1','1','7')
#define ERRCODE_PGOPS_NOT_SUPPORTED			MAKE_SQLSTATE('P','O','1','1','8')

/* plan and policy */
#define ERRCODE_PGOPS_BLOCKED				MAKE_SQLSTATE('P','O','2','0','0')
#define ERRCODE_PGOPS_CREATE_ONLY			MAKE_SQLSTATE('P','O','2','0','1')
#define ERRCODE_PGOPS_SAFEGUARD				MAKE_SQLSTATE('P','O','2','0','2')
#define ERRCODE_PGOPS_NEEDS_APPROVAL		MAKE_SQLSTATE('P','O','2','0','3')
#define ERRCODE_PGOPS_PROTECTED				MAKE_SQLSTATE('P','O','2','0','4')
#define ERRCODE_PGOPS_OBSERVE_ONLY			MAKE_SQLSTATE('P','O','2','0','5')
#define ERRCODE_PGOPS_NOT_AVAILABLE			MAKE_SQLSTATE('P','O','2','0','6')
#define ERRCODE_PGOPS_DIGEST_MISMATCH		MAKE_SQLSTATE('P','O','2','0','7')
#define ERRCODE_PGOPS_ORPHANED				MAKE_SQLSTATE('P','O','2','0','8')
#define ERRCODE_PGOPS_SECRET_UNREAD			MAKE_SQLSTATE('P','O','2','0','9')
#define ERRCODE_PGOPS_NEEDS_BACKUP			MAKE_SQLSTATE('P','O','2','1','0')	/* no backup is new enough */

/* apply */
#define ERRCODE_PGOPS_DOES_NOT_CONVERGE		MAKE_SQLSTATE('P','O','3','0','1')
#define ERRCODE_PGOPS_WORKER_LOST			MAKE_SQLSTATE('P','O','3','0','2')
#define ERRCODE_PGOPS_PLAN_CHANGED			MAKE_SQLSTATE('P','O','3','0','3')

/* files and HBA */
#define ERRCODE_PGOPS_FILE					MAKE_SQLSTATE('P','O','4','0','0')
#define ERRCODE_PGOPS_HBA_REJECTED			MAKE_SQLSTATE('P','O','4','0','1')
#define ERRCODE_PGOPS_BASELINE_PATH			MAKE_SQLSTATE('P','O','4','0','2')

/* processes, jobs, backups */
#define ERRCODE_PGOPS_PROCESS				MAKE_SQLSTATE('P','O','5','0','0')	/* a program failed */
#define ERRCODE_PGOPS_PROGRAM_MISSING		MAKE_SQLSTATE('P','O','5','0','1')
#define ERRCODE_PGOPS_DEADLINE				MAKE_SQLSTATE('P','O','5','0','2')	/* a job took too long */
#define ERRCODE_PGOPS_LOCKED				MAKE_SQLSTATE('P','O','5','0','3')	/* somebody else's process is at it */
#define ERRCODE_PGOPS_INTERRUPTED			MAKE_SQLSTATE('P','O','5','0','4')	/* the server or the worker ended */
#define ERRCODE_PGOPS_JOB_BUSY				MAKE_SQLSTATE('P','O','5','0','5')	/* another job is in the way */
#define ERRCODE_PGOPS_NO_BACKUPS			MAKE_SQLSTATE('P','O','5','0','6')	/* not declared, or none there */
#define ERRCODE_PGOPS_TARGET				MAKE_SQLSTATE('P','O','5','0','7')	/* a restore cannot get there */
#define ERRCODE_PGOPS_INSTANCE				MAKE_SQLSTATE('P','O','5','0','8')	/* name, port or directory in use */
#define ERRCODE_PGOPS_BACKUP_DAMAGED		MAKE_SQLSTATE('P','O','5','0','9')
#define ERRCODE_PGOPS_UNKNOWN_JOB			MAKE_SQLSTATE('P','O','5','1','0')
#define ERRCODE_PGOPS_RESTART_NEEDED		MAKE_SQLSTATE('P','O','5','1','1')
#define ERRCODE_PGOPS_PROBE_FAILED			MAKE_SQLSTATE('P','O','5','1','2')	/* of a restore test */

/* HTTP and Patroni */
#define ERRCODE_PGOPS_HTTP_CONNECT			MAKE_SQLSTATE('P','O','6','0','0')
#define ERRCODE_PGOPS_HTTP_TIMEOUT			MAKE_SQLSTATE('P','O','6','0','1')
#define ERRCODE_PGOPS_HTTP_TLS				MAKE_SQLSTATE('P','O','6','0','2')
#define ERRCODE_PGOPS_HTTP_PROTOCOL			MAKE_SQLSTATE('P','O','6','0','3')	/* no HTTP, no JSON, not Patroni */
#define ERRCODE_PGOPS_HTTP_TOO_MUCH			MAKE_SQLSTATE('P','O','6','0','4')
#define ERRCODE_PGOPS_HTTP_PASSWORD			MAKE_SQLSTATE('P','O','6','0','5')
#define ERRCODE_PGOPS_HTTP_REDIRECT			MAKE_SQLSTATE('P','O','6','0','6')
#define ERRCODE_PGOPS_PATRONI_REFUSED		MAKE_SQLSTATE('P','O','6','0','7')
#define ERRCODE_PGOPS_NO_PATRONI			MAKE_SQLSTATE('P','O','6','1','0')	/* Patroni does not run this server */
#define ERRCODE_PGOPS_HA_NOT_READY			MAKE_SQLSTATE('P','O','6','1','1')	/* the cluster is not in the state for it */
#define ERRCODE_PGOPS_HA_DATA_LOSS			MAKE_SQLSTATE('P','O','6','1','2')	/* it would or may lose data */
#define ERRCODE_PGOPS_HA_CANDIDATE			MAKE_SQLSTATE('P','O','6','1','3')	/* unknown, or may not become leader */

/* identity and mode */
#define ERRCODE_PGOPS_UNBOUND				MAKE_SQLSTATE('P','O','7','0','0')
#define ERRCODE_PGOPS_PAUSED				MAKE_SQLSTATE('P','O','7','0','1')
#define ERRCODE_PGOPS_NOT_LOADED			MAKE_SQLSTATE('P','O','7','0','2')
#define ERRCODE_PGOPS_VERSION_MISMATCH		MAKE_SQLSTATE('P','O','7','0','3')
#define ERRCODE_PGOPS_UNKNOWN_CLUSTER		MAKE_SQLSTATE('P','O','7','0','4')
#define ERRCODE_PGOPS_WAIT_TIMEOUT			MAKE_SQLSTATE('P','O','7','0','5')
#define ERRCODE_PGOPS_NOT_LEADER			MAKE_SQLSTATE('P','O','7','0','6')	/* Patroni does not say that it is */

#endif							/* PGOPS_ERRORS_H */
