/*
 * Seeing: what Patroni says of the cluster, what replication says, and where
 * services can be reached because of it.
 *
 * The functions read shared memory, which the HA worker of each server keeps, and
 * ask nobody: the views work on standbys, and when Patroni is down.
 *
 * Not for: making Patroni do something (66-steer.sql).
 */

/* ---- what is kept of Patroni's answers ---- */
CREATE FUNCTION pgops.show_members()
RETURNS TABLE (
	name					text,
	host					text,
	port					integer,
	role					text,
	state					text,
	timeline				integer,
	lag_bytes				bigint,
	receive_lsn				pg_lsn,
	replay_lsn				pg_lsn,
	lag_seconds				double precision,
	tags					jsonb,
	pending_restart			boolean,
	pending_restart_reason	jsonb,
	scheduled_restart		jsonb,
	sync_state				text,
	patroni_version			text,
	server_version			integer,
	is_self					boolean,
	api_url					text,
	observed_at				timestamptz,
	problem					text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 3
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_show_members';

COMMENT ON FUNCTION pgops.show_members() IS
'The members of the Patroni cluster that this server belongs to, as they were seen last: for the view pgops.members, which explains the columns. No row where there is no Patroni, or nobody has answered since the server was started.';

CREATE FUNCTION pgops.show_ha_status()
RETURNS TABLE (
	scope						text,
	member						text,
	leader						text,
	leader_is_self				boolean,
	timeline					integer,
	patroni						text,
	problem						text,
	sqlstate					text,
	paused						boolean,
	failsafe_active				boolean,
	members						integer,
	members_running				integer,
	dcs_reachable				boolean,
	dcs_last_seen				timestamptz,
	sync_mode					text,
	sync_standbys				text[],
	scheduled_switchover_at		timestamptz,
	scheduled_switchover_from	text,
	scheduled_switchover_to		text,
	loss_guarded				boolean,
	loss_bytes					bigint,
	loss_seconds				double precision,
	maximum_lag_on_failover		bigint,
	candidates					text[],
	can_failover				boolean,
	failover_reason				text,
	observed_at					timestamptz
)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_show_ha_status';

COMMENT ON FUNCTION pgops.show_ha_status() IS
'The state of the Patroni cluster as it was seen last: for the view pgops.ha_status, which explains the columns. Besides there are loss_guarded (whether synchronous replication sees to it that nothing is lost), loss_bytes and loss_seconds (as of the last look). Always one row.';

CREATE FUNCTION pgops.show_ha_history()
RETURNS TABLE (
	timeline	integer,
	ended_at	pg_lsn,
	reason		text,
	at			timestamptz,
	new_leader	text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_show_ha_history';

COMMENT ON FUNCTION pgops.show_ha_history() IS
'The timelines that have ended, as Patroni told them last: for the view pgops.ha_history.';

CREATE FUNCTION pgops.local_instance()
RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_local_instance';

COMMENT ON FUNCTION pgops.local_instance() IS
'Name of the declared instance that this server is, for example pg-meta-1; NULL: it is bound to none.';

/* ---- members ---- */
CREATE VIEW pgops.members AS
	SELECT m.name,
		   (SELECT i.name
			FROM pgops.instance AS i
			WHERE i.cluster OPERATOR(pg_catalog.=) l.cluster
			  AND (i.name OPERATOR(pg_catalog.=) m.name OR i.host OPERATOR(pg_catalog.=) m.host)
			ORDER BY (i.name OPERATOR(pg_catalog.=) m.name) DESC
			LIMIT 1) AS instance,
		   m.host, m.port, m.role, m.state, m.timeline, m.lag_bytes, m.receive_lsn, m.replay_lsn,
		   m.lag_seconds, m.tags, m.pending_restart, m.pending_restart_reason,
		   m.scheduled_restart, m.sync_state, m.patroni_version, m.server_version, m.is_self,
		   m.api_url, m.observed_at, m.problem
	FROM (SELECT pgops.local_cluster() AS cluster OFFSET 0) AS l
	CROSS JOIN pgops.show_members() AS m;

COMMENT ON VIEW pgops.members IS
'The members of the Patroni cluster that this server belongs to, as this server sees them: on any member the same, as far as all answer. Patroni is asked every pgops.ha_interval, and several times a second while something happens; the view itself asks nobody, so it can be read when Patroni is down: then rows are those of the last answer, with a problem and without what is not known any more. No row where Patroni does not run the server.

Example:
  SELECT name, role, state, timeline, lag_bytes, problem FROM pgops.members;';
COMMENT ON COLUMN pgops.members.name IS 'Name of the member for Patroni.';
COMMENT ON COLUMN pgops.members.instance IS 'Declared instance it is: the one of its name, else the one on its host; NULL: none is declared.';
COMMENT ON COLUMN pgops.members.host IS 'Address of its PostgreSQL.';
COMMENT ON COLUMN pgops.members.port IS 'Port of its PostgreSQL.';
COMMENT ON COLUMN pgops.members.role IS 'leader (holds the leader''s lock), standby_leader (the same in a standby cluster), sync_standby, quorum_standby, replica; NULL: nobody confirms it any more.';
COMMENT ON COLUMN pgops.members.state IS
'running (a leader; a replica that does not stream), streaming (a replica that does), in archive recovery, promoting (it holds the lock, its server is not a primary yet), starting, stopping, stopped, start failed, crashed, creating replica, ... as Patroni calls it, in whatever version; unknown: it does not answer any more.';
COMMENT ON COLUMN pgops.members.timeline IS 'Timeline; NULL: not known.';
COMMENT ON COLUMN pgops.members.lag_bytes IS 'Bytes of WAL that the leader has and it has not received; NULL: not known.';
COMMENT ON COLUMN pgops.members.receive_lsn IS 'How far it has received WAL; of the leader how far it has written.';
COMMENT ON COLUMN pgops.members.replay_lsn IS 'How far it has replayed WAL; of the leader how far it has written.';
COMMENT ON COLUMN pgops.members.lag_seconds IS 'Age of the last transaction that it has replayed, when it was asked, by the clocks of both; 0 if there is nothing to replay; NULL: not known.';
COMMENT ON COLUMN pgops.members.tags IS 'Tags of Patroni, for example {"nofailover": true}.';
COMMENT ON COLUMN pgops.members.pending_restart IS 'Whether changed parameters wait for a restart.';
COMMENT ON COLUMN pgops.members.pending_restart_reason IS 'Which ones, with old and new value (Patroni 4); NULL: none, or not told.';
COMMENT ON COLUMN pgops.members.scheduled_restart IS 'Restart that is scheduled, as Patroni tells it, or NULL.';
COMMENT ON COLUMN pgops.members.sync_state IS 'Of a replica, as the leader sees it: async, potential, sync, quorum; NULL: it does not stream from the leader.';
COMMENT ON COLUMN pgops.members.patroni_version IS 'Version of its Patroni; NULL: it does not answer.';
COMMENT ON COLUMN pgops.members.server_version IS 'Version of its PostgreSQL as a number, 150004 for 15.4; NULL: it does not answer.';
COMMENT ON COLUMN pgops.members.is_self IS 'Whether it is this server.';
COMMENT ON COLUMN pgops.members.api_url IS 'Address of its REST API.';
COMMENT ON COLUMN pgops.members.observed_at IS 'When it, or the cluster about it, was heard of last.';
COMMENT ON COLUMN pgops.members.problem IS 'Why its REST API did not answer when it was asked last; NULL: it did.';

/* ---- status ---- */

/*
 * On a leader the loss is what its walsenders know this very moment, not what was
 * seen at the last look.
 */
CREATE VIEW pgops.ha_status AS
	SELECT l.cluster, s.scope, s.member, s.leader, s.leader_is_self, s.timeline, s.patroni, s.problem,
		   s.sqlstate, s.paused, s.failsafe_active, s.members, s.members_running,
		   s.dcs_reachable, s.dcs_last_seen, s.sync_mode, s.sync_standbys,
		   s.scheduled_switchover_at, s.scheduled_switchover_from, s.scheduled_switchover_to,
		   CASE WHEN s.loss_guarded THEN 0
				ELSE COALESCE(live.bytes, s.loss_bytes)
		   END AS max_loss_bytes,
		   /* that nothing would have been lost at the last look says nothing of now */
		   CASE WHEN s.loss_guarded OR live.bytes OPERATOR(pg_catalog.=) 0::bigint THEN 0::double precision
				WHEN live.seconds IS NOT NULL THEN live.seconds
				WHEN live.bytes IS NULL OR s.loss_seconds OPERATOR(pg_catalog.>) 0::double precision THEN s.loss_seconds
		   END AS max_loss_seconds,
		   s.maximum_lag_on_failover, s.candidates, s.can_failover, s.failover_reason, s.observed_at,
		   pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) s.observed_at AS age
	FROM (SELECT pgops.local_cluster() AS cluster OFFSET 0) AS l
	CROSS JOIN pgops.show_ha_status() AS s
	LEFT JOIN LATERAL (
		SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery()
					THEN GREATEST(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_flush_lsn(),
															 r.flush_lsn), 0)::bigint
			   END AS bytes,
			   EXTRACT(epoch FROM r.flush_lag)::double precision AS seconds
		FROM pg_catalog.pg_stat_replication AS r
		WHERE s.leader_is_self
		  AND s.patroni OPERATOR(pg_catalog.=) 'running'
		  AND r.application_name OPERATOR(pg_catalog.=) ANY (s.candidates)
		  AND r.flush_lsn IS NOT NULL
		ORDER BY r.flush_lsn DESC
		LIMIT 1) AS live ON true;

