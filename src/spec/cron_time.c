/*
 * cron_time.c
 *		When cron expressions are true, in time zones whose clocks are changed.
 *
 * A local time is counted as if it were UTC ("local seconds"); which instant it
 * is depends on the zone's offset then, of which there are two candidates
 * around a change of the clocks.
 *
 * Not for: reading expressions (cron.c).
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/datetime.h"

#include "spec/cron.h"

/*
 * How many days are looked at: the rarest expression, the 29th of February on a
 * certain day of the week, can need forty years.
 */
#define MAX_DAYS	(41 * 366)

#define DAY_SECONDS	((pg_time_t) SECS_PER_DAY)

/* no zone is farther than this from UTC, seconds */
#define MAX_OFFSET	((pg_time_t) 15 * SECS_PER_HOUR)

/* what the zone's clocks are ahead of UTC, seconds */
static pg_time_t
offset_at(pg_time_t instant, pg_tz *zone)
{
	struct pg_tm *tm = pg_localtime(&instant, zone);

	return tm ? tm->tm_gmtoff : 0;
}

static pg_time_t
local_seconds(pg_time_t instant, pg_tz *zone)
{
	return instant + offset_at(instant, zone);
}

/* days since 1970-01-01 */
static int
day_of(pg_time_t local)
{
	return (int) (local >= 0 ? local / DAY_SECONDS : -((-local + DAY_SECONDS - 1) / DAY_SECONDS));
}

static bool
is_last_of_month(int year, int month, int day)
{
	return day == day_tab[isleap(year)][month - 1];
}

static bool
day_fits(const Cron *cron, int day)
{
	int			julian = day + UNIX_EPOCH_JDATE;
	int			year;
	int			month;
	int			mday;
	bool		day_ok;
	bool		weekday_ok;

	j2date(julian, &year, &month, &mday);
	if ((cron->months & (1 << month)) == 0)
		return false;
	day_ok = cron->last_day ? is_last_of_month(year, month, mday) :
		(cron->days & (1U << mday)) != 0;
	weekday_ok = (cron->weekdays & (1 << j2day(julian))) != 0;
	return (cron->any_day || cron->any_weekday) ? day_ok && weekday_ok : day_ok || weekday_ok;
}

/* the zone's offsets before and after a day; most days they are the same */
typedef struct DayOffsets
{
	pg_time_t	before;
	pg_time_t	after;
} DayOffsets;

/*
 * The instant of a local time that is later than "after"; false: none is.  Of two
 * (clocks put back) the first counts, and the second only for expressions
 * that go by the time elapsed; a time that does not exist (put forward) is
 * read with the old offset by the others.
 */
static bool
instant_of(const Cron *cron, pg_time_t local, const DayOffsets *offsets, pg_time_t after,
		   pg_tz *zone, pg_time_t *result)
{
	pg_time_t	first = local - offsets->before;
	pg_time_t	second = local - offsets->after;
	bool		first_exists;
	bool		second_exists;

	*result = first;
	if (first == second)
		return first > after;
	first_exists = offset_at(first, zone) == offsets->before;
	second_exists = offset_at(second, zone) == offsets->after;
	if (first_exists && first > after)
		return true;
	if (second_exists && (!first_exists || cron->elapsed))
	{
		*result = second;
		return second > after;
	}
	return !first_exists && !second_exists && !cron->elapsed && first > after;
}

/* the first time of a day that fits; false: none after "after" */
static bool
first_of_day(const Cron *cron, int day, pg_time_t after, pg_tz *zone, pg_time_t *result)
{
	pg_time_t	midnight = day * DAY_SECONDS;
	DayOffsets	offsets = {
		offset_at(midnight - MAX_OFFSET, zone), offset_at(midnight + DAY_SECONDS + MAX_OFFSET, zone)
	};
	bool		constant = offsets.before == offsets.after;
	bool		found = false;

	for (int hour = 0; hour < HOURS_PER_DAY; hour++)
	{
		if ((cron->hours & (1U << hour)) == 0)
			continue;
		for (int minute = 0; minute < MINS_PER_HOUR; minute++)
		{
			pg_time_t	instant = 0;

			if ((cron->minutes & (UINT64CONST(1) << minute)) == 0 ||
				!instant_of(cron, midnight + hour * SECS_PER_HOUR + minute * SECS_PER_MINUTE,
							&offsets, after, zone, &instant))
				continue;
			if (!found || instant < *result)
				*result = instant;
			found = true;
			if (constant)
				return true;
		}
	}
	return found;
}

/*
 * cron_next begins a day early, since what is left over from yesterday may come
 * after midnight when the clocks are changed then, and compares with the day
 * after for the same reason.
 */
