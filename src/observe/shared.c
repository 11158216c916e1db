/*
 * shared.c
 *		The state of the whole server: shared catalogs, HBA file, recovery.
 *
 * Not for: the inside of databases (local.c).
 */
#include "postgres.h"

#include <pwd.h>
#include <unistd.h>

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "compat.h"
#include "io/file.h"
#include "observe/parts.h"

/* a rule file larger than this is not one that a person can mean */
#define HBA_MAX_BYTES	((size_t) 16 * 1024 * 1024)

/*
 * Whether "local all <superuser> peer" would let the server's own OS user in:
 * that is what the superuser's emergency rule of pg_hba.conf rests on.
 */
static bool
superuser_is_os_user(const char *superuser)
{
	struct passwd *user = getpwuid(geteuid());

	return superuser && user && strcmp(user->pw_name, superuser) == 0;
}

static void
observe_hba(ServerState *snapshot)
{
	snapshot->hba_path = pstrdup(HbaFileName);
	snapshot->hba_text = io_try_read_file(HbaFileName, HBA_MAX_BYTES,
										  &snapshot->hba_error, &snapshot->hba_sqlstate);
}

/*
 * The catalogs under the caller's snapshot, the file as it is now: the next pass
 * sees whatever came in between.  A rule file that is missing is a NULL text and
 * gets written; one that cannot be read raises, since overwriting it would lose
 * what somebody has there.
 */
ServerState *
observe_shared(void)
{
	ServerState *snapshot = palloc0(sizeof(ServerState));
	CmdbQuery query;

	snapshot->server_major = PGOPS_SERVER_MAJOR;
	snapshot->in_recovery = RecoveryInProgress();

	cmdb_begin(&query);
	observe_roles(&query, snapshot);
	observe_databases(&query, snapshot);
	cmdb_end(&query);

	snapshot->superuser_peer = superuser_is_os_user(snapshot->bootstrap_superuser);
	observe_hba(snapshot);
	return snapshot;
}

bool
observe_is_reserved(const char *name)
{
	return strncmp(name, "pg_", 3) == 0;
}

/*
 * Elements of a list GUC as the server sees them.  The stored value was
 * quoted by the server; one it cannot split stays a whole text, so that the
 * plan sees a difference instead of an error.
 */
static List *
setting_elements(const char *name, const char *value)
{
	List	   *elements;

	if (!model_is_list_setting(name) ||
		!SplitGUCList(pstrdup(value), ',', &elements))
		return NIL;
	return elements;
}

/* the element is cut in two and kept */
static Setting *
make_setting(char *element)
{
	Setting    *setting = palloc0(sizeof(Setting));
	char	   *equals = strchr(element, '=');

	if (equals == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("element of pg_db_role_setting has no value: \"%s\"", element)));
	*equals = '\0';
	setting->name = element;
	setting->value = equals + 1;
	setting->elements = setting_elements(setting->name, setting->value);
	return setting;
}

/* The order of the array is kept: it is the one in which they were set. */
List *
observe_settings(Datum setconfig)
{
	List	   *settings = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(setconfig), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			settings = lappend(settings, make_setting(TextDatumGetCString(elements[i])));
	}
	return settings;
}