COMMENT ON VIEW pgops.ha_status IS
'The state of the Patroni cluster in one row, as this server sees it; always one row, also on standbys, when Patroni is down, and where there is none. What nobody confirms any more is NULL, and "problem" says why; "age" is that of the last answer about the cluster.

Examples:
  SELECT leader, timeline, patroni, problem FROM pgops.ha_status;
  SELECT max_loss_bytes, max_loss_seconds, can_failover, failover_reason FROM pgops.ha_status;';
COMMENT ON COLUMN pgops.ha_status.cluster IS 'Declared cluster that this server belongs to; NULL: it is bound to none.';
COMMENT ON COLUMN pgops.ha_status.scope IS 'Name of the cluster for Patroni.';
COMMENT ON COLUMN pgops.ha_status.member IS 'Name of this server for Patroni.';
COMMENT ON COLUMN pgops.ha_status.leader IS 'Member that holds the leader''s lock; NULL: nobody does, or it is not known.';
COMMENT ON COLUMN pgops.ha_status.leader_is_self IS 'Whether that is this server; NULL: not known.';
COMMENT ON COLUMN pgops.ha_status.timeline IS 'Timeline of the leader.';
COMMENT ON COLUMN pgops.ha_status.patroni IS 'Patroni of this member: running, not answering, unknown (it was not asked yet), or absent (it does not run this server).';
COMMENT ON COLUMN pgops.ha_status.problem IS 'What is wrong, in sentences, the worst first; NULL: nothing.';
COMMENT ON COLUMN pgops.ha_status.sqlstate IS 'SQLSTATE of the first of them: PO600 to PO607 (Patroni does not answer as it should), PO610 (there is none), PO611 (the cluster is not as it should be), PO706 (this server is a primary and not, or not certainly, the leader).';
COMMENT ON COLUMN pgops.ha_status.paused IS 'Whether Patroni is told to do nothing by itself; NULL: not known.';
COMMENT ON COLUMN pgops.ha_status.failsafe_active IS 'Whether the leader goes on without the store of the cluster, because all members answer it; NULL: not known.';
COMMENT ON COLUMN pgops.ha_status.members IS 'Number of members.';
COMMENT ON COLUMN pgops.ha_status.members_running IS 'Those of them whose server is known to run.';
COMMENT ON COLUMN pgops.ha_status.dcs_reachable IS 'Whether Patroni of this member (of another one, if this does not answer) has just reached the store of the cluster; NULL: not known.';
COMMENT ON COLUMN pgops.ha_status.dcs_last_seen IS 'When Patroni of this member, or another one, last reached it in its own rounds.';
COMMENT ON COLUMN pgops.ha_status.sync_mode IS 'Synchronous replication: off, on (asynchronous while there is no standby), strict (no commit without a standby), quorum; NULL: not known.';
COMMENT ON COLUMN pgops.ha_status.sync_standbys IS 'Members that are synchronous standbys now.';
COMMENT ON COLUMN pgops.ha_status.scheduled_switchover_at IS 'When a switchover is scheduled; NULL: none is.';
COMMENT ON COLUMN pgops.ha_status.scheduled_switchover_from IS 'Leader that it takes the lock from.';
COMMENT ON COLUMN pgops.ha_status.scheduled_switchover_to IS 'Member that becomes leader; NULL: Patroni chooses.';
COMMENT ON COLUMN pgops.ha_status.max_loss_bytes IS 'Bytes of WAL that would be lost if the leader died this moment and the best candidate took over: 0 where synchronous replication sees to it. On the leader it is of this moment, elsewhere of the last look. NULL: not known, or there is no candidate.';
COMMENT ON COLUMN pgops.ha_status.max_loss_seconds IS 'The same as time: what was written in as many seconds. NULL: not known (yet).';
COMMENT ON COLUMN pgops.ha_status.maximum_lag_on_failover IS 'Bytes that a member may be behind to become leader by itself, as configured.';
COMMENT ON COLUMN pgops.ha_status.candidates IS 'Members that could take over now, the one that is behind least first.';
COMMENT ON COLUMN pgops.ha_status.can_failover IS 'Whether Patroni would find a new leader by itself if the leader died now; NULL: not known.';
COMMENT ON COLUMN pgops.ha_status.failover_reason IS 'Why not; NULL: it would.';
COMMENT ON COLUMN pgops.ha_status.observed_at IS 'When somebody last said how the cluster is.';
COMMENT ON COLUMN pgops.ha_status.age IS 'How long ago that is.';

