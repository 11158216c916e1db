/*
 * connect.c
 *		Connection strings for this server.
 *
 * Not for: connecting.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/varlena.h"

#include "ops/connect.h"

char *
connect_superuser(void)
{
	return GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false);
}

char *
connect_host(void)
{
	char	   *copy = pstrdup(Unix_socket_directories ? Unix_socket_directories : "");
	List	   *directories;

	if (SplitDirectoriesString(copy, ',', &directories) && directories != NIL)
		return linitial(directories);
	return pstrdup("127.0.0.1");
}

void
connect_add(StringInfo out, const char *keyword, const char *value)
{
	appendStringInfo(out, "%s%s='", out->len > 0 ? " " : "", keyword);
	for (const char *at = value; *at; at++)
	{
		if (*at == '\'' || *at == '\\')
			appendStringInfoChar(out, '\\');
		appendStringInfoChar(out, *at);
	}
	appendStringInfoChar(out, '\'');
}

char *
connect_conninfo(const char *superuser, const char *database)
{
	StringInfoData out;

	initStringInfo(&out);
	connect_add(&out, "host", connect_host());
	connect_add(&out, "port", psprintf("%d", PostPortNumber));
	connect_add(&out, "user", superuser);
	connect_add(&out, "dbname", database);
	connect_add(&out, "connect_timeout", "30");
	connect_add(&out, "application_name", "pgops");
	return out.data;
}

bool
connect_finish(Job *job, RemoteSet *set, const Remote *remote)
{
	bool		woken;

	while (remote_next(set, 0, &woken) == NULL)
	{
		job_check(job);
		if (!woken)
			return false;
	}
	return !remote->failed;
}
