/*
 * What is declared, as rows: the groups and hosts of the inventory, and the
 * objects of its pgsql clusters with one column per field.
 *
 * Each view goes from pgops.cluster to a function that reads one cluster, so
 * that a condition on the cluster's name reads that one only.  The functions
 * run with their owner's rights, because members of pg_monitor may not read
 * the tables: there are verifiers in them.  What they return is masked.
 *
 * Not for: those functions (29-declared.sql), writing (34-views-edit.sql), and
 * what the server has (30-views.sql).
 */

/* ---- groups ---- */
CREATE VIEW pgops.clusters AS
	SELECT c.name,
		   c.kind,
		   (SELECT pg_catalog.count(*)
			FROM pgops.instance AS i
			WHERE i.cluster OPERATOR(pg_catalog.=) c.name)::integer AS instances,
		   (SELECT i.name
			FROM pgops.instance AS i
			WHERE i.cluster OPERATOR(pg_catalog.=) c.name
			  AND i.host OPERATOR(pg_catalog.=) o.primary_host) AS primary_instance,
		   o.primary_host,
		   o.pg_version,
		   o.pg_port AS port,
		   o.pgops_policy AS policy,
		   c.generation,
		   (SELECT pg_catalog.max(r.revision)
			FROM pgops.revision AS r
			WHERE r.cluster OPERATOR(pg_catalog.=) c.name) AS revision,
		   c.paused,
		   CASE WHEN s.phase OPERATOR(pg_catalog.<>) 'unbound' THEN s.phase
				ELSE COALESCE(p.phase, s.phase)
		   END AS phase,
		   COALESCE(s.observed_generation, p.observed_generation) AS observed_generation,
		   CASE WHEN s.phase OPERATOR(pg_catalog.<>) 'unbound' OR p.phase IS NULL THEN s.message
				ELSE p.message
		   END AS message,
		   o.pgops_push AS push,
		   p.pushed_generation,
		   p.remote_generation,
		   p.remote_observed_generation,
		   p.last_contact,
		   p.error,
		   COALESCE((SELECT pg_catalog.array_agg(k.parent ORDER BY k.parent COLLATE "C")
					 FROM pgops.child AS k
					 WHERE k.child OPERATOR(pg_catalog.=) c.name AND k.parent IS NOT NULL),
					'{}') AS parents,
		   COALESCE((SELECT pg_catalog.array_agg(k.child ORDER BY k.ordinal)
					 FROM pgops.child AS k
					 WHERE k.parent OPERATOR(pg_catalog.=) c.name),
					'{}') AS children,
		   o.variables,
		   (SELECT k.ordinal
			FROM pgops.child AS k
			WHERE k.child OPERATOR(pg_catalog.=) c.name
			ORDER BY k.defines DESC, k.parent IS NOT NULL, k.ordinal
			LIMIT 1) AS ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('cluster', c.name) AS o (
		primary_host text, pg_version integer, pg_port integer, pgops_policy text,
		pgops_push boolean, variables jsonb)
	LEFT JOIN pgops.status AS s ON s.cluster OPERATOR(pg_catalog.=) c.name
	LEFT JOIN LATERAL (
		/* of several pg_cluster in one group the least that holds for all, and the worst phase */
		SELECT CASE WHEN pg_catalog.bool_and(t.pushed_generation IS NOT NULL)
					THEN pg_catalog.min(t.pushed_generation) END AS pushed_generation,
			   CASE WHEN pg_catalog.bool_and(COALESCE(
						t.observed_generation OPERATOR(pg_catalog.>=) t.remote_generation, false))
					THEN pg_catalog.min(t.pushed_generation) END AS observed_generation,
			   pg_catalog.min(t.remote_generation) AS remote_generation,
			   pg_catalog.min(t.observed_generation) AS remote_observed_generation,
			   CASE WHEN pg_catalog.bool_and(t.last_contact IS NOT NULL)
					THEN pg_catalog.min(t.last_contact) END AS last_contact,
			   (pg_catalog.array_agg(t.phase ORDER BY
					pg_catalog.array_position(
						'{degraded,blocked,waiting,progressing,unbound,paused,observing,converged}',
						t.phase)))[1] AS phase,
			   pg_catalog.string_agg(
					CASE WHEN t.pg_cluster OPERATOR(pg_catalog.=) c.name THEN t.message
						 ELSE pg_catalog.format('%s: %s', t.pg_cluster, t.message) END,
					'; ' ORDER BY t.pg_cluster COLLATE "C")
					FILTER (WHERE t.message IS NOT NULL) AS message,
			   pg_catalog.string_agg(
					CASE WHEN t.pg_cluster OPERATOR(pg_catalog.=) c.name THEN t.error
						 ELSE pg_catalog.format('%s: %s', t.pg_cluster, t.error) END,
					'; ' ORDER BY t.pg_cluster COLLATE "C")
					FILTER (WHERE t.error IS NOT NULL) AS error
		FROM pgops.push_status AS t
		WHERE t.cluster OPERATOR(pg_catalog.=) c.name) AS p ON true;

