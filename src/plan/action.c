/*
 * action.c
 *		Constructors of actions, and what is to be remembered with them.
 *
 * Not for: deciding that an action is needed (plan_*.c), nor whether policy
 * lets it run (plan_limit.c).
 */
#include "postgres.h"

#include "errors.h"
#include "format.h"
#include "plan/planner.h"

/*
 * action_door
 *		Appends an action to the plan.  Kind and flags come from the rule;
 *		"name", "database" and "reason" may be shared with the model, the
 *		statement is kept as it is.
 */
Action *
action_door(Planner *planner, Door door, const char *rule, const char *name,
			const char *database, char *statement, char *reason)
{
	Action	   *action = palloc0(sizeof(Action));

	action->rule = rule_get(rule);
	action->name = pstrdup(name);
	action->database = database ? pstrdup(database) : NULL;
	action->destructive = action->rule->harm != RULE_HARMLESS;
	action->transactional = action->rule->transactional;
	action->door = door;
	action->statement = statement;
	action->reason = reason;
	action->sequence = planner->sequence;
	planner->plan->actions = lappend(planner->plan->actions, action);
	return action;
}

/* the same for one SQL statement; database NULL: in the coordinator */
Action *
action_sql(Planner *planner, const char *rule, const char *name,
		   const char *database, char *statement, char *reason)
{
	return action_door(planner, DOOR_SQL, rule, name, database, statement, reason);
}

/*
 * action_block
 *		Marks an action as not to be done.  What it would have recorded is
 *		forgotten, since nothing happens.  "hint" may be NULL.
 */
void
action_block(Action *action, int sqlstate, const char *hint, const char *fmt,...)
{
	StringInfoData buf;

	initStringInfo(&buf);
	FORMAT_ARGUMENTS(&buf, fmt);
	action->blocked = buf.data;
	action->sqlstate = sqlstate;
	action->hint = hint ? pstrdup(hint) : NULL;
	action->door = DOOR_NONE;
	action->owned = NIL;
}

/*
 * The strings are copied but for "kind", which is always a constant here: the
 * change outlives the planner's own strings in the execution.
 */
static OwnedChange *
owned_change(const char *kind, const char *database, const char *name,
			 const char *attribute, const char *value)
{
	OwnedChange *change = palloc0(sizeof(OwnedChange));

	change->item.kind = kind;
	change->item.database = database ? pstrdup(database) : NULL;
	change->item.name = pstrdup(name);
	change->item.attribute = attribute ? pstrdup(attribute) : NULL;
	change->item.value = value ? pstrdup(value) : NULL;
	return change;
}

/* the action makes this item: it is remembered as pgops' own */
void
action_record(Action *action, const char *kind, const char *database,
			  const char *name, const char *attribute, const char *value)
{
	OwnedChange *change = owned_change(kind, database, name, attribute, value);

	change->item.created = true;
	action->owned = lappend(action->owned, change);
}

/* the action removes this item */
void
action_forget(Action *action, const OwnedItem *item)
{
	OwnedChange *change = palloc0(sizeof(OwnedChange));

	change->remove = true;
	change->item = *item;
	action->owned = lappend(action->owned, change);
}

/* the row that says that an object is no longer declared, and stays */
void
action_orphan(Planner *planner, const char *rule, const char *name,
			  const char *database)
{
	Action	   *action = action_door(planner, DOOR_NONE, rule, name, database,
									 NULL, pstrdup("no longer declared"));

	action_block(action, ERRCODE_PGOPS_ORPHANED,
				 "Declare it with state: absent to remove it.",
				 "no longer declared; not dropped");
}

/*
 * plan_adopt
 *		Bookkeeping without an action: remembers an object that is declared and
 *		was there before pgops, so that it is reported when the declaration
 *		does not name it any more.  "value" (NULL: none) is renewed when it is
 *		another one than remembered; who made the object stays as it was.
 */
void
plan_adopt(Planner *planner, const char *kind, const char *database, const char *name,
		   const char *value)
{
	OwnedItem  *item = plan_owned(planner, kind, database, name, NULL);

	if (item == NULL || (value != NULL && !plan_same(item->value, value)))
		planner->plan->adopted = lappend(planner->plan->adopted,
										 owned_change(kind, database, name, NULL, value));
}

/* bookkeeping without an action: the item is gone already */
void
plan_forget(Planner *planner, const OwnedItem *item)
{
	OwnedChange *change = palloc0(sizeof(OwnedChange));

	change->remove = true;
	change->item = *item;
	planner->plan->adopted = lappend(planner->plan->adopted, change);
}
