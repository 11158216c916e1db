/*
 * What is declared, as documents: for Ansible, for people, and to be declared
 * again.
 *
 * The functions run with the rights of their caller and read the tables
 * themselves: it is the caller who decides whether secrets are shown.
 */

/* ---- for Ansible ---- */
CREATE FUNCTION pgops.inventory(secrets boolean DEFAULT false)
RETURNS json
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_inventory';

COMMENT ON FUNCTION pgops.inventory(boolean) IS
'Everything that is declared as a dynamic inventory of Ansible, in one line: what a script prints when called with --list. contrib-configs/ansible/pgops-inventory is that script.

Arguments:
  secrets  true: plain values of secrets where they are kept, and verifiers of the passwords of roles. Otherwise each is ********

Result: {group: {"hosts": [...], "children": [...], "vars": {...}}, ..., "_meta": {"hostvars": {host: {...}}}}. Variables stand at the level at which they were declared, so that Ansible''s own precedence holds (ansible_group_priority included); those of a host are merged over all groups that list it. Hosts below no group are in "ungrouped".

Errors: 42501 if secrets are asked for by anybody but a superuser, or through a function that runs with other rights.

Examples:
  psql -XAtqc "SELECT pgops.inventory()" > inventory.json
  SELECT pgops.inventory() -> ''_meta'' -> ''hostvars'' -> ''10.10.10.10'';';

/* ---- for people, and to be declared again ---- */
CREATE FUNCTION pgops.inventory_yaml(cluster text DEFAULT NULL, secrets boolean DEFAULT false)
RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_inventory_yaml';

COMMENT ON FUNCTION pgops.inventory_yaml(text, boolean) IS
'What is declared as a document in YAML, in the order in which it was declared. Declaring it again changes nothing: ******** there means the secret that is stored.

Arguments:
  cluster  name of a group: only its own {hosts, vars}, as pgops.cluster_spec(); NULL: the whole inventory, for pgops.apply_inventory()
  secrets  true: plain values of secrets where they are kept, and verifiers of the passwords of roles. Otherwise each is ********

Errors: PO704 if the group is not declared; 42501 if secrets are asked for by anybody but a superuser, or through a function that runs with other rights.

Comments, anchors and the spelling of values (0x10, yes) are not kept; a date is written as text, which is how it was read.

Examples:
  psql -XAtqc "SELECT pgops.inventory_yaml()" > inventory.yml
  SELECT pgops.inventory_yaml(secrets => true);';

CREATE FUNCTION pgops.cluster_spec(cluster text DEFAULT NULL, secrets boolean DEFAULT false)
RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_cluster_spec';

COMMENT ON FUNCTION pgops.cluster_spec(text, boolean) IS
'One cluster as it is declared, in YAML: name: {hosts: {...}, vars: {...}}, which pgops.apply_cluster() takes as it is; declaring it again changes nothing. What the cluster inherits from groups above it and from "all" is not in it: see the view pgops.settings.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to. Other groups: see pgops.inventory_yaml()
  secrets  true: plain values of secrets where they are kept, and verifiers of the passwords of roles. Otherwise each is ********, which means the one that is stored

Errors: PO704 if it is not declared, PO700 if none is given and this server belongs to none; 42501 if secrets are asked for by anybody but a superuser, or through a function that runs with other rights.

Example:
  SELECT pgops.cluster_spec(''pg-meta'');';
