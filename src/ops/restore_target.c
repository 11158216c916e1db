/*
 * restore_target.c
 *		The target of a restore, from arguments.
 *
 * All that is wrong with the arguments is told at once: who restores is in a
 * hurry.
 *
 * Not for: whether the backups can reach it (restore_window.c), what pgBackRest
 * and people are told of it (restore_options.c).
 */
#include "postgres.h"

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "errors.h"
#include "format.h"
#include "ops/restore.h"

/* restore points have no longer names: MAXFNAMELEN of the server */
#define MAX_POINT_NAME	63
#define MAX_PROCESSES	64

typedef struct Reading
{
	const SpecNode *args;
	RestoreTarget *target;
	List	   *problems;		/* of char * */
	List	   *hints;			/* of char * */
} Reading;

static void problem(Reading *reading, const char *hint, const char *format,...)
			pg_attribute_printf(3, 4);

/* hint: or NULL */
static void
problem(Reading *reading, const char *hint, const char *format,...)
{
	StringInfoData text;

	initStringInfo(&text);
	FORMAT_ARGUMENTS(&text, format);
	reading->problems = lappend(reading->problems, text.data);
	if (hint != NULL)
		reading->hints = lappend(reading->hints, pstrdup(hint));
}

static char *
joined(List *texts, const char *between)
{
	StringInfoData all;
	ListCell   *cell;

	initStringInfo(&all);
	foreach(cell, texts)
		appendStringInfo(&all, "%s%s", all.len > 0 ? between : "", (char *) lfirst(cell));
	return all.data;
}

static void
raise_problems(const Reading *reading)
{
	int			count = list_length(reading->problems);

	if (count == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 count == 1 ? errmsg("cannot restore: %s", (char *) linitial(reading->problems)) :
			 errmsg("cannot restore: %d things are wrong", count),
			 count == 1 ? 0 : errdetail("%s", joined(reading->problems, "\n")),
			 reading->hints == NIL ? 0 : errhint("%s", joined(reading->hints, "\n"))));
}

/* text of an argument that is there and not empty; else NULL */
static const char *
given(const Reading *reading, const char *name)
{
	const SpecNode *node = node_get(reading->args, name);
	const char *text = node != NULL ? node_text(node) : NULL;

	return text != NULL && *text != '\0' ? text : NULL;
}

/* ---- the target itself ---- */

