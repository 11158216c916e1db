/*
 * patroni.c
 *		The door to Patroni: requests that change something.
 *
 * Each is made once and its answer waited for: whether one whose answer did not
 * come was carried out, nobody can know, so it is told and not repeated.
 *
 * Not for: which member is asked, and why (ops/, plan/).
 */
#include "postgres.h"

#include "common/string.h"
#include "mb/pg_wchar.h"

#include "apply/patroni.h"
#include "observe/patroni_facts.h"

/* what was changed shows within this time, as a rule: loop_wait and a bit, ms */
#define HURRY_MS	15000

/* PATCH /config writes to the store of the cluster, which answers within retry_timeout, ms */
#define CONFIG_TIMEOUT_MS	15000

/* The map as JSON in UTF-8. */
static const char *
make_body(const SpecNode *body)
{
	StringInfoData json;

	if (body == NULL)
		return NULL;
	initStringInfo(&json);
	node_to_json(&json, body);
	if (pg_is_ascii(json.data))
		return json.data;
	return pg_server_to_any(json.data, json.len, PG_UTF8);
}

IoHttpResult *
apply_patroni_watched(const PatroniAccess *access, const char *method, const char *path,
					  const SpecNode *body, int timeout_ms, IoHttpTick tick, int tick_ms,
					  void *arg)
{
	IoHttpRequest *request = patroni_request(access, method, path, make_body(body));
	IoHttpResult *result;
	char	   *problem;
	char	   *hint;
	int			sqlstate;

	request->timeout_ms = timeout_ms;
	request->tick = tick;
	request->tick_ms = tick_ms;
	request->tick_arg = arg;
	result = io_http(request);

	/* also after a failure: it may have been carried out, or something else happens there */
	patroni_facts_hurry(HURRY_MS);
	problem = patroni_problem(result, &sqlstate, &hint);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg_internal("%s", problem),
				 hint ? errhint("%s", hint) : 0));
	return result;
}

IoHttpResult *
apply_patroni(const PatroniAccess *access, const char *method, const char *path,
			  const SpecNode *body, int timeout_ms)
{
	return apply_patroni_watched(access, method, path, body, timeout_ms, NULL, 0, NULL);
}

/* Patroni answers with the whole configuration as it is now. */
void
apply_patroni_config(const PatroniAccess *access, const SpecNode *patch)
{
	IoHttpResult *result = apply_patroni(access, "PATCH", "/config", patch, CONFIG_TIMEOUT_MS);
	char	   *problem;

	if (patroni_read_config(result->body, &problem) != NULL)
		patroni_fact_put(PATRONI_FACT_CONFIG, NULL, result->body, access->url);
}
