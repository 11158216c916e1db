/*
 * instance.c
 *		Instances beside this server: what is known of them, name, directory and
 *		port of a new one.
 *
 * Not for: their files (instance_files.c), settings (instance_settings.c),
 * processes (instance_run.c).
 */
#include "postgres.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"

#include "cmdb/extension.h"
#include "cmdb/query.h"
#include "errors.h"
#include "ops/connect.h"
#include "ops/instance_parts.h"

/* how many ports above this server's are looked at for a free one */
#define PORTS_TRIED		200

char *
instance_base(const BesideInstance *instance)
{
	char	   *base = pstrdup(instance->data_directory);

	get_parent_directory(base);
	return base;
}

char *
instance_path(const BesideInstance *instance, const char *name)
{
	return psprintf("%s/%s", instance_base(instance), name);
}

/* ---- what is known ---- */

/* of the last statement's first row; strings are in the caller's context */
static BesideInstance *
read_instance(CmdbQuery *query)
{
	BesideInstance *instance = MemoryContextAllocZero(query->caller, sizeof(BesideInstance));

	instance->name = cmdb_text(query, 0, 1);
	instance->origin = cmdb_text(query, 0, 2);
	instance->port = cmdb_int4(0, 3);
	instance->data_directory = cmdb_text(query, 0, 4);
	instance->socket_directory = cmdb_text(query, 0, 5);
	instance->state = cmdb_text(query, 0, 6);
	instance->job = cmdb_int8(0, 7);
	return instance;
}

/* Rows that came with a copy of the data directory are another server's. */
BesideInstance *
instance_find(const char *name)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	BesideInstance *instance = NULL;

	if (name == NULL)
		return NULL;
	cmdb_begin(&query);
	cmdb_put_text(&args, name);
	cmdb_put_text(&args, DataDir);
	if (cmdb_run(&query,
				 "SELECT i.name, i.origin, i.port, i.data_directory, i.socket_directory,"
				 "  i.state, i.job"
				 " FROM pgops.instance_beside AS i WHERE i.name = $1 AND i.maker = $2", &args) > 0)
		instance = read_instance(&query);
	cmdb_end(&query);
	return instance;
}

/*
 * The row comes first: what is made afterwards can be found and removed,
 * whatever happens.
 */
void
instance_record(Job *job, const BesideInstance *instance, const char *state)
{
	CmdbQuery	query;
	CmdbRow		args = {0};

	job_begin(job);
	cmdb_begin(&query);
	cmdb_put_text(&args, instance->name);
	cmdb_put_text(&args, instance->origin);
	cmdb_put_text(&args, DataDir);
	cmdb_put_int4(&args, instance->port);
	cmdb_put_text(&args, instance->data_directory);
	cmdb_put_text(&args, instance->socket_directory);
	cmdb_put_text(&args, state);
	cmdb_put_int8(&args, instance->job != 0 ? instance->job : job->id);
	(void) cmdb_run(&query,
					"INSERT INTO pgops.instance_beside AS i"
					" (name, origin, maker, port, data_directory, socket_directory, state, job)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
					" ON CONFLICT (name) DO UPDATE SET"
					"  origin = excluded.origin, maker = excluded.maker, port = excluded.port,"
					"  data_directory = excluded.data_directory,"
					"  socket_directory = excluded.socket_directory,"
					"  state = excluded.state, job = excluded.job", &args);
	cmdb_end(&query);
	txn_end();
	if (strcmp(state, "creating") == 0)
		instance_make(instance);
}

/* ---- a new one ---- */
static void
check_name(const char *name)
{
	BesideInstance *other;

	if (*name == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("the name of an instance has 1 to %d bytes", NAMEDATALEN - 1)));
	other = instance_find(name);
	if (other != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("instance \"%s\" exists already", name),
				 errdetail("It is in \"%s\", made by job " INT64_FORMAT ".",
						   instance_base(other), other->job),
				 errhint("Choose another name, or remove it with SELECT pgops.restore_drop(%s).",
						 quote_literal_cstr(name))));
}

