/*
 * What people, psql and dashboards read.  Members of pg_monitor may read all
 * of it; nothing here shows a secret.
 */

CREATE VIEW pgops.parameter AS
	SELECT p.name, p.module, p.section, p.type, p.level, p.default_value,
		   p.choices, p.minimum, p.maximum, p.secret, p.summary
	FROM pgops.show_parameters() AS p;

COMMENT ON VIEW pgops.parameter IS
'The catalogue of parameters that a document can declare.

Example: SELECT name, type, default_value, summary FROM pgops.parameter WHERE section = ''PG_BUSINESS'';';
COMMENT ON COLUMN pgops.parameter.name IS 'Name of the parameter.';
COMMENT ON COLUMN pgops.parameter.module IS 'Part of an inventory it belongs to: PGSQL, NODE, ETCD, PGOPS, ...';
COMMENT ON COLUMN pgops.parameter.section IS 'Section of that part.';
COMMENT ON COLUMN pgops.parameter.type IS 'Type of the value: string, bool, int, user[], ...';
COMMENT ON COLUMN pgops.parameter.level IS 'Levels at which it makes sense: G global, C cluster, I instance.';
COMMENT ON COLUMN pgops.parameter.default_value IS 'Value when it is declared nowhere; NULL: none.';
COMMENT ON COLUMN pgops.parameter.choices IS 'Allowed values; NULL: not restricted.';
COMMENT ON COLUMN pgops.parameter.minimum IS 'Smallest allowed number; NULL: no limit.';
COMMENT ON COLUMN pgops.parameter.maximum IS 'Largest allowed number; NULL: no limit.';
COMMENT ON COLUMN pgops.parameter.secret IS 'Whether the value is kept out of everything that is shown.';
COMMENT ON COLUMN pgops.parameter.summary IS 'What it is for.';

CREATE VIEW pgops.rules AS
	SELECT r.id, r.kind, r.observed, r.desired, r.action, r.destructive,
		   r.loses_data, r.transactional, r.comment
	FROM pgops.show_rules() AS r;

COMMENT ON VIEW pgops.rules IS
'The rules by which plans are made: what is observed and what is desired decide the action. Each step of a plan and each row of the log names its rule.';
COMMENT ON COLUMN pgops.rules.id IS 'Stable name of the rule, as in the column "rule" of plans and of the log.';
COMMENT ON COLUMN pgops.rules.kind IS 'Kind of object.';
COMMENT ON COLUMN pgops.rules.observed IS 'What is found: missing, different, extra, ...';
COMMENT ON COLUMN pgops.rules.desired IS 'What is declared: declared, absent, undeclared, ...';
COMMENT ON COLUMN pgops.rules.action IS 'What is done: create, alter, grant, revoke, drop, write, reload, report, ...';
COMMENT ON COLUMN pgops.rules.destructive IS 'Whether it can lose data or access: such steps obey pg_safeguard and pgops.max_destructive.';
COMMENT ON COLUMN pgops.rules.loses_data IS 'Whether it can lose what only a backup brings back: such steps obey pgops.require_backup_age, too.';
COMMENT ON COLUMN pgops.rules.transactional IS 'Whether it can share a transaction with its neighbours.';
COMMENT ON COLUMN pgops.rules.comment IS 'The rule in a sentence.';

/*
 * A server looks after one cluster; what it once knew of another one does not
 * hold any more.  The policy is the one in effect for the instance, which other
 * groups of its host may have a say in.
 */
