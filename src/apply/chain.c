/*
 * chain.c
 *		Which actions depend on which: those of the same object.
 *
 * The plan may number steps that belong together (Action.sequence), also
 * across databases.  Besides, the chain of an action is its rule's family
 * (the part of the rule's id before the dot) and the object's name; that of a
 * schema or extension is of one database, that of a role of the whole server.
 */
#include "postgres.h"

#include "apply/chain.h"

static bool
spans_databases(const Action *action)
{
	return strncmp(action->rule->id, "role.", 5) == 0;
}

/*
 * What an action is about, as text.  The length of the database's name is
 * part of it, so that no two objects share a key whatever their names are.
 */
static char *
object_key(const Action *action)
{
	const char *dot = strchr(action->rule->id, '.');
	int			family = dot ? (int) (dot - action->rule->id) : (int) strlen(action->rule->id);
	bool		local = action->database != NULL && !spans_databases(action);

	return psprintf("%.*s/%zu/%s/%s", family, action->rule->id,
					local ? strlen(action->database) : 0,
					local ? action->database : "", action->name);
}

/* Key of a sequence; "#" cannot begin an object's key. */
static char *
sequence_key(const Action *action)
{
	return psprintf("#%d", action->sequence);
}

/*
 * Whether the key is among the broken ones; frees the key.  Broken chains
 * are few, so a list is enough.
 */
static bool
holds(List *broken, char *key)
{
	ListCell   *cell;
	bool		found = false;

	foreach(cell, broken)
	{
		if (strcmp(lfirst(cell), key) == 0)
		{
			found = true;
			break;
		}
	}
	pfree(key);
	return found;
}

void
chain_break(List **broken, const Action *action)
{
	*broken = lappend(*broken, object_key(action));
	if (action->sequence > 0)
		*broken = lappend(*broken, sequence_key(action));
}

bool
chain_is_broken(List *broken, const Action *action)
{
	if (broken == NIL)
		return false;
	if (action->sequence > 0 && holds(broken, sequence_key(action)))
		return true;
	return holds(broken, object_key(action));
}
