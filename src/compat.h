/*
 * compat.h
 *		The only file that names PG_VERSION_NUM: what differs between the
 *		PostgreSQL versions 15 to 18 at the level of C.
 *
 * Include it after postgres.h.  Differences at the level of SQL (options of
 * CREATE DATABASE, membership options, privilege letters) are data tables
 * keyed by version, not conditional code; they ask server_version_num().
 */
#ifndef PGOPS_COMPAT_H
#define PGOPS_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "pgops supports PostgreSQL 15 to 18"
#endif

#define PGOPS_SERVER_MAJOR		(PG_VERSION_NUM / 10000)

/* an extension's own wait events exist since 17 */
#if PG_VERSION_NUM >= 170000
#define PGOPS_HAVE_WAIT_EVENTS 1
#endif

/* a set of events belongs to a context before 17, to a resource owner (here none) since then */
#if PG_VERSION_NUM >= 170000
#define pgops_create_wait_event_set(count)	CreateWaitEventSet(NULL, count)
#else
#define pgops_create_wait_event_set(count)	CreateWaitEventSet(CurrentMemoryContext, count)
#endif

/* since 18 it is written before the function, and has a name of its own */
#ifndef pg_noreturn
#define pg_noreturn	__attribute__((noreturn))
#endif

/* HBA tokenizer: 15 takes a FILE, 16 and newer need open_auth_file() */
#if PG_VERSION_NUM >= 160000
#define PGOPS_HBA_OPENS_FILE 1
#endif

/* names in pg_hba.conf that begin with a slash are regular expressions since 16 */
#if PG_VERSION_NUM >= 160000
#define pgops_token_regex(token)	((token)->regex)
#else
#define pgops_token_regex(token)	((regex_t *) NULL)
#endif

/*
 * materialized set-returning functions: SetSingleFuncCall() was renamed in 16;
 * _expected: with the columns that the caller's query names
 */
#if PG_VERSION_NUM >= 160000
#define pgops_init_srf(fcinfo)	InitMaterializedSRF(fcinfo, 0)
#define pgops_init_srf_expected(fcinfo)	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC)
#else
#define pgops_init_srf(fcinfo)	SetSingleFuncCall(fcinfo, 0)
#define pgops_init_srf_expected(fcinfo)	SetSingleFuncCall(fcinfo, SRF_SINGLE_USE_EXPECTED)
#endif

/* the JSON parser's callbacks return a result since 16, its lexer takes a place to be in since 17 */
#if PG_VERSION_NUM >= 160000
#define PGOPS_JSON_ACTION	JsonParseErrorType
#define PGOPS_JSON_DONE		return JSON_SUCCESS
#else
#define PGOPS_JSON_ACTION	void
#define PGOPS_JSON_DONE		return
#endif
#if PG_VERSION_NUM >= 170000
#define pgops_json_lexer(json, length) \
	makeJsonLexContextCstringLen(NULL, json, length, GetDatabaseEncoding(), true)
#else
#define pgops_json_lexer(json, length) \
	makeJsonLexContextCstringLen(unconstify(char *, json), length, GetDatabaseEncoding(), true)
#endif

/* since 16 DecodeDateTime also says which time zone was not understood */
#if PG_VERSION_NUM >= 160000
#define pgops_decode_datetime(field, ftype, nf, dtype, tm, fsec, tz) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz, &(DateTimeErrorExtra) {0})
#else
#define pgops_decode_datetime(field, ftype, nf, dtype, tm, fsec, tz) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz)
#endif

/* how a replication slot says that it is of no use any more */
#if PG_VERSION_NUM >= 160000
#define pgops_slot_is_invalid(slot)	((slot)->data.invalidated != RS_INVAL_NONE)
#else
#define pgops_slot_is_invalid(slot)	(!XLogRecPtrIsInvalid((slot)->data.invalidated_at))
#endif

/*
 * ICU locale as CREATE DATABASE keeps it: since 16 as a language tag, however
 * it was written.  NULL: ICU does not know it.  The server's function is
 * declared here because its header needs ICU's own headers.
 */
#if PG_VERSION_NUM >= 160000 && defined(USE_ICU)
extern char *icu_language_tag(const char *loc_str, int elevel);
#define pgops_icu_language_tag(name)	icu_language_tag(name, -1)
#else
#define pgops_icu_language_tag(name)	NULL
#endif

#endif							/* PGOPS_COMPAT_H */
