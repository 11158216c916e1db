/*
 * jansson.c
 *		The only file that talks to the JSON library.
 *
 * It includes no server header, and never calls json_object(): the server
 * has a function of that name, which wins when the library is loaded into it
 * and crashes.  (An empty object is json_pack("{}"); none is needed here.)
 *
 * Not for: anything that may raise or palloc; see jansson.h.
 */
#include <jansson.h>
#include <string.h>

#include "spec/jansson.h"

/*
 * The library says "... near 'text'" with a piece of the document, which may
 * be a password: keep its words up to there.
 */
static void
copy_message(SpecJsonError *to, const json_error_t *from)
{
	const char *near = strstr(from->text, " near '");
	size_t		length = near == NULL ? strlen(from->text) : (size_t) (near - from->text);

	if (length >= sizeof(to->text))
		length = sizeof(to->text) - 1;
	memcpy(to->text, from->text, length);
	to->text[length] = '\0';
}

/*
 * Any value may be the root (a bare number is a valid document that validation
 * refuses with better words).  Duplicate keys are refused by the library,
 * since it would keep the last one silently.  Integers beyond 64 bits are an
 * error here, and are read as YAML then.
 */
void *
spec_json_parse(const char *text, size_t length, SpecJsonError *error)
{
	json_error_t found;
	json_t	   *root = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &found);

	if (root == NULL)
	{
		error->line = found.line;
		error->column = found.column;
		error->duplicate = json_error_code(&found) == json_error_duplicate_key;
		copy_message(error, &found);
	}
	return root;
}

/* Drops the only reference; values handed out before are gone with it. */
void
spec_json_free(void *root)
{
	json_decref(root);
}

/*
 * Everything the library does not know is null, so that a newer version of it
 * cannot make the reader fall through a switch.
 */
SpecJsonKind
spec_json_kind(const void *value)
{
	switch (json_typeof((const json_t *) value))
	{
		case JSON_OBJECT:
			return SPEC_JSON_OBJECT;
		case JSON_ARRAY:
			return SPEC_JSON_ARRAY;
		case JSON_STRING:
			return SPEC_JSON_STRING;
		case JSON_INTEGER:
			return SPEC_JSON_INTEGER;
		case JSON_REAL:
			return SPEC_JSON_REAL;
		case JSON_TRUE:
			return SPEC_JSON_TRUE;
		case JSON_FALSE:
			return SPEC_JSON_FALSE;
		case JSON_NULL:
			break;
	}
	return SPEC_JSON_NULL;
}

long long
spec_json_integer(const void *value)
{
	return json_integer_value(value);
}

double
spec_json_real(const void *value)
{
	return json_real_value(value);
}

/*
 * May hold zero bytes in principle (the length says so), although the library
 * refuses them unless asked.
 */
const char *
spec_json_string(const void *value, size_t *length)
{
	*length = json_string_length(value);
	return json_string_value(value);
}

size_t
spec_json_size(const void *array)
{
	return json_array_size(array);
}

/* A borrowed reference: valid until spec_json_free(). */
const void *
spec_json_item(const void *array, size_t index)
{
	return json_array_get(array, index);
}

/* the library's iterators take objects that are not const, but do not change them */
void *
spec_json_first(const void *object)
{
	return json_object_iter((json_t *) object);
}

/*
 * The iterator is a pointer into the object; it needs no freeing, and the
 * object must not change meanwhile.
 */
void *
spec_json_next(const void *object, void *iterator)
{
	return json_object_iter_next((json_t *) object, iterator);
}

const char *
spec_json_key(void *iterator)
{
	return json_object_iter_key(iterator);
}

const void *
spec_json_value(void *iterator)
{
	return json_object_iter_value(iterator);
}
