/*
 * catalogue_table.c
 *		The parameter catalogue: one row per parameter.
 *
 * Data only, in the order of the documentation.  Bounds of integers include
 * both ends, those of floats exclude both.  An enum without choices is one
 * that people extend (templates, repositories, locales).
 *
 * Not for: fields of objects (catalogue_fields.c).
 */
#include "postgres.h"

#include "spec/catalogue_data.h"

/* rows of the PGSQL module: name, section, [type,] levels, default, ..., summary */
#define PLAIN(name_, section_, type_, levels_, default_, summary_) \
	{name_, "PGSQL", section_, type_, levels_, default_, NULL, 0, 0, false, NULL, summary_}
#define CHOICE(name_, section_, levels_, default_, choices_, summary_) \
	{name_, "PGSQL", section_, PT_ENUM, levels_, default_, choices_, 0, 0, false, NULL, summary_}
#define RANGE(name_, section_, type_, levels_, default_, min_, max_, summary_) \
	{name_, "PGSQL", section_, type_, levels_, default_, NULL, min_, max_, false, NULL, summary_}
#define SECRET(name_, section_, levels_, default_, summary_) \
	{name_, "PGSQL", section_, PT_PASSWORD, levels_, default_, NULL, 0, 0, true, NULL, summary_}
#define OBJECTS(name_, section_, levels_, default_, object_, summary_) \
	{name_, "PGSQL", section_, PT_OBJECTS, levels_, default_, NULL, 0, 0, false, object_, summary_}

/* rows of any module: the same with the module first */
#define OTHER(name_, module_, section_, type_, levels_, default_, summary_) \
	{name_, module_, section_, type_, levels_, default_, NULL, 0, 0, false, NULL, summary_}
#define OTHER_SECRET(name_, module_, section_, levels_, default_, summary_) \
	{name_, module_, section_, PT_PASSWORD, levels_, default_, NULL, 0, 0, true, NULL, summary_}

#define INT_MAX_	2147483647