COMMENT ON VIEW pgops.clusters IS
'The groups of the inventory, one row each: clusters of PostgreSQL (kind pgsql) with their condition here or on the server they were pushed to, and all others as they are declared. A group that holds several clusters (pg_cluster differs between its hosts) is one row: it shows the least generation and the worst phase of them.

Can be written to by superusers, see pgops.edit_row(). INSERT declares a new group: a PostgreSQL cluster (pg_cluster is set), unless kind says otherwise; it needs hosts with a primary among them by the end of the transaction. DELETE is pgops.forget(). Written can be name (INSERT), pg_version, port, policy, push, variables and paused; the parameters are declared at the level of the group.

Examples:
  SELECT name, phase, message FROM pgops.clusters WHERE kind = ''pgsql'';
  SELECT name, last_contact, error FROM pgops.clusters WHERE push AND pushed_generation IS DISTINCT FROM generation;
  SELECT name, kind, instances, parents FROM pgops.clusters ORDER BY ordinal;';
COMMENT ON COLUMN pgops.clusters.name IS 'Name of the group, which is the name of the cluster.';
COMMENT ON COLUMN pgops.clusters.kind IS 'pgsql, etcd, minio, redis, infra, ...; group: no hosts of its own; node: hosts of no other kind.';
COMMENT ON COLUMN pgops.clusters.instances IS 'Number of hosts in it.';
COMMENT ON COLUMN pgops.clusters.primary_instance IS 'Name of the declared primary; NULL: none.';
COMMENT ON COLUMN pgops.clusters.primary_host IS 'Host of the declared primary (the first one, if the group holds several clusters).';
COMMENT ON COLUMN pgops.clusters.pg_version IS 'Major version that is declared (pg_version).';
COMMENT ON COLUMN pgops.clusters.port IS 'Port of the server (pg_port).';
COMMENT ON COLUMN pgops.clusters.policy IS 'observe, additive or authoritative (pgops_policy).';
COMMENT ON COLUMN pgops.clusters.generation IS 'Rises with each accepted declaration, pause, resume, approval and bind.';
COMMENT ON COLUMN pgops.clusters.revision IS 'Newest revision of the declaration, see pgops.revisions().';
COMMENT ON COLUMN pgops.clusters.paused IS 'Whether passes only observe, see pgops.pause().';
COMMENT ON COLUMN pgops.clusters.phase IS 'Condition, as in pgops.status: here if this server belongs to it, else as last told by the server it was pushed to. NULL: not a pgsql cluster.';
COMMENT ON COLUMN pgops.clusters.observed_generation IS 'Generation that was looked at: by the last pass here or, of another server''s cluster, by that server as of last_contact. NULL: none, or it has not come that far with what was pushed.';
COMMENT ON COLUMN pgops.clusters.message IS 'The condition in a sentence.';
COMMENT ON COLUMN pgops.clusters.push IS 'Whether declarations are delivered to the cluster at commit (pgops_push).';
COMMENT ON COLUMN pgops.clusters.pushed_generation IS 'Generation that its own server has accepted; up to date when it equals generation. NULL: none yet.';
COMMENT ON COLUMN pgops.clusters.remote_generation IS 'Generation in the CMDB of its own server.';
COMMENT ON COLUMN pgops.clusters.remote_observed_generation IS 'Generation that its own server has looked at; settled when it equals remote_generation.';
COMMENT ON COLUMN pgops.clusters.last_contact IS 'When its own server last answered; NULL: never.';
COMMENT ON COLUMN pgops.clusters.error IS 'Why the last push failed; NULL: it did not.';
COMMENT ON COLUMN pgops.clusters.parents IS 'Groups it lies in; empty: only in the inventory as a whole.';
COMMENT ON COLUMN pgops.clusters.children IS 'Groups that lie in it, in the order of the document.';
COMMENT ON COLUMN pgops.clusters.variables IS 'Its own parameters as they were declared, secrets masked. What holds for it is in pgops.settings.';
COMMENT ON COLUMN pgops.clusters.ordinal IS 'Place in the document among the groups beside it, from 1.';

/* ---- hosts ---- */
CREATE VIEW pgops.instances AS
	SELECT c.name AS cluster,
		   o.host,
		   i.name,
		   c.kind,
		   o.pg_cluster,
		   o.pg_seq AS seq,
		   o.pg_role AS role,
		   o.pg_port AS port,
		   o.pg_offline_query AS offline_query,
		   o.pg_weight AS weight,
		   o.pg_upstream AS upstream,
		   o.pg_delay AS delay,
		   o.pg_mode AS mode,
		   o.pg_shard AS shard,
		   o.pg_group AS shard_group,
		   o.gp_role,
		   o.pg_instances,
		   o.pg_exporters,
		   o.pg_listen AS listen,
		   o.pg_vip_interface AS vip_interface,
		   o.nodename,
		   o.variables,
		   o.ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('instance', c.name) AS o (
		host text, pg_cluster text, pg_seq integer, pg_role text, pg_port integer,
		pg_offline_query boolean, pg_weight integer, pg_upstream text, pg_delay text,
		pg_mode text, pg_shard text, pg_group integer, gp_role text, pg_instances jsonb,
		pg_exporters jsonb, pg_listen text, pg_vip_interface text, nodename text,
		variables jsonb, ordinal integer)
	LEFT JOIN pgops.instance AS i
	  ON i.cluster OPERATOR(pg_catalog.=) c.name AND i.host OPERATOR(pg_catalog.=) o.host;

