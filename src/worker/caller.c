/*
 * caller.c
 *		With whose rights what is declared is read.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"

#include "worker/caller.h"

/*
 * Both must be superusers, the user whose rights hold here and the one whose
 * rights hold outside of all functions: else a superuser's SECURITY DEFINER
 * function would hand secrets to whoever may call it, and a monitoring user's
 * would get them when a superuser calls that.
 */
bool
caller_wants_secrets(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument) || !PG_GETARG_BOOL(argument))
		return false;
	if (!superuser() || !superuser_arg(GetOuterUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to show secrets"),
				 errdetail("Only superusers may see them, and only by a call that runs with their own rights."),
				 errhint("With secrets => false they are shown as ********.")));
	return true;
}

void
caller_begin_reading(Caller *caller)
{
	GetUserIdAndSecContext(&caller->user, &caller->context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   caller->context | SECURITY_LOCAL_USERID_CHANGE);
}

void
caller_end_reading(const Caller *caller)
{
	SetUserIdAndSecContext(caller->user, caller->context);
}
