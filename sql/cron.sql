-- Cron expressions: what is one, what is none, and when they are true in time
-- zones whose clocks are changed.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgops;
SET client_min_messages = notice;
SET timezone = 'UTC';
\set VERBOSITY terse

-- ---- what is none: where, and what was expected
CREATE FUNCTION pg_temp.problem(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said	text;
	hinted	text;
BEGIN
	PERFORM pgops.cron_next(expression);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, hinted = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE, said, NULLIF(hinted, ''));
END
$$;

SELECT pg_temp.problem(e) FROM unnest(ARRAY[
	'', '   ', '* * * *', '* * * * * *', '@reboot', '@Daily', '@daily 1', '30 seconds', 'now',
	'60 * * * *', '-1 * * * *', '1,,2 * * * *', ',1 * * * *', '1, * * * *', '1x * * * *', 'x * * * *',
	'* 24 * * *', '* 1-25 * * *', '* 7-5 * * *', '* 5/2 * * *', '* */0 * * *', '* */24 * * *', '* */ * * *', '* 1-5/ * * *',
	'* * 0 * *', '* * 32 * *', '* * $,1 * *', '* * $/2 * *', '* $ * * *',
	'* * * 0 *', '* * * 13 *', '* * * january *', '* * * jan/2 *',
	'* * * * 8', '* * * * fri-mon', '* * * * sunday', '* * * * mon,', '* * * * **',
	'0 0 31 2 *', '0 0 30,31 2 *', '0 0 31 4,6,9,11 *',
	'1 2 3 4 ' || repeat('5', 200), '99999999999999999999 * * * *'
]) AS e;

-- ---- what is one
SELECT e, pg_temp.problem(e) FROM unnest(ARRAY[
	'@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually',
	' 00  01 * * * ', E'0\t1\t*\t*\t*', E'0 1 * * *\n', '*/7 * * * *', '1-5/2,8,*/30 * * * *', '0 0 1 JAN,feb-Dec/2 Mon-FRI',
	'0 0 $ * *', '0 0 31 2 1', '0 0 29 2 *', '0 0 * * 7', '0 0 * * 0-7', '59 23 31 12 7'
]) AS e;

-- ---- the rules of days
-- both restricted: one is enough; one begins with *: both
SELECT to_char(t, 'Dy DD') FROM pgops.cron_next('0 0 13 * fri', '2026-11-01', 6, 'UTC') AS t;
SELECT to_char(t, 'Dy DD') FROM pgops.cron_next('0 0 */2 * fri', '2026-11-01', 3, 'UTC') AS t;
-- 7 is Sunday, as 0
SELECT to_char(t, 'Dy DD') FROM pgops.cron_next('0 0 * * 7', '2026-11-01', 2, 'UTC') AS t;
SELECT to_char(t, 'Dy DD') FROM pgops.cron_next('0 0 * * 6-7', '2026-11-02', 3, 'UTC') AS t;
-- the last day of the month, and leap years
SELECT t::date FROM pgops.cron_next('0 0 $ * *', '2027-12-31 12:00', 3, 'UTC') AS t;
SELECT t::date FROM pgops.cron_next('0 0 29 2 *', '2096-03-01', 2, 'UTC') AS t;
SELECT to_char(t, 'YYYY-MM-DD Dy') FROM pgops.cron_next('0 0 29 2 */7', '2032-03-01', 1, 'UTC') AS t;
-- later than the time, not at it; fractions of a second
SELECT * FROM pgops.cron_next('0 1 * * *', '2026-01-01 01:00', 1, 'UTC');
SELECT * FROM pgops.cron_next('0 1 * * *', '2026-01-01 00:59:59.999999', 1, 'UTC');
SELECT * FROM pgops.cron_next('0 1 * * *', '1960-01-01 00:59:59.999999', 1, 'UTC');
SELECT count(*) FROM pgops.cron_next('* * * * *', 'infinity', 5);
SELECT count(*) FROM pgops.cron_next('* * * * *', '2026-01-01', 0);
SELECT count(*) FROM pgops.cron_next('* * * * *', '2026-01-01', 3, NULL);
SELECT * FROM pgops.cron_next('* * * * *', '2026-01-01', 1, 'Middle-Earth/Shire');

-- ---- clocks that are changed
-- Berlin, 29 March 2026: 02:00 becomes 03:00; 25 October: 03:00 becomes 02:00
SELECT t AT TIME ZONE 'Europe/Berlin' AS local, t FROM pgops.cron_next('30 2 * * *', '2026-03-27 12:00', 4, 'Europe/Berlin') AS t;
SELECT t AT TIME ZONE 'Europe/Berlin' AS local, t FROM pgops.cron_next('30 2 * * *', '2026-10-23 12:00', 4, 'Europe/Berlin') AS t;
SELECT t AT TIME ZONE 'Europe/Berlin' AS local, t FROM pgops.cron_next('30 * * * *', '2026-03-28 23:00', 4, 'Europe/Berlin') AS t;
SELECT t AT TIME ZONE 'Europe/Berlin' AS local, t FROM pgops.cron_next('30 * * * *', '2026-10-24 23:00', 4, 'Europe/Berlin') AS t;

