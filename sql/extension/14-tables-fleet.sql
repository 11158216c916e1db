/*
 * What is known of the other servers of the fleet: to which of them which
 * declaration was delivered, and how far they have come with it.  Written by
 * pgops.push() and by the push worker; not dumped, for another server has to
 * look for itself.
 */
CREATE TABLE pgops.push_status (
	cluster				text NOT NULL,
	pg_cluster			text NOT NULL,
	host				text,
	tried_generation	bigint,
	pushed_generation	bigint,
	remote_generation	bigint,
	observed_generation	bigint,
	phase				text,
	message				text,
	sqlstate			text,
	error				text,
	last_attempt		timestamptz,
	last_contact		timestamptz,
	attempts			integer NOT NULL DEFAULT 0,
	next_attempt		timestamptz,
	CONSTRAINT push_status_pkey PRIMARY KEY (cluster, pg_cluster),
	CONSTRAINT push_status_cluster_fkey FOREIGN KEY (cluster)
		REFERENCES pgops.cluster (name) ON DELETE CASCADE
);

COMMENT ON TABLE pgops.push_status IS
'Clusters to which a declaration was pushed, or should have been: one row each, with what is known of the server there. It holds as of last_contact. Read it through pgops.clusters. Not dumped.';
COMMENT ON COLUMN pgops.push_status.cluster IS 'Group of the inventory that was pushed, as in pgops.cluster.';
COMMENT ON COLUMN pgops.push_status.pg_cluster IS 'Cluster it went to: the group''s name, or one of several pg_cluster in it.';
COMMENT ON COLUMN pgops.push_status.host IS 'Host that was its primary at the last contact or, if none answered yet, the declared one.';
COMMENT ON COLUMN pgops.push_status.tried_generation IS 'Generation of the last attempt: another one is not made to wait for next_attempt.';
COMMENT ON COLUMN pgops.push_status.pushed_generation IS
'Generation, as in pgops.cluster here, that the server there has accepted; NULL: none yet. The push is up to date when it equals the generation there is.';
COMMENT ON COLUMN pgops.push_status.remote_generation IS 'Generation in the CMDB of that server.';
COMMENT ON COLUMN pgops.push_status.observed_generation IS 'Generation that its coordinator has looked at; settled when it equals remote_generation.';
COMMENT ON COLUMN pgops.push_status.phase IS 'Phase that pgops.status has there: converged, progressing, degraded, blocked, observing, paused or unbound.';
COMMENT ON COLUMN pgops.push_status.message IS 'The phase in a sentence, as told there.';
COMMENT ON COLUMN pgops.push_status.sqlstate IS 'SQLSTATE of the last attempt if it failed; else NULL.';
COMMENT ON COLUMN pgops.push_status.error IS 'Why the last attempt failed; NULL: it did not.';
COMMENT ON COLUMN pgops.push_status.last_attempt IS 'When the server was last called.';
COMMENT ON COLUMN pgops.push_status.last_contact IS 'When it last answered.';
COMMENT ON COLUMN pgops.push_status.attempts IS 'Attempts that failed since the last success.';
COMMENT ON COLUMN pgops.push_status.next_attempt IS 'When pgops_push tries again, or asks for the status again; NULL: not by itself.';

/* so that a pass sees at once that nothing is to be pushed anywhere */
CREATE INDEX variable_push_idx ON pgops.variable (cluster) WHERE name = 'pgops_push';
COMMENT ON INDEX pgops.variable_push_idx IS 'For finding where pgops_push is declared.';