COMMENT ON VIEW pgops.instances IS
'The hosts of the inventory, one row for each group they lie in, with what makes an instance of them. Values are those in effect for the host: its own, else its group''s, else the global ones, else the defaults (pgsql clusters only). Each column but the first four, variables and ordinal is the parameter named in its comment.

Can be written to by superusers, see pgops.edit_row(). INSERT adds a host, DELETE takes it away with its variables, UPDATE declares parameters for the host; host itself may change. Of variables only the keys that differ count.

Example: SELECT cluster, name, host, role FROM pgops.instances WHERE kind = ''pgsql'' ORDER BY cluster, seq;';
COMMENT ON COLUMN pgops.instances.cluster IS 'Group the host lies in.';
COMMENT ON COLUMN pgops.instances.host IS 'Address or name of the host: the key below "hosts".';
COMMENT ON COLUMN pgops.instances.name IS 'Name of the instance, as pg-meta-1: what pgops.bind() and the setting pgops.instance take. NULL: not an instance of PostgreSQL.';
COMMENT ON COLUMN pgops.instances.kind IS 'Kind of the group, as in pgops.clusters.';
COMMENT ON COLUMN pgops.instances.pg_cluster IS 'Cluster it belongs to; differs from the group''s name where a group holds several (pg_cluster).';
COMMENT ON COLUMN pgops.instances.seq IS 'Number in its cluster (pg_seq).';
COMMENT ON COLUMN pgops.instances.role IS 'What it is meant to be: primary, replica, offline, standby or delayed (pg_role).';
COMMENT ON COLUMN pgops.instances.port IS 'Port of the server (pg_port).';
COMMENT ON COLUMN pgops.instances.offline_query IS 'Whether it takes offline queries besides its role (pg_offline_query).';
COMMENT ON COLUMN pgops.instances.weight IS 'Its share of a service''s connections, 0 to 256 (pg_weight).';
COMMENT ON COLUMN pgops.instances.upstream IS 'Address it replicates from: another cluster''s, or a replica''s of its own (pg_upstream).';
COMMENT ON COLUMN pgops.instances.delay IS 'How far a standby cluster applies behind its upstream, as 1h (pg_delay).';
COMMENT ON COLUMN pgops.instances.mode IS 'Kind of PostgreSQL it runs: pgsql, citus, ... (pg_mode).';
COMMENT ON COLUMN pgops.instances.shard IS 'Sharded cluster its cluster is a part of (pg_shard).';
COMMENT ON COLUMN pgops.instances.shard_group IS 'Number of the shard (pg_group).';
COMMENT ON COLUMN pgops.instances.gp_role IS 'Part in a Greenplum deployment: master or segment (gp_role).';
COMMENT ON COLUMN pgops.instances.pg_instances IS 'Several instances on one host: port to variables (pg_instances).';
COMMENT ON COLUMN pgops.instances.pg_exporters IS 'Servers elsewhere that are only monitored: port of the exporter to variables, secrets masked (pg_exporters).';
COMMENT ON COLUMN pgops.instances.listen IS 'Addresses to listen on, placeholders resolved (pg_listen).';
COMMENT ON COLUMN pgops.instances.vip_interface IS 'Network interface that takes the virtual address (pg_vip_interface).';
COMMENT ON COLUMN pgops.instances.nodename IS 'Name of the host (nodename).';
COMMENT ON COLUMN pgops.instances.variables IS 'The host''s own parameters as they were declared in this group, secrets masked. What holds for it is in pgops.settings.';
COMMENT ON COLUMN pgops.instances.ordinal IS 'Place in its group, from 1.';

/* ---- effective parameters ---- */
CREATE VIEW pgops.settings AS
	SELECT c.name AS cluster,
		   i.name AS instance,
		   o.host,
		   o.name,
		   o.value,
		   o.resolved,
		   o.scope,
		   o.origin,
		   o.module,
		   o.section
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_settings(c.name) AS o
	JOIN pgops.instance AS i
	  ON i.cluster OPERATOR(pg_catalog.=) c.name AND i.host OPERATOR(pg_catalog.=) o.host;

COMMENT ON VIEW pgops.settings IS
'Every parameter that is in effect for an instance, and where it comes from. Ansible''s precedence: default < global < groups < host; between groups of one host, the deeper one wins, then the higher ansible_group_priority, then the name that sorts last. A parameter is replaced whole. Hosts of all groups are here; the defaults of the catalogue are shown for instances of pgsql clusters only.