-- ---- against the server's own arithmetic, local time by local time
CREATE TEMP TABLE expression (
	text text, minutes int[], hours int[], days int[], months int[], weekdays int[],
	both_days boolean, elapsed boolean
);
INSERT INTO expression VALUES
	('*/20 0-4,22,23 * * *', '{0,20,40}', '{0,1,2,3,4,22,23}', ARRAY(SELECT generate_series(1, 31)),
	 ARRAY(SELECT generate_series(1, 12)), '{0,1,2,3,4,5,6}', true, true),
	('0,15,30,45 0-3 * * *', '{0,15,30,45}', '{0,1,2,3}', ARRAY(SELECT generate_series(1, 31)),
	 ARRAY(SELECT generate_series(1, 12)), '{0,1,2,3,4,5,6}', true, false),
	('15 2 * * sun', '{15}', '{2}', ARRAY(SELECT generate_series(1, 31)),
	 ARRAY(SELECT generate_series(1, 12)), '{0}', true, false),
	('*/15 1-2 * mar,oct,nov 0', '{0,15,30,45}', '{1,2}', ARRAY(SELECT generate_series(1, 31)),
	 '{3,10,11}', '{0}', true, true),
	('59 23 1,15,31 * 1-5', '{59}', '{23}', '{1,15,31}', ARRAY(SELECT generate_series(1, 12)), '{1,2,3,4,5}', false, false),
	('0 0 29 2 *', '{0}', '{0}', '{29}', '{2}', '{0,1,2,3,4,5,6}', true, false),
	('7-50/13 4,16 10-20/5 1-12/4 */3', '{7,20,33,46}', '{4,16}', '{10,15,20}', '{1,5,9}', '{0,3,6}', true, false);

CREATE FUNCTION pg_temp.expected(e expression, zone text, since timestamptz, until timestamptz)
RETURNS SETOF timestamptz LANGUAGE sql AS $$
	SELECT DISTINCT i.at
	FROM generate_series((since - interval '2 days')::date, (until + interval '2 days')::date, interval '1 day') AS d (day)
	CROSS JOIN unnest(e.hours) AS h (hour)
	CROSS JOIN unnest(e.minutes) AS m (minute)
	CROSS JOIN LATERAL (SELECT d.day::timestamp + make_interval(hours => h.hour, mins => m.minute)) AS l (local)
	CROSS JOIN LATERAL (
		SELECT array_agg(c.at ORDER BY c.at)
		FROM (SELECT (l.local AT TIME ZONE zone) + s * interval '30 min' FROM generate_series(-2, 2) AS s) AS c (at)
		WHERE c.at AT TIME ZONE zone = l.local) AS real (times)
	CROSS JOIN LATERAL unnest(CASE WHEN e.elapsed THEN real.times
								   WHEN real.times IS NULL THEN ARRAY[l.local AT TIME ZONE zone]
								   ELSE real.times[1:1] END) AS i (at)
	WHERE EXTRACT(month FROM d.day) = ANY (e.months)
	  AND CASE WHEN e.both_days
			   THEN EXTRACT(day FROM d.day) = ANY (e.days) AND EXTRACT(dow FROM d.day) = ANY (e.weekdays)
			   ELSE EXTRACT(day FROM d.day) = ANY (e.days) OR EXTRACT(dow FROM d.day) = ANY (e.weekdays) END
	  AND i.at > since AND i.at <= until
$$;

CREATE FUNCTION pg_temp.found(e expression, zone text, since timestamptz, until timestamptz)
RETURNS SETOF timestamptz LANGUAGE sql AS $$
	SELECT t FROM pgops.cron_next(e.text, since, 30000, zone) AS t WHERE t <= until
$$;

-- a year with both changes, and past, so that nobody decides otherwise any more;
-- Havana's clocks change at midnight, Lord Howe's by half an hour, Casablanca's
-- twice around Ramadan, Kolkata's never
SELECT e.text, z.zone, count(a) AS expected, count(b) AS found,
	   count(*) FILTER (WHERE a IS NULL OR b IS NULL) AS differences
FROM (VALUES ('UTC'), ('Europe/Berlin'), ('America/New_York'), ('Asia/Kolkata'), ('Australia/Lord_Howe'),
	  ('America/Havana'), ('Africa/Casablanca')) AS z (zone)
CROSS JOIN expression AS e
CROSS JOIN LATERAL (
	SELECT a, b FROM pg_temp.expected(e, z.zone, '2024-01-01', '2025-01-01') AS a
	FULL JOIN pg_temp.found(e, z.zone, '2024-01-01', '2025-01-01') AS b ON a = b) AS both_sides
GROUP BY e.text, z.zone
ORDER BY 1, 2;
