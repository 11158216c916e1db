/*
 * cron.h
 *		Cron expressions: five fields, as cron and pg_cron read them.
 *
 * Pure: the time zone and the time come from the caller.  Not for: what is
 * done at those times (schedule.h), nor lines of a crontab (crontab.h).
 */
#ifndef PGOPS_SPEC_CRON_H
#define PGOPS_SPEC_CRON_H

#include "pgtime.h"
#include "utils/timestamp.h"

typedef struct Cron
{
	uint64		minutes;		/* bit 0 ... 59 */
	uint32		hours;			/* bit 0 ... 23 */
	uint32		days;			/* bit 1 ... 31 */
	uint16		months;			/* bit 1 ... 12 */
	uint8		weekdays;		/* bit 0 (Sunday) ... 6 */
	bool		last_day;		/* "$": the last day of the month, instead of "days" */
	bool		any_day;		/* day of month begins with *: both day fields must fit, */
	bool		any_weekday;	/* likewise day of week; if neither does, one is enough */
	bool		elapsed;		/* minute or hour begins with *: see cron_next() */
} Cron;

/*
 * cron_parse
 *		The expression, palloc'd; NULL and *problem, in words that follow "cron
 *		expression ...: ", and *hint (or NULL) if it is none, or one that never
 *		comes true.
 *
 *		minute hour day-of-month month day-of-week: numbers, names of months and
 *		days (three letters), lists (1,15), ranges (mon-fri), steps (0-30/10, and
 *		of *); 7 is Sunday, as 0; $ is the last day of the month.  Or @hourly,
 *		@daily, @midnight, @weekly, @monthly, @yearly, @annually.
 */
extern Cron *cron_parse(const char *expression, const char **problem, const char **hint);

/*
 * cron_next
 *		First time later than "after" at which the expression is true in a time
 *		zone; a whole minute.  0: none that we could live to see.
 *
 *		Where clocks are put back, what is due at fixed times is due once, at the first of the
 *		two; where they are put forward, a time that is skipped is due as if they
 *		had not been yet, which is how the server reads such a time.  Where minute
 *		or hour begins with *, the time that has elapsed counts: twice in a
 *		repeated hour, not in a skipped one.
 */
extern TimestampTz cron_next(const Cron *cron, TimestampTz after, pg_tz *zone);

/* the last time later than "after" and not later than "until"; 0: none */
extern TimestampTz cron_last(const Cron *cron, TimestampTz after, TimestampTz until,
							 pg_tz *zone);

/*
 * cron_translate
 *		An expression for somebody whose clock is in the zone "other", true
 *		whenever this one is in "zone"; palloc'd.  *exact: it is true at no other
 *		time.  Else it is true at the minutes of every hour that matter, and
 *		whoever is called must look whether it is time.  last_day: whether the
 *		other one knows $.  "now" chooses the offsets that count.
 */
extern char *cron_translate(const Cron *cron, const char *expression, pg_tz *zone, pg_tz *other,
							bool last_day, TimestampTz now, bool *exact);

#endif							/* PGOPS_SPEC_CRON_H */
