/*
 * Writing to the typed views: a statement is a declaration.
 *
 * Rows are collected by the INSTEAD OF triggers and declared together by those
 * after the statement: validated as a document would be, stored as one revision
 * for each cluster and transaction, carried out by the worker after the commit.
 *
 * Not for: what the views show (32-views-typed.sql).
 */
CREATE FUNCTION pgops.edit_row()
RETURNS trigger
LANGUAGE C
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_edit_row';

COMMENT ON FUNCTION pgops.edit_row() IS
'Trigger function of the typed views: takes down what a statement does to a row. Argument: the name of the view.

What statements mean:
  UPDATE  declares the columns that change, and only those; NULL: no longer declared. Where the list comes from a weaker level (a group above, all, the default) it is copied to the cluster first, and a NOTICE says so.
  INSERT  adds an object to the list that the column "parameter" names (without one: pg_users, pg_databases, pg_hba_rules, pg_services, ...), at the place "ordinal" or at the end.
  DELETE  stops declaring; nothing is dropped on a server. What is to be dropped is declared as such: UPDATE ... SET state = ''absent''.
A password ******** means the one that is stored.

Errors: as of pgops.apply_cluster(), all of a statement at once, with the names of view and column (also as fields of the error); PO704 for an unknown cluster, 0A000 for a column that only tells something, 23502 where a value is needed, 40001 if another session declared the same object in the meantime.

Examples:
  UPDATE pgops.databases SET connlimit = 50 WHERE cluster = ''pg-meta'' AND name = ''app'';
  INSERT INTO pgops.users (cluster, name, password, roles) VALUES (''pg-meta'', ''app'', ''SCRAM-SHA-256$...'', ''["dbrole_readwrite"]'');
  UPDATE pgops.users SET state = ''absent'' WHERE cluster = ''pg-meta'' AND name = ''left'';';

CREATE FUNCTION pgops.edit_statement()
RETURNS trigger
LANGUAGE C
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_edit_statement';

COMMENT ON FUNCTION pgops.edit_statement() IS
'Trigger function of the typed views: declares what the rows of a statement amount to. See pgops.edit_row().';

CREATE FUNCTION pgops.edit_complete()
RETURNS trigger
LANGUAGE C
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_edit_complete';

COMMENT ON FUNCTION pgops.edit_complete() IS
'Trigger function of pgops.revision: at the commit of a transaction that wrote to pgops.clusters or pgops.instances, checks that each such cluster has hosts and a primary. Errors: PO1xx, as of pgops.apply_cluster().';

CREATE CONSTRAINT TRIGGER revision_complete
	AFTER INSERT OR UPDATE ON pgops.revision
	DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_complete();
COMMENT ON TRIGGER revision_complete ON pgops.revision IS
'Clusters may be put together by several statements of a transaction; they are checked when it commits.';

/* ---- clusters ---- */
CREATE TRIGGER clusters_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.clusters
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('clusters');
COMMENT ON TRIGGER clusters_edit ON pgops.clusters IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER clusters_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.clusters
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER clusters_declare ON pgops.clusters IS 'Declares what a statement has written.';

/* ---- instances ---- */
CREATE TRIGGER instances_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.instances
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('instances');
COMMENT ON TRIGGER instances_edit ON pgops.instances IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER instances_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.instances
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER instances_declare ON pgops.instances IS 'Declares what a statement has written.';

/* ---- users ---- */
CREATE TRIGGER users_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.users
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('users');
COMMENT ON TRIGGER users_edit ON pgops.users IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER users_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.users
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER users_declare ON pgops.users IS 'Declares what a statement has written.';

/* ---- databases ---- */
CREATE TRIGGER databases_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.databases
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('databases');
COMMENT ON TRIGGER databases_edit ON pgops.databases IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER databases_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.databases
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER databases_declare ON pgops.databases IS 'Declares what a statement has written.';

/* ---- schemas ---- */
CREATE TRIGGER schemas_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.schemas
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('schemas');
COMMENT ON TRIGGER schemas_edit ON pgops.schemas IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER schemas_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.schemas
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER schemas_declare ON pgops.schemas IS 'Declares what a statement has written.';

/* ---- extensions ---- */
CREATE TRIGGER extensions_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.extensions
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('extensions');
COMMENT ON TRIGGER extensions_edit ON pgops.extensions IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER extensions_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.extensions
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER extensions_declare ON pgops.extensions IS 'Declares what a statement has written.';

/* ---- hba_rules ---- */
CREATE TRIGGER hba_rules_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.hba_rules
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('hba_rules');
COMMENT ON TRIGGER hba_rules_edit ON pgops.hba_rules IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER hba_rules_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.hba_rules
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER hba_rules_declare ON pgops.hba_rules IS 'Declares what a statement has written.';

/* ---- services ---- */
CREATE TRIGGER services_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.services
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('services');
COMMENT ON TRIGGER services_edit ON pgops.services IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER services_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.services
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER services_declare ON pgops.services IS 'Declares what a statement has written.';

/* ---- default_privileges ---- */
CREATE TRIGGER default_privileges_edit
	INSTEAD OF INSERT OR UPDATE OR DELETE ON pgops.default_privileges
	FOR EACH ROW EXECUTE FUNCTION pgops.edit_row('default_privileges');
COMMENT ON TRIGGER default_privileges_edit ON pgops.default_privileges IS
'Takes down what a statement declares, see pgops.edit_row().';

CREATE TRIGGER default_privileges_declare
	AFTER INSERT OR UPDATE OR DELETE ON pgops.default_privileges
	FOR EACH STATEMENT EXECUTE FUNCTION pgops.edit_statement();
COMMENT ON TRIGGER default_privileges_declare ON pgops.default_privileges IS 'Declares what a statement has written.';

