/*
 * Who may do what: superusers everything, members of pg_monitor may look,
 * others nothing.  Tables that hold verifiers, secrets or documents stay with
 * superusers.  This file is the only one that grants.
 */

REVOKE ALL ON SCHEMA pgops FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA pgops FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA pgops FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgops FROM PUBLIC;

GRANT USAGE ON SCHEMA pgops TO pg_monitor;

GRANT SELECT ON
	pgops.parameter, pgops.rules, pgops.status, pgops.drift, pgops.actions,
	pgops.action_log
	TO pg_monitor;

/* a view calls its functions with the rights of who reads it */
GRANT EXECUTE ON FUNCTION
	pgops.show_parameters(), pgops.show_rules(), pgops.plan(text),
	pgops.local_cluster(), pgops.version(), pgops.coordinator()
	TO pg_monitor;
