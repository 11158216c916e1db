/*
 * push_outcome.c
 *		What is remembered of a push, and when its server is called again.
 *
 * Not for: storing it (push.c).
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "guc.h"
#include "worker/push_parts.h"

/* doubled from pgops.retry_delay with each failure */
static long
retry_ms(int attempts)
{
	long		delay = pgops_guc_retry_delay;

	for (int i = 1; i < attempts && delay < PUSH_MAX_DELAY_MS; i++)
		delay *= 2;
	return Min(delay, PUSH_MAX_DELAY_MS);
}

/* likewise with each look that finds it not settled yet */
static long
refresh_ms(const Push *push, const PushStatus *earlier)
{
	if (push->delivered || earlier == NULL || earlier->next_attempt == 0 ||
		earlier->next_attempt <= earlier->last_attempt)
		return retry_ms(1);
	return Min((earlier->next_attempt - earlier->last_attempt) / 1000 * 2, PUSH_MAX_DELAY_MS);
}

/* nothing is under way there, and nothing is wrong */
static bool
is_well(const Push *push)
{
	return push_is_settled(push) && (strcmp(push->phase, "converged") == 0 ||
									 strcmp(push->phase, "observing") == 0);
}

/*
 * What was not heard of stays as it was last told.  A failure does not take
 * back what was delivered, it only says that nothing newer is known.
 */
void
push_outcome(const Push *push, const PushStatus *earlier, PushStatus *status)
{
	TimestampTz now = GetCurrentTimestamp();
	long		delay = 0;

	if (earlier != NULL)
		*status = *earlier;
	status->cluster = push->target->cluster;
	status->pg_cluster = push->target->pg_cluster;
	if (push->host != NULL)
		status->host = push->host;
	status->tried_generation = push->group->generation;
	if (push->delivered)
		status->pushed_generation = push->group->generation;
	if (push->phase != NULL)
	{
		status->phase = push->phase;
		status->message = push->message;
		status->remote_generation = push->remote_generation;
		status->observed_generation = push->observed_generation;
	}
	status->last_attempt = now;
	if (push->contact)
		status->last_contact = now;
	status->sqlstate = push->error ? push->sqlstate : NULL;
	status->error = push->error;
	status->attempts = push->error ? status->attempts + 1 : 0;
	if (push->error)
		delay = retry_ms(status->attempts);
	else
		delay = is_well(push) ? PUSH_REST_MS : refresh_ms(push, earlier);
	status->next_attempt = push->target->automatic && delay > 0 ?
		TimestampTzPlusMilliseconds(now, delay) : 0;
}

static char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

PushReport *
push_report(const char *state, int64 changes, const PushStatus *status)
{
	PushReport *report = palloc(sizeof(PushReport));

	report->state = state;
	report->changes = changes;
	report->status = *status;
	report->status.cluster = pstrdup(status->cluster);
	report->status.pg_cluster = pstrdup(status->pg_cluster);
	report->status.host = copy_text(status->host);
	report->status.phase = copy_text(status->phase);
	report->status.message = copy_text(status->message);
	report->status.sqlstate = copy_text(status->sqlstate);
	report->status.error = copy_text(status->error);
	return report;
}
