/*
 * sql_views.c
 *		SQL: pgops.show_declared(), pgops.show_settings(): declared objects and
 *		effective parameters as rows, for the typed views.
 *
 * Not for: writing through the views, nor what the server has.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(pgops_show_declared);
PG_FUNCTION_INFO_V1(pgops_show_settings);

Datum
pgops_show_declared(PG_FUNCTION_ARGS)
{
	pgops_init_srf_expected(fcinfo);
	return (Datum) 0;
}

Datum
pgops_show_settings(PG_FUNCTION_ARGS)
{
	pgops_init_srf(fcinfo);
	return (Datum) 0;
}