/* ---- history ---- */
CREATE VIEW pgops.ha_history AS
	SELECT h.timeline, h.ended_at, h.reason, h.at, h.new_leader
	FROM pgops.show_ha_history() AS h;

COMMENT ON VIEW pgops.ha_history IS
'Timelines of the cluster that have ended: one row for each switchover and failover, as far back as Patroni keeps them.

Example: SELECT at, new_leader, reason FROM pgops.ha_history ORDER BY timeline DESC LIMIT 5;';
COMMENT ON COLUMN pgops.ha_history.timeline IS 'Timeline that ended.';
COMMENT ON COLUMN pgops.ha_history.ended_at IS 'Where in the WAL.';
COMMENT ON COLUMN pgops.ha_history.reason IS 'Why, as PostgreSQL wrote it down.';
COMMENT ON COLUMN pgops.ha_history.at IS 'When; NULL: Patroni was not there.';
COMMENT ON COLUMN pgops.ha_history.new_leader IS 'Member that became leader then; NULL: not known.';

/* ---- replication ---- */

/*
 * Patroni names a replica''s slot after it, with "-" and "." as "_".  Who
 * receives is known by its application_name, which is its name as a member.
 */
CREATE VIEW pgops.replication AS
	WITH member AS MATERIALIZED (
		SELECT m.name, m.host, m.port, pg_catalog.translate(pg_catalog.lower(m.name), '-.', '__') AS slot
		FROM pgops.show_members() AS m
	), here AS MATERIALIZED (
		SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
					THEN GREATEST(pg_catalog.pg_last_wal_receive_lsn(),
								  pg_catalog.pg_last_wal_replay_lsn())
					ELSE pg_catalog.pg_current_wal_lsn()
			   END AS lsn
	)
	SELECT CASE WHEN r.pid IS NULL THEN 'slot' ELSE 'standby' END AS kind,
		   (SELECT m.name
			FROM member AS m
			WHERE m.name OPERATOR(pg_catalog.=) r.application_name
			   OR m.slot OPERATOR(pg_catalog.=) s.slot_name::text
			LIMIT 1) AS member,
		   COALESCE(r.application_name, s.slot_name::text) AS name,
		   r.client_addr,
		   COALESCE(r.state, CASE WHEN s.active THEN 'active' ELSE 'inactive' END) AS state,
		   r.sync_state,
		   pg_catalog.pg_wal_lsn_diff(here.lsn, r.sent_lsn)::bigint AS sent_lag_bytes,
		   pg_catalog.pg_wal_lsn_diff(here.lsn, r.write_lsn)::bigint AS write_lag_bytes,
		   pg_catalog.pg_wal_lsn_diff(here.lsn, r.flush_lsn)::bigint AS flush_lag_bytes,
		   pg_catalog.pg_wal_lsn_diff(here.lsn, r.replay_lsn)::bigint AS replay_lag_bytes,
		   r.write_lag, r.flush_lag, r.replay_lag, r.reply_time,
		   s.slot_name::text AS slot,
		   s.slot_type,
		   s.database::text AS database,
		   pg_catalog.pg_wal_lsn_diff(here.lsn, s.restart_lsn)::bigint AS wal_kept_bytes,
		   s.safe_wal_size AS wal_left_bytes,
		   s.wal_status
	FROM pg_catalog.pg_stat_replication AS r
	FULL JOIN pg_catalog.pg_replication_slots AS s ON s.active_pid OPERATOR(pg_catalog.=) r.pid
	CROSS JOIN here
	UNION ALL
	SELECT 'upstream',
		   (SELECT m.name
			FROM member AS m
			WHERE m.host OPERATOR(pg_catalog.=) w.sender_host
			  AND m.port OPERATOR(pg_catalog.=) w.sender_port
			LIMIT 1),
		   pg_catalog.concat_ws(':', w.sender_host, w.sender_port),
		   NULL, w.status, NULL, NULL,
		   pg_catalog.pg_wal_lsn_diff(w.latest_end_lsn, w.written_lsn)::bigint,
		   pg_catalog.pg_wal_lsn_diff(w.latest_end_lsn, w.flushed_lsn)::bigint,
		   pg_catalog.pg_wal_lsn_diff(w.latest_end_lsn, pg_catalog.pg_last_wal_replay_lsn())::bigint,
		   NULL, NULL, NULL, w.last_msg_receipt_time,
		   w.slot_name, CASE WHEN w.slot_name IS NOT NULL THEN 'physical' END, NULL, NULL, NULL, NULL
	FROM pg_catalog.pg_stat_wal_receiver AS w;

