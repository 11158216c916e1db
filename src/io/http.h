/*
 * http.h
 *		Requests over HTTP, several at once, none of which can hang: the only
 *		user of libcurl.
 *
 * libcurl's multi interface is driven from io_wait_sockets(): latch, cancel,
 * shutdown, barriers and the deadline all hold while a request is under way.
 * What goes wrong with a request is told in its result and never raised: only
 * CHECK_FOR_INTERRUPTS() may raise out of here, and then everything libcurl holds is freed.
 * http and https only, no redirects, no proxy, certificates verified, answers
 * capped.
 *
 * Not for: what is asked, and what an answer means (observe/patroni.h).
 */
#ifndef PGOPS_IO_HTTP_H
#define PGOPS_IO_HTTP_H

#include "nodes/pg_list.h"

/*
 * Called while an answer is waited for, between libcurl's steps and outside of its
 * frames: it may run short transactions, raise, and make requests of its own.
 */
typedef void (*IoHttpTick) (void *arg);

typedef struct IoHttpRequest
{
	const char *method;			/* GET, POST, PATCH, PUT, DELETE, OPTIONS */
	const char *url;			/* without user and password */
	const char *body;			/* JSON text, or NULL */
	const char *user;			/* basic authentication; NULL: none */
	const char *password;		/* never told, not in any message */
	const char *ca_file;		/* NULL or "": the system's */
	const char *cert_file;		/* of ours, for servers that want one; NULL or "": none */
	const char *key_file;
	int			connect_timeout_ms; /* 0: 1000 */
	int			timeout_ms;		/* of all of it; 0: 3000 */
	size_t		max_body;		/* bytes; 0: 1 MB.  A longer answer is a failure (PO604) */
	void	   *owner;			/* the caller's */
	IoHttpTick	tick;			/* or NULL */
	int			tick_ms;		/* how often tick() is called, about; 0: 100 */
	void	   *tick_arg;
} IoHttpRequest;

typedef struct IoHttpResult
{
	const IoHttpRequest *request;
	int			status;			/* HTTP status; 0: there was no answer */
	char	   *body;			/* palloc'd, ends with '\0' besides, in UTF-8 without NUL bytes; NULL: none */
	size_t		length;
	int			sqlstate;		/* 0: there was an answer, whatever its status; else PO600
								 * (cannot connect), PO601 (took too long), PO602 (TLS), PO603 (no
								 * HTTP, or broken off), PO604 (too much), PO606 (redirect) */
	char	   *message;		/* one line about that; NULL without sqlstate */
	int			elapsed_ms;
} IoHttpResult;

/*
 * io_http_all
 *		Makes the requests (list of IoHttpRequest *) at the same time and returns
 *		their results (IoHttpResult *) in the same order, when all are over: after the longest
 *		of their timeouts at the latest.  Results are in the current memory
 *		context.  Not in a transaction that holds locks others wait for.
 */
extern List *io_http_all(List *requests);

/* one of them */
extern IoHttpResult *io_http(const IoHttpRequest *request);

#endif							/* PGOPS_IO_HTTP_H */
