/*
 * reference.c
 *		Reading a secret that stands in a file or in the environment.
 *
 * Not for: what a reference looks like (spec/reference.c), what the secret is for.
 */
#include "postgres.h"

#include <unistd.h>

#include "io/file.h"
#include "observe/reference.h"
#include "spec/reference.h"

#define MAX_BYTES	((size_t) 64 * 1024)

/*
 * Whatever is wrong with a file becomes a text.  Nothing but reading has
 * happened, so there is no other state to clean up; what ends the session or
 * its statement is not ours to swallow.
 */
static char *
read_file(const char *path, ReferenceValue *value)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *volatile text = NULL;

	PG_TRY();
	{
		text = io_read_file(path, MAX_BYTES);
		if (text == NULL)
			value->problem = psprintf("file \"%s\" does not exist", path);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
			error->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
			PG_RE_THROW();
		FlushErrorState();
		value->problem = error->message;
	}
	PG_END_TRY();
	return text;
}

/*
 * The environment is that of whoever started the server; each process has a
 * copy of its own, which nobody changes.
 */
static char *
read_variable(const char *name, ReferenceValue *value)
{
	extern char **environ;
	size_t		length = strlen(name);

	for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
	{
		if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
			return pstrdup(*entry + length + 1);
	}
	value->problem = psprintf("environment variable \"%s\" is not set for the server", name);
	return NULL;
}

/* one line: who names a file of several has named the wrong one */
static void
take_line(ReferenceValue *value, char *text, const char *what)
{
	size_t		length = strlen(text);

	if (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	if (length > 0 && text[length - 1] == '\r')
		text[--length] = '\0';
	if (length > 0 && strchr(text, '\n') == NULL)
	{
		value->text = text;
		return;
	}
	value->problem = length == 0 ? psprintf("%s is empty", what) :
		psprintf("%s holds more than one line", what);
	explicit_bzero(text, length);
}

ReferenceValue
reference_read(const SpecNode *reference)
{
	ReferenceValue value = {0};
	const char *file;
	const char *variable;
	char	   *text;

	if (!spec_reference(reference, &file, &variable))
		elog(ERROR, "value is no reference");
	text = file ? read_file(file, &value) : read_variable(variable, &value);
	value.hint = file ?
		"The OS user of the server must be able to read it: a regular file of at most 64 kB with the password as its only line." :
		"Set it where the server is started, and restart the server.";
	if (text != NULL)
		take_line(&value, text,
				  file ? psprintf("file \"%s\"", file) :
				  psprintf("environment variable \"%s\"", variable));
	return value;
}