Examples:
  SELECT name, value, scope, origin FROM pgops.settings WHERE cluster = ''pg-meta'' AND instance = ''pg-meta-1'' AND scope <> ''default'';
  SELECT instance, value, scope FROM pgops.settings WHERE cluster = ''pg-test'' AND name = ''pg_role'';';
COMMENT ON COLUMN pgops.settings.cluster IS 'Group the host is looked at in.';
COMMENT ON COLUMN pgops.settings.instance IS 'Name of the instance, as in pgops.instances; NULL: the host is none of PostgreSQL.';
COMMENT ON COLUMN pgops.settings.host IS 'Address or name of the host.';
COMMENT ON COLUMN pgops.settings.name IS 'Name of the parameter.';
COMMENT ON COLUMN pgops.settings.value IS 'Value as it was declared, secrets masked.';
COMMENT ON COLUMN pgops.settings.resolved IS 'Value as it is used: of the parameter''s type where it is a known one, ${...} replaced by what it stands for on this host. Jinja expressions are left as they are.';
COMMENT ON COLUMN pgops.settings.scope IS 'Where it comes from: default, global, group (one above, or another group of the host), cluster (this group) or instance.';
COMMENT ON COLUMN pgops.settings.origin IS 'Name of that group, or of the host; NULL for default and global.';
COMMENT ON COLUMN pgops.settings.module IS 'Module of the parameter, as in pgops.parameter; NULL: not in the catalogue.';
COMMENT ON COLUMN pgops.settings.section IS 'Section of the parameter, as in pgops.parameter.';

/* ---- roles ---- */
CREATE VIEW pgops.users AS
	SELECT c.name AS cluster, o.name, o.state, o.password, o.login, o.superuser, o.createdb,
		   o.createrole, o.inherit, o.replication, o.bypassrls, o.connlimit, o.expire_in,
		   o.expire_at, o.comment, o.roles, o.parameters, o.database_parameters, o.pgbouncer,
		   o.pool_mode, o.pool_connlimit, o.parameter, o.scope, o.ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('user', c.name) AS o (
		name text, state text, password text, login boolean, superuser boolean, createdb boolean,
		createrole boolean, inherit boolean, replication boolean, bypassrls boolean,
		connlimit integer, expire_in integer, expire_at text, comment text, roles jsonb,
		parameters jsonb, database_parameters jsonb, pgbouncer boolean, pool_mode text,
		pool_connlimit integer, parameter text, scope text, ordinal integer)
	WHERE c.kind OPERATOR(pg_catalog.=) 'pgsql';

COMMENT ON VIEW pgops.users IS
'The declared users and roles of each cluster, one row each: the default roles, then those of the applications. A role that is in both lists has two rows; the later one counts where they differ. An attribute that is NULL is not declared: it is left as it is on the server.

Can be written to by superusers, see pgops.edit_row(). DELETE stops declaring a role and does not drop it; state absent does.

Example: SELECT name, connlimit, expire_at, roles FROM pgops.users WHERE cluster = ''pg-meta'' AND parameter = ''pg_users'';';
COMMENT ON COLUMN pgops.users.cluster IS 'Cluster it is declared for.';
COMMENT ON COLUMN pgops.users.name IS 'Name of the role.';
COMMENT ON COLUMN pgops.users.state IS 'create (also if NULL) or absent: the role is dropped.';
COMMENT ON COLUMN pgops.users.password IS '******** if one is declared, else NULL. Only its verifier is kept, or the reference to where it stands.';
COMMENT ON COLUMN pgops.users.login IS 'May log in; NULL: yes.';
COMMENT ON COLUMN pgops.users.superuser IS 'Bypasses all permission checks.';
COMMENT ON COLUMN pgops.users.createdb IS 'May create databases.';
COMMENT ON COLUMN pgops.users.createrole IS 'May create roles.';
COMMENT ON COLUMN pgops.users.inherit IS 'Uses the privileges of its groups without SET ROLE.';
COMMENT ON COLUMN pgops.users.replication IS 'May start replication.';
COMMENT ON COLUMN pgops.users.bypassrls IS 'Row security does not apply to it.';
COMMENT ON COLUMN pgops.users.connlimit IS 'Sessions at a time; -1: no limit.';
COMMENT ON COLUMN pgops.users.expire_in IS 'Days its password is valid, from the day this was first declared; wins over expire_at.';
COMMENT ON COLUMN pgops.users.expire_at IS 'Until when its password is valid: a date, a time stamp or infinity.';
COMMENT ON COLUMN pgops.users.comment IS 'Comment on the role; empty: there shall be none.';
COMMENT ON COLUMN pgops.users.roles IS 'Groups it is a member of: a list of names or of {"name", "state", "admin", "set", "inherit"}.';
COMMENT ON COLUMN pgops.users.parameters IS 'Settings of its sessions: {"search_path": "app"}; "DEFAULT" resets one.';
COMMENT ON COLUMN pgops.users.database_parameters IS 'Settings of its sessions in one database: {"app": {"work_mem": "64MB"}}.';
COMMENT ON COLUMN pgops.users.pgbouncer IS 'May log in through the pooler.';
COMMENT ON COLUMN pgops.users.pool_mode IS 'Its mode of pooling: transaction, session or statement.';
COMMENT ON COLUMN pgops.users.pool_connlimit IS 'Server connections of the pooler for it; -1: no limit.';
COMMENT ON COLUMN pgops.users.parameter IS 'Parameter it stands in: pg_default_roles or pg_users.';
COMMENT ON COLUMN pgops.users.scope IS 'Where that parameter is declared: default (built in), global, group (a group above the cluster) or cluster.';
COMMENT ON COLUMN pgops.users.ordinal IS 'Place in its list, from 1.';

