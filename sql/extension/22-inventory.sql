/*
 * Declaring a whole inventory.
 */
CREATE FUNCTION pgops.apply_inventory(inventory text, dry_run boolean DEFAULT false,
									  prune boolean DEFAULT false, note text DEFAULT NULL)
RETURNS TABLE (
	cluster			text,
	action			text,
	path			text,
	old				jsonb,
	new				jsonb
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_apply_inventory';

COMMENT ON FUNCTION pgops.apply_inventory(text, boolean, boolean, text) IS
'Declares a whole inventory, all: {hosts, children, vars}: any groups inside any groups, of any module. Groups of kind pgsql are validated in full, what belongs to other modules is kept as it is. A group that the document has becomes what the document says; one that it does not have is kept, must be valid together with it, and is reported, unless prune is given. Declaring the same again changes nothing.

Arguments:
  inventory  document in YAML or JSON, as Ansible reads it
  dry_run    true: only compare; nothing is stored
  prune      true: groups that the document does not have, and global variables if it has none, are no longer declared. Nothing is dropped on any server; one whose own cluster is gone stays what it is, and does nothing until that is declared again or pgops.bind() makes it another instance
  note       why, kept with the revisions

Result, one row per difference: cluster (the group; NULL: the whole inventory), action (added, changed, removed; kept: only reported), path inside it (empty: the group itself), old and new value; secrets are masked.

The coordinator looks after the cluster of this server when the transaction commits: see pgops.plan(), pgops.wait(). Each changed group gets a revision, global variables and structure one under the name "all".

Errors: PO1xx for what is wrong in the document, all at once in the DETAIL with line and column; PO100 if there are several. Nothing is stored then. A secret that is "********" (quoted in YAML) means the one that is stored.

Examples:
  SELECT * FROM pgops.apply_inventory(pg_read_file(''/etc/pgops/inventory.yml''), dry_run => true);
  SELECT cluster, action, path FROM pgops.apply_inventory(pg_read_file(''/etc/pgops/inventory.yml''), note => ''ticket 4711'');';

CREATE FUNCTION pgops.apply_inventory(inventory jsonb, dry_run boolean DEFAULT false,
									  prune boolean DEFAULT false, note text DEFAULT NULL)
RETURNS TABLE (
	cluster			text,
	action			text,
	path			text,
	old				jsonb,
	new				jsonb
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_apply_inventory_jsonb';

COMMENT ON FUNCTION pgops.apply_inventory(jsonb, boolean, boolean, text) IS
'The same as apply_inventory(text, boolean, boolean, text) for a document that is jsonb already. Findings have a path, but no line and column; jsonb does not keep the order of keys.

Example:
  SELECT * FROM pgops.apply_inventory(document) FROM inventory_queue;';
