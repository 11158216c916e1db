/*
 * patroni_value.c
 *		Single values out of Patroni's answers.
 *
 * Nothing an answer holds raises an error: it comes over the network, and
 * what is wrong with it is one problem among others that are shown.
 *
 * Not for: which values there are (patroni_cluster.c, patroni_node.c).
 */
#include "postgres.h"

#include <ctype.h>

#include "compat.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "observe/patroni_parts.h"
#include "spec/spec.h"

/* Names of roles and states have some ten bytes, names of members 63; LSNs and URLs less than this. */
#define MAX_TEXT	1024

/* what each version of Patroni calls them */
static const struct
{
	const char *name;
	PatroniRole role;
}			roles[] = {
	/* the first of a role is our name for it */
	{"leader", PATRONI_LEADER},
	{"standby_leader", PATRONI_STANDBY_LEADER},
	{"replica", PATRONI_REPLICA},
	{"sync_standby", PATRONI_SYNC_STANDBY},
	{"quorum_standby", PATRONI_QUORUM_STANDBY},
	{"unknown", PATRONI_UNKNOWN},
	{"master", PATRONI_LEADER},	/* /patroni before 4.0 */
	{"primary", PATRONI_LEADER},	/* /patroni since then */
	{"demoted", PATRONI_REPLICA},	/* was the leader, and is on its way down */
	{"promoted", PATRONI_LEADER},	/* of a standby cluster, for a moment */
	{"uninitialized", PATRONI_UNKNOWN},
};

const char *
patroni_role_name(PatroniRole role)
{
	for (int i = 0; i < lengthof(roles); i++)
	{
		if (roles[i].role == role)
			return roles[i].name;
	}
	return "unknown";
}

/* what is there and not null */
static const SpecNode *
value_of(const SpecNode *map, const char *key)
{
	const SpecNode *value = node_get(map, key);

	return value == NULL || value->kind == NODE_NULL ? NULL : value;
}

static void
wrong(char **problem, const char *key, const char *what)
{
	if (*problem == NULL)
		*problem = psprintf("\"%s\" is not %s", key, what);
}

char *
patroni_text(const SpecNode *map, const char *key, char **problem)
{
	const SpecNode *value = value_of(map, key);

	if (value == NULL)
		return NULL;
	if (value->kind != NODE_STRING || strlen(value->text) > MAX_TEXT)
	{
		wrong(problem, key, "a short text");
		return NULL;
	}
	return value->text;
}

/* Some numbers are the text "unknown": that is as good as missing. */
int64
patroni_number(const SpecNode *map, const char *key, int64 min, int64 max, int64 missing,
			   char **problem)
{
	const SpecNode *value = value_of(map, key);

	if (value == NULL || (value->kind == NODE_STRING && strcmp(value->text, "unknown") == 0))
		return missing;
	if (value->kind != NODE_INT || value->integer < min || value->integer > max)
	{
		wrong(problem, key, "a number that it can be");
		return missing;
	}
	return value->integer;
}

bool
patroni_bool(const SpecNode *map, const char *key, char **problem)
{
	const SpecNode *value = value_of(map, key);

	if (value == NULL)
		return false;
	if (value->kind != NODE_BOOL)
		wrong(problem, key, "true or false");
	return value->kind == NODE_BOOL && value->boolean;
}

/* Of a server without WAL yet it is 0: not known. */
char *
patroni_lsn(const SpecNode *map, const char *key, char **problem)
{
	int64		bytes = patroni_number(map, key, 0, PG_INT64_MAX, 0, problem);

	if (bytes == 0)
		return NULL;
	return psprintf("%X/%X", (uint32) (bytes >> 32), (uint32) bytes);
}

/* Steps over what has the form of the pattern, in which 0 is any digit; false: it has not. */
static bool
step_over(const char **text, const char *pattern)
{
	const char *p = *text;

	for (; *pattern; pattern++, p++)
	{
		if (*pattern == '0' ? !isdigit((unsigned char) *p) : *p != *pattern)
			return false;
	}
	*text = p;
	return true;
}

/* 2026-11-20T17:07:56[.123456][+00:00], or a blank in place of the T */
static bool
is_iso_time(const char *text)
{
	if (!step_over(&text, "0000-00-00") || (*text != 'T' && *text != ' '))
		return false;
	text++;
	if (!step_over(&text, "00:00:00"))
		return false;
	if (*text == '.')
	{
		do
			text++;
		while (isdigit((unsigned char) *text));
	}
	if (*text == '+' || *text == '-')
	{
		text++;
		if (!step_over(&text, "00"))
			return false;
		while (step_over(&text, ":00"))
			;
	}
	return *text == '\0';
}

/*
 * As Python and PostgreSQL write it.  The server's reader knows much more, words such as "tomorrow"
 * and names of time zones, about which it raises errors: it sees nothing of that.
 */
bool
patroni_read_time(const char *text, TimestampTz *time)
{
	char		work[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf;
	int			dtype;
	int			tz = 0;
	struct pg_tm tm;
	fsec_t		fsec;

	if (text == NULL || !is_iso_time(text))
		return false;
	return ParseDateTime(text, work, sizeof(work), field, ftype, MAXDATEFIELDS, &nf) == 0 &&
		pgops_decode_datetime(field, ftype, nf, &dtype, &tm, &fsec, &tz) == 0 &&
		dtype == DTK_DATE && tm2timestamp(&tm, fsec, &tz, time) == 0;
}

SpecNode *
patroni_part(const SpecNode *map, const char *key, SpecKind kind, char **problem)
{
	const SpecNode *value = value_of(map, key);

	if (value == NULL)
		return NULL;
	if (value->kind != kind)
	{
		wrong(problem, key, kind == NODE_MAP ? "an object" : "an array");
		return NULL;
	}
	return unconstify(SpecNode *, value);
}

/* A role that a version to come may invent is not known, and no reason to see nothing. */
PatroniRole
patroni_role(const SpecNode *map, const char *key, char **problem)
{
	const char *name = patroni_text(map, key, problem);

	for (int i = 0; name != NULL && i < lengthof(roles); i++)
	{
		if (strcmp(name, roles[i].name) == 0)
			return roles[i].role;
	}
	return PATRONI_UNKNOWN;
}

SpecNode *
patroni_parse(const char *text, SpecKind kind, char **problem)
{
	char	   *fault;
	SpecNode   *root;

	*problem = NULL;
	root = spec_parse_json(text, strlen(text), &fault);
	if (root == NULL)
		*problem = fault;
	else if (root->kind != kind)
		*problem = psprintf("it is not %s", kind == NODE_MAP ? "an object" : "an array");
	return patroni_accept(root, problem);
}

/* What is wrong becomes a sentence, once. */
void *
patroni_accept(void *answer, char **problem)
{
	static const char prefix[] = "the answer is not Patroni's: ";

	if (*problem == NULL)
		return answer;
	if (strncmp(*problem, prefix, strlen(prefix)) != 0)
		*problem = psprintf("%s%s", prefix, *problem);
	return NULL;
}
