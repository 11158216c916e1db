/*
 * Files of an instance, rendered from what is declared: for a cluster that does
 * not exist yet, wherever it will be.
 *
 * The functions run with the rights of their caller and read the tables
 * themselves: it is the caller who decides whether secrets are shown.
 */
CREATE FUNCTION pgops.render(instance text, file text DEFAULT 'patroni.yml',
							 secrets boolean DEFAULT true, passwords jsonb DEFAULT NULL,
							 cpu integer DEFAULT NULL, mem_mb integer DEFAULT NULL,
							 disk_bytes bigint DEFAULT NULL, patroni_version text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_render';

COMMENT ON FUNCTION pgops.render(text, text, boolean, jsonb, integer, integer, bigint, text) IS
'A configuration file of a declared instance, on whatever host it is; nothing is written. The text holds passwords in the clear: send it where only its owner can read it. Superusers only, unless secrets are masked.

Arguments:
  instance         its name, as pg-test-1; NULL: the one this server is
  file             patroni.yml, pg_hba.conf or pgbackrest.conf
  secrets          false: each secret is ********, which members of pg_monitor may see, too
  passwords        plain passwords that pgops does not know: an object of roles and passwords. Of a declared password of a role only its verifier is kept, and Patroni must log in as the replication role; only that role and the superuser count
  cpu              processors of the machine that the instance is to run on; NULL: as many as here
  mem_mb           its memory in MB; NULL: as here
  disk_bytes       size of the file system of its data in bytes; NULL: as here
  patroni_version  that it is for, as 3.0.2; NULL: the newest

patroni.yml follows from the parameters of Patroni (patroni_*, pg_rto, pg_rpo, pg_upstream, pg_delay, pg_shard, pgops_dcs), from the template of parameters (pg_conf) for that machine with pg_parameters on top, and from the hosts of the inventory''s group "etcd". pgops is always among the libraries that are preloaded. pgops_patroni, a map, goes over all of it: { etcd3: { protocol: https, cacert: /pg/cert/ca.crt } }; a null takes a key away. The replication password is what "passwords" gives, what a reference ({ file: }, { env: }, read by this server now) leads to, or the well-known default, where that is the declared one or nothing is declared; a warning says so. pg_bin_dir, where it is not declared, is that of this server if the versions are the same. TLS of the server is on where pg_parameters names a certificate, or patroni_ssl_enabled says that there are some in /pg/cert.

pg_hba.conf is that of the declared role; on a server, pgops makes its rules follow the actual one.

Errors: 42704 if there is no such instance, 22023 for an unknown file, sizes or version, 55000 if the cluster is declared to run without Patroni, PO106 if no etcd is declared, PO112 if several are, PO209 if a password is not known or cannot be read, 28P01 if a given one is not the declared one, PO109 for a value that only Ansible can evaluate, PO506 for pgbackrest.conf without declared backups, PO700 if no instance is given and this server is none, 42501 if secrets are asked for by anybody but a superuser, or through a function that runs with other rights.

Example, a member of a new cluster, as root on its host:
  install -m 600 -o postgres /dev/null /etc/patroni/patroni.yml
  psql -h 10.10.10.10 -XAtc "SELECT pgops.render(''pg-test-1'')" > /etc/patroni/patroni.yml
A password that stands in a file of the client, so that it is in no history and no process list:
  \set word `cat replicator.password`
  SELECT pgops.render(''pg-test-1'', passwords => jsonb_build_object(''replicator'', :''word''));';

CREATE FUNCTION pgops.rendered(cluster text DEFAULT NULL, secrets boolean DEFAULT true,
							   passwords jsonb DEFAULT NULL,
							   cpu integer DEFAULT NULL, mem_mb integer DEFAULT NULL,
							   disk_bytes bigint DEFAULT NULL, patroni_version text DEFAULT NULL)
RETURNS TABLE (
	instance	text,
	file		text,
	content		text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgops_rendered';

COMMENT ON FUNCTION pgops.rendered(text, boolean, jsonb, integer, integer, bigint, text) IS
'All files of all instances of a cluster, as pgops.render() makes them; no patroni.yml where patroni_enabled is declared as false, and no pgbackrest.conf without declared backups. Holds passwords in the clear: superusers only, unless secrets are masked.

Arguments:
  cluster  name of a declared cluster; NULL: the one this server belongs to
  The others are those of pgops.render(), and the same for each instance.

Result: instance, file (its name), content.

Errors: PO704 if the cluster is not declared, PO700 if none is given and this server belongs to none; those of pgops.render().

Example: SELECT instance, content FROM pgops.rendered(''pg-test'', secrets => false) WHERE file = ''patroni.yml'';';
