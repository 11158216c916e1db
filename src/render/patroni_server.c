/*
 * patroni_server.c
 *		The parts of patroni.yml that are about the server: how it is made, where
 *		it is, how its members copy and follow each other.
 *
 * Not for: its parameters, which are the cluster's (bootstrap.dcs), but for the
 * few that are this member's alone.
 */
#include "postgres.h"

#include "render/patroni_parts.h"
#include "render/render.h"
#include "spec/model_backup.h"

/* of copying a member: no faster than that, and at once */
#define COPY_RATE		"1000M"

/* ---- how it is made ---- */

/* an option with a value */
static void
add_option(SpecNode *list, const char *name, const char *value)
{
	SpecNode   *option = node_map();

	if (value == NULL)
		return;
	patroni_put(option, name, value);
	node_list_add(list, option);
}

/* the locales that the server itself has since 17, for databases in UTF-8 */
static const char *
builtin_locale(const PatroniPlace *place, const char *encoding, const char *locale)
{
	if (place->server_major < 17 || encoding == NULL || locale == NULL ||
		(pg_strcasecmp(encoding, "UTF8") != 0 && pg_strcasecmp(encoding, "UTF-8") != 0))
		return NULL;
	if (strcmp(locale, "C") == 0)
		return "C";
	return pg_strcasecmp(locale, "C.UTF-8") == 0 || pg_strcasecmp(locale, "C.UTF8") == 0 ?
		"C.UTF-8" : NULL;
}

/*
 * Nobody but the superuser's own OS user gets in by the lines that initdb puts
 * into pg_hba.conf, which stand there until pgops' first pass.
 */
SpecNode *
patroni_initdb(const PatroniPlace *place)
{
	SpecNode   *list = node_list();
	const char *encoding = patroni_value(place, "pg_encoding");
	const char *locale = patroni_value(place, "pg_locale");
	const char *builtin = builtin_locale(place, encoding, locale);
	bool		checksums = patroni_is_on(place, "pg_checksum") ||
		strcmp(place->cluster->patroni->conf, "crit") == 0;

	add_option(list, "encoding", encoding);
	add_option(list, "locale", locale);
	add_option(list, "lc-collate", patroni_value(place, "pg_lc_collate"));
	add_option(list, "lc-ctype", patroni_value(place, "pg_lc_ctype"));
	if (builtin != NULL)
	{
		add_option(list, "locale-provider", "builtin");
		add_option(list, "builtin-locale", builtin);
	}
	add_option(list, "auth-local", "peer");
	add_option(list, "auth-host", place->cluster->pwd_enc);
	if (checksums)
		node_list_add(list, node_string("data-checksums"));
	else if (place->server_major >= 18)
		node_list_add(list, node_string("no-data-checksums"));
	return list;
}

/* ---- where it is ---- */

/*
 * Addresses to listen on, each once: an undeclared virtual address is the
 * loopback's in the catalogue, and the server would complain about the second.
 */
static char *
listen_addresses(const PatroniPlace *place)
{
	char	   *rest = pstrdup(patroni_value(place, "pg_listen"));
	List	   *seen = NIL;
	StringInfoData out;
	char	   *item;

	initStringInfo(&out);
	while ((item = strsep(&rest, ",")) != NULL)
	{
		ListCell   *lc;
		bool		known = false;
		size_t		length;

		item += strspn(item, " \t");
		length = strcspn(item, " \t");
		item[length] = '\0';
		foreach(lc, seen)
			known = known || strcmp(lfirst(lc), item) == 0;
		if (known || length == 0)
			continue;
		seen = lappend(seen, item);
		appendStringInfo(&out, "%s%s", out.len > 0 ? "," : "", item);
	}
	appendStringInfo(&out, ":%d", place->instance->port);
	return out.data;
}

static SpecNode *
login(const char *user, const char *password)
{
	SpecNode   *map = node_map();

	patroni_put(map, "username", user);
	patroni_put(map, "password", password);
	return map;
}

/*
 * The superuser connects through the local socket, as the OS user of its name.
 * pg_rewind comes as the replication role: Patroni gives it the functions that
 * it needs, and the default rules let it in.
 */
static SpecNode *
authentication(const PatroniPlace *place)
{
	const char *replicator = place->cluster->replication_user;
	SpecNode   *map = node_map();

	node_map_set(map, "superuser", login(place->cluster->dbsu, place->superuser_password));
	node_map_set(map, "replication", login(replicator, place->replication_password));
	node_map_set(map, "rewind", login(replicator, place->replication_password));
	return map;
}

/*
 * Patroni writes the file whenever it likes.  So it is not .pgpass, which may hold
 * lines of people, and one for each instance, should two have one home.
 */
static void
put_pgpass(SpecNode *map, const PatroniPlace *place)
{
	const char *home = patroni_declared(place, "pg_dbsu_home");

	if (home != NULL)
		patroni_put(map, "pgpass", psprintf("%s/.pgpass.%s", home, place->instance->name));
}