CREATE VIEW pgops.status AS
	SELECT c.name AS cluster,
		   s.instance,
		   CASE WHEN l.cluster OPERATOR(pg_catalog.<>) c.name OR l.cluster IS NULL THEN 'unbound'
				WHEN k.waits_for IS NOT NULL THEN 'waiting'
				ELSE COALESCE(s.phase, 'progressing')
		   END AS phase,
		   CASE WHEN l.cluster OPERATOR(pg_catalog.=) c.name AND k.waits_for IS NOT NULL
				THEN pg_catalog.format('nothing is done on this server: %s', k.waits_for)
				WHEN l.cluster OPERATOR(pg_catalog.=) c.name
				THEN COALESCE(s.message, 'no pass has looked at this cluster on this server yet')
				WHEN l.cluster IS NULL
				THEN 'it is not known which declared instance this server is. Say it with SELECT pgops.bind(''<instance>'') or with the setting pgops.instance; SELECT name FROM pgops.instance lists the declared ones.'
				ELSE pg_catalog.format('this server belongs to cluster "%s"', l.cluster)
		   END AS message,
		   c.generation,
		   (SELECT pg_catalog.max(r.revision)
			FROM pgops.revision AS r
			WHERE r.cluster OPERATOR(pg_catalog.=) c.name) AS revision,
		   s.generation AS observed_generation,
		   COALESCE(s.actions, 0) AS actions,
		   COALESCE(s.failed, 0) AS failed,
		   COALESCE(s.blocked, 0) AS blocked,
		   COALESCE(s.drifted, 0) AS drifted,
		   s.destructive_digest,
		   s.last_pass,
		   s.converged_at,
		   COALESCE((SELECT d.pgops_policy
					 FROM pgops.show_declared('instance', c.name) AS d (host text, pgops_policy text)
					 JOIN pgops.instance AS i
					   ON i.cluster OPERATOR(pg_catalog.=) c.name
					  AND i.host OPERATOR(pg_catalog.=) d.host
					 WHERE i.name OPERATOR(pg_catalog.=) s.instance),
					(SELECT d.pgops_policy
					 FROM pgops.show_declared('cluster', c.name) AS d (pgops_policy text)),
					'additive') AS policy,
		   c.paused
	FROM pgops.cluster AS c
	CROSS JOIN (SELECT pgops.local_cluster() AS cluster OFFSET 0) AS l
	LEFT JOIN pgops.coordinator() AS k ON true
	LEFT JOIN pgops.cluster_status AS s
	  ON s.cluster OPERATOR(pg_catalog.=) c.name AND s.cluster OPERATOR(pg_catalog.=) l.cluster
	WHERE c.kind OPERATOR(pg_catalog.=) 'pgsql';

COMMENT ON VIEW pgops.status IS
'One row per declared cluster: what was asked for, and how far this server has come with it. It is settled when observed_generation equals generation.

Phases: converged (the server matches), progressing (work is going on), degraded (something failed and is tried again), blocked (all is done that can be), observing (the policy is to report only), waiting (Patroni runs this server and does not say that it is the leader: PO706), paused, unbound (nothing is done for it: not known which instance this server is, or one of another cluster).

Example: SELECT cluster, phase, message FROM pgops.status;';
COMMENT ON COLUMN pgops.status.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN pgops.status.instance IS 'Instance this server is; NULL: not bound to this cluster.';
COMMENT ON COLUMN pgops.status.phase IS 'Condition, see the view.';
COMMENT ON COLUMN pgops.status.message IS 'The condition in a sentence.';
COMMENT ON COLUMN pgops.status.generation IS 'Generation that is asked for.';
COMMENT ON COLUMN pgops.status.revision IS 'Newest revision of the declaration.';
COMMENT ON COLUMN pgops.status.observed_generation IS 'Generation that the last pass looked at; NULL: none yet.';
COMMENT ON COLUMN pgops.status.actions IS 'Actions of the last pass that did something.';
COMMENT ON COLUMN pgops.status.failed IS 'Actions that failed and are tried again, see pgops.actions.';
COMMENT ON COLUMN pgops.status.blocked IS 'Steps that cannot be done, see pgops.actions.';
COMMENT ON COLUMN pgops.status.drifted IS 'Steps that are not done because of the policy or a pause, see pgops.drift.';
COMMENT ON COLUMN pgops.status.destructive_digest IS 'Digest of destructive steps that wait for pgops.approve(), or NULL.';
COMMENT ON COLUMN pgops.status.last_pass IS 'When the last pass ended.';
COMMENT ON COLUMN pgops.status.converged_at IS 'When the server last came to match.';
COMMENT ON COLUMN pgops.status.policy IS 'observe, additive or authoritative (parameter pgops_policy).';
COMMENT ON COLUMN pgops.status.paused IS 'Whether passes only observe, see pgops.pause().';

/*
 * A plan also reports what no pass would change: orphans, extensions that are
 * not installed, baselines that are missing.  Those are no drift.
 */
CREATE VIEW pgops.drift AS
	SELECT p.step, p.kind, p.name, p.database, p.action, p.destructive, p.statement,
		   p.reason, p.rule, p.blocked, p.sqlstate, p.hint,
		   pg_catalog.now() AS detected
	FROM (SELECT pgops.local_cluster() AS cluster OFFSET 0) AS l
	CROSS JOIN LATERAL pgops.plan(l.cluster) AS p
	WHERE l.cluster IS NOT NULL
	  AND (p.sqlstate IS NULL
		   OR p.sqlstate OPERATOR(pg_catalog.=) ANY (ARRAY[
				'PO201',		/* can only be set at creation */
				'PO202',		/* safeguard */
				'PO203',		/* waits for approval */
				'PO204',		/* protected */
				'PO205',		/* policy: observe */
				'PO401',		/* pg_hba.conf as declared is refused */
				'PO701',		/* paused */
				'PO706']));		/* not the leader */

