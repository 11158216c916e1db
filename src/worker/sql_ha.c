/*
 * sql_ha.c
 *		The functions behind the views of high availability: what is kept of
 *		Patroni's answers as rows.
 *
 * They ask nobody and need nothing but shared memory, so they work on standbys, and
 * when Patroni is down.
 *
 * Not for: what pg_stat_replication and the declaration know; the views add that.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "cmdb/cmdb.h"
#include "compat.h"
#include "errors.h"
#include "observe/patroni_status.h"
#include "spec/selector.h"
#include "worker/rows.h"

PG_FUNCTION_INFO_V1(pgops_show_members);
PG_FUNCTION_INFO_V1(pgops_show_ha_status);
PG_FUNCTION_INFO_V1(pgops_show_ha_history);
PG_FUNCTION_INFO_V1(pgops_selector_path);
PG_FUNCTION_INFO_V1(pgops_local_instance);

#define MAX_COLUMNS	32

/* a row that is put together column by column, in their order */
typedef struct Row
{
	int			count;
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
} Row;

static void
put(Row *row, Datum value, bool isnull)
{
	Assert(row->count < MAX_COLUMNS);
	row->values[row->count] = value;
	row->nulls[row->count++] = isnull;
}

static void
put_text(Row *row, const char *text)
{
	bool		isnull;
	Datum		value = row_text(text, &isnull);

	put(row, value, isnull);
}

/* 0 is not known */
static void
put_int(Row *row, int value)
{
	put(row, Int32GetDatum(value), value == 0);
}

/* what is negative is not known */
static void
put_bytes(Row *row, int64 value)
{
	put(row, Int64GetDatum(value), value < 0);
}

static void
put_seconds(Row *row, double value)
{
	put(row, Float8GetDatum(value), value < 0);
}

static void
put_lsn(Row *row, XLogRecPtr value)
{
	put(row, LSNGetDatum(value), value == InvalidXLogRecPtr);
}

static void
put_time(Row *row, TimestampTz value)
{
	put(row, TimestampTzGetDatum(value), value == 0);
}

static void
put_bool(Row *row, bool value)
{
	put(row, BoolGetDatum(value), false);
}

static void
put_known(Row *row, PatroniKnown value)
{
	put(row, BoolGetDatum(value == PATRONI_YES), value == PATRONI_NOT_KNOWN);
}

static void
put_tree(Row *row, const SpecNode *tree)
{
	put(row, tree ? JsonbPGetDatum(node_to_jsonb(tree)) : (Datum) 0, tree == NULL);
}

/* names (char *) as text[] */
static void
put_names(Row *row, const List *names)
{
	Datum	   *items = palloc(sizeof(Datum) * (list_length(names) + 1));
	const ListCell *cell;

	foreach(cell, names)
		items[foreach_current_index(cell)] = CStringGetTextDatum((char *) lfirst(cell));
	put(row, PointerGetDatum(construct_array(items, list_length(names), TEXTOID, -1, false,
											 TYPALIGN_INT)), false);
}

static void
put_sqlstate(Row *row, int sqlstate)
{
	put_text(row, sqlstate != 0 ? unpack_sql_state(sqlstate) : NULL);
}

