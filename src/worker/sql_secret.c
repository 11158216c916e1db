/*
 * sql_secret.c
 *		SQL: pgops.set_secret(), pgops.rotate_password().
 *
 * Both are declarations like any other; what they store is sealed or set apart
 * as in a document (cmdb/).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "cmdb/place.h"
#include "secret.h"
#include "spec/finding.h"
#include "worker/declaration.h"

PG_FUNCTION_INFO_V1(pgops_set_secret);
PG_FUNCTION_INFO_V1(pgops_rotate_password);

/*
 * For generated passwords: needs no quoting in a shell, a URL or a connection
 * string, and no two characters look the same (no 0 O o, no 1 I l).
 */
static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz";

#define ALPHABET_LENGTH	((int) sizeof(alphabet) - 1)
#define MIN_LENGTH		12
#define MAX_LENGTH		256

/* ---- set_secret ---- */

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static void
check_value(const char *value)
{
	if (value == NULL)
		return;
	if (value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a secret must not be empty"),
				 errhint("NULL takes the declaration of the secret away.")));
	if (strcmp(value, SECRET_MASK) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" only stands for a secret", SECRET_MASK)));
}

/* checks and stores what was changed; whether anything differs */
static bool
finish(Declaration *declaration)
{
	declaration_check(declaration);
	findings_raise(&declaration->findings, "declaration");
	return declaration_store(declaration) != NIL;
}

Datum
pgops_set_secret(PG_FUNCTION_ARGS)
{
	char	   *name = text_argument(fcinfo, 0);
	char	   *value = text_argument(fcinfo, 1);
	char	   *cluster = text_argument(fcinfo, 2);
	char	   *host = text_argument(fcinfo, 3);
	Declaration *declaration;
	bool		changed;

	secret_hide_statement();
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the secret must not be null")));
	if (cluster == NULL && host != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a host is only known in its cluster"),
				 errhint("Give the cluster, too.")));
	check_value(value);

	declaration = declaration_begin(cluster, "pgops.set_secret()");
	declaration->note = psprintf("secret %s %s", name, value ? "set" : "removed");
	place_set_secret(declaration_body(declaration, cluster), host, name, value);
	changed = finish(declaration);
	if (value != NULL)
		explicit_bzero(value, strlen(value));
	PG_RETURN_BOOL(changed);
}

/* ---- rotate_password ---- */

/*
 * Bytes beyond the last multiple of the alphabet's length are thrown away, so that
 * every character is as likely as any other.
 */
static char *
generate_password(int length)
{
	char	   *password = palloc(length + 1);
	int			limit = 256 - 256 % ALPHABET_LENGTH;
	int			count = 0;

	while (count < length)
	{
		uint8		byte;

		if (!pg_strong_random(&byte, 1))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate a random password")));
		if (byte < limit)
			password[count++] = alphabet[byte % ALPHABET_LENGTH];
	}
	password[length] = '\0';
	return password;
}

Datum
pgops_rotate_password(PG_FUNCTION_ARGS)
{
	char	   *cluster = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *user = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			length = PG_GETARG_INT32(2);
	Declaration *declaration;
	SpecNode   *body;
	char	   *password;
	char	   *place;
	text	   *result;

	secret_hide_statement();
	if (length < MIN_LENGTH || length > MAX_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the length of a password must be between %d and %d",
						MIN_LENGTH, MAX_LENGTH)));

	declaration = declaration_begin(cluster, "pgops.rotate_password()");
	body = declaration_body(declaration, cluster);
	password = generate_password(length);
	place = place_set_role_password(declaration->stored,
									inventory_group(declaration->stored, cluster),
									body, user, password);
	result = cstring_to_text(password);
	explicit_bzero(password, length);
	declaration->note = psprintf("secret %s rotated", place);
	(void) finish(declaration);
	PG_RETURN_TEXT_P(result);
}
