/*
 * render_file.c
 *		The files that can be rendered for an instance, and what each needs besides
 *		the declaration: a consensus store, passwords, the size of the machine.
 *
 * Not for: the texts (render/), where they are written.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port.h"

#include "compat.h"
#include "errors.h"
#include "observe/machine.h"
#include "observe/reference.h"
#include "render/patroni.h"
#include "render/pgbackrest.h"
#include "render/render.h"
#include "secret.h"
#include "spec/catalogue.h"
#include "spec/model_backup.h"
#include "spec/reference.h"
#include "utils/builtins.h"
#include "worker/render_place.h"

#define ETCD_KIND		"etcd"	/* of a group; also what the one is called that all use */
#define LIBRARIES		"shared_preload_libraries"

/* where the field's installations keep certificates of the node */
#define CERTIFICATE		"/pg/cert/server.crt"
#define CERTIFICATE_KEY	"/pg/cert/server.key"
#define AUTHORITY		"/pg/cert/ca.crt"

/* ---- the consensus store ---- */

/* the group of that kind with the usual name, or the only one; NULL: there is none */
static const InventoryGroup *
etcd_group(const Inventory *inventory)
{
	const InventoryGroup *found = NULL;
	ListCell   *lc;

	foreach(lc, inventory->groups)
	{
		const InventoryGroup *group = lfirst(lc);

		if (strcmp(group->kind, ETCD_KIND) != 0)
			continue;
		if (strcmp(group->name, ETCD_KIND) == 0)
			return group;
		if (found != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_PGOPS_CONTRADICTION),
					 errmsg("several groups of etcd are declared, \"%s\" and \"%s\" among them",
							found->name, group->name),
					 errhint("Name the one that all clusters use \"etcd\", or say pgops_patroni: { etcd3: { hosts: ... } } in the cluster.")));
		found = group;
	}
	return found;
}

/* of char *: host:port of each etcd */
static List *
etcd_members(const RenderPlace *place)
{
	const InventoryGroup *group = etcd_group(place->inventory);
	List	   *members = NIL;
	ListCell   *lc;

	if (group == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_MISSING),
				 errmsg("no etcd is declared, which Patroni of cluster \"%s\" needs",
						place->cluster->name),
				 errhint("Declare its hosts beside the cluster: etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd } }, or another store in the cluster: pgops_patroni: { consul: { host: ... } }.")));
	foreach(lc, group->hosts->entries)
	{
		const char *host = ((const SpecEntry *) lfirst(lc))->key;
		const SpecNode *port = inventory_value(place->inventory, group, host, "etcd_port");
		const char *text = port ? node_text(port) : NULL;

		if (text == NULL || text[0] == '\0')
			text = node_text(catalogue_default_value("etcd_port"));
		members = lappend(members, psprintf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, text));
	}
	return members;
}

/* ---- passwords ---- */

/*
 * Plain text of a password in the declaration, where it is not a role's: those are
 * kept as they are, or say where they stand.
 */
static void
read_reference(SpecNode *vars, const char *param)
{
	const SpecNode *declared = node_get(vars, param);
	ReferenceValue value;

	if (declared == NULL || !spec_reference(declared, NULL, NULL))
		return;
	value = reference_read(declared);
	if (value.text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_SECRET_UNREAD),
				 errmsg("%s, which is to hold \"%s\"", value.problem, param),
				 errhint("%s", value.hint)));
	node_map_set(vars, param, node_string(value.text));
}

/* as given by the caller, who may be mistaken: it must be the one that is declared */
static char *
given_password(const RenderPlace *place, const char *role, const char *verifier)
{
	const SpecNode *passwords = place->options->passwords;
	const SpecNode *given = passwords ? node_get(passwords, role) : NULL;
	const char *text = given ? node_text(given) : NULL;

	if (text == NULL)
		return NULL;
	if (verifier != NULL && !secret_matches(role, text, verifier))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PASSWORD),
				 errmsg("the password given for role \"%s\" is not the one that is declared", role)));
	return pstrdup(text);
}

static char *
referred_password(const Role *role)
{
	ReferenceValue value = reference_read(role->password_source);

	if (value.text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_SECRET_UNREAD),
				 errmsg("%s, which is to hold the password of role \"%s\"",
						value.problem, role->name),
				 errhint("%s", value.hint)));
	return value.text;
}

