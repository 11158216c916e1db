/*
 * remote_options.c
 *		Connection strings of libpq, and what is always added to them.
 *
 * Not for: connecting (remote.c).
 */
#include "postgres.h"

#include <libpq-fe.h>

#include "utils/guc.h"

#include "io/remote.h"

List *
remote_parse(const char *conninfo, bool *valid)
{
	PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);
	List	   *options = NIL;

	*valid = parsed != NULL;
	if (parsed == NULL)
		return NIL;

	/* without PG_TRY: what little an ERROR (out of memory) would lose is lost once */
	for (PQconninfoOption *option = parsed; option->keyword != NULL; option++)
	{
		RemoteOption *copy;

		if (option->val == NULL)
			continue;
		copy = palloc(sizeof(RemoteOption));
		copy->keyword = pstrdup(option->keyword);
		copy->value = pstrdup(option->val);
		options = lappend(options, copy);
	}
	PQconninfoFree(parsed);
	return options;
}

static const char *
option_value(const List *options, const char *keyword)
{
	const ListCell *cell;

	foreach(cell, options)
	{
		const RemoteOption *option = lfirst(cell);

		if (strcmp(option->keyword, keyword) == 0)
			return option->value;
	}
	return NULL;
}

/*
 * Who answers at an address may not be who should: unless its certificate is
 * checked it must not get the password itself, only a proof of it.  Older
 * libraries cannot be told so.
 */
static bool
refuses_clear_password(const List *options)
{
	const char *sslmode = option_value(options, "sslmode");

	return PQlibVersion() >= 160000 && option_value(options, "require_auth") == NULL &&
		(sslmode == NULL || strncmp(sslmode, "verify-", strlen("verify-")) != 0);
}

void
remote_arrays(const List *options, const char ***keywords, const char ***values)
{
	int			count = 0;
	const ListCell *cell;

	*keywords = palloc0((list_length(options) + 2) * sizeof(char *));
	*values = palloc0((list_length(options) + 2) * sizeof(char *));
	foreach(cell, options)
	{
		const RemoteOption *option = lfirst(cell);

		(*keywords)[count] = option->keyword;
		(*values)[count++] = option->value;
	}
	if (refuses_clear_password(options))
	{
		(*keywords)[count] = "require_auth";
		(*values)[count] = "!password";
	}
}

const char *
remote_upstream_option(const char *keyword)
{
	const char *conninfo = GetConfigOption("primary_conninfo", true, false);
	bool		valid;
	List	   *options = NIL;
	ListCell   *cell;

	if (conninfo != NULL && *conninfo != '\0')
		options = remote_parse(conninfo, &valid);
	foreach(cell, options)
	{
		const RemoteOption *option = lfirst(cell);

		if (strcmp(option->keyword, keyword) == 0)
			return option->value;
	}
	return NULL;
}
