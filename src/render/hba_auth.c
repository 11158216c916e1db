/*
 * hba_auth.c
 *		The authentication aliases of HBA rules, as a table.
 *
 * Methods with options (ldap, radius, gss, maps...) have no alias: they are
 * declared as raw lines.
 */
#include "postgres.h"

#include "errors.h"
#include "render/hba_parts.h"

/* stands for the cluster's pg_pwd_enc */
#define PASSWORD_METHOD		"*"

typedef struct AuthAlias
{
	const char *alias;
	HbaAuth		auth;
} AuthAlias;

/* the socket has neither SSL nor ident: the password method, and peer, take their place */
static const AuthAlias auth_aliases[] = {
	{"deny", {"host", "reject", "reject"}},
	{"reject", {"host", "reject", "reject"}},
	{"pwd", {"host", PASSWORD_METHOD, PASSWORD_METHOD}},
	{"ssl", {"hostssl", PASSWORD_METHOD, PASSWORD_METHOD}},
	{"sha", {"host", "scram-sha-256", "scram-sha-256"}},
	{"scram-sha-256", {"host", "scram-sha-256", "scram-sha-256"}},
	{"md5", {"host", "md5", "md5"}},
	{"ssl-md5", {"hostssl", "md5", "md5"}},
	{"ssl-sha", {"hostssl", "scram-sha-256", "scram-sha-256"}},
	{"cert", {"hostssl", "cert", NULL}},
	{"os", {"host", "ident", "peer"}},
	{"ident", {"host", "ident", "peer"}},
	{"peer", {"host", NULL, "peer"}},
	{"trust", {"host", "trust", "trust"}},
};

/*
 * The method scram-sha-256 lets nobody in who has an md5 verifier, so the
 * aliases follow what the cluster says its passwords are.
 */
static const char *
resolve_method(const Cluster *cluster, const char *method)
{
	if (method != NULL && strcmp(method, PASSWORD_METHOD) == 0)
		return strcmp(cluster->pwd_enc, "md5") == 0 ? "md5" : "scram-sha-256";
	return method;
}

/*
 * The result is a copy of the table's row with the password method filled in;
 * its texts are constants.
 */
bool
hba_auth(const Cluster *cluster, const char *declared, HbaAuth *auth, HbaProblem *problem)
{
	for (int i = 0; i < lengthof(auth_aliases); i++)
	{
		if (strcmp(declared, auth_aliases[i].alias) != 0)
			continue;
		*auth = auth_aliases[i].auth;
		auth->host_method = resolve_method(cluster, auth->host_method);
		auth->local_method = resolve_method(cluster, auth->local_method);
		return true;
	}
	problem->sqlstate = ERRCODE_PGOPS_BAD_HBA_RULE;
	problem->message = psprintf("unknown authentication alias \"%s\"", declared);
	problem->hint = "Known are deny, pwd, ssl, sha, md5, ssl-sha, ssl-md5, cert, os, ident, peer and trust; other methods are declared as raw lines under \"rules\".";
	return false;
}