TimestampTz
cron_next(const Cron *cron, TimestampTz after, pg_tz *zone)
{
	pg_time_t	start;
	pg_time_t	best = 0;
	int			day;
	bool		found = false;

	if (TIMESTAMP_NOT_FINITE(after))
		return 0;
	/* rounded towards the past: a fraction of a second is no reason to leave a minute out */
	start = timestamptz_to_time_t(after);
	if (time_t_to_timestamptz(start) > after)
		start--;
	day = day_of(local_seconds(start, zone)) - 1;

	for (int i = 0; i < MAX_DAYS; i++, day++)
	{
		pg_time_t	instant = 0;
		bool		last_look = found;

		if (day_fits(cron, day) && first_of_day(cron, day, start, zone, &instant))
		{
			if (!found || instant < best)
				best = instant;
			found = true;
		}
		if (last_look)
			break;
	}
	return found ? time_t_to_timestamptz(best) : 0;
}

/*
 * cron_last looks from ever earlier starting points, so that neither a year nor
 * the minutes of a year have to be gone through.
 */
TimestampTz
cron_last(const Cron *cron, TimestampTz after, TimestampTz until, pg_tz *zone)
{
	static const int64 hours_back[] = {1, 30, 32 * 24, 367 * 24, 41 * 366 * 24};

	for (int i = 0; i < lengthof(hours_back); i++)
	{
		TimestampTz from = Max(after, until - hours_back[i] * USECS_PER_HOUR);
		TimestampTz last = 0;
		TimestampTz next = cron_next(cron, from, zone);

		while (next != 0 && next <= until)
		{
			last = next;
			next = cron_next(cron, last, zone);
		}
		if (last != 0 || from == after)
			return last;
	}
	return 0;
}

/* ---- for somebody else's clock ---- */

/* by how many minutes of the hour the two clocks differ around now: a bit for each */
static uint64
minute_shifts(pg_tz *zone, pg_tz *other, TimestampTz now)
{
	pg_time_t	start = timestamptz_to_time_t(now);
	uint64		shifts = 0;

	/* clocks are changed for seasons: a look at each month of a year finds all offsets */
	for (int month = -1; month <= 12; month++)
	{
		pg_time_t	at = start + month * 30 * DAY_SECONDS;
		int			shift = (int) ((offset_at(at, other) - offset_at(at, zone)) / SECS_PER_MINUTE);

		shifts |= UINT64CONST(1) << (((shift % MINS_PER_HOUR) + MINS_PER_HOUR) % MINS_PER_HOUR);
	}
	return shifts;
}

static uint64
shifted_minutes(uint64 minutes, uint64 shifts)
{
	uint64		all = 0;

	for (int minute = 0; minute < MINS_PER_HOUR; minute++)
	{
		for (int shift = 0; shift < MINS_PER_HOUR; shift++)
		{
			if ((minutes & (UINT64CONST(1) << minute)) && (shifts & (UINT64CONST(1) << shift)))
				all |= UINT64CONST(1) << ((minute + shift) % MINS_PER_HOUR);
		}
	}
	return all;
}

/* a document may have broken it */
static char *
on_one_line(const char *expression)
{
	char	   *copy = pstrdup(expression + strspn(expression, " \t\r\n"));
	size_t		length = strlen(copy);

	for (char *p = copy; *p != '\0'; p++)
	{
		if (*p == '\r' || *p == '\n')
			*p = ' ';
	}
	while (length > 0 && (copy[length - 1] == ' ' || copy[length - 1] == '\t'))
		copy[--length] = '\0';
	return copy;
}

/* see cron.h; two zones without changes of the clocks and with one offset are one */
char *
cron_translate(const Cron *cron, const char *expression, pg_tz *zone, pg_tz *other,
			   bool last_day, TimestampTz now, bool *exact)
{
	long		own_offset;
	long		other_offset;
	uint64		minutes;
	StringInfoData text;

	*exact = pg_get_timezone_offset(zone, &own_offset) &&
		pg_get_timezone_offset(other, &other_offset) &&
		own_offset == other_offset && (last_day || !cron->last_day);
	if (*exact)
		return on_one_line(expression);

	minutes = shifted_minutes(cron->minutes, minute_shifts(zone, other, now));
	if (minutes == (UINT64CONST(1) << MINS_PER_HOUR) - 1)
		return pstrdup("* * * * *");
	initStringInfo(&text);
	for (int minute = 0; minute < MINS_PER_HOUR; minute++)
	{
		if (minutes & (UINT64CONST(1) << minute))
			appendStringInfo(&text, "%s%d", text.len > 0 ? "," : "", minute);
	}
	appendStringInfoString(&text, " * * * *");
	return text.data;
}