static void
warn_well_known(const char *password, const char *whose)
{
	if (password != NULL && secret_is_well_known(password))
		ereport(WARNING,
				(errcode(ERRCODE_PGOPS_WEAK_SECRET),
				 errmsg("the password of %s is a well-known default", whose),
				 errhint("Declare a secret of your own before the cluster is made.")));
}

/*
 * The plain password of a role.  What is kept of a declared one is a verifier,
 * with which nobody can log in: so it is what the caller gives, what a
 * reference leads to, or a well-known default that the verifier turns out to be
 * of.  Where nothing is declared, the catalogue's default counts (param).  NULL: there is
 * none; "needed": ERROR if there is one that is not known.
 */
static char *
plain_password(const RenderPlace *place, const char *name, const char *param, bool needed)
{
	const Role *role = model_find_role(place->cluster->roles, name);
	const char *verifier = role ? role->password : NULL;
	bool		referred = role != NULL && role->password_source != NULL;
	const SpecNode *standard = catalogue_default_value(param);
	const char *well_known = standard ? node_text(standard) : NULL;
	char	   *given;

	if (!place->options->secrets)
		return needed || referred ? pstrdup(SECRET_MASK) : NULL;
	given = given_password(place, name, verifier);
	if (given != NULL)
		return given;
	if (referred)
		return referred_password(role);
	if (well_known != NULL && well_known[0] == '\0')
		well_known = NULL;
	if (verifier == NULL || (well_known != NULL && secret_matches(name, well_known, verifier)))
		return well_known ? pstrdup(well_known) : NULL;
	if (needed)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_SECRET_UNREAD),
				 errmsg("the plain password of role \"%s\" is not known", name),
				 errdetail("Of a declared password only its verifier is kept, and Patroni needs the password to log in."),
				 errhint("Give it: passwords => '{\"%s\": \"...\"}', or declare where it stands: %s: { file: /path } or { env: NAME }.",
						 name, param)));
	return NULL;
}

/* the masked model has no verifiers: what is declared there is told by the variables */
static bool
is_declared(const RenderPlace *place, const char *param)
{
	const SpecNode *value = node_get(place->vars, param);

	return value != NULL && value->kind != NODE_NULL &&
		!(value->kind == NODE_STRING && value->text[0] == '\0');
}

static void
check_given_roles(const RenderPlace *place)
{
	ListCell   *lc;

	if (place->options->passwords == NULL)
		return;
	foreach(lc, place->options->passwords->entries)
	{
		const SpecEntry *entry = lfirst(lc);

		if (strcmp(entry->key, place->cluster->replication_user) != 0 &&
			strcmp(entry->key, place->cluster->dbsu) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("no file of cluster \"%s\" holds a password of role \"%s\"",
							place->cluster->name, entry->key),
					 errhint("Those of \"%s\" and \"%s\" can be given.",
							 place->cluster->replication_user, place->cluster->dbsu)));
		if (entry->value->kind != NODE_STRING || entry->value->text[0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the password given for role \"%s\" must be a text", entry->key)));
	}
}

static void
fill_passwords(PatroniPlace *out, const RenderPlace *place)
{
	bool		citus = place->cluster->patroni->group >= 0;
	bool		secrets = place->options->secrets;

	check_given_roles(place);
	out->replication_password = plain_password(place, place->cluster->replication_user,
											   "pg_replication_password", true);
	/* members of different shards log in to each other as superuser; else nobody needs it */
	out->superuser_password = plain_password(place, place->cluster->dbsu, "pg_dbsu_password",
											 citus && is_declared(place, "pg_dbsu_password"));
	if (!secrets)
		return;
	read_reference(place->vars, "patroni_password");
	read_reference(place->vars, "pg_etcd_password");
	warn_well_known(out->replication_password,
					psprintf("role \"%s\"", place->cluster->replication_user));
	warn_well_known(is_declared(place, "patroni_password") ?
					node_text(node_get(place->vars, "patroni_password")) :
					node_text(catalogue_default_value("patroni_password")),
					"Patroni's REST API");
}

/* Defaults that stand for a secret are secrets, too. */
static void
mask_defaults(SpecNode *vars)
{
	static const char *const params[] = {"patroni_password"};

	for (int i = 0; i < lengthof(params); i++)
		node_map_set(vars, params[i], node_string(SECRET_MASK));
}

/* ---- the machine, and the parameters that follow from it ---- */

