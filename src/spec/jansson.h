/*
 * jansson.h
 *		Private to spec/: a neutral view of a JSON text parsed by the JSON
 *		library.
 *
 * The library's header cannot be included together with the server's: both
 * know a json_object().  So one file (jansson.c) includes the library and no
 * server header, and everybody else sees only what stands here: opaque
 * values, plain C types, nothing that allocates by palloc or raises.
 *
 * (Named after the library; the system header is <jansson.h>, in angle
 * brackets and not below spec/.)
 */
#ifndef PGOPS_SPEC_JANSSON_H
#define PGOPS_SPEC_JANSSON_H

#include <stdbool.h>
#include <stddef.h>

typedef struct SpecJsonError
{
	int			line;
	int			column;
	bool		duplicate;		/* a key occurs twice */
	char		text[160];		/* the library's words, without quotes of the document */
} SpecJsonError;

typedef enum SpecJsonKind
{
	SPEC_JSON_NULL,
	SPEC_JSON_TRUE,
	SPEC_JSON_FALSE,
	SPEC_JSON_INTEGER,
	SPEC_JSON_REAL,
	SPEC_JSON_STRING,
	SPEC_JSON_ARRAY,
	SPEC_JSON_OBJECT
} SpecJsonKind;

/* parses; NULL and *error if it cannot.  The result is freed by spec_json_free. */
extern void *spec_json_parse(const char *text, size_t length, SpecJsonError *error);
extern void spec_json_free(void *root);

extern SpecJsonKind spec_json_kind(const void *value);
extern long long spec_json_integer(const void *value);
extern double spec_json_real(const void *value);

/* bytes of a string, UTF-8, owned by the value */
extern const char *spec_json_string(const void *value, size_t *length);

extern size_t spec_json_size(const void *array);
extern const void *spec_json_item(const void *array, size_t index);

/* walking an object: first, then next until NULL */
extern void *spec_json_first(const void *object);
extern void *spec_json_next(const void *object, void *iterator);
extern const char *spec_json_key(void *iterator);
extern const void *spec_json_value(void *iterator);

#endif							/* PGOPS_SPEC_JANSSON_H */
