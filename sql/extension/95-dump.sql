/*
 * What pg_dump carries: declarations and their history.  Not the secrets, not
 * who this server is, and nothing that is only true on this server: a
 * restored CMDB knows what was declared, and does nothing until it is claimed.
 */
SELECT pg_catalog.pg_extension_config_dump('pgops.cluster', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.instance', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.variable', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.revision', '');
SELECT pg_catalog.pg_extension_config_dump('pgops.resolution', '');
