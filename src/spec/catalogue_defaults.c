/*
 * catalogue_defaults.c
 *		The structured defaults of the catalogue, as JSON.
 *
 * Data only.  The order of lists is the order in which things are made and
 * rules are matched.
 */
#include "postgres.h"

#include "spec/catalogue_data.h"

/* per mode: ttl, loop_wait, retry_timeout, primary_start_timeout, safety margin,
 * then the proxy's inter, fastinter, downinter, rise, fall */
const char	catalogue_rto_plan[] =
"{\"fast\": [20, 5, 5, 15, 5, \"1s\", \"0.5s\", \"1s\", 3, 3], "
"\"norm\": [30, 5, 10, 25, 5, \"2s\", \"1s\", \"2s\", 3, 3], "
"\"safe\": [60, 10, 20, 45, 10, \"3s\", \"1.5s\", \"3s\", 3, 3], "
"\"wide\": [120, 20, 30, 95, 15, \"4s\", \"2s\", \"4s\", 3, 3]}";

/*
 * Four groups for privileges, and the four system users.  Their names are
 * those of pg_replication_username and so on by default; "postgres" stands for
 * the bootstrap superuser, whatever its name.
 */
const char	catalogue_default_roles[] =
"[{\"name\": \"dbrole_readonly\", \"login\": false, "
"\"comment\": \"role for global read-only access\"}, "
"{\"name\": \"dbrole_offline\", \"login\": false, "
"\"comment\": \"role for restricted read-only access\"}, "
"{\"name\": \"dbrole_readwrite\", \"login\": false, \"roles\": [\"dbrole_readonly\"], "
"\"comment\": \"role for global read-write access\"}, "
"{\"name\": \"dbrole_admin\", \"login\": false, \"roles\": [\"pg_monitor\", \"dbrole_readwrite\"], "
"\"comment\": \"role for object creation\"}, "
"{\"name\": \"postgres\", \"superuser\": true, \"comment\": \"system superuser\"}, "
"{\"name\": \"replicator\", \"replication\": true, "
"\"roles\": [\"pg_monitor\", \"dbrole_readonly\"], \"comment\": \"system replicator\"}, "
"{\"name\": \"dbuser_dba\", \"superuser\": true, \"roles\": [\"dbrole_admin\"], "
"\"pgbouncer\": true, \"pool_mode\": \"session\", \"pool_connlimit\": 16, "
"\"comment\": \"pgsql admin user\"}, "
"{\"name\": \"dbuser_monitor\", \"roles\": [\"pg_monitor\", \"dbrole_readonly\"], "
"\"pgbouncer\": true, \"parameters\": {\"log_min_duration_statement\": 1000}, "
"\"pool_mode\": \"session\", \"pool_connlimit\": 8, \"comment\": \"pgsql monitor user\"}]";

/* for objects that the owners and administrators will create; order matters for REVOKEs only */
const char	catalogue_default_privileges[] =
"[\"GRANT USAGE ON SCHEMAS TO dbrole_readonly\", "
"\"GRANT SELECT ON TABLES TO dbrole_readonly\", "
"\"GRANT SELECT ON SEQUENCES TO dbrole_readonly\", "
"\"GRANT EXECUTE ON FUNCTIONS TO dbrole_readonly\", "
"\"GRANT USAGE ON SCHEMAS TO dbrole_offline\", "
"\"GRANT SELECT ON TABLES TO dbrole_offline\", "
"\"GRANT SELECT ON SEQUENCES TO dbrole_offline\", "
"\"GRANT EXECUTE ON FUNCTIONS TO dbrole_offline\", "
"\"GRANT INSERT ON TABLES TO dbrole_readwrite\", "
"\"GRANT UPDATE ON TABLES TO dbrole_readwrite\", "
"\"GRANT DELETE ON TABLES TO dbrole_readwrite\", "
"\"GRANT USAGE ON SEQUENCES TO dbrole_readwrite\", "
"\"GRANT UPDATE ON SEQUENCES TO dbrole_readwrite\", "
"\"GRANT TRUNCATE ON TABLES TO dbrole_admin\", "
"\"GRANT REFERENCES ON TABLES TO dbrole_admin\", "
"\"GRANT TRIGGER ON TABLES TO dbrole_admin\", "
"\"GRANT CREATE ON SCHEMAS TO dbrole_admin\"]";

/* contrib modules but for the last; one that is not installed is reported, not an error */
const char	catalogue_default_extensions[] =
"[{\"name\": \"pg_stat_statements\", \"schema\": \"monitor\"}, "
"{\"name\": \"pgstattuple\", \"schema\": \"monitor\"}, "
"{\"name\": \"pg_buffercache\", \"schema\": \"monitor\"}, "
"{\"name\": \"pageinspect\", \"schema\": \"monitor\"}, "
"{\"name\": \"pg_prewarm\", \"schema\": \"monitor\"}, "
"{\"name\": \"pg_visibility\", \"schema\": \"monitor\"}, "
"{\"name\": \"pg_freespacemap\", \"schema\": \"monitor\"}, "
"{\"name\": \"postgres_fdw\", \"schema\": \"public\"}, "
"{\"name\": \"file_fdw\", \"schema\": \"public\"}, "
"{\"name\": \"btree_gist\", \"schema\": \"public\"}, "
"{\"name\": \"btree_gin\", \"schema\": \"public\"}, "
"{\"name\": \"pg_trgm\", \"schema\": \"public\"}, "
"{\"name\": \"intagg\", \"schema\": \"public\"}, "
"{\"name\": \"intarray\", \"schema\": \"public\"}, "
"{\"name\": \"pg_repack\"}]";