static void
finish(FunctionCallInfo fcinfo, Row *row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	Assert(row->count == result->setDesc->natts);
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

/* ---- members ---- */

static const SpecNode *
restart_reason(const PatroniSeen *seen)
{
	char	   *problem = NULL;

	if (seen->node != NULL && seen->node->pending_restart_reason != NULL)
		return seen->node->pending_restart_reason;
	return seen->member->pending_restart_reason == NULL ? NULL :
		patroni_read_config(seen->member->pending_restart_reason, &problem);
}

static void
put_member(FunctionCallInfo fcinfo, const PatroniSeen *seen)
{
	const PatroniMember *member = seen->member;
	const PatroniNode *node = seen->node;
	bool		pending = node ? node->pending_restart : member->pending_restart;
	Row			row = {0};

	put_text(&row, member->name);
	put_text(&row, member->host);
	put_int(&row, member->port);
	put_text(&row, seen->role == PATRONI_UNKNOWN ? NULL : patroni_role_name(seen->role));
	put_text(&row, seen->state);
	put_int(&row, seen->timeline);
	put_bytes(&row, seen->lag);
	put_lsn(&row, seen->receive);
	put_lsn(&row, seen->replay);
	put_seconds(&row, seen->lag_seconds);
	put_tree(&row, node && node->tags ? node->tags : member->tags);
	put_bool(&row, pending);
	put_tree(&row, pending ? restart_reason(seen) : NULL);
	put_tree(&row, member->scheduled_restart);
	put_text(&row, seen->sync_state);
	put_text(&row, node ? node->version : NULL);
	put_int(&row, node ? node->server_version : 0);
	put_bool(&row, seen->is_self);
	put_text(&row, member->api_url);
	put_time(&row, seen->at);
	put_text(&row, seen->problem);
	finish(fcinfo, &row);
}

/*
 * pgops_show_members
 *		SQL: pgops.show_members(): one row for each member that Patroni named last.
 */
Datum
pgops_show_members(PG_FUNCTION_ARGS)
{
	PatroniView *view = patroni_view();
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	foreach(cell, view->members)
		put_member(fcinfo, lfirst(cell));
	return (Datum) 0;
}

/* ---- status ---- */

static List *
names_of(const List *members)
{
	List	   *names = NIL;
	const ListCell *cell;

	foreach(cell, members)
		names = lappend(names, ((const PatroniSeen *) lfirst(cell))->member->name);
	return names;
}

static const char *
scope_of(const PatroniView *view)
{
	ListCell   *cell;

	if (view->own != NULL && view->own->scope != NULL)
		return view->own->scope;
	if (view->cluster != NULL && view->cluster->scope != NULL)
		return view->cluster->scope;
	foreach(cell, view->members)
	{
		const PatroniSeen *seen = lfirst(cell);

		if (seen->node != NULL && seen->node->scope != NULL)
			return seen->node->scope;
	}
	return NULL;
}

static void
put_switchover(Row *row, const PatroniView *view)
{
	const PatroniCluster *cluster = view->stale ? NULL : view->cluster;
	bool		scheduled = cluster != NULL && cluster->has_switchover;

	put_time(row, scheduled ? cluster->switchover_at : 0);
	put_text(row, scheduled ? cluster->switchover_from : NULL);
	put_text(row, scheduled ? cluster->switchover_to : NULL);
}

static void
put_leader(Row *row, const PatroniView *view)
{
	const PatroniSeen *leader = view->leader;

	put_text(row, leader ? leader->member->name : NULL);
	put(row, BoolGetDatum(leader != NULL && leader->is_self), leader == NULL);
	put_int(row, leader ? leader->timeline : 0);
}

/*
 * pgops_show_ha_status
 *		SQL: pgops.show_ha_status(): always one row.
 */
Datum
pgops_show_ha_status(PG_FUNCTION_ARGS)
{
	PatroniView *view = patroni_view();
	PatroniStatus *status = patroni_status(view, RecoveryInProgress());
	Row			row = {0};

	pgops_init_srf(fcinfo);
	put_text(&row, scope_of(view));
	put_text(&row, view->self.member[0] != '\0' ? view->self.member : NULL);
	put_leader(&row, view);
	put_text(&row, status->patroni);
	put_text(&row, status->problem);
	put_sqlstate(&row, status->sqlstate);
	put_known(&row, status->paused);
	put_known(&row, status->failsafe);
	put(&row, Int32GetDatum(status->members), view->cluster == NULL);
	put(&row, Int32GetDatum(status->running), view->cluster == NULL);
	put_known(&row, status->dcs_reachable);
	put_time(&row, status->dcs_last_seen);
	put_text(&row, status->sync_mode);
	put_names(&row, status->sync_standbys);
	put_switchover(&row, view);
	put_bool(&row, status->guarded);
	put_bytes(&row, status->loss);
	put_seconds(&row, status->loss_seconds);
	put(&row, Int64GetDatum(status->max_lag), view->config == NULL);
	put_names(&row, names_of(status->candidates));
	put_known(&row, status->can_failover);
	put_text(&row, status->reason);
	put_time(&row, view->at);
	finish(fcinfo, &row);
	return (Datum) 0;
}

/* ---- history ---- */

static void
put_history(FunctionCallInfo fcinfo, const PatroniHistory *history)
{
	TimestampTz at = 0;
	Row			row = {0};

	(void) patroni_read_time(history->at, &at);
	put_int(&row, history->timeline);
	put_lsn(&row, patroni_lsn_value(history->lsn));
	put_text(&row, history->reason);
	put_time(&row, at);
	put_text(&row, history->new_leader);
	finish(fcinfo, &row);
}

/*
 * pgops_show_ha_history
 *		SQL: pgops.show_ha_history(): a row for each timeline that has ended.
 */
Datum
pgops_show_ha_history(PG_FUNCTION_ARGS)
{
	PatroniFact *fact = patroni_fact_get(PATRONI_FACT_HISTORY, NULL);
	char	   *problem = NULL;
	ListCell   *cell;

	pgops_init_srf(fcinfo);
	if (fact == NULL || fact->text == NULL)
		return (Datum) 0;
	foreach(cell, patroni_read_history(fact->text, &problem))
		put_history(fcinfo, lfirst(cell));
	return (Datum) 0;
}

/* ---- services ---- */

/*
 * pgops_selector_path
 *		SQL: pgops.selector_path(selector text): a service's filter as jsonpath, NULL for one that
 *		cannot be read.  What is declared was validated; what was stored before is not worth an
 *		error in a view.
 */
Datum
pgops_selector_path(PG_FUNCTION_ARGS)
{
	char	   *error = NULL;
	char	   *path = selector_to_jsonpath(text_to_cstring(PG_GETARG_TEXT_PP(0)), &error);

	if (path == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(path));
}

/* ---- this server ---- */

/*
 * pgops_local_instance
 *		SQL: pgops.local_instance()
 */
Datum
pgops_local_instance(PG_FUNCTION_ARGS)
{
	Binding    *binding = cmdb_binding();

	if (binding->state != BINDING_BOUND || binding->instance == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(binding->instance));
}