/* ---- backups ---- */

/* value of a declared parameter of the server, or NULL */
static const char *
server_parameter(const PatroniPlace *place, const char *name)
{
	ListCell   *lc;

	foreach(lc, place->parameters)
	{
		const Setting *setting = lfirst(lc);

		if (strcmp(setting->name, name) == 0 && setting->value != NULL && setting->value[0] != '\0')
			return setting->value;
	}
	return NULL;
}

/*
 * pgBackRest with the file that pgops writes on that host (ops/stanza.h); in a
 * parameter of the server percent signs mean something.
 */
static char *
pgbackrest(const PatroniPlace *place, const char *data_directory, bool parameter)
{
	const char *config = server_parameter(place, "pgops.pgbackrest_config");
	const char *directory = server_parameter(place, "pgops.directory");
	const char *program = server_parameter(place, "pgops.pgbackrest");

	if (config == NULL)
		config = directory ? psprintf("%s/pgbackrest.conf", directory) :
			psprintf("%s.pgops/pgbackrest.conf", data_directory);
	return psprintf("%s %s %s", render_shell_word(program ? program : "pgbackrest", parameter),
					render_shell_word(psprintf("--config=%s", config), parameter),
					render_shell_word(psprintf("--stanza=%s", place->cluster->name), parameter));
}

/* whether another member finds the backups of the one that made them */
static bool
backups_are_shared(const BackupSpec *backup)
{
	ListCell   *lc;

	foreach(lc, backup->repos)
	{
		if (!model_backup_is_local(lfirst(lc)))
			return true;
	}
	return false;
}

/* how a new member comes to its data, and WAL that no member has any more */
static void
put_copying(SpecNode *map, SpecNode *recovery, const PatroniPlace *place,
			const char *data_directory)
{
	const BackupSpec *backup = place->cluster->backup;
	SpecNode   *methods = node_list();
	SpecNode   *options = node_list();

	node_list_add(methods, node_string("basebackup"));
	add_option(options, "max-rate", COPY_RATE);
	add_option(options, "checkpoint", "fast");
	if (backup != NULL && backup->problem == NULL && backup->repos != NIL)
	{
		patroni_put(recovery, "restore_command",
					psprintf("%s archive-get %%f \"%%p\"",
							 pgbackrest(place, data_directory, true)));
		if (backups_are_shared(backup))
		{
			SpecNode   *method = node_map();

			patroni_put(method, "command", psprintf("%s --delta restore",
										 pgbackrest(place, data_directory, false)));
			patroni_put_bool(method, "keep_data", true);
			patroni_put_bool(method, "no_params", true);
			node_map_set(map, "pgbackrest", method);
			node_list_add(methods, node_string("pgbackrest"));
		}
	}
	node_map_set(map, "create_replica_methods", methods);
	node_map_set(map, "basebackup", options);
}

/* ---- all of it ---- */

/*
 * A member that lags by itself: the delay of a standby cluster is said in the
 * dynamic configuration, by its leader's.
 */
static void
put_delay(SpecNode *recovery, const PatroniPlace *place)
{
	const char *delay = patroni_declared(place, "pg_delay");

	if (strcmp(place->instance->role, "primary") == 0 || delay == NULL || strcmp(delay, "0") == 0)
		return;
	patroni_put(recovery, "recovery_min_apply_delay", delay);
}

SpecNode *
patroni_postgresql(const PatroniPlace *place)
{
	SpecNode   *map = node_map();
	SpecNode   *recovery = node_map();
	SpecNode   *parameters = node_map();
	const char *data_directory = patroni_value(place, "pg_data");
	const char *bin_dir = patroni_declared(place, "pg_bin_dir");

	if (bin_dir == NULL)
		bin_dir = place->bin_dir ? place->bin_dir : patroni_value(place, "pg_bin_dir");
	patroni_put(map, "listen", listen_addresses(place));
	patroni_put(map, "connect_address",
				patroni_address(place->instance->host, place->instance->port));
	/* not for replication: by the local socket nobody comes in as another than he is */
	patroni_put_bool(map, "use_unix_socket", true);
	patroni_put(map, "data_dir", data_directory);
	patroni_put(map, "bin_dir", bin_dir);
	put_pgpass(map, place);
	node_map_set(map, "authentication", authentication(place));
	patroni_put_bool(map, "use_pg_rewind", true);
	patroni_put_bool(map, "remove_data_directory_on_rewind_failure", true);
	patroni_put(parameters, "unix_socket_directories", patroni_value(place, "pg_localhost"));
	node_map_set(map, "parameters", parameters);
	put_copying(map, recovery, place, data_directory);
	put_delay(recovery, place);
	if (recovery->entries != NIL)
		node_map_set(map, "recovery_conf", recovery);
	return map;
}
