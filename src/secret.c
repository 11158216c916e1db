/*
 * secret.c
 *		Passwords: verifiers, comparing, the list of well-known defaults; the
 *		secrets that rules of pg_hba.conf can hold.
 *
 * Plain text is only ever looked at here and in cmdb_seal(), which wipes it.
 *
 * Not for: keeping statements out of the log (secret_log.c), nor where
 * secrets are stored.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "libpq/crypt.h"

#include "secret.h"

/*
 * Default passwords that the documentation of this field prints, for
 * PostgreSQL's users and for the components around it.  Whoever reads it knows
 * them, so they protect nothing.  Compared without regard to case.
 */
static const char *const well_known[] = {
	"DBUser.DBA",
	"DBUser.Monitor",
	"DBUser.Replicator",
	"DBUser.Postgres",
	"DBUser.Meta",
	"DBUser.Viewer",
	"DBUser.Supa",
	"DBUser.Grafana",
	"DBUser.Bytebase",
	"DBUser.Kong",
	"DBUser.Gitea",
	"DBUser.Wiki",
	"DBUser.Odoo",
	"DBUser.Test",
	"Patroni.API",
	"Etcd.Root",
	"pgBackRest",
	"pgBackRest.Repo",
	"pigsty",
	"minioadmin",
	"redis.ms",
	"redis.meta",
	"redis.test",
	"postgres",
	"password",
	"changeme",
	"admin",
	"secret",
	NULL
};

/* families of such passwords: everything that begins with one of these */
static const char *const well_known_prefixes[] = {
	"DBUser.",
	"S3User.",
	"Vibe.",
	NULL
};

/* options of HBA rules that hold a secret; as the server reads them, in lower case only */
static const char *const hba_options[] = {"ldapbindpasswd=", "radiussecrets=", NULL};

/*
 * As the server itself decides what ALTER ROLE PASSWORD was given.  A plain
 * password that looks like a verifier is one, therefore, for the server as for
 * us.
 */
bool
secret_is_verifier(const char *str)
{
	return str != NULL && str[0] != '\0' &&
		get_password_type(str) != PASSWORD_TYPE_PLAINTEXT;
}

/* An md5 verifier is salted with the name. */
bool
secret_is_scram(const char *str)
{
	return str != NULL && get_password_type(str) == PASSWORD_TYPE_SCRAM_SHA_256;
}

/*
 * Costs a full key derivation (thousands of hashes, some milliseconds) for a
 * plain password: that is the price of not changing what need not change.
 * Callers compare a password once and keep the verifier.
 */
bool
secret_matches(const char *role, const char *declared, const char *verifier)
{
	const char *logdetail = NULL;

	if (declared == NULL || verifier == NULL || declared[0] == '\0')
		return false;
	if (secret_is_verifier(declared))
		return strcmp(declared, verifier) == 0;

	/* a stored plain text cannot be (since 10), and would only be an error here */
	if (!secret_is_verifier(verifier))
		return false;
	return plain_crypt_verify(role, verifier, declared, &logdetail) == STATUS_OK;
}

/*
 * A new verifier has a new salt, so making one for an unchanged password would
 * be a change: of pg_authid, of the revision, and for every pooler that keeps
 * a copy.
 */
char *
secret_verifier(const char *role, const char *declared, const char *known)
{
	if (secret_is_verifier(declared))
		return pstrdup(declared);
	if (secret_matches(role, declared, known))
		return pstrdup(known);
	return encrypt_password(PASSWORD_TYPE_SCRAM_SHA_256, role, declared);
}

/* For warnings: such a password still is what was declared. */
bool
secret_is_well_known(const char *plain)
{
	if (plain == NULL)
		return false;
	for (int i = 0; well_known[i] != NULL; i++)
	{
		if (pg_strcasecmp(plain, well_known[i]) == 0)
			return true;
	}
	for (int i = 0; well_known_prefixes[i] != NULL; i++)
	{
		if (pg_strncasecmp(plain, well_known_prefixes[i],
						   strlen(well_known_prefixes[i])) == 0)
			return true;
	}
	return false;
}

/*
 * A search in the text, not in tokens: it must find the option in lines that
 * the server's tokenizer refuses, as well.  A comment that talks of the option
 * is masked, too, which does no harm.
 */
const char *
secret_in_hba(const char *str)
{
	const char *first = NULL;

	for (int i = 0; str != NULL && hba_options[i] != NULL; i++)
	{
		const char *place = strstr(str, hba_options[i]);

		if (place != NULL && (first == NULL || place < first))
			first = place;
	}
	return first;
}

/* where the rule ends that a text stands in: a backslash continues it in the next line */
static const char *
rule_end(const char *str)
{
	for (;;)
	{
		size_t		length = strcspn(str, "\n");
		bool		continued = length > 0 &&
			(str[length - 1] == '\\' ||
			 (length > 1 && str[length - 1] == '\r' && str[length - 2] == '\\'));

		str += length;
		if (*str == '\0' || !continued)
			return str;
		str++;
	}
}

/* to the end of the rule: how far a value goes is the parser's to know, quotes and all */
char *
secret_mask_hba(const char *str)
{
	StringInfoData masked;
	const char *option;

	initStringInfo(&masked);
	while ((option = secret_in_hba(str)) != NULL)
	{
		const char *value = strchr(option, '=') + 1;

		appendBinaryStringInfo(&masked, str, value - str);
		appendStringInfoString(&masked, SECRET_MASK);
		str = rule_end(value);
	}
	appendStringInfoString(&masked, str);
	return masked.data;
}
