/*
 * http_exchange.c
 *		One HTTP request: how libcurl is told of it, what it may receive, and
 *		what its end means.
 *
 * The callbacks run in libcurl's frames: they neither allocate by palloc nor
 * raise, but take down what is wrong and stop the transfer.
 *
 * Not for: waiting (http.c).
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "io/http_parts.h"
#include "io/line.h"

#define DEFAULT_CONNECT_MS	1000
#define DEFAULT_TIMEOUT_MS	3000
#define DEFAULT_BODY		((size_t) 1024 * 1024)

/* all header lines together: Patroni's are some 200 bytes */
#define MAX_HEADER			((size_t) 64 * 1024)

/* libcurl's own deadline comes first, for its words are better */
#define DEADLINE_SLACK_MS	200

/* bytes of a message of libcurl's or the TLS library's */
#define MAX_MESSAGE			300

/* a connection, and a second one while IPv6 and IPv4 are tried, or the resolver's pipe */
#define DESCRIPTORS			2

/* ---- callbacks ---- */

/* Room for more; false: there is no memory. */
static bool
reserve_bytes(HttpBytes *bytes, size_t more)
{
	size_t		size = bytes->size ? bytes->size : 4096;
	char	   *data;

	while (size < bytes->length + more)
		size *= 2;
	if (size == bytes->size)
		return true;
	data = realloc(bytes->data, size);
	if (data == NULL)
		return false;
	bytes->data = data;
	bytes->size = size;
	return true;
}

/* Any number but that of the bytes given ends the transfer. */
static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
	HttpExchange *exchange = arg;
	HttpBytes  *body = &exchange->body;
	size_t		length = size * count;

	if (length > body->max - body->length)
	{
		exchange->too_much = true;
		return length + 1;
	}
	if (!reserve_bytes(body, length))
	{
		exchange->no_memory = true;
		return length + 1;
	}
	memcpy(body->data + body->length, data, length);
	body->length += length;
	return length;
}

/* Headers tell us nothing, but may go on for ever. */
static size_t
count_header(char *data, size_t size, size_t count, void *arg)
{
	HttpExchange *exchange = arg;
	size_t		length = size * count;

	exchange->header_bytes += length;
	if (exchange->header_bytes <= MAX_HEADER)
		return length;
	exchange->too_much = true;
	return length + 1;
}

/* ---- what libcurl is told ---- */

static bool
has_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* Only http and https, whatever libcurl was built with. */
static void
set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/*
 * What must not depend on the environment or on libcurl's defaults.  No signal: its
 * handlers and timers are the server's.  A name that is being looked up is left to
 * its thread, which would be waited for otherwise, however long that takes.
 */
static void
set_behaviour(CURL *easy)
{
	set_protocols(easy);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
#if LIBCURL_VERSION_NUM >= 0x074000
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "pgops");
}

/*
 * Basic authentication alone, and at once: with others to choose from, libcurl
 * would ask first what the server likes, and take the weakest.
 */
static void
set_security(CURL *easy, const IoHttpRequest *request)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (has_text(request->ca_file))
	{
		/* these and no others: the system's are no help in telling whose server it is */
		curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (has_text(request->cert_file))
		curl_easy_setopt(easy, CURLOPT_SSLCERT, request->cert_file);
	if (has_text(request->key_file))
		curl_easy_setopt(easy, CURLOPT_SSLKEY, request->key_file);
	if (has_text(request->user))
	{
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, request->password ? request->password : "");
	}
}