COMMENT ON VIEW pgops.drift IS
'Where this server differs now from its declaration: the steps of pgops.plan() that would change something, whether or not they may be done. Looks at the server afresh at each read. Empty when no cluster is declared.

Example: SELECT kind, name, reason FROM pgops.drift;';
COMMENT ON COLUMN pgops.drift.step IS 'Place in the plan.';
COMMENT ON COLUMN pgops.drift.kind IS 'Kind of the object.';
COMMENT ON COLUMN pgops.drift.name IS 'Name of the object.';
COMMENT ON COLUMN pgops.drift.database IS 'Database it is in; NULL: the whole server.';
COMMENT ON COLUMN pgops.drift.action IS 'What would be done.';
COMMENT ON COLUMN pgops.drift.destructive IS 'Whether that can lose data or access.';
COMMENT ON COLUMN pgops.drift.statement IS 'The statement, or the difference of the file; secrets redacted.';
COMMENT ON COLUMN pgops.drift.reason IS 'What is found -> what is declared.';
COMMENT ON COLUMN pgops.drift.rule IS 'Rule, as in pgops.rules.';
COMMENT ON COLUMN pgops.drift.blocked IS 'Why it is not done; NULL: it will be.';
COMMENT ON COLUMN pgops.drift.sqlstate IS 'SQLSTATE of the block.';
COMMENT ON COLUMN pgops.drift.hint IS 'Way out of the block.';
COMMENT ON COLUMN pgops.drift.detected IS 'When it was looked at.';

CREATE VIEW pgops.actions AS
	SELECT 'running' AS state, a.cluster, a.kind, a.name, a.database, a.statement, a.rule,
		   NULL::text AS sqlstate, NULL::text AS message, NULL::text AS hint,
		   NULL::integer AS attempts, NULL::timestamptz AS next_attempt
	FROM pgops.action_log AS a
	WHERE a.state OPERATOR(pg_catalog.=) 'running'
	UNION ALL
	SELECT 'failing', f.cluster, f.kind, f.name, f.database, f.statement, f.rule,
		   f.sqlstate, f.message, f.hint, f.attempts, f.next_attempt
	FROM pgops.failure AS f
	UNION ALL
	SELECT 'blocked', l.cluster, p.kind, p.name, p.database, p.statement, p.rule,
		   p.sqlstate, p.blocked, p.hint, NULL, NULL
	FROM (SELECT pgops.local_cluster() AS cluster OFFSET 0) AS l
	CROSS JOIN LATERAL pgops.plan(l.cluster) AS p
	WHERE l.cluster IS NOT NULL
	  AND p.blocked IS NOT NULL;

COMMENT ON VIEW pgops.actions IS
'What is not settled: actions that are running, that failed and wait for their next attempt, and planned steps that are blocked. Looks at the server afresh at each read.

Example: SELECT state, kind, name, sqlstate, message, hint, next_attempt FROM pgops.actions;';
COMMENT ON COLUMN pgops.actions.state IS 'running, failing or blocked.';
COMMENT ON COLUMN pgops.actions.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN pgops.actions.kind IS 'Kind of the object.';
COMMENT ON COLUMN pgops.actions.name IS 'Name of the object.';
COMMENT ON COLUMN pgops.actions.database IS 'Database it is in; NULL: the whole server.';
COMMENT ON COLUMN pgops.actions.statement IS 'The statement, secrets redacted; NULL if there is none.';
COMMENT ON COLUMN pgops.actions.rule IS 'Rule, as in pgops.rules.';
COMMENT ON COLUMN pgops.actions.sqlstate IS 'SQLSTATE of the failure or of the block.';
COMMENT ON COLUMN pgops.actions.message IS 'What went wrong, or why it is blocked.';
COMMENT ON COLUMN pgops.actions.hint IS 'What can be done about it.';
COMMENT ON COLUMN pgops.actions.attempts IS 'How often it failed.';
COMMENT ON COLUMN pgops.actions.next_attempt IS 'When it is tried again.';
