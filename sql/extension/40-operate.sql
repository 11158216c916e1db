/*
 * Running it: waiting, pausing, approving, binding, history.
 */

/* ---- version ---- */
CREATE FUNCTION pgops.version()
RETURNS TABLE (
	loaded		text,
	installed	text,
	server		text
)
LANGUAGE C STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_version';

COMMENT ON FUNCTION pgops.version() IS
'Versions: loaded (the library in this server), installed (the extension in this database), server (PostgreSQL). If the first two differ, restart the server or run ALTER EXTENSION pgops UPDATE.';

/* ---- the coordinator ---- */
CREATE FUNCTION pgops.wait(cluster text DEFAULT NULL, timeout interval DEFAULT '60 s')
RETURNS SETOF pgops.status
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_wait';

COMMENT ON FUNCTION pgops.wait(text, interval) IS
'Waits until what is declared now is settled - converged, or as far as it can be - and returns the row of pgops.status.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to
  timeout  how long to wait at most

Errors: PO705 when the time is over, PO704 for an unknown cluster, PO702 if pgops is not in shared_preload_libraries. Call it in a transaction of its own: a declaration becomes visible to the coordinator only at commit.

Example: SELECT phase, message, failed, blocked FROM pgops.wait(timeout => ''5 min'');';

