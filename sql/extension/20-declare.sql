/*
 * Declaring a cluster, and looking at what a declaration means: apply,
 * validate, plan.
 */

/* ---- apply_cluster ---- */
CREATE FUNCTION pgops.apply_cluster(spec text, dry_run boolean DEFAULT false, note text DEFAULT NULL)
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
AS 'MODULE_PATHNAME', 'pgops_apply_cluster';

COMMENT ON FUNCTION pgops.apply_cluster(text, boolean, text) IS
'Declares one cluster and returns the plan that follows from it. The coordinator starts to carry it out when the transaction commits; ROLLBACK undoes the declaration. Declaring the same again changes nothing.

Arguments:
  spec     document in YAML or JSON: name: {hosts: {...}, vars: {...}}
  dry_run  true: only plan; nothing is stored and nothing is done
  note     why, kept with the revision

Result, one row per step in the order of execution: step (from 1), kind and name of the object, database (NULL: the whole server), action, destructive (can lose data or access), statement (the exact SQL, or the difference of the file; secrets redacted), reason (what is found -> what is declared), rule (see pgops.rules), blocked (why the step is not done, or NULL) with its sqlstate and hint.

Errors: PO1xx for what is wrong in the document, all at once in the DETAIL with line and column; PO100 if there are several. Nothing is stored then. A secret that is "********" (quoted in YAML) means the one that is stored.

A secret in a statement can end up in logs of the client or of a proxy: declare from a file with pg_read_file(), or give verifiers.

Examples:
  \set spec `cat pg-meta.yml`
  SELECT step, kind, name, action, statement FROM pgops.apply_cluster(:''spec'', dry_run => true);
  SELECT * FROM pgops.apply_cluster(pg_read_file(''/etc/pgops/pg-meta.yml''), note => ''ticket 4711'');';

CREATE FUNCTION pgops.apply_cluster(spec jsonb, dry_run boolean DEFAULT false, note text DEFAULT NULL)
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
AS 'MODULE_PATHNAME', 'pgops_apply_cluster_jsonb';

COMMENT ON FUNCTION pgops.apply_cluster(jsonb, boolean, text) IS
'The same as apply_cluster(text, boolean, text) for a document that is jsonb already. Findings have a path, but no line and column.

Example:
  SELECT * FROM pgops.apply_cluster(document) FROM inventory_queue;';

/* ---- validate ---- */
CREATE FUNCTION pgops.validate(document text)
RETURNS TABLE (
	severity		text,
	path			text,
	line			integer,
	"column"		integer,
	code			text,
	message			text,
	hint			text
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_validate';

COMMENT ON FUNCTION pgops.validate(text) IS
'Checks a document as pgops.apply_cluster() and pgops.apply_inventory() do, and returns what it finds instead of raising it. Stores nothing. No row: the document is good.

Arguments:
  document  one cluster, or a whole inventory (all: {hosts, children, vars}), in YAML or JSON; several groups, or a group with children, are an inventory, too

Result, in the order of the document: severity (error, warning, notice), path (pg-meta.pg_users[3].roles[0]), line and column (from 1; NULL: unknown), code (SQLSTATE, class PO1), message (what was expected), hint. Values of secrets never appear.

Errors: none for any document.

Example:
  SELECT line, "column", path, message, hint FROM pgops.validate(pg_read_file(''pg-meta.yml''));';

/* ---- plan ---- */

/*
 * The one function besides local_cluster() that runs with its owner's rights:
 * the views drift and actions are made of it, and a member of pg_monitor may
 * read neither the declarations nor pg_authid.  It takes a name, changes
 * nothing, and shows no secret.
 */
CREATE FUNCTION pgops.plan(cluster text DEFAULT NULL)
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
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_plan';

COMMENT ON FUNCTION pgops.plan(text) IS
'What is to be done now so that this server matches what is declared. Looks at the server afresh, in every database concerned; changes nothing.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to

Result, one row per step in the order of execution: step (from 1), kind and name of the object, database (NULL: the whole server), action, destructive (can lose data or access), statement (the exact SQL, or the difference of the file; secrets redacted), reason (what is found -> what is declared), rule (see pgops.rules), blocked (why the step is not done, or NULL) with its sqlstate and hint.

Errors: PO704 if the cluster is not declared, PO700 if none is given and this server belongs to none.

Example:
  SELECT step, kind, name, action, statement, blocked FROM pgops.plan();';

/* ---- which cluster NULL means ---- */

/* for the sake of the views: see plan() */
CREATE FUNCTION pgops.local_cluster()
RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_local_cluster';

COMMENT ON FUNCTION pgops.local_cluster() IS
'Name of the cluster this server belongs to or, while the server is bound to none, of the only one that is declared; NULL if that cannot be told. It is what a cluster argument of NULL means everywhere.';

/* ---- the worker ---- */

/* here, since pgops.status shows what it waits for */
CREATE FUNCTION pgops.coordinator()
RETURNS TABLE (
	pid			integer,
	state		text,
	role		text,
	started_at	timestamptz,
	passes		bigint,
	last_pass	timestamptz,
	last_error	text,
	waits_for	text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_coordinator';

COMMENT ON FUNCTION pgops.coordinator() IS
'The background worker of this server: pid (NULL: not running), state (what it is doing), role (primary or standby, as found at the last pass), started_at, passes since then, last_pass (when the last one ended), last_error (of the last pass, or NULL), waits_for (why it does nothing as primary: Patroni runs this server and does not say that it is the leader; NULL: it may act). One row; none if pgops is not in shared_preload_libraries.';

/* ---- the catalogue and the rules ---- */
CREATE FUNCTION pgops.show_parameters()
RETURNS TABLE (
	name			text,
	module			text,
	section			text,
	type			text,
	level			text,
	default_value	jsonb,
	choices			text[],
	minimum			numeric,
	maximum			numeric,
	secret			boolean,
	summary			text
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_parameters';

COMMENT ON FUNCTION pgops.show_parameters() IS
'All parameters that a document can declare. Read the view pgops.parameter.';

CREATE FUNCTION pgops.show_rules()
RETURNS TABLE (
	id				text,
	kind			text,
	observed		text,
	desired			text,
	action			text,
	destructive		boolean,
	loses_data		boolean,
	transactional	boolean,
	comment			text
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_rules';

COMMENT ON FUNCTION pgops.show_rules() IS
'The rules by which plans are made, in their order. Read the view pgops.rules.';
