/*
 * selector.h
 *		JMESPath filters of services as the server's own jsonpath.
 */
#ifndef PGOPS_SPEC_SELECTOR_H
#define PGOPS_SPEC_SELECTOR_H

/*
 * selector_to_jsonpath
 *		Translates a selector over the list of a cluster's instances ("[]",
 *		"[? pg_role == `replica` && !pg_offline_query ]") to jsonpath text for
 *		a jsonb array of their variables.  Returns NULL and sets *error (a
 *		phrase without a full stop) if it is broken or uses what is not
 *		supported.  palloc'd.
 */
extern char *selector_to_jsonpath(const char *jmespath, char **error);

#endif							/* PGOPS_SPEC_SELECTOR_H */