/* "time", in UTC, as the server and pgBackRest read it in any session */
static char *
time_value(TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return psprintf("%04d-%02d-%02d %02d:%02d:%02d.%06d+00", tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

/* as if the session were in this zone; false: it is no time */
static bool
parse_time(const char *text, pg_tz *zone, TimestampTz *time)
{
	pg_tz	   *session = session_timezone;
	char		work[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf;
	int			dtype;
	int			tz = 0;
	int			result;
	struct pg_tm tm;
	fsec_t		fsec;

	if (ParseDateTime(text, work, sizeof(work), field, ftype, MAXDATEFIELDS, &nf) != 0)
		return false;

	/* reports by its result and raises nothing that would skip the restoring */
	session_timezone = zone;
	result = pgops_decode_datetime(field, ftype, nf, &dtype, &tm, &fsec, &tz);
	session_timezone = session;
	return result == 0 && dtype == DTK_DATE && tm2timestamp(&tm, fsec, &tz, time) == 0;
}

/*
 * A time without zone means the session's, which is told: restoring to another
 * hour than one meant is found out late.  It has none if it means something
 * else elsewhere.
 */
static void
read_time(Reading *reading, const char *text)
{
	RestoreTarget *target = reading->target;
	TimestampTz elsewhere;

	if (!parse_time(text, session_timezone, &target->time))
	{
		problem(reading, "Give the time like this: 2030-12-31 14:00:00+00.",
				"\"%s\" is no point in time", text);
		return;
	}
	if (parse_time(text, pg_tzset_offset(-7 * SECS_PER_HOUR - 13), &elsewhere) &&
		elsewhere != target->time)
		ereport(NOTICE,
				(errmsg("time \"%s\" is understood as %s", text,
						timestamptz_to_str(target->time)),
				 errdetail("It has no time zone; that of this session is \"%s\".",
						   pg_get_timezone_name(session_timezone))));
	target->value = time_value(target->time);
}

/*
 * The server compares 32 bits.  A full transaction number, as
 * pg_current_xact_id() shows it, has the epoch in front, which is refused
 * rather than cut off: it may be of another epoch.
 */
static void
read_xid(Reading *reading, const char *text)
{
	char	   *end;
	uint64		xid;

	errno = 0;
	xid = strtou64(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || !isdigit((unsigned char) *text))
		problem(reading, NULL, "\"%s\" is no transaction number", text);
	else if (xid > PG_UINT32_MAX)
		problem(reading,
				psprintf("If " UINT64_FORMAT " is a number with its epoch, the transaction is " UINT64_FORMAT ".",
						 xid, xid & PG_UINT32_MAX),
				"transaction number %s is not between 1 and 4294967295", text);
	else if (xid == 0)
		problem(reading, NULL, "transaction number 0 is not between 1 and 4294967295");
	reading->target->value = pstrdup(text);
}

static void
read_lsn(Reading *reading, const char *text)
{
	size_t		high = strspn(text, "0123456789abcdefABCDEF");
	size_t		low = text[high] == '/' ?
		strspn(text + high + 1, "0123456789abcdefABCDEF") : 0;

	if (high < 1 || high > 8 || low < 1 || low > 8 || text[high + 1 + low] != '\0')
		problem(reading, NULL, "\"%s\" is no LSN (like 0/3000148)", text);
	else
		reading->target->value = pstrdup(text);
}

static void
read_point(Reading *reading, const char *text)
{
	if (strlen(text) > MAX_POINT_NAME)
		problem(reading, NULL, "the name of the restore point is longer than %d bytes",
				MAX_POINT_NAME);
	for (const char *p = text; *p; p++)
	{
		if ((unsigned char) *p < ' ')
		{
			problem(reading, NULL, "the name of the restore point holds a control character");
			break;
		}
	}
	reading->target->value = pstrdup(text);
}

static const struct
{
	const char *name;			/* of the argument, and the type as pg_pitr and pgBackRest call it */
	RestoreType type;
	void		(*read) (Reading *reading, const char *text);
	bool		may_exclude;	/* whether the server can stop before it */
}			kinds_of_target[] = {
	{"time", RESTORE_TIME, read_time, true},
	{"xid", RESTORE_XID, read_xid, true},
	{"lsn", RESTORE_LSN, read_lsn, true},
	{"name", RESTORE_NAME, read_point, false},
	{"immediate", RESTORE_IMMEDIATE, NULL, false},
	{"latest", RESTORE_LATEST, NULL, false},
	{"default", RESTORE_LATEST, NULL, false},
};

/* whether the type needs no value: immediate, latest */
static bool
is_bare(int kind)
{
	return kinds_of_target[kind].read == NULL;
}

/* index of the kind that "type" names; -1: not given, or wrong (told) */
static int
declared_kind(Reading *reading)
{
	const char *type = given(reading, "type");

	if (type == NULL)
		return -1;
	for (int i = 0; i < lengthof(kinds_of_target); i++)
	{
		if (strcmp(kinds_of_target[i].name, type) == 0)
			return i;
	}
	problem(reading, NULL,
			"type \"%s\" is none of latest, time, xid, lsn, name, immediate", type);
	return -1;
}

/* At most one of the values; "type" must agree with it. */
static void
read_target(Reading *reading)
{
	RestoreTarget *target = reading->target;
	int			declared = declared_kind(reading);
	List	   *found = NIL;
	int			kind = -1;

	for (int i = 0; i < lengthof(kinds_of_target); i++)
	{
		if (!is_bare(i) && given(reading, kinds_of_target[i].name) != NULL)
		{
			found = lappend(found, unconstify(char *, kinds_of_target[i].name));
			kinds_of_target[i].read(reading, given(reading, kinds_of_target[i].name));
			kind = i;
		}
	}
	if (list_length(found) > 1)
		problem(reading, "Give one of them, the others mean other points.",
				"contradictory targets: %s", joined(found, ", "));
	if (declared >= 0 && kind < 0 && !is_bare(declared))
		problem(reading, NULL, "the target is of type \"%s\", but no %s is given",
				kinds_of_target[declared].name, kinds_of_target[declared].name);
	if (declared >= 0 && kind >= 0 && declared != kind)
		problem(reading, NULL, "the target is of type \"%s\", but a %s is given",
				kinds_of_target[declared].name, kinds_of_target[kind].name);
	if (kind < 0)
		kind = declared;
	target->type = kind >= 0 ? kinds_of_target[kind].type : RESTORE_LATEST;
	if (target->exclusive && (kind < 0 || !kinds_of_target[kind].may_exclude))
		problem(reading, NULL, "exclusive is for a time, an xid or an LSN only");
}

/* ---- the rest ---- */

static bool
read_bool(Reading *reading, const char *name)
{
	const char *text = given(reading, name);
	bool		value = false;

	if (text != NULL && !parse_bool(text, &value))
		problem(reading, NULL, "%s is \"%s\", which is neither true nor false", name, text);
	return value;
}

static int
read_int(Reading *reading, const char *name, int max)
{
	const char *text = given(reading, name);
	char	   *end;
	long		value;

	if (text == NULL)
		return 0;
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < 1 || value > max)
	{
		problem(reading, NULL, "%s is \"%s\", which is no number between 1 and %d", name, text, max);
		return 0;
	}
	return (int) value;
}

static void
read_action(Reading *reading)
{
	const char *action = given(reading, "action");

	reading->target->action = pstrdup(action != NULL ? action : "pause");
	if (action != NULL && strcmp(action, "pause") != 0 && strcmp(action, "promote") != 0 &&
		strcmp(action, "shutdown") != 0)
		problem(reading, NULL, "action \"%s\" is none of pause, promote, shutdown", action);
	else if (action != NULL && strcmp(action, "promote") != 0 &&
			 reading->target->type == RESTORE_LATEST)
		problem(reading,
				"Recovery to the end of the archive has no target to stop at: the server accepts writes then.",
				"action \"%s\" needs a target", action);
}

static void
read_timeline(Reading *reading)
{
	const char *timeline = given(reading, "timeline");

	if (timeline == NULL)
		return;
	reading->target->timeline = pstrdup(timeline);
	if (strcmp(timeline, "latest") == 0 || strcmp(timeline, "current") == 0)
		return;
	if (strspn(timeline, "0123456789") != strlen(timeline) || strlen(timeline) > 9 ||
		strspn(timeline, "0") == strlen(timeline))
		problem(reading, NULL,
				"timeline \"%s\" is neither a number from 1 on nor latest nor current", timeline);
}

/* a list of names, or one name */
static List *
read_names(Reading *reading, const char *name)
{
	const SpecNode *node = node_get(reading->args, name);
	List	   *names = NIL;
	ListCell   *cell;

	if (node == NULL || node->kind == NODE_NULL)
		return NIL;
	if (node->kind != NODE_LIST)
	{
		problem(reading, NULL, "%s is no list of databases", name);
		return NIL;
	}
	foreach(cell, node->items)
	{
		const char *text = node_text(lfirst(cell));

		if (text == NULL || *text == '\0' || strlen(text) >= NAMEDATALEN)
			problem(reading, NULL, "%s holds something that is no name of a database", name);
		else
			names = lappend(names, pstrdup(text));
	}
	return names;
}

/* Those that a server cannot be without are always restored; naming them is refused by pgBackRest. */
static List *
without_system(Reading *reading, List *names, const char *list)
{
	List	   *others = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		char	   *name = lfirst(cell);

		if (strcmp(name, "postgres") != 0 && strcmp(name, "template0") != 0 &&
			strcmp(name, "template1") != 0)
			others = lappend(others, name);
	}
	if (names != NIL && others == NIL && strcmp(list, "db_include") == 0)
		problem(reading, "To have only these, name all others in db_exclude.",
				"db_include names only databases that are always restored");
	return others;
}

static void
read_databases(Reading *reading)
{
	reading->target->db_include =
		without_system(reading, read_names(reading, "db_include"), "db_include");
	reading->target->db_exclude =
		without_system(reading, read_names(reading, "db_exclude"), "db_exclude");
	if (reading->target->db_include != NIL && reading->target->db_exclude != NIL)
		problem(reading, NULL, "db_include and db_exclude contradict each other");
}

/* what is wrong with the place a link is to lead to, or NULL */
static const char *
link_problem(const char *path)
{
	char	   *parent = pstrdup(path);
	struct stat st;

	if (!is_absolute_path(path))
		return "is not absolute";
	get_parent_directory(parent);
	if (stat(parent, &st) != 0 || !S_ISDIR(st.st_mode))
		return "is in no directory that exists";
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && pg_check_dir(path) > 1)
		return "is not empty";
	if (path_is_prefix_of_path(DataDir, path))
		return "is inside the data directory of this server";
	return NULL;
}

