/*
 * identity.c
 *		Which declared instance this server is, and whether it may act as it.
 *
 * A CMDB travels: with pg_dump, with a copied data directory, with streaming
 * replication.  What it says must only be done by the server it was said
 * about, so each bound instance remembers system identifier, host and data
 * directory, and a server that is not that one only looks.
 *
 * Not for: the server's role (primary or standby), which changes at any time.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "cmdb/cmdb.h"
#include "cmdb/member.h"
#include "cmdb/query.h"
#include "errors.h"
#include "guc.h"

/* what makes a server this server */
typedef struct Server
{
	int64		system;
	char		host[256];
} Server;

/* what is known of the instance that this server takes itself for */
typedef struct Claim
{
	char	   *instance;		/* NULL: none found */
	char	   *cluster;		/* NULL: the instance is not declared */
	const char *source;			/* how it was found, for people */
	bool		bound;			/* it has an identity row */
	bool		matches;		/* and that is this server */
	char	   *bound_host;		/* of that row */
	char	   *bound_directory;
	bool		relative;		/* another row of the cluster has this system identifier */
	bool		is_member;		/* Patroni runs this server as that instance */
	CmdbMember	member;			/* what is known of that, if nobody said who this is */
} Claim;

/*
 * System identifier and host are asked for anew each time: a data directory may
 * be copied or moved to another machine between two starts of the server.
 */
