/*
 * digest.c
 *		SHA-256 of what a plan says, so that two plans can be told apart and
 *		one can be approved; and of what is desired inside a database.
 *
 * A digest depends on what will be done to what, and why, not on step numbers
 * or times: the same plan made later has the same digest.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "utils/resowner.h"

#include "plan/planner.h"

/* By the server's wrapper, so that a build with OpenSSL in FIPS mode uses it. */
static void
hash_bytes_sha256(const char *data, size_t length, uint8 *digest)
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) data, length) < 0 ||
		pg_cryptohash_final(ctx, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 hash: %s", pg_cryptohash_error(ctx))));
	pg_cryptohash_free(ctx);
}

/*
 * sha256_hex
 *		SHA-256 of some bytes as 64 hexadecimal digits, palloc'd.
 *
 * The server's hash functions register their state with the current resource
 * owner.  Between transactions there is none, so one is made for the moment.
 */
static char *
sha256_hex(const char *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *hex = palloc(2 * sizeof(digest) + 1);
	ResourceOwner owner = NULL;

	if (CurrentResourceOwner == NULL)
		CurrentResourceOwner = owner = ResourceOwnerCreate(NULL, "pgops digest");
	hash_bytes_sha256(data, length, digest);
	if (owner != NULL)
	{
		CurrentResourceOwner = NULL;
		ResourceOwnerDelete(owner);
	}
	for (int i = 0; i < sizeof(digest); i++)
	{
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * sizeof(digest)] = '\0';
	return hex;
}

/* digest of a text, palloc'd */
char *
plan_text_digest(const char *text)
{
	return sha256_hex(text, strlen(text));
}

/* one field; the length keeps two fields from running into one */
static void
add_field(StringInfo data, const char *field)
{
	if (field == NULL)
		appendStringInfoString(data, "-;");
	else
		appendStringInfo(data, "%zu:%s;", strlen(field), field);
}

/* digest of a plan's actions; "destructive_only": of those that are, unblocked */
char *
plan_digest(List *actions, bool destructive_only)
{
	StringInfoData data;
	ListCell   *lc;

	initStringInfo(&data);
	foreach(lc, actions)
	{
		Action	   *action = lfirst(lc);

		if (destructive_only && (!action->destructive || action->blocked != NULL))
			continue;
		add_field(&data, action->rule->id);
		add_field(&data, action->name);
		add_field(&data, action->database);
		add_field(&data, action->statement);
		add_field(&data, action->reason);
		if (!destructive_only)
			add_field(&data, action->blocked);
	}
	return sha256_hex(data.data, data.len);
}

/* ---- the inside that is desired ---- */

/* their texts have one spelling */
static void
add_clauses(StringInfo data, List *clauses)
{
	ListCell   *lc;

	appendStringInfo(data, "clauses %d ", list_length(clauses));
	foreach(lc, clauses)
		add_field(data, ((DefaultPrivilege *) lfirst(lc))->text);
}

/*
 * State and set are part of it: a schema whose owner is no longer declared is
 * another desire than one that never had one.
 */
static void
add_schemas(StringInfo data, List *schemas)
{
	ListCell   *lc;

	foreach(lc, schemas)
	{
		Schema	   *schema = lfirst(lc);

		appendStringInfo(data, "schema %d %u ", (int) schema->state, schema->set);
		add_field(data, schema->name);
		add_field(data, schema->owner);
		add_clauses(data, schema->privileges);
	}
}

/*
 * An undeclared version is no version, not the newest one: a package upgrade on
 * the machine does not make a database due for a look.
 */
static void
add_extensions(StringInfo data, List *extensions)
{
	ListCell   *lc;

	foreach(lc, extensions)
	{
		Extension  *extension = lfirst(lc);

		appendStringInfo(data, "extension %d %u ", (int) extension->state, extension->set);
		add_field(data, extension->name);
		add_field(data, extension->schema);
		add_field(data, extension->version);
	}
}

/*
 * plan_local_digest
 *		SHA-256 hex of all that a cluster desires inside a database.  Grants
 *		on schema public follow from the database being declared or not.
 */
char *
plan_local_digest(const Cluster *cluster, const char *database)
{
	Database   *declared = model_find_database(cluster->databases, database);
	StringInfoData data;
	ListCell   *lc;

	initStringInfo(&data);
	appendStringInfo(&data, "%d %d %d ", declared != NULL,
					 declared ? (int) declared->state : -1, (int) cluster->policy);
	add_field(&data, declared ? declared->owner : NULL);
	add_field(&data, declared ? declared->baseline : NULL);
	add_schemas(&data, plan_desired_schemas(cluster, declared, database));
	add_extensions(&data, plan_desired_extensions(cluster, declared, database));
	foreach(lc, plan_default_privilege_roles(cluster, declared ? declared->owner : NULL))
		add_field(&data, lfirst(lc));
	add_clauses(&data, cluster->default_privileges);
	add_clauses(&data, declared ? declared->default_privileges : NIL);
	return sha256_hex(data.data, data.len);
}