/* ---- databases and what is in them ---- */
CREATE VIEW pgops.databases AS
	SELECT c.name AS cluster, o.name, o.state, o.owner, o.template, o.encoding, o.locale,
		   o.lc_collate, o.lc_ctype, o.locale_provider, o.icu_locale, o.icu_rules,
		   o.builtin_locale, o.strategy, o.tablespace, o.is_template, o.allowconn, o.revokeconn,
		   o.privileges, o.default_privileges, o.connlimit, o.comment, o.parameters, o.baseline,
		   o.schemas, o.extensions, o.pgbouncer, o.pool_auth_user, o.pool_mode, o.pool_size,
		   o.pool_size_min, o.pool_size_reserve, o.pool_reserve, o.pool_max_db_conn,
		   o.pool_connlimit, o.register_datasource, o.parameter, o.scope, o.ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('database', c.name) AS o (
		name text, state text, owner text, template text, encoding text, locale text,
		lc_collate text, lc_ctype text, locale_provider text, icu_locale text, icu_rules text,
		builtin_locale text, strategy text, tablespace text, is_template boolean,
		allowconn boolean, revokeconn boolean, privileges jsonb, default_privileges jsonb,
		connlimit integer, comment text, parameters jsonb, baseline text, schemas jsonb,
		extensions jsonb, pgbouncer boolean, pool_auth_user text, pool_mode text,
		pool_size integer, pool_size_min integer, pool_size_reserve integer,
		pool_reserve integer, pool_max_db_conn integer, pool_connlimit integer,
		register_datasource boolean, parameter text, scope text, ordinal integer)
	WHERE c.kind OPERATOR(pg_catalog.=) 'pgsql';

COMMENT ON VIEW pgops.databases IS
'The declared databases of each cluster, one row each. An attribute that is NULL is not declared: it is left as it is on the server. From template to strategy the columns count when a database is made; a difference later is reported (see pgops.actions), and state recreate is the way out.

Can be written to by superusers, see pgops.edit_row(). DELETE stops declaring a database and does not drop it; state absent does.

