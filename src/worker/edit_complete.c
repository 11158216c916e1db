/*
 * edit_complete.c
 *		Clusters that come into being statement by statement: looked at again
 *		when their transaction commits.
 *
 * INSERT INTO clusters, then instances, then users: in between there is a
 * cluster without hosts or without a primary, which no document could declare.
 * That much is let pass, and checked by a deferred constraint trigger, so that
 * SET CONSTRAINTS can ask for it earlier.
 *
 * Not for: everything else that can be wrong; that is told at once.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "cmdb/cmdb.h"
#include "errors.h"
#include "spec/spec.h"
#include "worker/edit.h"

PG_FUNCTION_INFO_V1(pgops_edit_complete);

/*
 * Names of clusters, in the transaction's memory.  One that a rolled-back
 * subtransaction left here is checked in vain.
 */
static List *unfinished = NIL;

static void
forget_unfinished(void *arg)
{
	unfinished = NIL;
}

static char *
find_unfinished(const char *cluster)
{
	ListCell   *lc;

	foreach(lc, unfinished)
	{
		if (strcmp(lfirst(lc), cluster) == 0)
			return lfirst(lc);
	}
	return NULL;
}

void
edit_check_at_commit(const char *cluster)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	if (unfinished == NIL)
	{
		MemoryContextCallback *end = palloc0(sizeof(MemoryContextCallback));

		end->func = forget_unfinished;
		MemoryContextRegisterResetCallback(TopTransactionContext, end);
	}
	if (find_unfinished(cluster) == NULL)
		unfinished = lappend(unfinished, pstrdup(cluster));
	MemoryContextSwitchTo(old);
}

bool
edit_unfinished(void)
{
	return unfinished != NIL;
}

/* Warnings were emitted by the statements. */
static void
check_cluster(const char *cluster)
{
	Inventory  *inventory = cmdb_load_scope(cluster);
	Findings	findings = {0};
	Findings	errors = {0};
	ListCell   *lc;

	/* forgotten again by the same transaction */
	if (inventory_group(inventory, cluster) == NULL)
		return;
	spec_validate_groups(inventory, list_make1(unconstify(char *, cluster)), false, &findings);
	foreach(lc, findings.list)
	{
		const Finding *finding = lfirst(lc);

		if (finding->severity == FINDING_ERROR)
			errors.list = lappend(errors.list, lfirst(lc));
	}
	errors.errors = findings.errors;
	findings_raise(&errors, psprintf("cluster \"%s\"", cluster));
}

/*
 * pgops_edit_complete
 *		Deferred constraint trigger of pgops.revision: checks the row's cluster
 *		if this transaction left it unfinished.  Each declaration has a row
 *		there, and few have more than one.
 */
Datum
pgops_edit_complete(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	row;
	char	   *cluster;
	char	   *found;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"pgops_edit_complete")));
	if (unfinished == NIL)
		PG_RETURN_POINTER(NULL);
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple :
		trigger->tg_trigtuple;
	cluster = row == NULL ? NULL :
		SPI_getvalue(row, RelationGetDescr(trigger->tg_relation),
					 SPI_fnumber(RelationGetDescr(trigger->tg_relation), "cluster"));

	/* nobody keeps a superuser from using it for a table of his own */
	if (cluster == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not one of pgops' own",
						trigger->tg_trigger->tgname)));
	found = find_unfinished(cluster);
	if (found != NULL)
	{
		check_cluster(cluster);
		unfinished = list_delete_ptr(unfinished, found);
	}
	PG_RETURN_POINTER(NULL);
}
