/*
 * What pg_dump carries: declarations and their history.  Not the secrets, not
 * who this server is, and nothing that is only true on this server: a
 * restored CMDB knows what was declared, and does nothing until it is claimed.
 */
SELECT pg_catalog.pg_extension_config_dump('pgops.cluster', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.child', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.instance', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.variable', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.revision', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.resolution', '');

/*
 * Of what pgops did only this: that a database was created anew for the entry
 * that says so.  Without it the first pass of a restored server would drop the
 * database that was just restored.
 */
SELECT pg_catalog.pg_extension_config_dump('pgops.owned', 'WHERE kind = ''recreate''');
