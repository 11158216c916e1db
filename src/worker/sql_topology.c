/*
 * sql_topology.c
 *		SQL: pgops.show_topology(), pgops.accept_topology().
 *
 * Not for: the comparison (topology.c).
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "errors.h"
#include "guc.h"
#include "worker/declaration.h"
#include "worker/rows.h"
#include "worker/shared.h"
#include "worker/topology.h"

PG_FUNCTION_INFO_V1(pgops_show_topology);
PG_FUNCTION_INFO_V1(pgops_accept_topology);

#define TOPOLOGY_COLUMNS	9
#define CHANGE_COLUMNS		4

/* what Patroni said longer ago than this, or than some of its looks, may not be true any more, s */
#define FRESH_FOR_S		10
#define FRESH_FOR_LOOKS	3

/* ---- show_topology ---- */

static void
put_place(ReturnSetInfo *result, const Topology *topology, const TopologyPlace *place)
{
	const PatroniMember *member = place->member;
	Datum		values[TOPOLOGY_COLUMNS];
	bool		nulls[TOPOLOGY_COLUMNS] = {false};

	values[0] = row_text(place->instance, &nulls[0]);
	values[1] = row_text(place->host, &nulls[1]);
	values[2] = Int32GetDatum(place->port);
	nulls[2] = place->port == 0;
	values[3] = row_text(place->declared_role, &nulls[3]);
	values[4] = row_text(member ? patroni_role_name(member->role) : NULL, &nulls[4]);
	values[5] = row_text(member ? member->name : NULL, &nulls[5]);
	values[6] = row_text(member ? member->state : NULL, &nulls[6]);
	values[7] = row_text(place->problem, &nulls[7]);
	values[8] = TimestampTzGetDatum(topology->fact->at);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
pgops_show_topology(PG_FUNCTION_ARGS)
{
	Topology   *topology = topology_read(NULL);
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	if (topology == NULL || topology->cluster == NULL)
		return (Datum) 0;
	foreach(cell, topology->places)
		put_place((ReturnSetInfo *) fcinfo->resultinfo, topology, lfirst(cell));
	return (Datum) 0;
}

/* ---- accept_topology: whether it can be believed ---- */

static void
require_patroni(void)
{
	if (!patroni_runs_server())
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NO_PATRONI),
				 errmsg("Patroni does not run this server"),
				 errdetail("There is no topology but the declared one.")));
}

/* before anything that a standby cannot do: the leader's name is what helps */
static void
require_primary(void)
{
	PatroniFact *fact;
	char	   *problem;
	PatroniCluster *cluster = NULL;
	PatroniMember *leader = NULL;

	if (!RecoveryInProgress())
		return;
	fact = patroni_fact_get(PATRONI_FACT_CLUSTER, NULL);
	if (fact != NULL && fact->text != NULL)
		cluster = patroni_read_cluster(fact->text, &problem);
	if (cluster != NULL)
		leader = patroni_leader(cluster);
	ereport(ERROR,
			(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
			 errmsg("cannot execute %s during recovery", "pgops.accept_topology()"),
			 leader ? errhint("Call it on the leader, \"%s\" (host %s, port %d).", leader->name,
							  leader->host ? leader->host : "unknown", leader->port) :
			 errhint("Call it on the leader; now no member is known to be it.")));
}

static void
require_fresh(const Topology *topology)
{
	int			limit = Max(FRESH_FOR_S, FRESH_FOR_LOOKS * pgops_guc_ha_interval);
	const PatroniFact *fact = topology->fact;

	if (topology->cluster == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("it is not known which members the cluster has"),
				 fact && fact->problem ? errdetail("%s", fact->problem) :
				 topology->unread ? errdetail("%s", topology->unread) : 0,
				 errhint("Patroni has not answered yet; see pgops.ha_status.")));
	if (fact->sqlstate != 0 ||
		TimestampDifferenceExceeds(fact->at, GetCurrentTimestamp(), limit * 1000))
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("what Patroni said of the members may not be true any more"),
				 errdetail("It is of %s.%s%s", timestamptz_to_str(fact->at),
						   fact->problem ? " " : "", fact->problem ? fact->problem : ""),
				 errhint("Patroni must answer first; see pgops.ha_status.")));
}

static void
require_leader(const Topology *topology)
{
	const TopologyPlace *place = NULL;
	ListCell   *cell;

	if (topology->leader == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("no member leads the cluster now"),
				 errhint("Call it again when there is a leader; see pgops.members.")));
	foreach(cell, topology->places)
	{
		place = lfirst(cell);
		if (place->member == topology->leader)
			break;
	}
	if (place->instance == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_HA_NOT_READY),
				 errmsg("the leader \"%s\" is not declared", topology->leader->name),
				 errhint("Declare its host (%s) as an instance of the cluster first.",
						 topology->leader->host ? topology->leader->host : "unknown")));
	if (strcmp(place->instance, topology->instance) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NOT_LEADER),
				 errmsg("this server is not the leader of its cluster"),
				 errdetail("Patroni says that \"%s\" is.", topology->leader->name),
				 errhint("Call it there.")));
}

/* a coordinator that waits has heard it from this member's own Patroni */
static void
require_leave(void)
{
	char	   *waiting = shared_waiting();

	if (waiting != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_NOT_LEADER),
				 errmsg("nothing is done on this server"), errdetail("%s.", waiting)));
}

/* ---- accept_topology: declaring it ---- */

static void
put_change(ReturnSetInfo *result, const TopologyPlace *place, const char *role)
{
	Datum		values[CHANGE_COLUMNS];
	bool		nulls[CHANGE_COLUMNS] = {false};

	values[0] = row_text(place->instance, &nulls[0]);
	values[1] = row_text(place->host, &nulls[1]);
	values[2] = row_text(place->declared_role, &nulls[2]);
	values[3] = row_text(role, &nulls[3]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The host's own variable beats whatever declares it elsewhere. */
static bool
change_roles(Declaration *declaration, const Topology *topology, ReturnSetInfo *result)
{
	bool		any = false;
	ListCell   *cell;

	foreach(cell, topology->places)
	{
		const TopologyPlace *place = lfirst(cell);
		const char *role = topology_fitting_role(topology, place);
		SpecNode   *hosts;

		if (role == NULL)
			continue;
		hosts = node_get(declaration_body(declaration, topology->group), "hosts");
		node_map_set(node_get(hosts, place->host), "pg_role", node_string(role));
		put_change(result, place, role);
		any = true;
	}
	return any;
}

Datum
pgops_accept_topology(PG_FUNCTION_ARGS)
{
	Declaration *declaration;
	Topology   *topology;
	Binding    *binding;

	shared_require();
	require_patroni();
	require_primary();
	require_leave();
	binding = cmdb_binding();
	if (binding->state != BINDING_BOUND)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNBOUND),
				 errmsg("this server is bound to no instance"),
				 binding->reason ? errdetail("%s.", binding->reason) : 0,
				 binding->hint ? errhint("%s", binding->hint) : 0));
	declaration = declaration_begin(binding->cluster, "pgops.accept_topology()");
	topology = topology_read(declaration->stored);
	require_fresh(topology);
	require_leader(topology);

	pgops_init_srf(fcinfo);
	declaration->note = PG_ARGISNULL(0) ? "topology accepted" :
		text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!change_roles(declaration, topology, (ReturnSetInfo *) fcinfo->resultinfo))
		return (Datum) 0;
	declaration_check(declaration);
	findings_raise(&declaration->findings, "declaration");
	(void) declaration_store(declaration);
	return (Datum) 0;
}