Example: SELECT name, owner, connlimit, extensions FROM pgops.databases WHERE cluster = ''pg-meta'';';
COMMENT ON COLUMN pgops.databases.cluster IS 'Cluster it is declared for.';
COMMENT ON COLUMN pgops.databases.name IS 'Name of the database.';
COMMENT ON COLUMN pgops.databases.state IS 'create (also if NULL), absent (is dropped) or recreate (is dropped and made anew, once).';
COMMENT ON COLUMN pgops.databases.owner IS 'Its owner.';
COMMENT ON COLUMN pgops.databases.template IS 'Database it is copied from.';
COMMENT ON COLUMN pgops.databases.encoding IS 'Character encoding.';
COMMENT ON COLUMN pgops.databases.locale IS 'Stands for lc_collate and lc_ctype.';
COMMENT ON COLUMN pgops.databases.lc_collate IS 'Sort order.';
COMMENT ON COLUMN pgops.databases.lc_ctype IS 'Classes of characters.';
COMMENT ON COLUMN pgops.databases.locale_provider IS 'Where the collation comes from: libc, icu or builtin.';
COMMENT ON COLUMN pgops.databases.icu_locale IS 'ICU locale.';
COMMENT ON COLUMN pgops.databases.icu_rules IS 'ICU collation rules (16 and newer).';
COMMENT ON COLUMN pgops.databases.builtin_locale IS 'Locale of the builtin provider (17 and newer).';
COMMENT ON COLUMN pgops.databases.strategy IS 'How the template is copied: wal_log or file_copy.';
COMMENT ON COLUMN pgops.databases.tablespace IS 'Its default tablespace.';
COMMENT ON COLUMN pgops.databases.is_template IS 'May be copied by everybody with CREATEDB.';
COMMENT ON COLUMN pgops.databases.allowconn IS 'Takes connections.';
COMMENT ON COLUMN pgops.databases.revokeconn IS 'Takes CONNECT away from PUBLIC and leaves it to the owner and the system users.';
COMMENT ON COLUMN pgops.databases.privileges IS 'GRANT and REVOKE clauses, instead of what follows from the rest: ["GRANT CONNECT TO app"].';
COMMENT ON COLUMN pgops.databases.default_privileges IS 'Clauses of ALTER DEFAULT PRIVILEGES in this database, also FOR ROLE and IN SCHEMA; one row each in pgops.default_privileges.';
COMMENT ON COLUMN pgops.databases.connlimit IS 'Sessions at a time; -1: no limit.';
COMMENT ON COLUMN pgops.databases.comment IS 'Comment on the database; empty: there shall be none.';
COMMENT ON COLUMN pgops.databases.parameters IS 'Settings of its sessions: {"statement_timeout": "30s"}; "DEFAULT" resets one.';
COMMENT ON COLUMN pgops.databases.baseline IS 'SQL file that is run once, when the database is made.';
COMMENT ON COLUMN pgops.databases.schemas IS 'Schemas in it: a list of names or of {"name", "owner", "state"}; one row each in pgops.schemas.';
COMMENT ON COLUMN pgops.databases.extensions IS 'Extensions in it: a list of names or of {"name", "schema", "version", "state"}; one row each in pgops.extensions.';
COMMENT ON COLUMN pgops.databases.pgbouncer IS 'Is offered by the pooler; NULL: yes.';
COMMENT ON COLUMN pgops.databases.pool_auth_user IS 'User with which the pooler looks up passwords.';
COMMENT ON COLUMN pgops.databases.pool_mode IS 'Its mode of pooling: transaction, session or statement.';
COMMENT ON COLUMN pgops.databases.pool_size IS 'Server connections per user.';
COMMENT ON COLUMN pgops.databases.pool_size_min IS 'Server connections kept open.';
COMMENT ON COLUMN pgops.databases.pool_size_reserve IS 'Further connections when the pool is used up (older name of pool_reserve).';
COMMENT ON COLUMN pgops.databases.pool_reserve IS 'Further connections when the pool is used up.';
COMMENT ON COLUMN pgops.databases.pool_max_db_conn IS 'Server connections to the database in all (older name of pool_connlimit).';
COMMENT ON COLUMN pgops.databases.pool_connlimit IS 'Server connections to the database in all; -1: no limit.';
COMMENT ON COLUMN pgops.databases.register_datasource IS 'Is made known to the dashboards; NULL: yes.';
COMMENT ON COLUMN pgops.databases.parameter IS 'Parameter it stands in: pg_databases.';
COMMENT ON COLUMN pgops.databases.scope IS 'Where that parameter is declared: global, group (a group above the cluster) or cluster.';
COMMENT ON COLUMN pgops.databases.ordinal IS 'Place in its list, from 1.';

CREATE VIEW pgops.schemas AS
	SELECT c.name AS cluster, o.database, o.name, o.owner, o.privileges, o.state, o.parameter,
		   o.scope, o.ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('schema', c.name) AS o (
		database text, name text, owner text, privileges jsonb, state text, parameter text,
		scope text, ordinal integer)
	WHERE c.kind OPERATOR(pg_catalog.=) 'pgsql';

COMMENT ON VIEW pgops.schemas IS
'The declared schemas, one row each: those of each database, and the default ones.

Can be written to by superusers, see pgops.edit_row(). Without a database it is one of pg_default_schemas. DELETE stops declaring a schema and does not drop it; state absent does.

Example: SELECT database, name, owner FROM pgops.schemas WHERE cluster = ''pg-meta'';';
COMMENT ON COLUMN pgops.schemas.cluster IS 'Cluster it is declared for.';
COMMENT ON COLUMN pgops.schemas.database IS 'Database it is in; NULL: a default one (pg_default_schemas), which template1 and the main database get, and with template1 every database that is made later.';
COMMENT ON COLUMN pgops.schemas.name IS 'Name of the schema.';
COMMENT ON COLUMN pgops.schemas.owner IS 'Its owner; NULL: left as it is.';
COMMENT ON COLUMN pgops.schemas.privileges IS 'GRANT and REVOKE clauses: ["GRANT USAGE TO app"].';
COMMENT ON COLUMN pgops.schemas.state IS 'create (also if NULL) or absent: it is dropped with all that is in it.';
COMMENT ON COLUMN pgops.schemas.parameter IS 'Parameter it stands in: pg_databases or pg_default_schemas.';
COMMENT ON COLUMN pgops.schemas.scope IS 'Where that parameter is declared: default (built in), global, group (a group above the cluster) or cluster.';
COMMENT ON COLUMN pgops.schemas.ordinal IS 'Place in its list, from 1.';

CREATE VIEW pgops.extensions AS
	SELECT c.name AS cluster, o.database, o.name, o.schema, o.version, o.state, o.parameter,
		   o.scope, o.ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('extension', c.name) AS o (
		database text, name text, schema text, version text, state text, parameter text,
		scope text, ordinal integer)
	WHERE c.kind OPERATOR(pg_catalog.=) 'pgsql';