/* whether a server could listen there now, on the addresses that it will use */
static bool
is_port_free(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16) port)};
	int			one = 1;
	int			fd = socket(AF_INET, SOCK_STREAM, 0);
	bool		free;

	if (fd < 0)
		return true;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	free = bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0;
	close(fd);
	return free;
}

/* name of the instance that has the port, running or not; NULL: none */
static char *
holder_of_port(int port)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	char	   *name = NULL;

	cmdb_begin(&query);
	cmdb_put_int4(&args, port);
	cmdb_put_text(&args, DataDir);
	if (cmdb_run(&query,
				 "SELECT i.name FROM pgops.instance_beside AS i"
				 " WHERE i.port = $1 AND i.maker = $2 LIMIT 1", &args) > 0)
		name = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	return name;
}

/* whether a job that waits or runs was given the port, and has made no instance of it yet */
static bool
is_port_promised(int port)
{
	CmdbQuery	query;
	CmdbRow		args = {0};
	bool		promised;

	cmdb_begin(&query);
	cmdb_put_text(&args, psprintf("%d", port));
	promised = cmdb_run(&query,
						"SELECT FROM pgops.job AS j"
						" WHERE j.state IN ('queued', 'running') AND j.args ->> 'port' = $1 LIMIT 1",
						&args) > 0;
	cmdb_end(&query);
	return promised;
}

static int
find_port(void)
{
	for (int port = PostPortNumber + 1; port < PostPortNumber + PORTS_TRIED && port <= 65535; port++)
	{
		if (is_port_free(port) && holder_of_port(port) == NULL && !is_port_promised(port))
			return port;
	}
	ereport(ERROR,
			(errcode(ERRCODE_PGOPS_INSTANCE),
			 errmsg("there is no free port between %d and %d", PostPortNumber + 1,
					PostPortNumber + PORTS_TRIED - 1),
			 errhint("Give one with port => ...")));
}

static int
check_port(int port)
{
	char	   *holder;

	if (port == 0)
		return find_port();
	if (port < 1024 || port > 65535)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("port %d is not between 1024 and 65535", port)));
	holder = holder_of_port(port);
	if (holder != NULL || port == PostPortNumber || !is_port_free(port))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INSTANCE),
				 errmsg("port %d is in use", port),
				 holder != NULL ? errdetail("Instance \"%s\" has it.", holder) :
				 port == PostPortNumber ? errdetail("This server has it.") : 0,
				 errhint("Port %d is free.", find_port())));
	return port;
}

BesideInstance *
instance_plan(const char *name, const char *origin, const char *directory, int port)
{
	BesideInstance *instance = palloc0(sizeof(BesideInstance));
	char	   *base;

	check_name(name);
	base = instance_check_directory(directory != NULL ? directory :
									ops_path(psprintf("instances/%s", instance_encode(name))));
	instance->name = pstrdup(name);
	instance->origin = pstrdup(origin);
	instance->port = check_port(port);
	instance->data_directory = psprintf("%s/%s", base, INSTANCE_DATA);
	instance->socket_directory = instance_socket_directory(base);
	instance->state = pstrdup("creating");
	return instance;
}

/* ---- connecting ---- */
char *
instance_conninfo(const BesideInstance *instance, const char *database)
{
	StringInfoData out;
	bool		own_transaction = !IsTransactionState();
	char	   *user;

	if (own_transaction && txn_begin() != EXTENSION_READY)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_INTERRUPTED),
				 errmsg("extension pgops was dropped or changed meanwhile")));
	user = connect_superuser();
	if (own_transaction)
		txn_end();
	initStringInfo(&out);
	connect_add(&out, "host", instance->socket_directory);
	connect_add(&out, "port", psprintf("%d", instance->port));
	connect_add(&out, "user", user);
	connect_add(&out, "dbname", database);
	connect_add(&out, "connect_timeout", "10");
	connect_add(&out, "application_name", "pgops");
	return out.data;
}
