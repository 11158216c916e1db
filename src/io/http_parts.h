/*
 * http_parts.h
 *		Private to io/http*.c: one request on its way.
 */
#ifndef PGOPS_IO_HTTP_PARTS_H
#define PGOPS_IO_HTTP_PARTS_H

#include <curl/curl.h>

#include "datatype/timestamp.h"

#include "io/http.h"

/* bytes that libcurl has received, in memory of malloc(): its callbacks must not raise */
typedef struct HttpBytes
{
	char	   *data;
	size_t		length;
	size_t		size;
	size_t		max;
} HttpBytes;

typedef struct HttpExchange
{
	const IoHttpRequest *request;
	CURL	   *easy;			/* NULL: could not be made, or freed */
	struct curl_slist *headers;
	HttpBytes	body;
	size_t		header_bytes;	/* received so far */
	bool		too_much;		/* more than we take */
	bool		no_memory;
	bool		reserved;		/* file descriptors, to be given back */
	char		error[CURL_ERROR_SIZE]; /* libcurl's words */
	TimestampTz begun;
	TimestampTz deadline;		/* ours; a little after libcurl's own */
	TimestampTz next_tick;
	IoHttpResult *result;		/* NULL: still on its way */
} HttpExchange;

/*
 * http_exchange_begin
 *		Makes the handle.  false: there was no memory or no file descriptor for it, and
 *		exchange->result says so.  Raises only for want of memory.
 */
extern bool http_exchange_begin(HttpExchange *exchange, const IoHttpRequest *request);

/* the result of one that libcurl is through with, or that our own deadline has ended */
extern void http_exchange_finish(HttpExchange *exchange, CURLcode code);

/* frees what libcurl holds of it; it must not be in a multi handle any more */
extern void http_exchange_free(HttpExchange *exchange);

#endif							/* PGOPS_IO_HTTP_PARTS_H */
