/*
 * available.c
 *		Extensions that could be created on this server, from its control
 *		files.
 *
 * Reading them costs a look at every control file, so it is done only for a
 * plan that needs it.  Not for: extensions that are installed (local.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#include "observe/parts.h"

/*
 * The functions below the views of the same names: the views would also join
 * what is installed in this one database, which is nobody's question here.
 */
static const char available_query[] =
"SELECT e.name, e.default_version, v.version, v.requires, v.schema"
" FROM pg_catalog.pg_available_extensions() e"
" LEFT JOIN pg_catalog.pg_available_extension_versions() v ON v.name = e.name"
" ORDER BY e.name, v.version";

/*
 * NULL elements do not occur in name[] columns of the server; skipped, not trusted.
 */
static List *
name_array(Datum array)
{
	List	   *names = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), NAMEOID, NAMEDATALEN, false,
					  TYPALIGN_CHAR, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			names = lappend(names, pstrdup(NameStr(*DatumGetName(elements[i]))));
	}
	return names;
}

/* one row per version; an extension's rows are neighbours */
static void
add_available(CmdbQuery *query, uint64 row, void *arg)
{
	ServerState *snapshot = arg;
	AvailableExtension *extension = snapshot->available ? llast(snapshot->available) : NULL;
	char	   *name = cmdb_text(query, row, 1);
	char	   *version = cmdb_text(query, row, 3);
	Datum		requires;
	bool		isnull;

	if (extension == NULL || strcmp(extension->name, name) != 0)
	{
		extension = palloc0(sizeof(AvailableExtension));
		extension->name = name;
		extension->default_version = cmdb_text(query, row, 2);
		snapshot->available = lappend(snapshot->available, extension);
	}
	if (version == NULL)
		return;
	extension->versions = lappend(extension->versions, version);

	if (extension->default_version == NULL ||
		strcmp(version, extension->default_version) != 0)
		return;
	requires = cmdb_datum(row, 4, &isnull);
	if (!isnull)
		extension->requires = name_array(requires);
	extension->schema = cmdb_text(query, row, 5);
}

/*
 * Takes the current error back to before the subtransaction.  A cancel is not
 * an answer to the question and goes on.
 */
static void
give_up(MemoryContext context, ResourceOwner owner)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not find out which extensions are available: %s",
					error->message)));
	FreeErrorData(error);
}

/*
 * One control file that cannot be parsed makes the server's functions fail
 * for all.  That must not stop a pass: nothing is known then, and what cannot
 * be created says so itself.
 */
void
observe_available(ServerState *snapshot)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	if (snapshot->available_known)
		return;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		CmdbQuery query;

		cmdb_begin(&query);
		cmdb_look(&query, available_query, add_available, snapshot);
		cmdb_end(&query);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		snapshot->available_known = true;
	}
	PG_CATCH();
	{
		give_up(context, owner);
		snapshot->available = NIL;
	}
	PG_END_TRY();
}
