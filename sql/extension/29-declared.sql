/*
 * The functions behind the views of what is declared and in effect.  They run
 * with their owner's rights, because members of pg_monitor may not read the
 * tables: there are verifiers in them.  What they return is masked.
 *
 * Not for: the views (30-views.sql, 32-views-typed.sql).
 */
CREATE FUNCTION pgops.show_declared(kind text, cluster text)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER STRICT
ROWS 20
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_show_declared';

COMMENT ON FUNCTION pgops.show_declared(text, text) IS
'What is declared for a cluster, one row per object, as it is in effect for the cluster: its own declaration, else that of a group above it, else the global one, else the default. The typed views are made of it.

Arguments:
  kind     user, database, schema, extension, hba_rule, service, default_privilege: the objects of a pgsql cluster; instance: the hosts of a group; cluster: the group itself (one row)
  cluster  name of a group of the inventory

Result: the columns that the caller names, in the caller''s types (text, boolean, integer, bigint, numeric, double precision, jsonb). A column is filled from the object''s field of that name; for instance and cluster it is a parameter''s name. Besides there are: ordinal (place in its list, from 1), parameter (where it is declared), scope (default, global, group or cluster), database (of what is in one); for default_privilege: definition, action, privileges, object_type, grantees, grant_option, for_roles, in_schemas; for instance: host, variables; for cluster: primary_host, variables. A value that is not of the type (a Jinja expression, say) is NULL. Secrets are masked, placeholders resolved. No row if there is no such group.

Errors: 22023 for an unknown kind, 42804 for a type of column that is not supported.

Example:
  SELECT * FROM pgops.show_declared(''database'', ''pg-meta'') AS d(name text, owner text, connlimit integer);';

CREATE FUNCTION pgops.show_settings(cluster text)
RETURNS TABLE (
	host		text,
	name		text,
	value		jsonb,
	resolved	jsonb,
	scope		text,
	origin		text,
	module		text,
	section		text
)
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_show_settings';

COMMENT ON FUNCTION pgops.show_settings(text) IS
'Effective parameters of the hosts of a group, for the view pgops.settings.

Arguments:
  cluster  name of a group of the inventory

Result, one row per host and parameter: see pgops.settings. No row if there is no such group.

Example:
  SELECT host, name, value, scope FROM pgops.show_settings(''etcd'');';