static void
read_server(Server *server)
{
	server->system = (int64) GetSystemIdentifier();
	if (gethostname(server->host, sizeof(server->host)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not get the host name: %m")));
	server->host[sizeof(server->host) - 1] = '\0';
}

/* $1 ... $3 */
static void
put_server(CmdbRow *args, const Server *server)
{
	cmdb_put_int8(args, server->system);
	cmdb_put_text(args, server->host);
	cmdb_put_text(args, DataDir);
}

/* ---- which name ---- */

/* cluster_name decides where that cluster has one instance */
static char *
name_from_cluster_name(CmdbQuery *query)
{
	const char *cluster = GetConfigOption("cluster_name", true, false);
	CmdbRow		args = {0};

	if (cluster == NULL || *cluster == '\0')
		return NULL;
	cmdb_put_text(&args, cluster);
	if (cmdb_run(query,
				 "SELECT i.name FROM pgops.instance AS i"
				 " JOIN pgops.cluster AS c ON c.name = i.cluster"
				 " WHERE c.name = $1 AND c.kind = 'pgsql' LIMIT 2", &args) != 1)
		return NULL;
	return cmdb_text(query, 0, 1);
}

/*
 * All three must fit, host and data directory too: a physical copy has the same
 * system identifier as its source, and it is the copies that must not act.  The
 * newest row counts, though write_identity() leaves only one.
 */
static char *
name_from_identity(CmdbQuery *query, const Server *server)
{
	CmdbRow		args = {0};

	put_server(&args, server);
	if (cmdb_run(query,
				 "SELECT i.instance FROM pgops.identity AS i"
				 " WHERE i.system_identifier = $1 AND i.host = $2 AND i.data_directory = $3"
				 " ORDER BY i.bound_at DESC LIMIT 1", &args) == 0)
		return NULL;
	return cmdb_text(query, 0, 1);
}

/*
 * The setting beats what was remembered, so that it can always be corrected.  So
 * does what holds now under Patroni: members are renumbered, and a row may have
 * come with the data from another one.
 */
static void
find_name(CmdbQuery *query, const Server *server, Claim *claim)
{
	if (pgops_guc_instance != NULL && *pgops_guc_instance != '\0')
	{
		claim->instance = MemoryContextStrdup(query->caller, pgops_guc_instance);
		claim->source = "pgops.instance";
		return;
	}
	cmdb_member(query, &claim->member);
	claim->source = "Patroni";
	claim->instance = claim->member.instance;
	claim->is_member = claim->instance != NULL;
	if (claim->instance != NULL)
		return;
	claim->source = "pgops.identity";
	claim->instance = name_from_identity(query, server);
	if (claim->instance == NULL)
	{
		claim->source = "cluster_name";
		claim->instance = name_from_cluster_name(query);
	}
}

/*
 * Everything about the instance that this server takes itself for, in one look.
 * "relative" is what lets a replica act that pgops.instance names: its rows came
 * by replication, so another instance of its cluster has this very system
 * identifier.  A clone has no such setting, or the one of its source.
 */
static void
read_claim(CmdbQuery *query, const Server *server, Claim *claim)
{
	CmdbRow		args = {0};

	memset(claim, 0, sizeof(*claim));
	find_name(query, server, claim);
	if (claim->instance == NULL)
		return;

	put_server(&args, server);
	cmdb_put_text(&args, claim->instance);
	if (cmdb_run(query,
				 "SELECT i.cluster, b.instance IS NOT NULL, b.host, b.data_directory,"
				 "  COALESCE(b.system_identifier = $1 AND b.host = $2"
				 "   AND b.data_directory = $3, false),"
				 "  EXISTS (SELECT FROM pgops.identity AS o"
				 "   WHERE o.cluster = i.cluster AND o.instance <> i.name"
				 "   AND o.system_identifier = $1)"
				 " FROM pgops.instance AS i"
				 " JOIN pgops.cluster AS c ON c.name = i.cluster AND c.kind = 'pgsql'"
				 " LEFT JOIN pgops.identity AS b ON b.instance = i.name"
				 " WHERE i.name = $4", &args) == 0)
		return;
	claim->cluster = cmdb_text(query, 0, 1);
	claim->bound = cmdb_bool(0, 2);
	claim->bound_host = cmdb_text(query, 0, 3);
	claim->bound_directory = cmdb_text(query, 0, 4);
	claim->matches = cmdb_bool(0, 5);
	claim->relative = cmdb_bool(0, 6);
}

/* ---- what follows from it ---- */

/* The strings are kept, not copied: all of them are in the caller's context. */
static Binding *
make_binding(BindingState state, const Claim *claim, char *reason, char *hint)
{
	Binding    *binding = palloc0(sizeof(Binding));

	binding->state = state;
	if (claim != NULL)
	{
		binding->cluster = claim->cluster;
		binding->instance = claim->instance;
	}
	binding->reason = reason;
	binding->hint = hint;
	binding->unrecorded = claim != NULL && claim->is_member && !claim->matches;
	return binding;
}

/* no name: nobody said which instance this is, or it is a copy of one */
static Binding *
nameless_binding(CmdbQuery *query, const Server *server, const CmdbMember *member)
{
	Claim		copy = {0};
	CmdbRow		args = {0};
	MemoryContext old;
	Binding    *binding;

	if (member->reason != NULL)
	{
		old = MemoryContextSwitchTo(query->caller);
		binding = make_binding(BINDING_UNBOUND, NULL, member->reason, member->hint);
		MemoryContextSwitchTo(old);
		return binding;
	}
	cmdb_put_int8(&args, server->system);
	if (cmdb_run(query,
				 "SELECT i.instance, i.cluster, i.host, i.data_directory"
				 " FROM pgops.identity AS i WHERE i.system_identifier = $1"
				 " ORDER BY i.bound_at, i.instance LIMIT 1", &args) > 0)
	{
		copy.instance = cmdb_text(query, 0, 1);
		copy.cluster = cmdb_text(query, 0, 2);
		copy.bound_host = cmdb_text(query, 0, 3);
		copy.bound_directory = cmdb_text(query, 0, 4);
	}

	old = MemoryContextSwitchTo(query->caller);
	if (copy.instance == NULL)
		binding = make_binding(BINDING_UNBOUND, NULL,
							   pstrdup("it is not known which declared instance this server is"),
							   pstrdup("Say it with SELECT pgops.bind('<instance>') or with the setting pgops.instance; SELECT name FROM pgops.instance lists the declared ones."));
	else
	{
		binding = make_binding(BINDING_CLONED, &copy,
							   psprintf("this server is a copy or a standby of instance \"%s\", which is host \"%s\", data directory \"%s\"",
										copy.instance, copy.bound_host, copy.bound_directory),
							   psprintf("Set pgops.instance if it is another instance of the cluster; if it takes the place of \"%s\", SELECT pgops.bind(%s).",
										copy.instance, quote_literal_cstr(copy.instance)));
	}
	MemoryContextSwitchTo(old);
	return binding;
}

/*
 * The order matters: a row that names another server beats being related to it.
 * Otherwise a copy with its source's postgresql.conf would act as the source.  What
 * Patroni runs is no copy: a member has a new machine, or a new directory, or has
 * never been the leader and so could write no row.
 */
static Binding *
named_binding(const Claim *claim)
{
	if (claim->cluster == NULL)
		return make_binding(BINDING_UNBOUND, claim,
							psprintf("instance \"%s\" (from %s) is not declared",
									 claim->instance, claim->source),
							pstrdup("Declare a cluster that has it, or correct pgops.instance."));
	if (claim->matches || claim->is_member)
		return make_binding(BINDING_BOUND, claim, NULL, NULL);
	if (claim->bound)
		return make_binding(BINDING_CLONED, claim,
							psprintf("instance \"%s\" is another server: host \"%s\", data directory \"%s\"",
									 claim->instance, claim->bound_host, claim->bound_directory),
							psprintf("If this server takes its place, SELECT pgops.bind(%s).",
									 quote_literal_cstr(claim->instance)));
	/* a replica has no row of its own until it can write one */
	if (claim->relative)
		return make_binding(BINDING_BOUND, claim, NULL, NULL);
	return make_binding(BINDING_UNBOUND, claim,
						psprintf("instance \"%s\" is not claimed by a server", claim->instance),
						psprintf("If it is this server, SELECT pgops.bind(%s).",
								 quote_literal_cstr(claim->instance)));
}

/*
 * "Nothing is declared" is told apart from "not known who this is": the first is
 * no problem at all and must not look like one in the status.
 */
static Binding *
read_binding(CmdbQuery *query, const Server *server, Claim *claim)
{
	MemoryContext old;
	Binding    *binding;

	read_claim(query, server, claim);
	if (claim->instance == NULL || claim->cluster == NULL)
	{
		if (cmdb_run(query, "SELECT FROM pgops.cluster AS c WHERE c.kind = 'pgsql' LIMIT 1",
					 NULL) == 0)
		{
			old = MemoryContextSwitchTo(query->caller);
			binding = make_binding(BINDING_EMPTY, NULL, pstrdup("no cluster is declared"),
								   pstrdup("Declare one with pgops.apply_cluster()."));
			MemoryContextSwitchTo(old);
			return binding;
		}
	}
	/* a remembered name that nobody declares any more tells less than why no other is known */
	if (claim->instance == NULL || (claim->cluster == NULL && claim->member.reason != NULL))
		return nameless_binding(query, server, &claim->member);

	old = MemoryContextSwitchTo(query->caller);
	binding = named_binding(claim);
	MemoryContextSwitchTo(old);
	return binding;
}

/*
 * Reads only and is asked at the start of each pass and plan, never remembered:
 * bind(), unbind(), a changed setting and a copied directory hold from the next
 * look on.
 */
Binding *
cmdb_binding(void)
{
	CmdbQuery	query;
	Server		server;
	Claim		claim;
	Binding    *binding;

	read_server(&server);
	cmdb_begin(&query);
	binding = read_binding(&query, &server, &claim);
	cmdb_end(&query);
	return binding;
}

/* ---- binding ---- */

/* A server is one instance: a row that says otherwise goes. */
static void
write_row(CmdbQuery *query, const Server *server, const char *instance)
{
	CmdbRow		args = {0};

	put_server(&args, server);
	cmdb_put_text(&args, instance);
	cmdb_run(query,
			 "DELETE FROM pgops.identity AS i WHERE i.system_identifier = $1"
			 " AND i.host = $2 AND i.data_directory = $3 AND i.instance <> $4", &args);
	cmdb_run(query,
			 "INSERT INTO pgops.identity AS b"
			 " (instance, cluster, system_identifier, host, data_directory)"
			 " SELECT i.name, i.cluster, $1, $2, $3 FROM pgops.instance AS i WHERE i.name = $4"
			 " ON CONFLICT (instance) DO UPDATE"
			 " SET cluster = excluded.cluster, system_identifier = excluded.system_identifier,"
			 "  host = excluded.host, data_directory = excluded.data_directory,"
			 "  bound_at = excluded.bound_at, bound_by = excluded.bound_by", &args);
}

/* What was approved was approved for another server, if this one came out of a dump or a copy. */
static void
write_identity(CmdbQuery *query, const Server *server, const char *instance)
{
	CmdbRow		args = {0};

	write_row(query, server, instance);
	put_server(&args, server);
	cmdb_put_text(&args, instance);
	cmdb_run(query,
			 "UPDATE pgops.cluster AS c SET approved_digest = NULL"
			 " FROM pgops.identity AS i"
			 " WHERE i.system_identifier = $1 AND i.host = $2 AND i.data_directory = $3"
			 " AND i.instance = $4 AND c.name = i.cluster AND c.approved_digest IS NOT NULL",
			 &args);
}

/* the one instance of the one cluster, if nobody is bound yet; else NULL */
static char *
only_instance(CmdbQuery *query)
{
	if (cmdb_run(query,
				 "SELECT i.name FROM pgops.cluster AS c"
				 " LEFT JOIN pgops.instance AS i ON i.cluster = c.name"
				 " WHERE c.kind = 'pgsql'"
				 " AND NOT EXISTS (SELECT FROM pgops.identity) LIMIT 2", NULL) != 1)
		return NULL;
	return cmdb_text(query, 0, 1);
}

/*
 * Never takes an instance away from a server that has it: only bind() does,
 * which a person says.  The caller holds the lock of declarations, so two first
 * declarations cannot both find nobody bound.
 */
Binding *
cmdb_bind_first(void)
{
	CmdbQuery	query;
	Server		server;
	Claim		claim;
	Binding    *binding;
	char	   *instance = NULL;

	read_server(&server);
	cmdb_begin(&query);
	binding = read_binding(&query, &server, &claim);
	if (claim.cluster != NULL && !claim.bound)
		instance = claim.instance;
	else if (claim.instance == NULL && binding->state == BINDING_UNBOUND)
		instance = only_instance(&query);
	if (instance != NULL)
	{
		write_identity(&query, &server, instance);
		binding = read_binding(&query, &server, &claim);
	}
	cmdb_end(&query);
	return binding;
}

/*
 * A cluster of Patroni's is one server in all that concerns approvals, whichever
 * member leads it.
 */
void
cmdb_bind_member(const char *instance)
{
	CmdbQuery	query;
	Server		server;

	read_server(&server);
	cmdb_begin(&query);
	write_row(&query, &server, instance);
	cmdb_end(&query);
}

/* what the setting says cannot be claimed away */
static void
check_setting(const char *instance)
{
	if (pgops_guc_instance == NULL || *pgops_guc_instance == '\0' ||
		strcmp(pgops_guc_instance, instance) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot bind this server to instance \"%s\"", instance),
			 errdetail("The setting pgops.instance says that it is \"%s\".", pgops_guc_instance),
			 errhint("Change or remove that setting first.")));
}