COMMENT ON VIEW pgops.extensions IS
'The declared extensions, one row each: those of each database, and the default ones.

Can be written to by superusers, see pgops.edit_row(). Without a database it is one of pg_default_extensions. DELETE stops declaring an extension and does not drop it; state absent does.

Example: SELECT database, name, version FROM pgops.extensions WHERE cluster = ''pg-meta'' AND database = ''meta'';';
COMMENT ON COLUMN pgops.extensions.cluster IS 'Cluster it is declared for.';
COMMENT ON COLUMN pgops.extensions.database IS 'Database it is in; NULL: a default one (pg_default_extensions), which template1 and the main database get, and with template1 every database that is made later.';
COMMENT ON COLUMN pgops.extensions.name IS 'Name of the extension.';
COMMENT ON COLUMN pgops.extensions.schema IS 'Schema its objects lie in; NULL: left as it is.';
COMMENT ON COLUMN pgops.extensions.version IS 'Version to have installed; NULL: the default one when it is created, and then left as it is.';
COMMENT ON COLUMN pgops.extensions.state IS 'create (also if NULL) or absent.';
COMMENT ON COLUMN pgops.extensions.parameter IS 'Parameter it stands in: pg_databases or pg_default_extensions.';
COMMENT ON COLUMN pgops.extensions.scope IS 'Where that parameter is declared: default (built in), global, group (a group above the cluster) or cluster.';
COMMENT ON COLUMN pgops.extensions.ordinal IS 'Place in its list, from 1.';

/* ---- access rules ---- */
CREATE VIEW pgops.hba_rules AS
	SELECT c.name AS cluster, o.title, o.role, o."order", o."user", o.db, o.addr, o.auth,
		   o.rules, o.parameter, o.scope, o.ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('hba_rule', c.name) AS o (
		title text, role text, "order" integer, "user" text, db text, addr text, auth text,
		rules jsonb, parameter text, scope text, ordinal integer)
	WHERE c.kind OPERATOR(pg_catalog.=) 'pgsql';

COMMENT ON VIEW pgops.hba_rules IS
'The declared access rules of the server and of the pooler, one row each, in the order of their lists. In the file, rules with an "order" come first, ascending, then the others; defaults before the cluster''s own.

Can be written to by superusers, see pgops.edit_row(). Rules have no names: a row is the rule at its place. DELETE takes the rule out of the file.

Example: SELECT "order", title, "user", db, addr, auth FROM pgops.hba_rules WHERE cluster = ''pg-meta'' AND parameter IN (''pg_hba_rules'', ''pg_default_hba_rules'') ORDER BY "order";';
COMMENT ON COLUMN pgops.hba_rules.cluster IS 'Cluster it is declared for.';
COMMENT ON COLUMN pgops.hba_rules.title IS 'Comment above the rule.';
COMMENT ON COLUMN pgops.hba_rules.role IS 'Instances for which it is live: common or default (all), primary, replica, offline, standby or delayed; NULL: all.';
COMMENT ON COLUMN pgops.hba_rules."order" IS 'Place among all rules, ascending; NULL: after those that have one.';
COMMENT ON COLUMN pgops.hba_rules."user" IS 'User, +role, or all, separated by commas; NULL: all.';
COMMENT ON COLUMN pgops.hba_rules.db IS 'Database, all, or replication, separated by commas; NULL: all.';
COMMENT ON COLUMN pgops.hba_rules.addr IS 'Address, range, host name, or one of local, localhost, admin, infra, cluster, intra, world.';
COMMENT ON COLUMN pgops.hba_rules.auth IS 'How the client proves who it is: pwd, ssl, sha, md5, ssl-sha, ssl-md5, cert, os, peer, trust, deny; NULL: pwd.';
COMMENT ON COLUMN pgops.hba_rules.rules IS 'Lines of the file as they are, instead of user, db, addr and auth; a line with a secret in it is masked.';
COMMENT ON COLUMN pgops.hba_rules.parameter IS 'Parameter it stands in: pg_hba_rules, pg_default_hba_rules, pgb_hba_rules or pgb_default_hba_rules (pgb_: the pooler''s).';
COMMENT ON COLUMN pgops.hba_rules.scope IS 'Where that parameter is declared: default (built in), global, group (a group above the cluster) or cluster.';
COMMENT ON COLUMN pgops.hba_rules.ordinal IS 'Place in its list, from 1.';

/* ---- services ---- */
CREATE VIEW pgops.services AS
	SELECT c.name AS cluster, o.name, o.port, o.ip, o.src_ip, o.dest, o."check", o.selector,
		   o.backup, o.maxconn, o.balance, o.options, o.parameter, o.scope, o.ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('service', c.name) AS o (
		name text, port integer, ip text, src_ip text, dest text, "check" text, selector text,
		backup text, maxconn integer, balance text, options text, parameter text, scope text,
		ordinal integer)
	WHERE c.kind OPERATOR(pg_catalog.=) 'pgsql';

