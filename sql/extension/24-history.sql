/*
 * The history of declarations: reading it, comparing, going back.
 *
 * What reads runs with its owner's rights, so that members of pg_monitor see the
 * history without a privilege on the table; secrets are masked in all of it.
 */

/* ---- which passes belong to which revision ---- */

/*
 * A generation belongs to the newest revision that is not younger: pauses,
 * approvals and changes of what a cluster inherits raise the generation without
 * a revision of the cluster's own.  A cluster that was forgotten and declared
 * again counts its generations from 1 once more: each such beginning is an epoch,
 * which ends when the next one begins.
 */
CREATE FUNCTION pgops.revision_spans(cluster text)
RETURNS TABLE (
	cluster			text,
	revision		bigint,
	first_generation	bigint,
	next_generation	bigint,
	since			timestamptz,
	until			timestamptz
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH steps AS (
		SELECT r.cluster, r.revision, r.generation, r.created_at,
			   r.generation < lag(r.generation) OVER (PARTITION BY r.cluster ORDER BY r.revision) AS restarts
		FROM pgops.revision AS r
		WHERE (revision_spans.cluster IS NULL OR r.cluster = revision_spans.cluster)
		  AND r.generation IS NOT NULL
	), epochs AS (
		SELECT s.*, count(*) FILTER (WHERE s.restarts) OVER (PARTITION BY s.cluster ORDER BY s.revision) AS epoch
		FROM steps AS s
	), beginnings AS (
		SELECT e.cluster, e.epoch, min(e.created_at) AS since
		FROM epochs AS e
		GROUP BY e.cluster, e.epoch
	)
	SELECT e.cluster, e.revision, e.generation,
		   lead(e.generation) OVER (PARTITION BY e.cluster, e.epoch ORDER BY e.revision),
		   e.created_at, b.since
	FROM epochs AS e
	LEFT JOIN beginnings AS b ON b.cluster = e.cluster AND b.epoch = e.epoch + 1
$$;

COMMENT ON FUNCTION pgops.revision_spans(text) IS
'Which generations of a cluster each of its revisions stands for: from first_generation up to, but not including, next_generation (NULL: all later ones), between the times since and until (NULL: no end). For pgops.revisions() and pgops.revision_actions().

Arguments:
  cluster  name of a cluster; NULL: all of them';

/* ---- revisions ---- */
CREATE FUNCTION pgops.revisions(cluster text DEFAULT NULL)
RETURNS TABLE (
	cluster				text,
	revision			bigint,
	created_at			timestamptz,
	role				text,
	application_name	text,
	client_addr			inet,
	note				text,
	changes				integer,
	summary				text,
	succeeded			bigint,
	failed				bigint,
	started_at			timestamptz,
	finished_at			timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH done AS (
		SELECT s.cluster, s.revision,
			   count(*) FILTER (WHERE a.state = 'succeeded') AS succeeded,
			   count(*) FILTER (WHERE a.state = 'failed') AS failed,
			   min(a.started_at) AS started_at, max(a.finished_at) AS finished_at
		FROM pgops.revision_spans(revisions.cluster) AS s
		JOIN pgops.action_log AS a
		  ON a.cluster = s.cluster
		 AND a.generation >= s.first_generation
		 AND (a.generation < s.next_generation OR s.next_generation IS NULL)
		 AND a.started_at >= s.since
		 AND (a.started_at < s.until OR s.until IS NULL)
		GROUP BY s.cluster, s.revision
	)
	SELECT r.cluster, r.revision, r.created_at, r.role, r.application_name, r.client_addr,
		   r.note, jsonb_array_length(r.difference),
		   (SELECT CASE WHEN length(t.line) > 300 THEN left(t.line, 297) || '...' ELSE t.line END
			FROM (SELECT string_agg(
					CASE
						WHEN d.path = '' THEN 'declared for the first time'
						WHEN d.old = d.new THEN format('%s: changed', d.path)
						WHEN d.old IS NULL AND d.new ~ '^[[{]' THEN format('%s: added', d.path)
						WHEN d.new IS NULL THEN format('%s: removed', d.path)
						ELSE format('%s: %s -> %s', d.path,
									COALESCE(CASE WHEN length(d.old) > 40 THEN left(d.old, 37) || '...' ELSE d.old END, '(none)'),
									CASE WHEN length(d.new) > 40 THEN left(d.new, 37) || '...' ELSE d.new END)
					END, ', ' ORDER BY d.place)
				  FROM (SELECT e.entry ->> 'path' AS path, e.entry ->> 'old' AS old,
							   e.entry ->> 'new' AS new, e.place
						FROM jsonb_array_elements(r.difference) WITH ORDINALITY AS e (entry, place)
						ORDER BY e.place
						LIMIT 20) AS d) AS t (line)),
		   COALESCE(d.succeeded, 0), COALESCE(d.failed, 0), d.started_at, d.finished_at
	FROM pgops.revision AS r
	LEFT JOIN done AS d ON d.cluster = r.cluster AND d.revision = r.revision
	WHERE revisions.cluster IS NULL OR r.cluster = revisions.cluster
	ORDER BY r.created_at DESC, r.cluster, r.revision DESC
$$;

COMMENT ON FUNCTION pgops.revisions(text) IS
'History of declarations, newest first, and what the worker of this server did for each.

Arguments:
  cluster  name of a group, also of a forgotten one, or "all" for global variables and the structure of the inventory; NULL: everything

Result: cluster, revision (from 1 in each cluster), created_at, role (session user), application_name and client_addr (NULL: Unix-domain socket) of the session, note, changes (number of values that changed), summary (the first of them, "path: old -> new", cut; secrets masked; the whole is in pgops.diff()), succeeded and failed (actions in pgops.action_log, repairs of later drift included; nothing once the log has expired), started_at and finished_at of the first and the last of those. "all" has no actions of its own: its changes are carried out cluster by cluster.

Example: SELECT revision, created_at, role, note, summary, failed FROM pgops.revisions(''pg-meta'');';

CREATE FUNCTION pgops.revision_actions(cluster text, revision bigint)
RETURNS SETOF pgops.action_log
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.*
	FROM pgops.revision_spans(revision_actions.cluster) AS s
	JOIN pgops.action_log AS a
	  ON a.cluster = s.cluster
	 AND a.generation >= s.first_generation
	 AND (a.generation < s.next_generation OR s.next_generation IS NULL)
	 AND a.started_at >= s.since
	 AND (a.started_at < s.until OR s.until IS NULL)
	WHERE s.revision = revision_actions.revision
	ORDER BY a.id
$$;

COMMENT ON FUNCTION pgops.revision_actions(text, bigint) IS
'What the worker of this server did while a revision was the newest one: rows of pgops.action_log, in their order.

Arguments:
  cluster   name of a cluster
  revision  number of one of its revisions

Example: SELECT kind, name, action, state, message FROM pgops.revision_actions(''pg-meta'', 12);';

/* ---- diff ---- */
CREATE FUNCTION pgops.diff(cluster text, a bigint, b bigint DEFAULT NULL)
RETURNS TABLE (
	path		text,
	action		text,
	old			jsonb,
	new			jsonb
)
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_diff';

COMMENT ON FUNCTION pgops.diff(text, bigint, bigint) IS
'What differs between two revisions of a declaration. No row: they say the same.

Arguments:
  cluster  name of a group, also of a forgotten one, or "all"; NULL: the cluster this server belongs to
  a        number of a revision; 0: before the first; NULL: the one before b
  b        number of another one; NULL: the newest. If a is the newer one, the result is the way back.

Result, one row per value: path (list items by their name: pg_users[app].connlimit), action (added, removed or changed), old (in a; NULL: not there), new (in b). Secrets are masked; one that changed, and nothing else of it, is a row with the mask on both sides.

Errors: PO704 if there is no history of that name, 42704 for an unknown revision (the DETAIL says which there are).

Example: SELECT * FROM pgops.diff(''pg-meta'', 3);';

/* ---- rollback ---- */
CREATE FUNCTION pgops.rollback(cluster text, revision bigint, dry_run boolean DEFAULT false, note text DEFAULT NULL)
RETURNS TABLE (
	step			integer,
	kind			text,
	name			text,
	database		text,
	action			text,
	destructive		boolean,
	statement		text,
	reason			text,
	rule			text,
	blocked			text,
	sqlstate		text,
	hint			text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_rollback';

COMMENT ON FUNCTION pgops.rollback(text, bigint, boolean, text) IS
'Declares the document of an earlier revision again, as a new revision, and returns the plan that follows from it, as pgops.apply_cluster() does. The worker carries it out from the commit on. As always nothing is dropped by omission: what was declared since and is not in the old document is reported as orphaned. Going back to the newest revision changes nothing.

Secrets are not part of the history. They keep their present values; a NOTICE names those that changed since. The password of a role that is not declared any more becomes what the server has for that role. Other secrets that are stored no longer are an error: take the document out of pgops.revision, put the secrets in, and declare it with apply_cluster().

Arguments:
  cluster   name of a group, also of a forgotten one; "all": global variables (groups stay where they are); NULL: the cluster this server belongs to
  revision  number of the revision to go back to
  dry_run   true: only plan
  note      why, kept with the new revision; NULL: "rollback to revision N"

Result: the plan, one row per step (see apply_cluster()); none for "all" and for groups that are no PostgreSQL clusters.

Errors: PO704 if there is no history of that name, 42704 for an unknown revision, PO1xx if the old document is not valid any more.

Examples:
  SELECT revision, created_at, summary FROM pgops.revisions(''pg-meta'');
  SELECT kind, name, action, statement FROM pgops.rollback(''pg-meta'', 11, dry_run => true);
  SELECT FROM pgops.rollback(''pg-meta'', 11, note => ''ticket 4711'');';