/* nor what Patroni's member is, unless the setting says otherwise */
static void
check_member(CmdbQuery *query, const char *instance)
{
	CmdbMember	member;

	if (pgops_guc_instance != NULL && *pgops_guc_instance != '\0')
		return;
	cmdb_member(query, &member);
	if (member.instance == NULL || strcmp(member.instance, instance) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot bind this server to instance \"%s\"", instance),
			 errdetail("Patroni runs it, and by address and port it is \"%s\".", member.instance),
			 errhint("Correct the declared hosts, or set pgops.instance in this member's patroni.yml.")));
}

/*
 * The generation rises, so that wait() waits for a pass as this instance.  Fails
 * on a standby, where pgops.instance is the way.
 */
void
cmdb_bind(const char *instance)
{
	CmdbQuery	query;
	Server		server;
	CmdbRow		args = {0};

	PreventCommandIfReadOnly("pgops.bind()");
	check_setting(instance);
	read_server(&server);
	cmdb_begin(&query);
	check_member(&query, instance);
	cmdb_put_text(&args, instance);
	if (cmdb_run(&query,
				 "UPDATE pgops.cluster AS c SET generation = c.generation + 1, updated_at = now()"
				 " FROM pgops.instance AS i"
				 " WHERE i.name = $1 AND c.name = i.cluster AND c.kind = 'pgsql'", &args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("instance \"%s\" is not declared", instance),
				 errhint("SELECT name FROM pgops.instance lists the declared ones.")));
	write_identity(&query, &server, instance);
	cmdb_end(&query);
}

/*
 * Also for a server that may not act (a copy, or not bound yet): looking at the
 * plan of the only declared cluster is what one wants there.
 */
char *
cmdb_local_cluster(void)
{
	CmdbQuery	query;
	Binding    *binding = cmdb_binding();
	char	   *cluster = binding->cluster;

	if (cluster != NULL)
		return cluster;
	cmdb_begin(&query);
	if (cmdb_run(&query, "SELECT c.name FROM pgops.cluster AS c WHERE c.kind = 'pgsql' LIMIT 2",
				 NULL) == 1)
		cluster = cmdb_text(&query, 0, 1);
	cmdb_end(&query);
	return cluster;
}
