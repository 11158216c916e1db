/*
 * Steering a cluster that Patroni runs.  Each function looks first whether it can
 * be done, and then asks for a job, which looks once more and has Patroni do it.
 * They can be called on any member, also on a standby.
 */

CREATE FUNCTION pgops.steer_prepare(kind text, args jsonb)
RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_steer_prepare';

COMMENT ON FUNCTION pgops.steer_prepare(text, jsonb) IS
'For pgops.switchover() and the others that steer: raises an error if what they ask for cannot be done now, else returns the arguments with members named as Patroni names them. Waits up to 2.5 seconds for what Patroni says.

Arguments:
  kind  of the job
  args  its arguments

Errors: PO610 where Patroni does not run the server, PO600 to PO607 if no member''s Patroni answers, PO611 if the cluster is not in the state for it, PO612 if data may be lost, PO613 for a candidate that cannot become leader, 22023 for arguments that mean nothing, PO505 if a restart of this server would break a job off.';

CREATE FUNCTION pgops.steer(kind text, args jsonb, deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.job_request(kind, pgops.steer_prepare(kind, jsonb_strip_nulls(args)),
							 NULL, deadline)
$$;

COMMENT ON FUNCTION pgops.steer(text, jsonb, interval) IS
'Looks whether something can be done with the cluster and asks for the job that does it. For pgops'' own functions: use pgops.switchover() and the others.

Arguments:
  kind      of the job
  args      its arguments; nulls are left out
  deadline  how long it may take; NULL: as pgops.job_kinds() says

Errors: those of pgops.steer_prepare() and pgops.job_request().';

/* ---- the leader ---- */
CREATE FUNCTION pgops.switchover(candidate text DEFAULT NULL, at timestamptz DEFAULT NULL,
								 deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('switchover',
					   jsonb_build_object('candidate', candidate, 'at', at), deadline)
$$;

COMMENT ON FUNCTION pgops.switchover(text, timestamptz, interval) IS
'Moves the leader to another member, without losing data, and returns the number of the job. Asked for on the leader, its own server is demoted in its middle; the new leader''s pgops goes on with it, under the same number. The result has: from, to, timeline, started, finished, and without_writer: the seconds in which nobody could write, with last_write and first_write (measured_by "writes": the job wrote all the time on the old leader, what of that has arrived counts; "answers of Patroni": it was asked for on a standby, which is less exact).

Arguments:
  candidate  name of the member that is to be leader, as Patroni names it or as its declared instance; NULL: the one that is behind least
  at         when: Patroni keeps the time and does it, even if pgops is gone by then (pgops.ha_status shows it, pgops.cancel_switchover() takes it back); the job is over when Patroni has it; NULL: now
  deadline   how long the job may take; NULL: 10 minutes

Other jobs of the leader end with its server: a warning (PO505) says which. Cancelling the job does not take back what Patroni has begun.

Errors: PO611 without a leader, if it does not answer, if nobody can take over, if one is scheduled already, if another member has become the leader since it was asked for, in a paused cluster without candidate or with a time; PO613 for a candidate that is no member, is the leader, is tagged nofailover, does not run, does not stream, is on another timeline than the leader, is no synchronous standby where Patroni keeps those, or is further behind than maximum_lag_on_failover; 22023 for a time in the past; PO610 without Patroni, PO6xx if it does not answer.

Example: SELECT pgops.switchover(''pg-test-2'') AS job \gset
         SELECT state, error, hint, result FROM pgops.job_wait(:job);';

CREATE FUNCTION pgops.failover(candidate text, accept_loss boolean DEFAULT false,
							   deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('failover',
					   jsonb_build_object('candidate', candidate, 'accept_loss', accept_loss),
					   deadline)
$$;

COMMENT ON FUNCTION pgops.failover(text, boolean, interval) IS
'Makes a member the leader without the help of the old one, and returns the number of the job. For a cluster without leader; call it on any member that is left. The result is as that of pgops.switchover().

Arguments:
  candidate    name of the member, as Patroni names it or as its declared instance
  accept_loss  whether it may be done although data may be lost: the leader is alive, the candidate lacks bytes that another member or the last leader has, or nobody knows
  deadline     how long the job may take; NULL: 10 minutes

Errors: PO612 if data may be lost, with how many bytes; PO613 for a candidate that is no member, is the leader, is tagged nofailover or does not run; 22023 without candidate; PO610 without Patroni, PO6xx if nobody''s answers.

Example: SELECT pgops.failover(''pg-test-3'');';

CREATE FUNCTION pgops.cancel_switchover()
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('cancel_switchover', '{}')
$$;

COMMENT ON FUNCTION pgops.cancel_switchover() IS
'Takes back a switchover that Patroni was to do at a time, and returns the number of the job.

Errors: PO611 if none is scheduled, PO610 without Patroni, PO6xx if it does not answer.';

/* ---- members ---- */
CREATE FUNCTION pgops.restart_member(name text, only_pending boolean DEFAULT false,
									 at timestamptz DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('restart_member',
					   jsonb_build_object('name', name, 'only_pending', only_pending, 'at', at),
					   deadline)
$$;

COMMENT ON FUNCTION pgops.restart_member(text, boolean, timestamptz, interval) IS
'Has Patroni restart the server of a member, and returns the number of the job. It is over when the member is back, a replica with what the leader has. It may be the member that is asked: the job goes on after the start of its server. A leader is restarted in place, and nobody can write meanwhile: pgops.rolling_restart() hands over first.

Arguments:
  name          of the member, as Patroni names it or as its declared instance
  only_pending  only if parameters wait for it
  at            when: Patroni keeps the time (pgops.cancel_restart() takes it back); the job is over when Patroni has it; NULL: now
  deadline      how long it may take; NULL: 1 hour

Errors: 22023 for a name that is no member, a time in the past; PO611 if its Patroni does not answer, if one is scheduled already, for a time in a paused cluster; PO505 if a job is at work on this very server; PO610 without Patroni, PO6xx if it does not answer.

Example: SELECT pgops.restart_member(''pg-test-2'', only_pending => true);';

CREATE FUNCTION pgops.cancel_restart(name text)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('cancel_restart', jsonb_build_object('name', name))
$$;

COMMENT ON FUNCTION pgops.cancel_restart(text) IS
'Takes back the restart of a member that Patroni was to do at a time, and returns the number of the job.

Arguments:
  name  of the member

Errors: 22023 for a name that is no member, PO611 if none is scheduled or its Patroni does not answer, PO610 without Patroni.';

CREATE FUNCTION pgops.reload_member(name text)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('reload_member', jsonb_build_object('name', name))
$$;

COMMENT ON FUNCTION pgops.reload_member(text) IS
'Has Patroni of a member read its configuration, and reload the server if that changed, and returns the number of the job. It is over when Patroni has taken the order.

Arguments:
  name  of the member, as Patroni names it or as its declared instance

Errors: 22023 for a name that is no member, PO611 if its Patroni does not answer, PO610 without Patroni.';

CREATE FUNCTION pgops.reinit_member(name text, force boolean DEFAULT false,
									deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('reinit_member',
					   jsonb_build_object('name', name, 'force', force), deadline)
$$;

COMMENT ON FUNCTION pgops.reinit_member(text, boolean, interval) IS
'Has Patroni throw away the data of a replica and copy them anew, and returns the number of the job. It is over when the member is back.

Arguments:
  name      of the member, as Patroni names it or as its declared instance
  force     also if it is in the middle of something else, which is ended
  deadline  how long it may take; NULL: 1 day

Errors: 22023 for a name that is no member, PO611 for the leader, without a leader, or if its Patroni does not answer; PO610 without Patroni.';

CREATE FUNCTION pgops.rolling_restart(only_pending boolean DEFAULT true,
									  at timestamptz DEFAULT NULL,
									  in_window boolean DEFAULT false,
									  restart_leader boolean DEFAULT false,
									  deadline interval DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	args	jsonb := jsonb_build_object('only_pending', COALESCE(only_pending, true),
										'restart_leader', COALESCE(restart_leader, false));
BEGIN
	IF at <= clock_timestamp() OR NOT isfinite(at) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('the time of the rolling restart, %s, is none that is to come', at),
			HINT = 'Give a time that is to come, or none to have it done at once.';
	END IF;
	/* how the cluster is then, the job will see; but there must be one */
	IF (at IS NULL AND NOT COALESCE(in_window, false)) OR
		(SELECT patroni = 'absent' FROM pgops.ha_status) THEN
		RETURN pgops.steer('rolling_restart', args, deadline);
	END IF;
	RETURN pgops.job_request('rolling_restart', args, at, deadline, in_window);
END
$$;

COMMENT ON FUNCTION pgops.rolling_restart(boolean, timestamptz, boolean, boolean, interval) IS
'Restarts the servers of all members one by one and returns the number of the job: the replicas first, each only when the one before is back; then the leader hands over to the best of them; then the old leader. At most one switchover; it stops at the first trouble, and its detail says what was done and what is left. The job goes on where the leader is. Its result: restarted, left, switchover (as that of pgops.switchover()).

Arguments:
  only_pending    only the members whose parameters wait for it; false: all
  at              when it starts; NULL: at once
  in_window       in the maintenance window (pgops_maintenance_window), and ended with it
  restart_leader  whether the leader may be restarted in place if nobody can take over, or as the first one where max_connections or the like goes down, since replicas keep what it has; else that is refused
  deadline        how long it may take; NULL: 12 hours

Errors: 22023 for a time in the past; PO611 if a member is not up, without a leader, or if nobody can take over; PO505 while another job is at work on the leader; 25006 for a time on a standby; 55000 without a maintenance window; PO610 without Patroni, PO6xx if it does not answer.

Example: SELECT name, pending_restart FROM pgops.members;
         SELECT pgops.rolling_restart();';

/* ---- the cluster ---- */
CREATE FUNCTION pgops.pause_ha(wait boolean DEFAULT true)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('pause_ha', jsonb_build_object('wait', wait))
$$;

COMMENT ON FUNCTION pgops.pause_ha(boolean) IS
'Has Patroni do nothing by itself: no failover, no start of a server that ended. Returns the number of the job.

Arguments:
  wait  whether the job waits until all members that answer have noticed

Errors: PO610 without Patroni, PO6xx if it does not answer.';

CREATE FUNCTION pgops.resume_ha(wait boolean DEFAULT true)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('resume_ha', jsonb_build_object('wait', wait))
$$;

COMMENT ON FUNCTION pgops.resume_ha(boolean) IS
'The end of pgops.pause_ha(). Returns the number of the job.

Arguments:
  wait  whether the job waits until all members that answer have noticed

Errors: PO610 without Patroni, PO6xx if it does not answer.';

CREATE FUNCTION pgops.promote_cluster()
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('promote_cluster', '{}')
$$;

COMMENT ON FUNCTION pgops.promote_cluster() IS
'Makes a standby cluster one of its own: standby_cluster is taken out of Patroni''s configuration, and its leader is promoted. Returns the number of the job, whose result has leader and timeline. The cluster that was followed is not touched: see to it that nobody writes there any more. What is declared (pg_upstream) must be changed, too.

Errors: PO611 if it is no standby cluster or has no leader, PO610 without Patroni, PO6xx if it does not answer.';

CREATE FUNCTION pgops.demote_cluster(host text, port integer DEFAULT 5432, slot text DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pgops.steer('demote_cluster',
					   jsonb_build_object('host', host, 'port', port, 'slot', slot))
$$;

COMMENT ON FUNCTION pgops.demote_cluster(text, integer, text) IS
'Makes a cluster the standby of another one: standby_cluster is put into Patroni''s configuration, and its leader follows that server from then on. What was written here and not there is lost; the two must have come from the same cluster. Returns the number of the job, which is over when the configuration says it.

Arguments:
  host  of the server to follow
  port  of that server
  slot  replication slot there, or NULL

Errors: 22023 without host, for a port that is none, for a member of this very cluster; PO611 if it is a standby cluster already or has no leader; PO610 without Patroni, PO6xx if it does not answer.';