COMMENT ON VIEW pgops.services IS
'The declared services, one row each: a port of the proxy, and the instances behind it.

Can be written to by superusers, see pgops.edit_row(). DELETE takes the service away.

Example: SELECT name, port, dest, selector FROM pgops.services WHERE cluster = ''pg-meta'';';
COMMENT ON COLUMN pgops.services.cluster IS 'Cluster it is declared for.';
COMMENT ON COLUMN pgops.services.name IS 'Name of the service; the cluster''s is put before it.';
COMMENT ON COLUMN pgops.services.port IS 'Port that clients connect to.';
COMMENT ON COLUMN pgops.services.ip IS 'Address to listen on; NULL or *: all.';
COMMENT ON COLUMN pgops.services.src_ip IS 'Older name of ip.';
COMMENT ON COLUMN pgops.services.dest IS 'default (also if NULL), postgres, pgbouncer, or a port of the instances.';
COMMENT ON COLUMN pgops.services."check" IS 'Path of the health check; NULL: /.';
COMMENT ON COLUMN pgops.services.selector IS 'JMESPath filter: instances that serve.';
COMMENT ON COLUMN pgops.services.backup IS 'JMESPath filter: instances that serve when no other can.';
COMMENT ON COLUMN pgops.services.maxconn IS 'Client connections at a time.';
COMMENT ON COLUMN pgops.services.balance IS 'How connections are spread; NULL: roundrobin.';
COMMENT ON COLUMN pgops.services.options IS 'The proxy''s default-server arguments.';
COMMENT ON COLUMN pgops.services.parameter IS 'Parameter it stands in: pg_services or pg_default_services.';
COMMENT ON COLUMN pgops.services.scope IS 'Where that parameter is declared: default (built in), global, group (a group above the cluster) or cluster.';
COMMENT ON COLUMN pgops.services.ordinal IS 'Place in its list, from 1.';

/* ---- default privileges ---- */
CREATE VIEW pgops.default_privileges AS
	SELECT c.name AS cluster, o.database, o.definition, o.action, o.privileges, o.object_type,
		   o.grantees, o.grant_option, o.for_roles, o.in_schemas, o.parameter, o.scope, o.ordinal
	FROM pgops.cluster AS c
	CROSS JOIN LATERAL pgops.show_declared('default_privilege', c.name) AS o (
		database text, definition text, action text, privileges text, object_type text,
		grantees text, grant_option boolean, for_roles text, in_schemas text, parameter text,
		scope text, ordinal integer)
	WHERE c.kind OPERATOR(pg_catalog.=) 'pgsql';

COMMENT ON VIEW pgops.default_privileges IS
'The declared default privileges, one row each: what is granted on objects that the owners, the administrators and the superuser create (or the roles that the row names). The columns from action on say the same as definition, taken apart; they are NULL where it cannot be read (a Jinja expression).

Can be written to by superusers, see pgops.edit_row(). Only definition can be written. DELETE undoes what pgops granted for it.

Example: SELECT database, privileges, object_type, grantees FROM pgops.default_privileges WHERE cluster = ''pg-meta'';';
COMMENT ON COLUMN pgops.default_privileges.cluster IS 'Cluster it is declared for.';
COMMENT ON COLUMN pgops.default_privileges.database IS 'Database it is for; NULL: all of them (pg_default_privileges).';
COMMENT ON COLUMN pgops.default_privileges.definition IS 'What follows ALTER DEFAULT PRIVILEGES: "GRANT SELECT ON TABLES TO dbrole_readonly". It is what is declared.';
COMMENT ON COLUMN pgops.default_privileges.action IS 'GRANT or REVOKE.';
COMMENT ON COLUMN pgops.default_privileges.privileges IS 'Privileges, separated by commas: SELECT, INSERT; or ALL.';
COMMENT ON COLUMN pgops.default_privileges.object_type IS 'Kind of objects: TABLES, SEQUENCES, FUNCTIONS, TYPES, SCHEMAS, LARGE OBJECTS.';
COMMENT ON COLUMN pgops.default_privileges.grantees IS 'Roles, separated by commas and quoted where SQL wants it; PUBLIC: everybody.';
COMMENT ON COLUMN pgops.default_privileges.grant_option IS 'Whether they may pass it on.';
COMMENT ON COLUMN pgops.default_privileges.for_roles IS 'Roles whose objects it is for (FOR ROLE); NULL: those that create objects in the cluster.';
COMMENT ON COLUMN pgops.default_privileges.in_schemas IS 'Schemas it is for (IN SCHEMA); NULL: all.';
COMMENT ON COLUMN pgops.default_privileges.parameter IS 'Parameter it stands in: pg_default_privileges, or pg_databases for those of one database.';
COMMENT ON COLUMN pgops.default_privileges.scope IS 'Where that parameter is declared: default (built in), global, group (a group above the cluster) or cluster.';
COMMENT ON COLUMN pgops.default_privileges.ordinal IS 'Place in its list, from 1.';
