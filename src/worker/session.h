/*
 * session.h
 *		Settings that every process of pgops pins, whatever ALTER ROLE, ALTER
 *		DATABASE or postgresql.conf say.
 */
#ifndef PGOPS_WORKER_SESSION_H
#define PGOPS_WORKER_SESSION_H

/*
 * session_pin_settings
 *		Before the process connects, because connecting already reads catalogs
 *		under locks: what is set here, settings of the database or of the role
 *		cannot override.  Again after a reload, for the lock timeout.
 */
extern void session_pin_settings(const char *application_name);

/*
 * session_use_utf8
 *		Once connected, outside a transaction: makes UTF-8 the client encoding, so that what goes
 *		from process to process can be converted outside transactions, too.
 */
extern void session_use_utf8(void);

#endif							/* PGOPS_WORKER_SESSION_H */