static void
fill_machine(PatroniPlace *out, const RenderOptions *options, TuneInput *input)
{
	Machine		machine;

	observe_machine(&machine);
	input->cpu = options->cpu ? options->cpu : machine.cpu;
	input->mem_mb = options->mem_mb ? options->mem_mb : machine.mem_mb;
	input->disk_bytes = options->disk_bytes ? options->disk_bytes : machine.disk_bytes;
	if (options->cpu == 0 || options->mem_mb == 0 || options->disk_bytes == 0)
		tune_fit(input);
	out->cpu = input->cpu;
	out->mem_mb = input->mem_mb;
	out->disk_bytes = input->disk_bytes;
}

static Setting *
find_setting(const List *settings, const char *name)
{
	ListCell   *lc;

	foreach(lc, settings)
	{
		Setting    *setting = lfirst(lc);

		if (strcmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}

static List *
add_setting(List *settings, const char *name, const char *value)
{
	Setting    *setting = palloc0(sizeof(Setting));

	setting->name = pstrdup(name);
	setting->value = pstrdup(value);
	return lappend(settings, setting);
}

/*
 * A server that is told to speak TLS does not start without a certificate.  That
 * there are some where the field keeps them is said by the REST API's use of
 * them; otherwise pg_parameters says where they are, or there is no TLS.
 */
static List *
with_certificates(List *settings, const RenderPlace *place)
{
	Setting    *ssl = find_setting(settings, "ssl");

	if (ssl == NULL || !ssl->tuned || find_setting(settings, "ssl_cert_file") != NULL)
		return settings;
	if (!place->cluster->patroni->tls)
		return list_delete_ptr(settings, ssl);
	settings = add_setting(settings, "ssl_cert_file", CERTIFICATE);
	settings = add_setting(settings, "ssl_key_file", CERTIFICATE_KEY);
	return add_setting(settings, "ssl_ca_file", AUTHORITY);
}

/* Without pgops among the libraries nobody in the new cluster would know of any declaration. */
static List *
with_pgops(List *settings)
{
	Setting    *libraries = find_setting(settings, LIBRARIES);
	ListCell   *lc;

	if (libraries == NULL || libraries->value == NULL)
		return add_setting(list_delete_ptr(settings, libraries), LIBRARIES, "pgops");
	foreach(lc, libraries->elements)
	{
		if (model_library_is_own(lfirst(lc)))
			return settings;
	}
	return add_setting(list_delete_ptr(settings, libraries), LIBRARIES,
					   libraries->value[0] == '\0' ? "pgops" :
					   psprintf("%s, pgops", libraries->value));
}

/*
 * Backups need archive_mode, which takes a restart of every member later.  The command
 * comes with pgops' first pass; until then WAL waits.  Where pgops is told to keep its
 * hands off, nobody would give one.
 */
static List *
with_archiving(List *settings, const RenderPlace *place)
{
	const BackupSpec *backup = place->cluster->backup;
	const Setting *manage = find_setting(settings, "pgops.manage_backup");
	bool		managed = true;

	if (backup == NULL || backup->problem != NULL || backup->repos == NIL ||
		find_setting(settings, "archive_mode") != NULL ||
		(manage != NULL && manage->value != NULL && parse_bool(manage->value, &managed) && !managed))
		return settings;
	return add_setting(settings, "archive_mode", "on");
}

/*
 * The template's parameters, and those that are declared on top.  A template is made
 * for any server; what only an existing one can tell (an extension that is
 * missing) is pgops' business when the cluster is there.
 */
static List *
parameters_of(const RenderPlace *place, const TuneInput *input)
{
	List	   *settings = list_copy(place->cluster->parameters);
	ListCell   *lc;

	foreach(lc, tune_settings(input))
	{
		Setting    *setting = lfirst(lc);

		if (find_setting(place->cluster->parameters, setting->name) == NULL)
			settings = lappend(settings, setting);
	}
	return with_pgops(with_archiving(with_certificates(settings, place), place));
}

/* ---- patroni.yml ---- */

/* directory of this server's programs, if the other one's are of the same version */
static char *
program_directory(int server_major)
{
	char	   *path;

	if (server_major != PGOPS_SERVER_MAJOR)
		return NULL;
	path = pstrdup(my_exec_path);
	get_parent_directory(path);
	return path;
}

static void
check_patroni(const RenderPlace *place)
{
	if (!place->cluster->patroni->enabled)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cluster \"%s\" is declared to run without Patroni", place->cluster->name),
				 errhint("Declare patroni_enabled: true.")));
}