static void
read_links(Reading *reading)
{
	SpecNode   *map = node_get(reading->args, "link_map");
	ListCell   *cell;

	if (map == NULL || map->kind == NODE_NULL)
		return;
	if (map->kind != NODE_MAP)
	{
		problem(reading, NULL, "link_map is no map of names to paths");
		return;
	}
	foreach(cell, map->entries)
	{
		SpecEntry  *entry = lfirst(cell);
		const char *path = node_text(entry->value);
		const char *wrong = path != NULL ? link_problem(path) : "is no path";

		if (wrong != NULL)
			problem(reading, NULL, "link_map: \"%s\" for %s %s", path != NULL ? path : "",
					entry->key, wrong);
	}
	if (map->entries != NIL)
		reading->target->link_map = node_copy(map);
}

/* pgBackRest's labels are YYYYMMDD-HHMMSSF, then _YYYYMMDD-HHMMSS and D or I */
static void
read_set(Reading *reading)
{
	const char *set = given(reading, "set");

	if (set == NULL || strcmp(set, "latest") == 0)
		return;
	if (strspn(set, "0123456789-FDI_") != strlen(set))
		problem(reading, "SELECT label FROM pgops.backups lists them.",
				"\"%s\" is no label of a backup", set);
	reading->target->set = pstrdup(set);
}