/* POST and the like always say how long their body is, even if there is none. */
static void
set_method(HttpExchange *exchange)
{
	const IoHttpRequest *request = exchange->request;
	const char *body = request->body;

	if (body == NULL && (strcmp(request->method, "POST") == 0 ||
						 strcmp(request->method, "PUT") == 0 ||
						 strcmp(request->method, "PATCH") == 0))
		body = "";
	if (body != NULL)
	{
		curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen(body));
		curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS, body);
	}
	if (strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(exchange->easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(exchange->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* Without the second one libcurl would ask first whether a body of a kilobyte is welcome. */
static bool
set_headers(HttpExchange *exchange)
{
	static const char *const lines[] = {"Content-Type: application/json", "Expect:"};

	for (int i = 0; i < lengthof(lines); i++)
	{
		struct curl_slist *longer = curl_slist_append(exchange->headers, lines[i]);

		if (longer == NULL)
			return false;
		exchange->headers = longer;
	}
	curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers);
	return true;
}

/* A time for the connection, one for all of it, and how much may come. */
static void
set_limits(HttpExchange *exchange)
{
	const IoHttpRequest *request = exchange->request;
	long		connect = request->connect_timeout_ms > 0 ? request->connect_timeout_ms : DEFAULT_CONNECT_MS;
	long		timeout = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_TIMEOUT_MS;

	curl_easy_setopt(exchange->easy, CURLOPT_CONNECTTIMEOUT_MS, Min(connect, timeout));
	curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, timeout);
	exchange->deadline = TimestampTzPlusMilliseconds(exchange->begun, timeout + DEADLINE_SLACK_MS);

	/* the first stops at once what says how long it is, the second the rest */
	exchange->body.max = request->max_body > 0 ? request->max_body : DEFAULT_BODY;
	curl_easy_setopt(exchange->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) exchange->body.max);
	curl_easy_setopt(exchange->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(exchange->easy, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(exchange->easy, CURLOPT_HEADERFUNCTION, count_header);
	curl_easy_setopt(exchange->easy, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(exchange->easy, CURLOPT_ERRORBUFFER, exchange->error);
}

/* ---- its end ---- */

static void
fail(HttpExchange *exchange, int sqlstate, char *message)
{
	exchange->result->sqlstate = sqlstate;
	exchange->result->message = message;
}

/*
 * libcurl's words, or those it has for the code in general.  It does not tell
 * passwords; should it ever, its words are not used.
 */
static char *
reason(const HttpExchange *exchange, CURLcode code)
{
	const char *password = exchange->request->password;
	const char *words = exchange->error;

	if (words[0] == '\0' || (has_text(password) && strstr(words, password) != NULL))
		words = curl_easy_strerror(code);
	return io_clean_line(CurrentMemoryContext, words, MAX_MESSAGE);
}

/* whether there was a connection */
static bool
was_connected(const HttpExchange *exchange)
{
	double		seconds = 0;

	return curl_easy_getinfo(exchange->easy, CURLINFO_CONNECT_TIME, &seconds) == CURLE_OK &&
		seconds > 0;
}

/* Who connects and gets no answer is told something else than who cannot connect. */
static void
fail_timeout(HttpExchange *exchange)
{
	int64		elapsed = (GetCurrentTimestamp() - exchange->begun) / 1000;

	if (was_connected(exchange))
		fail(exchange, ERRCODE_PGOPS_HTTP_TIMEOUT,
			 psprintf("no complete answer from %s within " INT64_FORMAT " ms",
					  exchange->request->url, elapsed));
	else
		fail(exchange, ERRCODE_PGOPS_HTTP_CONNECT,
			 psprintf("could not connect to %s within " INT64_FORMAT " ms",
					  exchange->request->url, elapsed));
}

/* Which of the two is told, for the second may be a matter of settings. */
static void
fail_too_much(HttpExchange *exchange)
{
	if (exchange->header_bytes > MAX_HEADER)
		fail(exchange, ERRCODE_PGOPS_HTTP_TOO_MUCH,
			 psprintf("the header of the answer from %s is longer than %zu bytes",
					  exchange->request->url, MAX_HEADER));
	else
		fail(exchange, ERRCODE_PGOPS_HTTP_TOO_MUCH,
			 psprintf("the answer from %s is longer than %zu bytes",
					  exchange->request->url, exchange->body.max));
}

/* what a code of libcurl's is for us; all others mean that no sense could be made of the answer */
static const struct
{
	CURLcode	code;
	int			sqlstate;
}			code_table[] = {
	{CURLE_URL_MALFORMAT, ERRCODE_PGOPS_HTTP_CONNECT},
	{CURLE_COULDNT_RESOLVE_HOST, ERRCODE_PGOPS_HTTP_CONNECT},
	{CURLE_COULDNT_CONNECT, ERRCODE_PGOPS_HTTP_CONNECT},
	{CURLE_SSL_CACERT, ERRCODE_PGOPS_HTTP_TLS}, /* the next but one, since 7.62 */
	{CURLE_SSL_CONNECT_ERROR, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_PEER_FAILED_VERIFICATION, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_ENGINE_NOTFOUND, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_ENGINE_SETFAILED, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_ENGINE_INITFAILED, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_CERTPROBLEM, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_CIPHER, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_CACERT_BADFILE, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_CRL_BADFILE, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_ISSUER_ERROR, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_SSL_INVALIDCERTSTATUS, ERRCODE_PGOPS_HTTP_TLS},
	{CURLE_OUT_OF_MEMORY, ERRCODE_OUT_OF_MEMORY},
};

/*
 * A server that wants a certificate of ours says so after the handshake, in place of its
 * answer: only the TLS library's name in libcurl's words tells that from a lost connection.
 */
static bool
is_late_refusal(const HttpExchange *exchange, CURLcode code)
{
	return (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) &&
		(strstr(exchange->error, "SSL") != NULL || strstr(exchange->error, "TLS") != NULL ||
		 strstr(exchange->error, "tls") != NULL);
}

static void
fail_code(HttpExchange *exchange, CURLcode code)
{
	int			sqlstate = ERRCODE_PGOPS_HTTP_PROTOCOL;
	const char *did = "no usable answer from";

	for (int i = 0; i < lengthof(code_table); i++)
	{
		if (code_table[i].code == code)
			sqlstate = code_table[i].sqlstate;
	}

	/* the same code for a URL of another kind and for an answer that is no HTTP */
	if (code == CURLE_UNSUPPORTED_PROTOCOL && !was_connected(exchange))
		sqlstate = ERRCODE_PGOPS_HTTP_CONNECT;
	if (is_late_refusal(exchange, code))
		sqlstate = ERRCODE_PGOPS_HTTP_TLS;
	if (sqlstate == ERRCODE_PGOPS_HTTP_CONNECT)
		did = "could not connect to";
	else if (sqlstate == ERRCODE_PGOPS_HTTP_TLS)
		did = "no secure connection to";
	fail(exchange, sqlstate,
		 psprintf("%s %s: %s", did, exchange->request->url, reason(exchange, code)));
}

/*
 * A copy that everybody may read: NUL bytes and what is not valid in UTF-8
 * become question marks.
 */
static char *
sane_body(const HttpBytes *body)
{
	char	   *copy = palloc(body->length + 1);
	size_t		i = 0;

	if (body->length > 0)
		memcpy(copy, body->data, body->length);
	copy[body->length] = '\0';
	while (i < body->length)
	{
		int			length = copy[i] == '\0' ? -1 :
			pg_encoding_verifymbchar(PG_UTF8, copy + i, (int) Min(body->length - i, 8));

		if (length < 1)
		{
			copy[i] = '?';
			length = 1;
		}
		i += length;
	}
	return copy;
}

/* There was an answer; where it sends us we do not go. */
static void
take_answer(HttpExchange *exchange)
{
	IoHttpResult *result = exchange->result;
	long		status = 0;

	curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	result->status = (int) status;
	if (status >= 300 && status < 400)
	{
		fail(exchange, ERRCODE_PGOPS_HTTP_REDIRECT,
			 psprintf("%s answers with a redirect (status %ld), which is not followed",
					  exchange->request->url, status));
		return;
	}
	result->body = sane_body(&exchange->body);
	result->length = exchange->body.length;
}

/*
 * Only from outside of libcurl's frames, for it allocates.  What our own callbacks
 * took down comes before libcurl's code, which just says that they gave up.
 */
void
http_exchange_finish(HttpExchange *exchange, CURLcode code)
{
	IoHttpResult *result = palloc0(sizeof(IoHttpResult));

	result->request = exchange->request;
	result->elapsed_ms = (int) ((GetCurrentTimestamp() - exchange->begun) / 1000);
	exchange->result = result;
	if (code == CURLE_OK)
		take_answer(exchange);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		fail_timeout(exchange);
	else if (exchange->no_memory)
		fail(exchange, ERRCODE_OUT_OF_MEMORY, pstrdup("out of memory"));
	else if (exchange->too_much || code == CURLE_FILESIZE_EXCEEDED)
		fail_too_much(exchange);
	else
		fail_code(exchange, code);
}

/* ---- its beginning ---- */

/* What was reserved and allocated so far goes with the batch. */
static bool
refuse(HttpExchange *exchange, int sqlstate, const char *message)
{
	exchange->result = palloc0(sizeof(IoHttpResult));
	exchange->result->request = exchange->request;
	fail(exchange, sqlstate, pstrdup(message));
	return false;
}

/* Either both descriptors or none. */
static bool
reserve_descriptors(void)
{
	for (int i = 0; i < DESCRIPTORS; i++)
	{
		if (AcquireExternalFD())
			continue;
		while (i-- > 0)
			ReleaseExternalFD();
		return false;
	}
	return true;
}

/*
 * The results of the options are not looked at one by one: the values are ours,
 * and a libcurl that lacks memory for a copy says so when it starts.
 */
bool
http_exchange_begin(HttpExchange *exchange, const IoHttpRequest *request)
{
	exchange->request = request;
	exchange->begun = GetCurrentTimestamp();
	exchange->reserved = reserve_descriptors();
	if (!exchange->reserved)
		return refuse(exchange, ERRCODE_PGOPS_HTTP_CONNECT, "too many open files");
	exchange->easy = curl_easy_init();
	if (exchange->easy == NULL || !set_headers(exchange))
		return refuse(exchange, ERRCODE_OUT_OF_MEMORY, "out of memory");
	set_behaviour(exchange->easy);
	set_security(exchange->easy, request);
	set_method(exchange);
	set_limits(exchange);

	/* last, so that no URL is looked at before the protocols are limited */
	if (curl_easy_setopt(exchange->easy, CURLOPT_URL, request->url) != CURLE_OK)
		return refuse(exchange, ERRCODE_OUT_OF_MEMORY, "out of memory");
	return true;
}

/* May be called twice. */
void
http_exchange_free(HttpExchange *exchange)
{
	if (exchange->easy != NULL)
		curl_easy_cleanup(exchange->easy);
	exchange->easy = NULL;
	curl_slist_free_all(exchange->headers);
	exchange->headers = NULL;
	free(exchange->body.data);
	exchange->body.data = NULL;
	if (exchange->reserved)
	{
		for (int i = 0; i < DESCRIPTORS; i++)
			ReleaseExternalFD();
	}
	exchange->reserved = false;
}