const ParamDef catalogue_parameters[] = {
	/*
	 * Identity: what makes an instance of a host.  pg_cluster and pg_seq have
	 * no default that could make sense; what they and pg_role must be among
	 * the members of a cluster is checked in validate_cross.c.
	 */
	CHOICE("pg_mode", "PG_ID", "C", "\"pgsql\"",
		   "pgsql,citus,gpsql,mssql,mysql,ivory,oracle,polar,oriole,agens,pgedge,pgtde",
		   "kind of PostgreSQL the cluster runs"),
	PLAIN("pg_cluster", "PG_ID", PT_STRING, "C", NULL,
		  "name of the cluster; the first part of its instances' names"),
	RANGE("pg_seq", "PG_ID", PT_INT, "I", NULL, 0, INT_MAX_,
		  "number of the instance, unique in its cluster; the second part of its name"),
	CHOICE("pg_role", "PG_ID", "I", "\"replica\"", "primary,replica,offline,standby,delayed",
		   "what the instance is meant to be; each cluster has one primary"),
	PLAIN("pg_instances", "PG_ID", PT_DICT, "I", NULL,
		  "several instances on one host: port to variables"),
	PLAIN("pg_upstream", "PG_ID", PT_IP, "I", NULL,
		  "address an instance replicates from: another cluster's, or a replica's of its own"),
	PLAIN("pg_shard", "PG_ID", PT_STRING, "C", NULL,
		  "name of the sharded cluster this one is a part of"),
	RANGE("pg_group", "PG_ID", PT_INT, "C", NULL, 0, INT_MAX_, "number of the shard"),
	CHOICE("gp_role", "PG_ID", "C", "\"master\"", "master,segment",
		   "part the cluster plays in a Greenplum deployment"),
	PLAIN("pg_exporters", "PG_ID", PT_DICT, "C", "{}",
		  "servers elsewhere that are only monitored: exporter port to variables"),
	PLAIN("pg_offline_query", "PG_ID", PT_BOOL, "I", "false",
		  "lets the instance take offline queries besides its role"),

	/*
	 * What the applications need, and the credentials of the system users.
	 * The defaults of these passwords are printed in every manual: they are
	 * shown here, and never applied.
	 */
	OBJECTS("pg_users", "PG_BUSINESS", "C", "[]", &catalogue_user, "roles of the applications"),
	OBJECTS("pg_databases", "PG_BUSINESS", "C", "[]", &catalogue_database,
			"databases of the applications"),
	OBJECTS("pg_services", "PG_BUSINESS", "C", "[]", &catalogue_service,
			"services besides the default ones"),
	OBJECTS("pg_hba_rules", "PG_BUSINESS", "C", "[]", &catalogue_hba,
			"access rules of PostgreSQL besides the default ones"),
	OBJECTS("pgb_hba_rules", "PG_BUSINESS", "C", "[]", &catalogue_hba,
			"access rules of the pooler besides the default ones"),
	PLAIN("pg_crontab", "PG_BUSINESS", PT_LIST, "C", "[]",
		  "cron lines of the server's operating system user"),
	PLAIN("pg_replication_username", "PG_BUSINESS", PT_NAME, "G", "\"replicator\"",
		  "role with which replicas connect"),
	SECRET("pg_replication_password", "PG_BUSINESS", "G", "\"DBUser.Replicator\"",
		   "password of the replication role"),
	PLAIN("pg_admin_username", "PG_BUSINESS", PT_NAME, "G", "\"dbuser_dba\"",
		  "role of the administrators"),
	SECRET("pg_admin_password", "PG_BUSINESS", "G", "\"DBUser.DBA\"",
		   "password of the administrators' role"),
	PLAIN("pg_monitor_username", "PG_BUSINESS", PT_NAME, "G", "\"dbuser_monitor\"",
		  "role with which monitoring connects"),
	SECRET("pg_monitor_password", "PG_BUSINESS", "G", "\"DBUser.Monitor\"",
		   "password of the monitoring role"),
	SECRET("pg_dbsu_password", "PG_BUSINESS", "G/C", "\"\"",
		   "password of the bootstrap superuser; empty: none"),

	/* Installation: recorded.  Of these only pg_dbsu means something to a running server. */
	PLAIN("pg_dbsu", "PG_INSTALL", PT_NAME, "C", "\"postgres\"",
		  "operating system user that runs the server"),
	RANGE("pg_dbsu_uid", "PG_INSTALL", PT_INT, "C", "26", 0, INT_MAX_,
		  "numeric id of that user"),
	CHOICE("pg_dbsu_sudo", "PG_INSTALL", "C", "\"limit\"", "none,limit,all,nopass",
		   "how far it may use sudo"),
	PLAIN("pg_dbsu_home", "PG_INSTALL", PT_PATH, "C", "\"/var/lib/pgsql\"",
		  "home directory of that user"),
	PLAIN("pg_dbsu_ssh_exchange", "PG_INSTALL", PT_BOOL, "C", "true",
		  "whether the members of a cluster trust each other's ssh keys"),
	CHOICE("pg_version", "PG_INSTALL", "C", "18", "10,11,12,13,14,15,16,17,18,19",
		   "major version to be installed"),
	PLAIN("pg_bin_dir", "PG_INSTALL", PT_PATH, "C", "\"/usr/pgsql/bin\"",
		  "directory of the server's programs"),
	PLAIN("pg_log_dir", "PG_INSTALL", PT_PATH, "C", "\"/pg/log/postgres\"",
		  "directory of the server's log"),
	PLAIN("pg_packages", "PG_INSTALL", PT_LIST, "C", "[\"pgsql-main pgsql-common\"]",
		  "packages of the server"),
	PLAIN("pg_extensions", "PG_INSTALL", PT_LIST, "C", "[]",
		  "packages of extensions to be installed on the hosts"),

	/*
	 * How a server is set up and tuned.  What is fixed by then (the encoding,
	 * checksums) is recorded; pg_primary_db and pg_pwd_enc have a say in what
	 * is reconciled.
	 */
	PLAIN("pg_data", "PG_BOOTSTRAP", PT_PATH, "C", "\"/pg/data\"", "data directory"),
	PLAIN("pg_fs_main", "PG_BOOTSTRAP", PT_PATH, "C", "\"/data/postgres\"",
		  "file system of the data"),
	PLAIN("pg_fs_backup", "PG_BOOTSTRAP", PT_PATH, "C", "\"/data/backups\"",
		  "file system of local backups"),
	CHOICE("pg_storage_type", "PG_BOOTSTRAP", "C", "\"SSD\"", "SSD,HDD",
		   "kind of storage the planner's costs are set for"),
	PLAIN("pg_dummy_filesize", "PG_BOOTSTRAP", PT_SIZE, "C", "\"64MiB\"",
		  "size of a file that can be deleted when the disk is full"),
	PLAIN("pg_listen", "PG_BOOTSTRAP", PT_STRING, "C/I", "\"0.0.0.0\"",
		  "addresses to listen on, comma separated; ${ip}, ${vip} and ${lo} stand for the host's"),
	PLAIN("pg_port", "PG_BOOTSTRAP", PT_PORT, "C", "5432", "port of the server"),
	PLAIN("pg_localhost", "PG_BOOTSTRAP", PT_PATH, "C", "\"/var/run/postgresql\"",
		  "directory of the local socket"),
	PLAIN("pg_namespace", "PG_BOOTSTRAP", PT_PATH, "C", "\"/pg\"",
		  "key of the consensus store under which clusters lie"),
	PLAIN("patroni_enabled", "PG_BOOTSTRAP", PT_BOOL, "C", "true",
		  "whether Patroni runs the server"),
	CHOICE("patroni_mode", "PG_BOOTSTRAP", "C", "\"default\"", "default,pause,remove",
		   "whether Patroni acts, is paused, or is taken away after setting up"),
	PLAIN("patroni_port", "PG_BOOTSTRAP", PT_PORT, "C", "8008", "port of Patroni's REST API"),
	PLAIN("patroni_log_dir", "PG_BOOTSTRAP", PT_PATH, "C", "\"/pg/log/patroni\"",
		  "directory of Patroni's log"),
	PLAIN("patroni_ssl_enabled", "PG_BOOTSTRAP", PT_BOOL, "G", "false",
		  "whether the REST API speaks TLS"),
	CHOICE("patroni_watchdog_mode", "PG_BOOTSTRAP", "C", "\"off\"", "automatic,required,off",
		   "use of a watchdog device"),
	PLAIN("patroni_username", "PG_BOOTSTRAP", PT_STRING, "C", "\"postgres\"",
		  "user of the REST API"),
	SECRET("patroni_password", "PG_BOOTSTRAP", "C", "\"Patroni.API\"",
		   "password of the REST API"),
	SECRET("pg_etcd_password", "PG_BOOTSTRAP", "C", "\"\"",
		   "the cluster's password in etcd; empty: the cluster's name"),
	PLAIN("pg_primary_db", "PG_BOOTSTRAP", PT_NAME, "C", "\"postgres\"",
		  "main database of the cluster"),
	PLAIN("pg_parameters", "PG_BOOTSTRAP", PT_DICT, "C", "{}",
		  "server settings besides those of the template"),
	PLAIN("pg_files", "PG_BOOTSTRAP", PT_LIST, "C", "[]",
		  "further files to be put into the data directory"),
	CHOICE("pg_conf", "PG_BOOTSTRAP", "C", "\"oltp.yml\"", NULL,
		   "template of the server's settings: oltp.yml, olap.yml, crit.yml, tiny.yml"),
	RANGE("pg_max_conn", "PG_BOOTSTRAP", PT_INT_OR_STRING, "C", "\"auto\"", 1, 262143,
		  "max_connections; auto leaves it to the template"),
	RANGE("pg_shared_buffer_ratio", "PG_BOOTSTRAP", PT_FLOAT, "C", "0.25", 0, 1,
		  "share of the memory that shared_buffers gets"),
	CHOICE("pg_io_method", "PG_BOOTSTRAP", "C", "\"worker\"", "auto,sync,fsync,worker,io_uring",
		   "io_method of the server (18 and newer)"),
	CHOICE("pg_rto", "PG_BOOTSTRAP", "C", "\"norm\"", NULL,
		   "which plan of pg_rto_plan holds: fast, norm, safe, wide"),
	PLAIN("pg_rto_plan", "PG_BOOTSTRAP", PT_DICT, "G/C", catalogue_rto_plan,
		  "time limits of failover per plan: ttl, loop_wait, retry_timeout, primary_start_timeout, "
		  "safety margin, inter, fastinter, downinter, rise, fall"),
	RANGE("pg_rpo", "PG_BOOTSTRAP", PT_INT, "C", "1048576", 0, 9007199254740992.0,
		  "bytes of WAL a failover may lose; 0 asks for synchronous replication"),
	PLAIN("pg_libs", "PG_BOOTSTRAP", PT_STRING, "C", "\"pg_stat_statements, auto_explain\"",
		  "libraries to be preloaded"),
	PLAIN("pg_delay", "PG_BOOTSTRAP", PT_INTERVAL, "I", "0",
		  "how far a standby cluster applies behind its upstream"),
	PLAIN("pg_checksum", "PG_BOOTSTRAP", PT_BOOL, "C", "true", "data checksums"),
	CHOICE("pg_pwd_enc", "PG_BOOTSTRAP", "C", "\"scram-sha-256\"", "scram-sha-256,md5",
		   "how passwords are kept, and what pwd means in access rules"),
	CHOICE("pg_encoding", "PG_BOOTSTRAP", "C", "\"UTF8\"", NULL, "encoding of the cluster"),
	CHOICE("pg_locale", "PG_BOOTSTRAP", "C", "\"C\"", NULL, "locale of the cluster"),
	CHOICE("pg_lc_collate", "PG_BOOTSTRAP", "C", "\"C\"", NULL, "sort order of the cluster"),
	CHOICE("pg_lc_ctype", "PG_BOOTSTRAP", "C", "\"C\"", NULL,
		   "classes of characters of the cluster"),
	SECRET("pgsodium_key", "PG_BOOTSTRAP", "C", NULL, "root key of pgsodium, 64 hex digits"),
	PLAIN("pgsodium_getkey_script", "PG_BOOTSTRAP", PT_STRING, "C", NULL,
		  "program that prints the root key of pgsodium"),

	/*
	 * What every cluster has besides what its applications declare.  Unlike
	 * elsewhere these are not only for the first day: a later change of a
	 * default is carried out like any other.
	 */
	PLAIN("pg_provision", "PG_PROVISION", PT_BOOL, "C", "true",
		  "whether roles, privileges and databases are set up after bootstrap"),
	PLAIN("pg_init", "PG_PROVISION", PT_STRING, "G/C", "\"pg-init\"",
		  "script that sets up a new cluster"),
	OBJECTS("pg_default_roles", "PG_PROVISION", "G/C", catalogue_default_roles, &catalogue_role,
			"roles every cluster has: groups for access, and the system users"),
	PLAIN("pg_default_privileges", "PG_PROVISION", PT_LIST, "G/C", catalogue_default_privileges,
		  "GRANT and REVOKE clauses of ALTER DEFAULT PRIVILEGES for the roles that create objects"),
	OBJECTS("pg_default_schemas", "PG_PROVISION", "G/C", "[\"monitor\"]", &catalogue_schema,
			"schemas every new database has"),
	OBJECTS("pg_default_extensions", "PG_PROVISION", "G/C", catalogue_default_extensions,
			&catalogue_extension, "extensions every new database has"),
	PLAIN("pg_reload", "PG_PROVISION", PT_BOOL, "A", "true",
		  "whether the server reloads when its access rules change"),
	OBJECTS("pg_default_hba_rules", "PG_PROVISION", "G/C", catalogue_default_hba_rules,
			&catalogue_hba, "access rules every cluster has"),
	OBJECTS("pgb_default_hba_rules", "PG_PROVISION", "G/C", catalogue_pgb_default_hba_rules,
			&catalogue_hba, "access rules every pooler has"),

	/* Backups: repositories hold keys; which of them are secret, catalogue_is_secret() tells. */
	PLAIN("pgbackrest_enabled", "PG_BACKUP", PT_BOOL, "C", "true",
		  "whether pgBackRest archives and backs up"),
	PLAIN("pgbackrest_log_dir", "PG_BACKUP", PT_PATH, "C", "\"/pg/log/pgbackrest\"",
		  "directory of pgBackRest's log"),
	PLAIN("pgbackrest_method", "PG_BACKUP", PT_STRING_OR_LIST, "C", "\"local\"",
		  "which repository of pgbackrest_repo is used; several: a list, or with commas"),
	PLAIN("pgbackrest_init_backup", "PG_BACKUP", PT_BOOL, "C", "true",
		  "whether a first full backup is made at once"),
	PLAIN("pgbackrest_repo", "PG_BACKUP", PT_DICT, "G/C", catalogue_backup_repo,
		  "backup repositories: name to options"),

	/* The ways to the server: pooler, services, virtual address, names. */
	PLAIN("pgbouncer_enabled", "PG_ACCESS", PT_BOOL, "C", "true",
		  "whether a pooler runs beside the server"),
	PLAIN("pgbouncer_port", "PG_ACCESS", PT_PORT, "C", "6432", "port of the pooler"),
	PLAIN("pgbouncer_log_dir", "PG_ACCESS", PT_PATH, "C", "\"/pg/log/pgbouncer\"",
		  "directory of the pooler's log"),
	PLAIN("pgbouncer_auth_query", "PG_ACCESS", PT_BOOL, "C", "false",
		  "whether the pooler asks the server about users it does not know"),
	CHOICE("pgbouncer_poolmode", "PG_ACCESS", "C", "\"transaction\"",
		   "transaction,session,statement", "mode of pooling"),
	CHOICE("pgbouncer_sslmode", "PG_ACCESS", "C", "\"disable\"",
		   "disable,allow,prefer,require,verify-ca,verify-full",
		   "TLS between clients and the pooler"),
	PLAIN("pgbouncer_ignore_param", "PG_ACCESS", PT_LIST, "C", catalogue_ignore_param,
		  "start-up parameters the pooler lets pass without keeping them"),
	RANGE("pg_weight", "PG_ACCESS", PT_INT, "I", "100", 0, 256,
		  "share of a service's connections the instance gets"),
	PLAIN("pg_service_provider", "PG_ACCESS", PT_STRING, "G/C", "\"\"",
		  "group of proxies that offer the services; empty: the members themselves"),
	CHOICE("pg_default_service_dest", "PG_ACCESS", "G/C", "\"pgbouncer\"", "postgres,pgbouncer",
		   "where services go whose dest is default"),
	OBJECTS("pg_default_services", "PG_ACCESS", "G/C", catalogue_default_services,
			&catalogue_service, "services every cluster has"),
	PLAIN("pg_vip_enabled", "PG_ACCESS", PT_BOOL, "C", "false",
		  "whether the primary holds a virtual address"),
	PLAIN("pg_vip_address", "PG_ACCESS", PT_CIDR, "C", "\"127.0.0.1/24\"",
		  "virtual address of the primary with its mask"),
	PLAIN("pg_vip_interface", "PG_ACCESS", PT_STRING, "C/I", "\"auto\"",
		  "network interface that takes the virtual address"),
	PLAIN("pg_dns_suffix", "PG_ACCESS", PT_STRING, "C", "\"\"",
		  "put behind the cluster's name in DNS"),
	CHOICE("pg_dns_target", "PG_ACCESS", "C", "\"auto\"", NULL,
		   "what the cluster's name resolves to: auto, primary, vip, none, or an address"),

	/* Monitoring.  An exporter's whole URL holds a password, so it is a secret. */
	PLAIN("pg_exporter_enabled", "PG_MONITOR", PT_BOOL, "C", "true",
		  "whether the server's exporter runs"),
	PLAIN("pg_exporter_config", "PG_MONITOR", PT_STRING, "C", "\"pg_exporter.yml\"",
		  "configuration file of the server's exporter"),
	PLAIN("pg_exporter_cache_ttls", "PG_MONITOR", PT_STRING, "C", "\"1,10,60,300\"",
		  "seconds the four classes of metrics are kept"),
	PLAIN("pg_exporter_port", "PG_MONITOR", PT_PORT, "C", "9630", "port of the server's exporter"),
	PLAIN("pg_exporter_params", "PG_MONITOR", PT_STRING, "C", "\"sslmode=disable\"",
		  "further parameters of the exporter's connection"),
	{"pg_exporter_url", "PGSQL", "PG_MONITOR", PT_STRING, "C", "\"\"", NULL, 0, 0, true, NULL,
	"whole connection string of the exporter, instead of a made one"},
	PLAIN("pg_exporter_auto_discovery", "PG_MONITOR", PT_BOOL, "C", "true",
		  "whether the exporter finds databases by itself"),
	PLAIN("pg_exporter_exclude_database", "PG_MONITOR", PT_STRING, "C",
		  "\"template0,template1,postgres\"", "databases the exporter leaves out"),
	PLAIN("pg_exporter_include_database", "PG_MONITOR", PT_STRING, "C", "\"\"",
		  "the only databases the exporter looks at"),
	RANGE("pg_exporter_connect_timeout", "PG_MONITOR", PT_INT, "C", "200", 1, INT_MAX_,
		  "milliseconds the exporter waits for a connection"),
	PLAIN("pg_exporter_options", "PG_MONITOR", PT_STRING, "C", "\"\"",
		  "further arguments of the exporter"),
	PLAIN("pgbouncer_exporter_enabled", "PG_MONITOR", PT_BOOL, "C", "true",
		  "whether the pooler's exporter runs"),
	PLAIN("pgbouncer_exporter_port", "PG_MONITOR", PT_PORT, "C", "9631", "port of the pooler's exporter"),
	{"pgbouncer_exporter_url", "PGSQL", "PG_MONITOR", PT_STRING, "C", "\"\"", NULL, 0, 0, true, NULL,
	"whole connection string of the pooler's exporter, instead of a made one"},
	PLAIN("pgbouncer_exporter_options", "PG_MONITOR", PT_STRING, "C", "\"\"",
		  "further arguments of the pooler's exporter"),
	PLAIN("pgbackrest_exporter_enabled", "PG_MONITOR", PT_BOOL, "C", "true",
		  "whether the backups' exporter runs"),
	PLAIN("pgbackrest_exporter_port", "PG_MONITOR", PT_PORT, "C", "9854",
		  "port of the backups' exporter"),
	PLAIN("pgbackrest_exporter_options", "PG_MONITOR", PT_STRING, "C",
		  "\"--collect.interval=120 --log.level=info\"", "arguments of the backups' exporter"),

	/* What removing may destroy.  pg_safeguard stops pgops' own destructive steps, too. */
	PLAIN("pg_safeguard", "PG_REMOVE", PT_BOOL, "G/C/A", "false",
		  "blocks every step that destroys something"),
	PLAIN("pg_rm_data", "PG_REMOVE", PT_BOOL, "G/C/A", "true",
		  "whether removing an instance removes its data"),
	PLAIN("pg_rm_backup", "PG_REMOVE", PT_BOOL, "G/C/A", "true",
		  "whether removing the primary removes the cluster's backups"),
	PLAIN("pg_rm_pkg", "PG_REMOVE", PT_BOOL, "G/C/A", "true",
		  "whether removing an instance removes its packages"),

	/* read by the PGSQL module, owned by others */
	OTHER("version", "INFRA", "META", PT_STRING, "G", "\"v4.5.0\"", "version of the inventory"),
	OTHER("admin_ip", "INFRA", "META", PT_IP, "G", "\"10.10.10.10\"",
		  "address of the administration node"),
	OTHER("region", "INFRA", "META", PT_ENUM, "G", "\"default\"", "mirror packages come from"),
	OTHER("language", "INFRA", "META", PT_STRING, "G", NULL, "language of texts"),
	OTHER("proxy_env", "INFRA", "META", PT_DICT, "G", NULL, "proxies for downloads"),
	OTHER("cert_validity", "INFRA", "CA", PT_INTERVAL, "G", "\"7300d\"",
		  "how long issued certificates are valid"),
	OTHER("dns_enabled", "INFRA", "DNS", PT_BOOL, "G/I", "true", "whether a name server runs"),
	OTHER("exporter_metrics_path", "INFRA", "MONITOR", PT_PATH, "G", "\"/metrics\"",
		  "path under which exporters answer"),
	OTHER("grafana_enabled", "INFRA", "GRAFANA", PT_BOOL, "G/I", "true",
		  "whether dashboards are offered"),
	OTHER("grafana_port", "INFRA", "GRAFANA", PT_PORT, "G", "3000", "port of the dashboards"),
	OTHER("grafana_admin_username", "INFRA", "GRAFANA", PT_STRING, "G", "\"admin\"",
		  "administrator of the dashboards"),
	OTHER_SECRET("grafana_admin_password", "INFRA", "GRAFANA", "G", "\"pigsty\"",
				 "password of the administrator of the dashboards"),
	OTHER("nodename", "NODE", "NODE_ID", PT_STRING, "I", NULL, "name of the host"),
	OTHER("node_cluster", "NODE", "NODE_ID", PT_STRING, "C", "\"nodes\"",
		  "group of hosts it is counted to"),
	OTHER("node_id_from_pg", "NODE", "NODE_ID", PT_BOOL, "C", "true",
		  "whether a host takes its name from its instance"),
	OTHER("node_firewall_intranet", "NODE", "NODE_SEC", PT_LIST, "C",
		  "[\"10.0.0.0/8\", \"192.168.0.0/16\", \"172.16.0.0/12\"]",
		  "address ranges that count as the intranet"),
	OTHER("node_tune", "NODE", "NODE_TUNE", PT_ENUM, "C", "\"oltp\"",
		  "how the operating system is tuned"),
	OTHER("node_crontab", "NODE", "NODE_TIME", PT_LIST, "G/C", "[]",
		  "cron lines of the host, each with its user"),
	OTHER("vip_enabled", "NODE", "NODE_VIP", PT_BOOL, "C", "false",
		  "whether the hosts of a group share a virtual address"),
	OTHER("haproxy_enabled", "NODE", "HAPROXY", PT_BOOL, "C", "true",
		  "whether a proxy runs on the host"),
	OTHER("vector_enabled", "NODE", "VECTOR", PT_BOOL, "C", "true", "whether logs are collected"),
	OTHER("etcd_port", "ETCD", "ETCD", PT_PORT, "C", "2379", "port of etcd"),
	OTHER_SECRET("etcd_root_password", "ETCD", "ETCD", "G", "\"Etcd.Root\"",
				 "password of etcd's root user"),

	/* seen in inventories, without a place in the documented list */
	OTHER("pgbouncer_redirect_to", "OPTIONAL", "PG_ACCESS", PT_STRING, "C", NULL,
		  "host the pooler connects to, instead of the local socket"),
	OTHER("pg_pitr", "OPTIONAL", "PG_BACKUP", PT_DICT, "A", NULL, "task of a restore"),
	OTHER("patroni_citus_db", "OPTIONAL", "PG_BOOTSTRAP", PT_NAME, "C", NULL,
		  "older name of pg_primary_db"),

	/* pgops' own */
	{"pgops_policy", "PGOPS", "PGOPS", PT_ENUM, "G/C", "\"additive\"",
		"observe,additive,authoritative", 0, 0, false, NULL,
	"what happens to what is not declared: reported only, left alone, or planned for removal"},
	OTHER("pgops_dcs", "PGOPS", "PGOPS", PT_DICT, "C", NULL,
		  "settings of Patroni's dynamic configuration, over those that other parameters give"),
	OTHER("pgops_patroni", "PGOPS", "PGOPS", PT_DICT, "G/C/I", NULL,
		  "settings of patroni.yml, over those that other parameters give; null takes one away"),
	OTHER("pgops_push", "PGOPS", "PGOPS", PT_BOOL, "G/C", "false",
		  "whether declarations are delivered to the cluster at commit"),
	OTHER("pgops_push_conninfo", "PGOPS", "PGOPS", PT_STRING, "G/C/I", NULL,
		  "how to reach the cluster's pgops: libpq's keywords; what is missing follows from the cluster"),
	OTHER_SECRET("pgops_push_password", "PGOPS", "PGOPS", "G/C/I", NULL,
				 "password for that; without it libpq's own ways hold"),
	{"pgops_restart_policy", "PGOPS", "PGOPS", PT_ENUM, "G/C", "\"on_request\"",
		"never,on_request,window,always", 0, 0, false, NULL,
	"when settings that wait for a restart get one"},
	OTHER("pgops_maintenance_window", "PGOPS", "PGOPS", PT_DICT, "G/C", NULL,
		  "when maintenance may run: cron (an expression) and duration"),
	{"pgops_schedules", "PGOPS", "PGOPS", PT_OBJECTS, "G/C", "[]", NULL, 0, 0, false,
		&catalogue_schedule, "maintenance that is done by the clock"},
	{NULL}
};