/* a rule of the next two lists; the title becomes a comment in the file */
#define HBA(user_, db_, addr_, auth_, title_, order_) \
	"{\"user\": \"" user_ "\", \"db\": \"" db_ "\", \"addr\": \"" addr_ "\", " \
	"\"auth\": \"" auth_ "\", \"title\": \"" title_ "\", \"order\": " order_ "}"

const char	catalogue_default_hba_rules[] =
"["
HBA("${dbsu}", "all", "local", "ident", "dbsu access via local os user ident", "100") ", "
HBA("${dbsu}", "replication", "local", "ident", "dbsu replication from local os ident", "150") ", "
HBA("${repl}", "replication", "localhost", "pwd", "replicator replication from localhost", "200") ", "
HBA("${repl}", "replication", "intra", "pwd", "replicator replication from intranet", "250") ", "
HBA("${repl}", "postgres", "intra", "pwd", "replicator postgres db from intranet", "300") ", "
HBA("${monitor}", "all", "localhost", "pwd", "monitor from localhost with password", "350") ", "
HBA("${monitor}", "all", "infra", "pwd", "monitor from infra host with password", "400") ", "
HBA("${admin}", "all", "intra", "pwd", "admin @ intranet nodes with pwd", "450") ", "
HBA("${admin}", "all", "world", "ssl", "admin @ everywhere with ssl & pwd", "500") ", "
HBA("+dbrole_readonly", "all", "localhost", "pwd", "pgbouncer read/write via local socket", "550") ", "
HBA("+dbrole_readonly", "all", "intra", "pwd", "read/write biz user via password", "600") ", "
HBA("+dbrole_offline", "all", "intra", "pwd", "allow etl offline tasks from intranet", "650")
"]";

/* the pooler's: it has no replication, and knows the database "pgbouncer" for itself */
const char	catalogue_pgb_default_hba_rules[] =
"["
HBA("${dbsu}", "pgbouncer", "local", "peer", "dbsu local admin access with os ident", "100") ", "
HBA("all", "all", "localhost", "pwd", "allow all user local access with pwd", "150") ", "
HBA("${monitor}", "pgbouncer", "intra", "pwd", "monitor access via intranet with pwd", "200") ", "
HBA("${monitor}", "all", "world", "deny", "reject all other monitor access addr", "250") ", "
HBA("${admin}", "all", "intra", "pwd", "admin access via intranet with pwd", "300") ", "
HBA("${admin}", "all", "world", "deny", "reject all other admin access addr", "350") ", "
HBA("all", "all", "intra", "pwd", "allow all user intra access with pwd", "400")
"]";

/* two examples to choose from by pgbackrest_method; their keys are well-known, too */
const char	catalogue_backup_repo[] =
"{\"local\": {\"path\": \"/pg/backup\", \"retention_full_type\": \"count\", \"retention_full\": 2}, "
"\"minio\": {\"type\": \"s3\", \"s3_endpoint\": \"sss.pigsty\", \"s3_region\": \"us-east-1\", "
"\"s3_bucket\": \"pgsql\", \"s3_key\": \"pgbackrest\", \"s3_key_secret\": \"S3User.Backup\", "
"\"s3_uri_style\": \"path\", \"path\": \"/pgbackrest\", \"storage_port\": 9000, "
"\"storage_ca_file\": \"/etc/pki/ca.crt\", \"block\": \"y\", \"bundle\": \"y\", "
"\"bundle_limit\": \"20MiB\", \"bundle_size\": \"128MiB\", \"cipher_type\": \"aes-256-cbc\", "
"\"cipher_pass\": \"pgBackRest\", \"retention_full_type\": \"time\", \"retention_full\": 14}}";

/* settings that clients send at start and the pooler does not pass on */
const char	catalogue_ignore_param[] =
"[\"extra_float_digits\", \"application_name\", \"TimeZone\", \"DateStyle\", "
"\"IntervalStyle\", \"search_path\"]";

/* read-write, read-only, direct, and for long queries: the selectors decide who serves */
const char	catalogue_default_services[] =
"[{\"name\": \"primary\", \"port\": 5433, \"dest\": \"default\", \"check\": \"/primary\", "
"\"selector\": \"[]\"}, "
"{\"name\": \"replica\", \"port\": 5434, \"dest\": \"default\", \"check\": \"/read-only\", "
"\"selector\": \"[]\", \"backup\": \"[? pg_role == `primary` || pg_role == `offline` ]\"}, "
"{\"name\": \"default\", \"port\": 5436, \"dest\": \"postgres\", \"check\": \"/primary\", "
"\"selector\": \"[]\"}, "
"{\"name\": \"offline\", \"port\": 5438, \"dest\": \"postgres\", \"check\": \"/replica\", "
"\"selector\": \"[? pg_role == `offline` || pg_offline_query ]\", "
"\"backup\": \"[? pg_role == `replica` && !pg_offline_query]\"}]";