static char *
patroni_yml(const RenderPlace *place)
{
	PatroniPlace out = {0};
	TuneInput	input = *place->cluster->tune;

	check_patroni(place);
	out.cluster = place->cluster;
	out.instance = place->instance;
	out.vars = place->vars;
	out.masked = !place->options->secrets;
	out.server_major = place->server_major;
	out.patroni_version = place->options->patroni_version;
	out.bin_dir = program_directory(place->server_major);
	if (!render_patroni_has_store(place->vars))
		out.etcd = etcd_members(place);
	fill_passwords(&out, place);
	if (out.masked)
		mask_defaults(place->vars);
	fill_machine(&out, place->options, &input);
	input.server_major = place->server_major;
	out.parameters = parameters_of(place, &input);
	return render_patroni(&out);
}

/* ---- the other files ---- */

/* as the instance is declared; where it runs, pgops follows its actual role */
static char *
pg_hba_conf(const RenderPlace *place)
{
	return render_hba(place->cluster, strcmp(place->instance->role, "primary") != 0, "peer",
					  place->server_major);
}

static const char *
text_of(const RenderPlace *place, const char *param)
{
	const SpecNode *value = node_get(place->vars, param);
	const char *text = value && value->kind != NODE_NULL ? node_text(value) : NULL;

	if (text == NULL || text[0] == '\0')
		text = node_text(catalogue_default_value(param));
	return text;
}

static char *
pgbackrest_conf(const RenderPlace *place)
{
	const BackupSpec *backup = place->cluster->backup;
	BackupPlace out = {0};
	char	   *problem;
	char	   *base;
	char	   *text;

	if (backup == NULL || backup->problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_BACKUPS),
				 errmsg("no backups are declared for cluster \"%s\"", place->cluster->name),
				 backup != NULL ? errdetail("%s", backup->problem) : 0,
				 errhint("Declare pgbackrest_repo and pgbackrest_method.")));
	out.stanza = place->cluster->name;
	out.data_directory = text_of(place, "pg_data");
	out.port = place->instance->port;
	out.socket_directory = text_of(place, "pg_localhost");
	out.user = place->cluster->dbsu;
	out.database = "postgres";
	base = psprintf("%s.pgops", out.data_directory);
	out.log_path = psprintf("%s/log", base);
	out.lock_path = psprintf("%s/lock", base);
	out.spool_path = psprintf("%s/spool", base);
	out.processors = place->options->cpu;
	if (out.processors == 0)
	{
		Machine		machine;

		observe_machine(&machine);
		out.processors = Max(machine.cpu, 1);
	}
	problem = render_pgbackrest_problem(&out);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_BACKUPS),
				 errmsg("%s", problem)));
	text = render_pgbackrest(backup, &out);
	return place->options->secrets ? text : render_pgbackrest_masked(text);
}

/* ---- all of them ---- */

static bool
runs_patroni(const RenderPlace *place)
{
	return place->cluster->patroni->enabled;
}

static bool
has_backups(const RenderPlace *place)
{
	return place->cluster->backup != NULL && place->cluster->backup->problem == NULL;
}

static const struct
{
	const char *name;
	char	   *(*render) (const RenderPlace *place);
	bool		(*is_there) (const RenderPlace *place); /* NULL: always */
}			files[] = {
	{"patroni.yml", patroni_yml, runs_patroni},
	{"pg_hba.conf", pg_hba_conf, NULL},
	{"pgbackrest.conf", pgbackrest_conf, has_backups},
};

const char *const render_file_names[] = {"patroni.yml", "pg_hba.conf", "pgbackrest.conf", NULL};

bool
render_has_file(const RenderPlace *place, const char *file)
{
	for (int i = 0; i < lengthof(files); i++)
	{
		if (strcmp(files[i].name, file) == 0)
			return files[i].is_there == NULL || files[i].is_there(place);
	}
	return false;
}

char *
render_file(const RenderPlace *place, const char *file)
{
	for (int i = 0; i < lengthof(files); i++)
	{
		if (strcmp(files[i].name, file) == 0)
			return files[i].render(place);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no file \"%s\" to be rendered", file),
			 errhint("There are patroni.yml, pg_hba.conf and pgbackrest.conf.")));
	return NULL;				/* not reached */
}
