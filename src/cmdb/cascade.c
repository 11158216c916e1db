/*
 * cascade.c
 *		What belongs to a group or host goes with it: the trigger that does
 *		for variables and secrets what ON DELETE CASCADE would.
 *
 * They are most of the rows of an inventory, and foreign keys looked up the
 * group and the host for each of them: a fifth of the time that a large
 * inventory took to load, although what is stored comes from the very groups
 * and hosts that are stored with it (store_body.c).  This looks at nothing when
 * rows come, and deletes by one statement for all rows that go.
 *
 * Not for: instances and groups inside groups, which have foreign keys.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "cmdb/query.h"

PG_FUNCTION_INFO_V1(pgops_cascade_trigger);

/* "gone" is the transition table of the rows that were deleted */
static const char *const of_groups[] = {
	"DELETE FROM pgops.variable AS v USING gone AS g WHERE v.cluster = g.name",
	"DELETE FROM pgops.secret AS s USING gone AS g WHERE s.cluster = g.name",
};

static const char *const of_hosts[] = {
	"DELETE FROM pgops.variable AS v USING gone AS g WHERE v.cluster = g.cluster AND v.host = g.host",
	"DELETE FROM pgops.secret AS s USING gone AS g WHERE s.cluster = g.cluster AND s.host = g.host",
};

/*
 * pgops_cascade_trigger
 *		AFTER DELETE ... REFERENCING OLD TABLE AS gone, FOR EACH STATEMENT: of
 *		pgops.cluster, or of pgops.instance if it has an argument ("host").
 */
Datum
pgops_cascade_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *const *statements;
	CmdbQuery	query;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ||
		trigger->tg_oldtable == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" is for statement triggers after DELETE with a transition table",
						"pgops_cascade_trigger")));

	/* a cascade of foreign keys comes by for each group, mostly without rows */
	if (tuplestore_tuple_count(trigger->tg_oldtable) == 0)
		PG_RETURN_POINTER(NULL);

	statements = trigger->tg_trigger->tgnargs == 0 ? of_groups : of_hosts;
	cmdb_begin(&query);
	if (SPI_register_trigger_data(trigger) < 0)
		elog(ERROR, "could not register the trigger's transition table");
	for (int i = 0; i < lengthof(of_groups); i++)
		(void) cmdb_run(&query, statements[i], NULL);
	cmdb_end(&query);
	PG_RETURN_POINTER(NULL);
}