COMMENT ON VIEW pgops.replication IS
'Replication as this server sees it now: who receives WAL from it (standby), slots that nobody uses (slot), and on a standby where its own WAL comes from (upstream).

Examples:
  SELECT member, state, sync_state, replay_lag_bytes, replay_lag FROM pgops.replication WHERE kind = ''standby'';
  SELECT slot, pg_size_pretty(wal_kept_bytes), wal_status FROM pgops.replication WHERE slot IS NOT NULL ORDER BY wal_kept_bytes DESC;';
COMMENT ON COLUMN pgops.replication.kind IS 'standby: receives from here, with its slot if it has one; slot: nobody is connected to it; upstream: this server receives from there.';
COMMENT ON COLUMN pgops.replication.member IS 'Member of the cluster it belongs to, or NULL.';
COMMENT ON COLUMN pgops.replication.name IS 'application_name of who receives, name of the slot, or host and port of who sends.';
COMMENT ON COLUMN pgops.replication.client_addr IS 'Address of who receives.';
COMMENT ON COLUMN pgops.replication.state IS 'startup, catchup, streaming, backup, stopping; of a slot active or inactive; of the upstream the state of the receiver.';
COMMENT ON COLUMN pgops.replication.sync_state IS 'async, potential, sync, quorum.';
COMMENT ON COLUMN pgops.replication.sent_lag_bytes IS 'Bytes of WAL that were not sent to it yet.';
COMMENT ON COLUMN pgops.replication.write_lag_bytes IS 'Bytes that it has not written yet.';
COMMENT ON COLUMN pgops.replication.flush_lag_bytes IS 'Bytes that are not on its disk yet.';
COMMENT ON COLUMN pgops.replication.replay_lag_bytes IS 'Bytes that it has not replayed yet.';
COMMENT ON COLUMN pgops.replication.write_lag IS 'The same as time, as measured last; NULL: all is written for a while.';
COMMENT ON COLUMN pgops.replication.flush_lag IS 'Likewise for what is on its disk.';
COMMENT ON COLUMN pgops.replication.replay_lag IS 'Likewise for what it has replayed.';
COMMENT ON COLUMN pgops.replication.reply_time IS 'When it last told how far it is; of the upstream when something last came.';
COMMENT ON COLUMN pgops.replication.slot IS 'Replication slot; NULL: without one.';
COMMENT ON COLUMN pgops.replication.slot_type IS 'physical or logical.';
COMMENT ON COLUMN pgops.replication.database IS 'Database of a logical slot.';
COMMENT ON COLUMN pgops.replication.wal_kept_bytes IS 'WAL that is kept because of the slot.';
COMMENT ON COLUMN pgops.replication.wal_left_bytes IS 'WAL that can still be written before the slot is in danger of being lost; NULL: any amount.';
COMMENT ON COLUMN pgops.replication.wal_status IS 'reserved, extended, unreserved, or lost: what the slot needs is gone.';

