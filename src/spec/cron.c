/*
 * cron.c
 *		Reading cron expressions.
 *
 * Stricter than cron and pg_cron, which pass over what follows a number: what
 * one does not understand here is an error that says where.  Whatever is
 * accepted here means the same there.
 *
 * Not for: when they are true (cron_time.c).
 */
#include "postgres.h"

#include "spec/cron.h"
#include "spec/node.h"

typedef struct CronField
{
	const char *name;
	int			low;
	int			high;
	const char *names;			/* three letters each, from "low" on; NULL: none */
} CronField;

#define FIELD_DAY	2
#define FIELDS		5

static const CronField fields[FIELDS] = {
	{"minute", 0, 59, NULL},
	{"hour", 0, 23, NULL},
	{"day of month", 1, 31, NULL},
	{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
	{"day of week", 0, 7, "sunmontuewedthufrisat"},
};

static const struct
{
	const char *name;
	const char *expression;
}			nicknames[] = {
	{"@hourly", "0 * * * *"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},
	{"@monthly", "0 0 1 * *"},
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
};

/* what one field came to */
typedef struct FieldValue
{
	uint64		bits;
	bool		star;			/* it begins with * */
	bool		last;			/* it is $ */
} FieldValue;

/* the field as a message shows it: it may be anything */
static char *
clipped(const char *field)
{
	return strlen(field) <= 40 ? pstrdup(field) : psprintf("%.*s...", 40, field);
}

static const char *
expected(const CronField *field, const char *found)
{
	return psprintf("%s must be %d to %d%s, not \"%s\"", field->name, field->low, field->high,
					field->names ? " or a name of three letters" : "", clipped(found));
}

/* a number or a name; *at moves behind it; -1: neither */
static int
read_number(const CronField *field, const char **at)
{
	const char *start = *at;
	int			value = 0;

	if (field->names != NULL && strlen(start) >= 3)
	{
		for (int i = 0; field->names[i * 3] != '\0'; i++)
		{
			if (pg_strncasecmp(start, field->names + i * 3, 3) == 0)
			{
				*at = start + 3;
				return field->low + i;
			}
		}
	}
	while (**at >= '0' && **at <= '9' && value < 1000)
		value = value * 10 + (*(*at)++ - '0');
	return *at == start ? -1 : value;
}

/*
 * "*", "5", "1-5", each but the second perhaps with "/2".  Returns what is
 * wrong with it, or NULL.
 */
static const char *
read_range(const CronField *field, const char *item, uint64 *bits)
{
	const char *at = item;
	int			first = field->low;
	int			last = field->high;
	int			step = 1;
	bool		is_range = true;

	if (*at == '*')
		at++;
	else
	{
		first = last = read_number(field, &at);
		is_range = *at == '-';
		if (is_range)
		{
			at++;
			last = read_number(field, &at);
		}
	}
	if (first < field->low || first > field->high || last < field->low || last > field->high)
		return expected(field, item);
	if (last < first)
		return psprintf("the range \"%s\" of %s ends before it begins", clipped(item), field->name);
	if (*at == '/')
	{
		static const CronField steps = {"step", 1, 1000, NULL};

		if (!is_range)
			return psprintf("a step needs * or a range before it in %s, as in */5, not \"%s\"",
							field->name, clipped(item));
		at++;
		step = read_number(&steps, &at);
		if (step < 1 || step > field->high)
			return psprintf("the step of %s must be 1 to %d, not \"%s\"", field->name,
							field->high, clipped(item));
	}
	if (*at != '\0')
		return expected(field, item);
	for (int i = first; i <= last; i += step)
		*bits |= UINT64CONST(1) << i;
	return NULL;
}

/* a list of ranges; the text is cut up */
static const char *
read_field(const CronField *field, char *text, FieldValue *value)
{
	memset(value, 0, sizeof(FieldValue));
	value->star = text[0] == '*';
	if (field == &fields[FIELD_DAY] && strcmp(text, "$") == 0)
	{
		value->last = true;
		return NULL;
	}
	for (char *item = text; item != NULL;)
	{
		char	   *comma = strchr(item, ',');
		const char *problem;

		if (comma != NULL)
			*comma++ = '\0';
		problem = read_range(field, item, &value->bits);
		if (problem != NULL)
			return problem;
		item = comma;
	}
	return NULL;
}

/* the words of a text, palloc'd */
static List *
split_words(const char *text)
{
	List	   *words = NIL;

	for (;;)
	{
		size_t		length;

		text += strspn(text, " \t\r\n");
		length = strcspn(text, " \t\r\n");
		if (length == 0)
			return words;
		words = lappend(words, pnstrdup(text, length));
		text += length;
	}
}

/* a date that no year has: the 31st of June; or of all months that are left, the 30th of February */
static bool
never_comes(const Cron *cron)
{
	static const int lengths[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (cron->last_day || !(cron->any_day || cron->any_weekday))
		return false;
	for (int month = 1; month <= 12; month++)
	{
		if ((cron->months & (1 << month)) &&
			(cron->days & (((UINT64CONST(1) << (lengths[month] + 1)) - 1))))
			return false;
	}
	return true;
}

static const char *
fill(Cron *cron, List *words)
{
	FieldValue	values[FIELDS];

	for (int i = 0; i < FIELDS; i++)
	{
		const char *problem = read_field(&fields[i], pstrdup(list_nth(words, i)), &values[i]);

		if (problem != NULL)
			return problem;
	}
	cron->minutes = values[0].bits;
	cron->hours = (uint32) values[1].bits;
	cron->days = (uint32) values[FIELD_DAY].bits;
	cron->months = (uint16) values[3].bits;
	cron->weekdays = (uint8) (values[4].bits & 0x7f) | (uint8) ((values[4].bits >> 7) & 1);
	cron->last_day = values[FIELD_DAY].last;
	cron->any_day = values[FIELD_DAY].star;
	cron->any_weekday = values[4].star;
	cron->elapsed = values[0].star || values[1].star;
	return never_comes(cron) ? "there is no such day in any of its months" : NULL;
}

/* the five fields that an @name stands for; NULL: it is none */
static const char *
nickname(const char *word)
{
	for (int i = 0; i < lengthof(nicknames); i++)
	{
		if (strcmp(word, nicknames[i].name) == 0)
			return nicknames[i].expression;
	}
	return NULL;
}

/* what may have been meant by something that has not five fields */
static const char *
wrong_count(List *words, const char **hint)
{
	const char *first = words == NIL ? "" : linitial(words);

	*hint = "Write minute, hour, day of month, month and day of week, as in '0 1 * * *', or @daily.";
	if (nickname(first) != NULL)
		return psprintf("nothing may follow %s", first);
	if (first[0] == '@')
	{
		*hint = "Known are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually.";
		return psprintf("\"%s\" is not known", clipped(first));
	}
	if (list_length(words) == 2 && pg_strncasecmp(lsecond(words), "second", 6) == 0)
		*hint = "The shortest interval is a minute: '* * * * *'.";
	return psprintf("five fields are expected, not %d", list_length(words));
}

/* see cron.h */
Cron *
cron_parse(const char *expression, const char **problem, const char **hint)
{
	List	   *words = split_words(expression);
	Cron	   *cron = palloc0(sizeof(Cron));

	*hint = NULL;
	if (list_length(words) == 1 && nickname(linitial(words)) != NULL)
		words = split_words(nickname(linitial(words)));
	if (list_length(words) != FIELDS)
	{
		*problem = wrong_count(words, hint);
		return NULL;
	}
	*problem = fill(cron, words);
	return *problem == NULL ? cron : NULL;
}
