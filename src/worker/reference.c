/*
 * reference.c
 *		Passwords of roles that stand in files or in the environment.
 *
 * The plain text lives for the moment of a comparison.  What is remembered is
 * a salted hash of it with the verifier it gave, in the memory of the process:
 * a pass over a thousand unchanged passwords derives no key.
 *
 * Not for: what a reference looks like (spec/reference.c), reading what it names
 * (observe/reference.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "cmdb/cmdb.h"
#include "errors.h"
#include "io/file.h"
#include "observe/reference.h"
#include "secret.h"
#include "spec/reference.h"
#include "worker/reference.h"

/* longest verifier that is remembered; SCRAM's have some 130 bytes */
#define MAX_VERIFIER	256

/* the last password of a role, so to speak, and its verifier */
typedef struct KnownPassword
{
	char		role[NAMEDATALEN];	/* key */
	uint8		hash[PG_SHA256_DIGEST_LENGTH];	/* all zero: nothing known yet */
	char		verifier[MAX_VERIFIER];
} KnownPassword;

static HTAB *known_passwords = NULL;
static uint8 salt[16];

/* ---- verifiers ---- */

/* The entry of a role, made when it is asked for the first time. */
static KnownPassword *
known_password(const char *role)
{
	KnownPassword *known;
	char		key[NAMEDATALEN] = {0};
	bool		found;

	if (known_passwords == NULL)
	{
		HASHCTL		ctl = {0};

		if (!pg_strong_random(salt, sizeof(salt)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random salt")));
		ctl.keysize = NAMEDATALEN;
		ctl.entrysize = sizeof(KnownPassword);
		ctl.hcxt = TopMemoryContext;
		known_passwords = hash_create("pgops passwords by reference", 64, &ctl,
									  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	strlcpy(key, role, sizeof(key));
	known = hash_search(known_passwords, key, HASH_ENTER, &found);
	if (!found)
	{
		memset(known->hash, 0, sizeof(known->hash));
		known->verifier[0] = '\0';
	}
	return known;
}

/* salted anew in each process, so that a memory dump has no plain hash of a password */
static void
hash_password(const char *plain, uint8 *hash)
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, salt, sizeof(salt)) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) plain, strlen(plain)) < 0 ||
		pg_cryptohash_final(ctx, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 hash: %s", pg_cryptohash_error(ctx))));
	pg_cryptohash_free(ctx);
}

/*
 * The verifier to want for a password: what the server has, if it matches;
 * else the one that was made for the same password before, so that a plan
 * which is made twice asks for one thing; else a new one.
 */
static char *
verifier_for(const char *role, const char *plain, const char *observed)
{
	KnownPassword *known = known_password(role);
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	char	   *verifier;

	hash_password(plain, hash);
	if (memcmp(known->hash, hash, sizeof(hash)) != 0)
		known->verifier[0] = '\0';
	if (known->verifier[0] != '\0' && observed != NULL &&
		strcmp(known->verifier, observed) == 0)
		return pstrdup(observed);

	if (secret_matches(role, plain, observed))
		verifier = pstrdup(observed);
	else if (known->verifier[0] != '\0')
		return pstrdup(known->verifier);
	else
		verifier = secret_verifier(role, plain, NULL);
	if (strlen(verifier) < MAX_VERIFIER)
	{
		memcpy(known->hash, hash, sizeof(hash));
		strlcpy(known->verifier, verifier, MAX_VERIFIER);
	}
	return verifier;
}

/* ---- roles ---- */

/* A path means another file on another machine; and a standby sets no passwords. */
static bool
is_elsewhere(const Cluster *cluster)
{
	char	   *local = cmdb_local_cluster();

	return RecoveryInProgress() ||
		(local != NULL && strcmp(local, cluster->name) != 0);
}

static void
warn_public(const Role *role, Findings *findings)
{
	const char *file;

	(void) spec_reference(role->password_source, &file, NULL);
	if (file != NULL && io_file_is_public(file))
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_WEAK_SECRET,
					role->password_source, role->password_path,
					"Take the permission from all others: chmod o-rwx.",
					"file \"%s\" with a password can be read by every user of the machine",
					file);
}

static void
resolve_role(Role *role, ServerState *server, Findings *findings)
{
	ReferenceValue value = reference_read(role->password_source);
	Role	   *have = snapshot_role(server, role->name);

	if (value.text == NULL)
	{
		role->password_problem = value.problem;
		role->password_hint = pstrdup(value.hint);
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_SECRET_UNREAD,
					role->password_source, role->password_path, value.hint,
					"%s; the password of role \"%s\" is left as it is",
					value.problem, role->name);
		return;
	}
	role->password = verifier_for(role->name, value.text, have ? have->password : NULL);
	role->set |= ROLE_SET_PASSWORD;
	explicit_bzero(value.text, strlen(value.text));
	warn_public(role, findings);
}

void
reference_resolve(const Cluster *cluster, ServerState *server, Findings *findings)
{
	ListCell   *cell;
	int			elsewhere = -1;

	foreach(cell, cluster->roles)
	{
		Role	   *role = lfirst(cell);

		if (role->password_source == NULL || role->state != STATE_CREATE)
			continue;
		if (elsewhere < 0)
			elsewhere = is_elsewhere(cluster);
		if (!elsewhere)
			resolve_role(role, server, findings);
	}
}
