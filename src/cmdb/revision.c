/*
 * revision.c
 *		The history of declarations: who, when, what, why.
 *
 * Not for: reading it (pgops.revisions() is SQL).
 */
#include "postgres.h"

#include "cmdb/revision.h"

/*
 * Declarations are serialised by cmdb_lock_declarations(), so the next number
 * is the greatest plus one.  The session user counts, not a role it has set.
 * The cluster's row has its new generation by now; "all" has no row.
 */
void
revision_add(CmdbQuery *query, const char *cluster, const SpecNode *masked,
			 const SpecNode *difference, const char *note)
{
	CmdbRow		args = {0};

	cmdb_put_text(&args, cluster);
	cmdb_put_json(&args, masked);
	cmdb_put_jsonb(&args, node_to_jsonb(difference));
	cmdb_put_text(&args, note);
	cmdb_run(query,
			 "INSERT INTO pgops.revision"
			 " (cluster, revision, generation, document, difference, note,"
			 "  role, application_name, client_addr)"
			 " SELECT $1, COALESCE(max(r.revision), 0) + 1,"
			 "  (SELECT c.generation FROM pgops.cluster AS c WHERE c.name = $1), $2, $3, $4,"
			 "  session_user, current_setting('application_name'), inet_client_addr()"
			 " FROM pgops.revision AS r WHERE r.cluster = $1",
			 &args);
}
