/*
 * chain.c
 *		Which actions depend on which.
 *
 * The plan may number steps that belong together (Action.sequence), also
 * across databases: the first failure ends them all.  Besides, whatever is
 * planned for an object waits for its creation, and its creation for the
 * removal of what stands in its way.  Other failures concern nobody else: a
 * parameter that the server rejects does not hold back the next one.
 */
#include "postgres.h"

#include "apply/chain.h"

/* families of rules (the part of the id before the dot) about the object of another */
static const struct
{
	const char *family;
	const char *object;
}			families[] = {
	{"role_setting", "role"},
	{"role_in_database", "role"},
	{"membership", "role"},
	{"default_privilege", "role"},
	{"database_setting", "database"},
};

/* actions whose failure leaves nothing to work on */
static const char *const fundamental[] = {"create", "drop", "write"};

/* roles and databases belong to the whole server, wherever a step about them runs */
static char *
key_of(const char *family, const char *database, const char *name)
{
	bool		local = database != NULL && strcmp(family, "role") != 0 &&
	strcmp(family, "database") != 0;

	return psprintf("%s/%zu/%s/%s", family, local ? strlen(database) : 0,
					local ? database : "", name);
}

static char *
object_key(const Action *action)
{
	char	   *family = pstrdup(action->rule->id);
	const char *object;
	char	   *key;

	family[strcspn(family, ".")] = '\0';
	object = family;
	for (int i = 0; i < lengthof(families); i++)
	{
		if (strcmp(families[i].family, family) == 0)
			object = families[i].object;
	}
	key = key_of(object, action->database, action->name);
	pfree(family);
	return key;
}

static char *
sequence_key(const Action *action)
{
	return psprintf("#%d", action->sequence);
}

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
	for (int i = 0; i < lengthof(fundamental); i++)
	{
		if (strcmp(action->rule->action, fundamental[i]) == 0)
			*broken = lappend(*broken, object_key(action));
	}
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
	if (action->database != NULL && holds(broken, key_of("database", NULL, action->database)))
		return true;
	return holds(broken, object_key(action));
}
