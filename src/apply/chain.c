/*
 * chain.c
 *		Which actions depend on which: those of the same object.
 *
 * The chain of an action is its rule's family (the part of the rule's id
 * before the dot) and the object's name.  A role's removal runs through
 * many databases under one name, so its chain reaches across databases; the
 * chain of a schema or extension is of one database.
 */
#include "postgres.h"

#include "apply/chain.h"

static bool
spans_databases(const Action *action)
{
	return strncmp(action->rule->id, "role.", 5) == 0;
}

static char *
chain_key(const Action *action)
{
	const char *dot = strchr(action->rule->id, '.');
	int			family = dot ? (int) (dot - action->rule->id) : (int) strlen(action->rule->id);
	bool		local = action->database != NULL && !spans_databases(action);

	return psprintf("%.*s/%zu/%s/%s", family, action->rule->id,
					local ? strlen(action->database) : 0,
					local ? action->database : "", action->name);
}

void
chain_break(List **broken, const Action *action)
{
	*broken = lappend(*broken, chain_key(action));
}

bool
chain_is_broken(List *broken, const Action *action)
{
	char	   *key;
	ListCell   *cell;
	bool		found = false;

	if (broken == NIL)
		return false;
	key = chain_key(action);
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
