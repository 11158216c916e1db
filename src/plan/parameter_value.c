/*
 * parameter_value.c
 *		Values of the server's parameters: when two texts are one value, and
 *		what of them may be shown.
 *
 * Not for: what follows from a difference (plan_parameter.c).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "plan/parameter.h"
#include "secret.h"
#include "spec/catalogue.h"

/*
 * Whether the server reads two texts as the same value: "128MB" and 16384
 * (blocks), "on" and true.  What is not recognised as equal is set once, and has
 * the declared text from then on.
 */
static bool
same_number(const ServerSetting *setting, const char *a, const char *b)
{
	bool		on[2];
	int			integer[2];
	double		real[2];

	if (strcmp(setting->type, "bool") == 0)
		return parse_bool(a, &on[0]) && parse_bool(b, &on[1]) && on[0] == on[1];
	if (strcmp(setting->type, "integer") == 0)
		return parse_int(a, &integer[0], setting->flags, NULL) &&
			parse_int(b, &integer[1], setting->flags, NULL) && integer[0] == integer[1];
	if (strcmp(setting->type, "real") == 0)
		return parse_real(a, &real[0], setting->flags, NULL) &&
			parse_real(b, &real[1], setting->flags, NULL) && real[0] == real[1];
	if (strcmp(setting->type, "enum") == 0)
		return pg_strcasecmp(a, b) == 0;
	return false;
}

/* what a file says, in the form that declared settings have */
Setting *
parameter_in_file(const char *name, const char *value)
{
	Setting    *setting = palloc0(sizeof(Setting));

	setting->name = pstrdup(name);
	setting->value = pstrdup(value);
	if (!model_is_list_setting(name) ||
		!SplitGUCList(pstrdup(value), ',', &setting->elements))
		setting->elements = NIL;
	return setting;
}

bool
parameter_same_value(const ServerSetting *now, const Setting *want, const char *have)
{
	if (have == NULL)
		return false;
	return same_number(now, want->value, have) ||
		plan_setting_same(want, parameter_in_file(want->name, have));
}

/* what the server will have when it has read its files; NULL: they do not say */
const char *
parameter_file_value(const ServerSetting *now)
{
	return now->in_auto != NULL ? now->in_auto : now->in_files;
}

/* whether the running value beats all files: they are not asked */
bool
parameter_is_overridden(const ServerSetting *now)
{
	return now->source != NULL &&
		(strcmp(now->source, "command line") == 0 ||
		 strcmp(now->source, "environment variable") == 0);
}

bool
parameter_needs_restart(const ServerSetting *now)
{
	return now->context != NULL && strcmp(now->context, "postmaster") == 0;
}

/* ---- what is shown ---- */

/* a connection string with a password, a command with a key in its environment or arguments */
static bool
holds_secret(const char *value)
{
	static const char *const words[] = {
		"password", "passwd", "passphrase", "secret", "token", "access_key", "api_key", "apikey"
	};
	char	   *lower = asc_tolower(value, strlen(value));
	const char *authority = strstr(value, "://");

	for (int i = 0; i < lengthof(words); i++)
	{
		if (strstr(lower, words[i]) != NULL)
			return true;
	}
	/* scheme://user:password@host */
	if (authority != NULL)
	{
		size_t		length = strcspn(authority + 3, "/ @");

		return authority[3 + length] == '@' && memchr(authority + 3, ':', length) != NULL;
	}
	return false;
}

/* a value that nobody is to read in plans and logs: by its name, or by what it holds */
bool
parameter_is_secret(const Setting *want)
{
	return catalogue_is_secret("pg_parameters", want->name) ||
		(want->value != NULL && !model_is_list_setting(want->name) && holds_secret(want->value));
}

/* "setting: old -> new", as far as it may be shown */
char *
parameter_change_text(const char *name, const char *from, const Setting *to)
{
	if (to->value != NULL && parameter_is_secret(to))
		return psprintf("%s: %s", name, from ? "another value" : "not set");
	if (from != NULL && parameter_is_secret(parameter_in_file(name, from)))
		from = SECRET_MASK;
	return psprintf("%s: %s -> %s", name, from ? from : "DEFAULT",
					to->value ? to->value : "DEFAULT");
}
