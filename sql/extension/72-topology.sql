/*
 * The declared members of a cluster beside those that Patroni has.
 *
 * Not for: what Patroni says of each member (64-ha.sql).
 */
CREATE FUNCTION pgops.show_topology()
RETURNS TABLE (
	instance		text,
	host			text,
	port			integer,
	declared_role	text,
	actual_role		text,
	member			text,
	state			text,
	problem			text,
	as_of			timestamptz
)
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 5
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_show_topology';

COMMENT ON FUNCTION pgops.show_topology() IS
'The instances that are declared for this server''s cluster, and the members that Patroni has, side by side: one row for each instance, then one for each member that nobody declares.

Result: instance (NULL: not declared), host and port (as declared; of a member that is not declared as Patroni has them), declared_role (pg_role), actual_role (leader, standby_leader, replica, sync_standby, quorum_standby; NULL: no member), member (Patroni''s name for it), state (what Patroni says: running, streaming, stopped, ...), problem (where both differ; NULL: they fit), as_of (when Patroni said so). An instance and a member are the same if they have the same name, else if they have the same address and port. No rows where Patroni does not run this server, or has not been heard of since its start.

Works on every member, with what Patroni said last.

Example: SELECT instance, member, declared_role, actual_role, state FROM pgops.show_topology();';

CREATE VIEW pgops.topology_drift AS
	SELECT t.instance, t.host, t.port, t.declared_role, t.actual_role, t.member, t.state,
		   t.problem, t.as_of
	FROM pgops.show_topology() AS t
	WHERE t.problem IS NOT NULL;

COMMENT ON VIEW pgops.topology_drift IS
'Where the members of this server''s cluster are not what is declared: an instance that is no member of Patroni''s or does not run, a member that nobody declares, a declared primary that is a replica since a failover or switchover, and the other way round. Empty when reality fits, and where Patroni does not run this server.

pgops acts by what a server is, not by what it is declared as: a row here is to be known, not to be feared. pgops.accept_topology() declares the roles as they are.

Example: SELECT instance, member, problem FROM pgops.topology_drift;';
COMMENT ON COLUMN pgops.topology_drift.instance IS 'Name of the declared instance; NULL: the member is not declared.';
COMMENT ON COLUMN pgops.topology_drift.host IS 'Its host as it is declared; of a member that is not declared, its address.';
COMMENT ON COLUMN pgops.topology_drift.port IS 'Port of the server.';
COMMENT ON COLUMN pgops.topology_drift.declared_role IS 'pg_role: primary, replica, offline, standby or delayed.';
COMMENT ON COLUMN pgops.topology_drift.actual_role IS 'leader, standby_leader, replica, sync_standby, quorum_standby or unknown; NULL: no member.';
COMMENT ON COLUMN pgops.topology_drift.member IS 'Patroni''s name for it; NULL: no member.';
COMMENT ON COLUMN pgops.topology_drift.state IS 'What Patroni says of its server: running, streaming, stopped, start failed, ...';
COMMENT ON COLUMN pgops.topology_drift.problem IS 'What does not fit.';
COMMENT ON COLUMN pgops.topology_drift.as_of IS 'When Patroni said so.';

CREATE FUNCTION pgops.accept_topology(note text DEFAULT NULL)
RETURNS TABLE (
	instance	text,
	host		text,
	old_role	text,
	new_role	text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_accept_topology';

COMMENT ON FUNCTION pgops.accept_topology(text) IS
'Declares the roles of this server''s cluster as they are now: the leader becomes the primary (pg_role of its host), the declared primary a replica, if it is none any more. Other roles (replica, offline, standby, delayed) stay. One revision.

Arguments:
  note  kept with the revision; NULL: "topology accepted"

Result, one row per change: instance, host, old_role, new_role. No rows: everything is declared as it is, and no revision is made.

Errors: PO610 if Patroni does not run this server, PO611 if there is no leader now, what Patroni said is old, or the leader is not declared, 25006 on a standby (the hint names the leader), PO706 if Patroni does not say that this server is the leader, PO700 if it is bound to no instance, and what pgops.apply_cluster() raises.

Example: SELECT * FROM pgops.accept_topology(''switchover for maintenance of 10.10.10.11'');';