/* "repo" may be the definition of one, as in the field: then it is whatever is configured */
static void
read_repo(Reading *reading)
{
	const SpecNode *repo = node_get(reading->args, "repo");

	if (repo != NULL && repo->kind == NODE_MAP)
	{
		if (repo->entries != NIL)
			problem(reading, "Declare it in pgbackrest_repo, then give its number.",
					"repo is a definition, which only the declaration can hold");
		return;
	}
	reading->target->repo = read_int(reading, "repo", 256);
}

/* Names of stanzas become words of a command and parts of paths. */
static void
read_stanza(Reading *reading)
{
	const char *cluster = given(reading, "cluster");

	if (cluster == NULL)
		return;
	if (*cluster == '-' || strpbrk(cluster, "/\\'\"") != NULL)
		problem(reading, NULL, "\"%s\" is no name of a cluster", cluster);
	reading->target->stanza = pstrdup(cluster);
}

RestoreTarget *
restore_target(const SpecNode *args)
{
	RestoreTarget *target = palloc0(sizeof(RestoreTarget));
	Reading		reading = {.args = args, .target = target};

	target->exclusive = read_bool(&reading, "exclusive");
	target->delta = read_bool(&reading, "delta");
	read_target(&reading);
	read_action(&reading);
	read_timeline(&reading);
	read_databases(&reading);
	read_links(&reading);
	read_set(&reading);
	read_repo(&reading);
	read_stanza(&reading);
	target->processes = read_int(&reading, "process", MAX_PROCESSES);
	raise_problems(&reading);
	return target;
}