CREATE FUNCTION pgops.reconcile(cluster text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_reconcile';

COMMENT ON FUNCTION pgops.reconcile(text) IS
'Asks for a pass at once, without a change: the server is looked at afresh, and failed actions are tried again before their time. Returns at once; pgops.wait() waits for the result.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to

Errors: PO704 for an unknown cluster, PO702 if pgops is not in shared_preload_libraries.';

/* ---- which cluster is meant ---- */
CREATE FUNCTION pgops.known_cluster(cluster text)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	chosen	text := COALESCE(cluster, pgops.local_cluster());
	names	text;
BEGIN
	IF EXISTS (SELECT FROM pgops.cluster AS c WHERE c.name = chosen) THEN
		RETURN chosen;
	END IF;

	SELECT string_agg(c.name, ', ' ORDER BY c.name)
		INTO names
		FROM pgops.cluster AS c;

	IF chosen IS NULL THEN
		RAISE EXCEPTION 'no cluster is given, and this server belongs to none'
			USING ERRCODE = 'PO700',
				  HINT = COALESCE('Name one of the declared clusters: ' || names || '.',
								  'Declare one with pgops.apply_cluster().');
	END IF;

	RAISE EXCEPTION 'cluster "%" is not declared', chosen
		USING ERRCODE = 'PO704',
			  HINT = COALESCE('Declared clusters: ' || names || '.',
							  'Declare one with pgops.apply_cluster().');
END
$$;

COMMENT ON FUNCTION pgops.known_cluster(text) IS
'The given cluster or, for NULL, the one this server belongs to. Errors: PO704 if it is not declared, PO700 if there is none. For the functions below.';

/* ---- pause and resume ---- */
CREATE FUNCTION pgops.set_paused(cluster text, paused boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	chosen	text := pgops.known_cluster(cluster);
BEGIN
	UPDATE pgops.cluster AS c
		SET paused = set_paused.paused, generation = c.generation + 1, updated_at = now()
		WHERE c.name = chosen AND c.paused <> set_paused.paused;

	IF NOT FOUND THEN
		RAISE NOTICE 'cluster "%" is % already', chosen,
			CASE WHEN paused THEN 'paused' ELSE 'not paused' END;
	END IF;
END
$$;

COMMENT ON FUNCTION pgops.set_paused(text, boolean) IS
'Does the work of pgops.pause() and pgops.resume().';

CREATE FUNCTION pgops.pause(cluster text DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pgops.set_paused($1, true) $$;

COMMENT ON FUNCTION pgops.pause(text) IS
'Stops all changes from the commit on: passes go on looking and report what they would do in pgops.drift. Declaring goes on working.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to

Errors: PO704 for an unknown cluster.';

CREATE FUNCTION pgops.resume(cluster text DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pgops.set_paused($1, false) $$;

COMMENT ON FUNCTION pgops.resume(text) IS
'Undoes pgops.pause(): what has piled up is carried out from the commit on.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to

Errors: PO704 for an unknown cluster.';

/* ---- approve ---- */
CREATE FUNCTION pgops.approve(cluster text, digest text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	chosen	text := pgops.known_cluster(cluster);
	waiting	text;
BEGIN
	SELECT s.destructive_digest INTO waiting
		FROM pgops.cluster_status AS s
		WHERE s.cluster = chosen;

	IF waiting IS NULL THEN
		RAISE EXCEPTION 'nothing in cluster "%" waits for approval', chosen
			USING ERRCODE = 'PO207',
				  HINT = 'See pgops.status and pgops.plan().';
	ELSIF digest IS NULL OR digest <> waiting THEN
		RAISE EXCEPTION 'the digest is not that of the steps that wait in cluster "%"', chosen
			USING ERRCODE = 'PO207',
				  DETAIL = format('Waiting: %s.', waiting),
				  HINT = 'The plan has changed since it was looked at: read pgops.plan() again, then approve its digest.';
	END IF;

	UPDATE pgops.cluster AS c
		SET approved_digest = waiting, generation = c.generation + 1, updated_at = now()
		WHERE c.name = chosen;
END
$$;

COMMENT ON FUNCTION pgops.approve(text, text) IS
'Releases destructive steps that are held back because there are more of them than pgops.max_destructive. They are carried out only if they still are exactly those.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to
  digest   the destructive_digest of pgops.status

Errors: PO207 if nothing waits, or something else does; PO704 for an unknown cluster.

Example: SELECT pgops.approve(cluster, destructive_digest) FROM pgops.status WHERE cluster = ''pg-meta'';';

/* ---- bind, unbind, forget ---- */
CREATE FUNCTION pgops.bind(instance text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_bind';

COMMENT ON FUNCTION pgops.bind(text) IS
'Says which declared instance this server is; from the commit on it acts on it. Needed on a server that came out of a dump or a copy, and where a CMDB declares several instances; not where Patroni runs it: its members are known by their addresses and ports, else by their names. Whatever server was bound to that instance before no longer is.

Arguments:
  instance  name of a declared instance, as pg-meta-1

Errors: 42704 if it is not declared, 25006 on a standby (set pgops.instance there), 55000 if pgops.instance says otherwise, or Patroni runs this server as another instance.';

CREATE FUNCTION pgops.unbind(instance text)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bound	text;
BEGIN
	DELETE FROM pgops.identity AS i
		WHERE i.instance = unbind.instance
		RETURNING i.cluster INTO bound;

	IF bound IS NULL THEN
		RAISE EXCEPTION 'instance "%" is not bound to a server', instance
			USING ERRCODE = 'undefined_object',
				  HINT = 'See pgops.identity.';
	END IF;

	UPDATE pgops.cluster AS c
		SET generation = c.generation + 1, updated_at = now()
		WHERE c.name = bound;
END
$$;

COMMENT ON FUNCTION pgops.unbind(text) IS
'Undoes pgops.bind(): the server goes on observing and no longer acts. Changes nothing else. The next pgops.apply_cluster() may bind again: where pgops.instance is set, or only one instance is declared. A member that Patroni runs is bound again at its next pass: there, pgops.pause() is what keeps pgops from acting.

Arguments:
  instance  name of a bound instance

Errors: 42704 if it is not bound.';

CREATE FUNCTION pgops.forget(cluster text)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	chosen	text := pgops.known_cluster(cluster);
BEGIN
	/* with others left this server stays who it is, or it would become one of them */
	DELETE FROM pgops.identity AS t
		WHERE t.cluster = chosen
		AND NOT EXISTS (SELECT FROM pgops.cluster AS c WHERE c.kind = 'pgsql' AND c.name <> chosen);
	/* pg_cron would go on calling for schedules that nobody declares */
	IF EXISTS (SELECT FROM pgops.owned AS t WHERE t.cluster = chosen AND t.kind = 'cron_job')
	   AND EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron')
	   AND to_regclass('cron.job') IS NOT NULL
	THEN
		EXECUTE 'SELECT cron.unschedule(j.jobid)
				 FROM cron.job AS j
				 JOIN pgops.owned AS t ON t.name = j.jobname::text
				 WHERE t.cluster = $1 AND t.kind = ''cron_job''
				   AND starts_with(j.command, ''SELECT pgops.run_schedule('')
				   AND j.jobid::text = COALESCE(t.value, j.jobid::text)'
			USING chosen;
	END IF;
	DELETE FROM pgops.schedule_state AS t WHERE t.cluster = chosen;
	DELETE FROM pgops.owned AS t WHERE t.cluster = chosen;
	DELETE FROM pgops.failure AS t WHERE t.cluster = chosen;
	DELETE FROM pgops.cluster_status AS t WHERE t.cluster = chosen;
	DELETE FROM pgops.cluster AS t WHERE t.name = chosen;
END
$$;

COMMENT ON FUNCTION pgops.forget(text) IS
'Takes a cluster''s declaration out of the CMDB, with its secrets and with the memory of what pgops set for it. Nothing on the server is changed, but for the jobs by which pg_cron calls for its schedules, which are removed; pgops no longer looks after it. Revisions and the action log stay. While other clusters are declared this server remembers which instance it was; pgops.bind() makes it another one.

Arguments:
  cluster  name of a declared cluster

Errors: PO704 for an unknown cluster.';
