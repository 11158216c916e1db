/*
 * steer_request.c
 *		To whom requests that steer go, and what a lost answer means.
 *
 * Any member's Patroni takes those about the cluster, since it only writes them into the
 * common store; those about a member that member's own.
 *
 * Not for: the request itself (apply/patroni.h).
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "apply/patroni.h"
#include "cmdb/extension.h"
#include "errors.h"
#include "ops/steer.h"

/* how this member's own Patroni is reached: the others take the same user and password */
static PatroniAccess *
own_access(Job *job)
{
	MemoryContext old;
	PatroniAccess *access;

	job_begin(job);
	old = MemoryContextSwitchTo(job->context);
	access = patroni_access();
	MemoryContextSwitchTo(old);
	txn_end();
	if (access == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_PATRONI),
				 errmsg("it is not known where Patroni's REST API is"),
				 errhint("Set pgops.patroni_url.")));
	job_secret(job, access->password);
	return access;
}

/* one that did not answer just now is not asked */
static const char *
url_of(const PatroniSeen *seen)
{
	return seen != NULL && seen->node != NULL ? seen->member->api_url : NULL;
}

/* In the order of who knows best, and is nearest. */
PatroniAccess *
steer_access(Job *job, const SteerScene *scene)
{
	PatroniAccess *own = own_access(job);
	const char *url = url_of(scene->view->leader);
	ListCell   *cell;

	if (scene->view->own != NULL)
		return own;
	foreach(cell, scene->view->members)
	{
		if (url == NULL)
			url = url_of(lfirst(cell));
	}
	return url != NULL ? patroni_access_to(own, url) : own;
}

/* This very member is reached as the settings say, which may be another way. */
PatroniAccess *
steer_access_to(Job *job, const PatroniSeen *seen)
{
	PatroniAccess *own = own_access(job);

	if (seen->is_self || seen->member->api_url == NULL)
		return own;
	return patroni_access_to(own, seen->member->api_url);
}

/* whether what was asked for may have been done, although there is no answer that says so */
static bool
is_lost(int sqlstate)
{
	return sqlstate == ERRCODE_PGOPS_HTTP_TIMEOUT || sqlstate == ERRCODE_PGOPS_HTTP_PROTOCOL;
}

/* What the answer says is for the job's log: Patroni's own words. */
bool
steer_post(Job *job, const PatroniAccess *access, const char *method, const char *path,
		   const SpecNode *body, int timeout_ms, IoHttpTick tick, int tick_ms, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool answered = true;

	PG_TRY();
	{
		IoHttpResult *result = apply_patroni_watched(access, method, path, body, timeout_ms,
													 tick, tick_ms, arg);

		if (result->body != NULL && result->length < 300 && strchr(result->body, '\n') == NULL)
			job_note(job, "Patroni: %s", result->body);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (!is_lost(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		job_note(job, "%s; whether it is done all the same will show", error->message);
		answered = false;
	}
	PG_END_TRY();
	return answered;
}
