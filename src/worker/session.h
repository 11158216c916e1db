/*
 * session.h
 *		Settings that every process of pgops pins, whatever ALTER ROLE, ALTER
 *		DATABASE or postgresql.conf say.
 */
#ifndef PGOPS_WORKER_SESSION_H
#define PGOPS_WORKER_SESSION_H

/* after the connection was made */
extern void session_pin_settings(const char *application_name);

#endif							/* PGOPS_WORKER_SESSION_H */