/* ---- services ---- */
CREATE FUNCTION pgops.selector_path(selector text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_selector_path';

COMMENT ON FUNCTION pgops.selector_path(text) IS
'The filter of a service (JMESPath) as a jsonpath over an array of the instances'' variables; NULL if it is none.

Example: SELECT pgops.selector_path(''[? pg_role == `offline` ]'');';

/*
 * As Patroni answers them (3.0 to 4.1), with one difference: a leader whose server is
 * not a primary yet is none.
 */
CREATE FUNCTION pgops.health_check("check" text, role text, state text, lag_bytes bigint, tags jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN role IS NULL OR state IS NULL OR state = 'unknown' THEN NULL
		ELSE CASE path
			WHEN '/' THEN leads
			WHEN '/primary' THEN leads
			WHEN '/master' THEN leads
			WHEN '/read-write' THEN leads
			WHEN '/leader' THEN leads OR leads_standbys
			WHEN '/standby-leader' THEN leads_standbys
			WHEN '/replica' THEN follows
			WHEN '/read-only' THEN leads OR leads_standbys OR follows
			WHEN '/sync' THEN follows AND role = 'sync_standby'
			WHEN '/synchronous' THEN follows AND role = 'sync_standby'
			WHEN '/quorum' THEN follows AND role = 'quorum_standby'
			WHEN '/async' THEN follows AND role = 'replica'
			WHEN '/asynchronous' THEN follows AND role = 'replica'
			WHEN '/read-only-sync' THEN leads OR leads_standbys OR (follows AND role = 'sync_standby')
			WHEN '/read-only-synchronous' THEN leads OR leads_standbys OR (follows AND role = 'sync_standby')
			WHEN '/read-only-quorum' THEN leads OR leads_standbys OR (follows AND role = 'quorum_standby')
			WHEN '/health' THEN runs
			WHEN '/liveness' THEN runs
			WHEN '/readiness' THEN runs
		END
	END
	FROM (SELECT replace(lower(split_part("check", '?', 1)), '_', '-') AS path,
				 state IN ('running', 'streaming', 'in archive recovery') AS runs,
				 (regexp_match("check", '[?&]lag=(\d{1,18})(&|$)'))[1]::bigint AS max_lag) AS c
	CROSS JOIN LATERAL (
		SELECT runs AND role = 'leader' AS leads,
			   runs AND role = 'standby_leader' AS leads_standbys,
			   runs AND role IN ('replica', 'sync_standby', 'quorum_standby')
			   AND COALESCE(tags -> 'noloadbalance', 'false') <> 'true'
			   AND COALESCE(lag_bytes, 0) <= COALESCE(max_lag, 9223372036854775807) AS follows) AS r
$$;

COMMENT ON FUNCTION pgops.health_check(text, text, text, bigint, jsonb) IS
'Whether a health check of Patroni''s REST API would answer 200 for such a member: for the view pgops.endpoints.

Arguments:
  check      path, for example /primary, /replica?lag=1048576 (the number in bytes), /read-only, /sync
  role, state, lag_bytes, tags  as in pgops.members

Result: NULL for a check that Patroni does not have, and for a member of which nothing is known.

Example: SELECT name, pgops.health_check(''/replica'', role, state, lag_bytes, tags) FROM pgops.members;';

/*
 * The filters are about roles as they are declared; after a failover they are
 * not the actual ones any more.  Here the leader is the primary, and who was declared as
 * that is a replica.  Without Patroni this server knows of itself only.
 */
CREATE FUNCTION pgops.show_endpoints()
RETURNS TABLE (
	cluster		text,
	service		text,
	port		integer,
	instance	text,
	host		text,
	dest_port	integer,
	"check"		text,
	role		text,
	backup		boolean,
	up			boolean,
	serving		boolean
)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH here AS MATERIALIZED (
		SELECT pgops.local_cluster() AS cluster
	), seen AS MATERIALIZED (
		SELECT m.name, m.host, m.port, m.role, m.state, m.lag_bytes, m.tags
		FROM pgops.show_members() AS m
		UNION ALL
		SELECT pgops.local_instance(), NULL, NULL,
			   CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'leader' END, 'running', NULL, NULL
		FROM pgops.show_ha_status() AS s
		WHERE s.patroni = 'absent'
	), variables AS MATERIALIZED (
		SELECT s.host, jsonb_object_agg(s.name, s.resolved) AS vars
		FROM here
		CROSS JOIN LATERAL pgops.show_settings(here.cluster) AS s
		GROUP BY s.host
	), instance AS MATERIALIZED (
		SELECT i.name, i.host, m.role, m.state, m.lag_bytes, m.tags,
			   v.vars || jsonb_build_object(
				   'inventory_hostname', i.host,
				   'pg_role',
				   CASE WHEN m.role IN ('leader', 'standby_leader') THEN 'primary'
						WHEN v.vars ->> 'pg_role' = 'primary'
						 AND EXISTS (SELECT FROM seen AS o WHERE o.role IN ('leader', 'standby_leader'))
						THEN 'replica'
						ELSE v.vars ->> 'pg_role'
				   END) AS vars
		FROM here
		JOIN pgops.instance AS i ON i.cluster = here.cluster AND i.name IS NOT NULL
		JOIN variables AS v ON v.host = i.host
		LEFT JOIN LATERAL (
			SELECT s.role, s.state, s.lag_bytes, s.tags
			FROM seen AS s
			WHERE s.name = i.name
			   OR (s.host = i.host AND s.port::text = v.vars ->> 'pg_port')
			ORDER BY (s.name = i.name) DESC
			LIMIT 1) AS m ON true
	), everybody AS MATERIALIZED (
		SELECT jsonb_agg(i.vars) AS vars
		FROM instance AS i
	), service AS MATERIALIZED (
		SELECT s.name, s.port, s.ordinal, s.parameter, s.dest, COALESCE(s."check", '/') AS "check",
			   pgops.selector_path(s.selector)::jsonpath AS chosen,
			   pgops.selector_path(s.backup)::jsonpath AS backup
		FROM here
		CROSS JOIN LATERAL pgops.show_declared('service', here.cluster) AS s (
			name text, port integer, dest text, "check" text, selector text, backup text,
			parameter text, ordinal integer)
	), server AS (
		SELECT s.name, c.vars ->> 'inventory_hostname' AS host, bool_or(c.backup) AS backup
		FROM service AS s
		CROSS JOIN everybody AS e
		CROSS JOIN LATERAL (
			SELECT jsonb_path_query(e.vars, s.chosen, silent => true) AS vars, false AS backup
			UNION ALL
			SELECT jsonb_path_query(e.vars, s.backup, silent => true), true) AS c
		GROUP BY s.name, c.vars ->> 'inventory_hostname'
	), endpoint AS (
		SELECT s.name, s.port, s.parameter, s.ordinal, i.name AS instance, i.host,
			   CASE d.dest WHEN 'postgres' THEN i.vars ->> 'pg_port'
						   WHEN 'pgbouncer' THEN i.vars ->> 'pgbouncer_port'
						   ELSE substring(d.dest FROM '^\d{1,5}$')
			   END::integer AS dest_port,
			   s."check", i.role, r.backup,
			   pgops.health_check(s."check", i.role, i.state, i.lag_bytes, i.tags) AS up
		FROM service AS s
		JOIN server AS r ON r.name = s.name
		JOIN instance AS i ON i.host = r.host
		CROSS JOIN LATERAL (
			SELECT COALESCE(NULLIF(s.dest, 'default'), i.vars ->> 'pg_default_service_dest',
							'pgbouncer') AS dest) AS d
	)
	SELECT here.cluster, e.name, e.port, e.instance, e.host, e.dest_port, e."check", e.role,
		   e.backup, e.up,
		   e.up AND NOT (e.backup AND COALESCE(
				bool_or(e.up AND NOT e.backup) OVER (PARTITION BY e.name), false))
	FROM endpoint AS e
	CROSS JOIN here
	ORDER BY e.parameter, e.ordinal, e.backup, e.instance
$$;

COMMENT ON FUNCTION pgops.show_endpoints() IS
'Where the services of this server''s cluster can be reached: for the view pgops.endpoints, which explains the columns.';

CREATE VIEW pgops.endpoints AS
	SELECT e.cluster, e.service, e.port, e.instance, e.host, e.dest_port, e."check", e.role, e.backup,
		   e.up, e.serving
	FROM pgops.show_endpoints() AS e;

COMMENT ON VIEW pgops.endpoints IS
'Where each declared service of this server''s cluster (pg_default_services, pg_services) can be reached right now: one row per service and instance behind it, by the roles that the members have, not those that were declared. Follows a switchover at once.

Example: who takes writes now?
  SELECT host, dest_port FROM pgops.endpoints WHERE service = ''primary'' AND serving;';
COMMENT ON COLUMN pgops.endpoints.cluster IS 'Cluster it is declared for.';
COMMENT ON COLUMN pgops.endpoints.service IS 'Name of the service.';
COMMENT ON COLUMN pgops.endpoints.port IS 'Port of the proxy.';
COMMENT ON COLUMN pgops.endpoints.instance IS 'Instance behind it.';
COMMENT ON COLUMN pgops.endpoints.host IS 'Its host.';
COMMENT ON COLUMN pgops.endpoints.dest_port IS 'Port there, of the pooler or of PostgreSQL, where the service''s connections end.';
COMMENT ON COLUMN pgops.endpoints."check" IS 'Health check by which the proxy chooses.';
COMMENT ON COLUMN pgops.endpoints.role IS 'Role of the instance now, as in pgops.members; NULL: not known.';
COMMENT ON COLUMN pgops.endpoints.backup IS 'Whether it serves only if no other one can: it is chosen by the service''s filter for backups.';
COMMENT ON COLUMN pgops.endpoints.up IS 'Whether the health check would succeed, by what was seen last; NULL: not known.';
COMMENT ON COLUMN pgops.endpoints.serving IS 'Whether connections go there now: it is up, and no backup, or there is nobody else.';
