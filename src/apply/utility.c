/*
 * utility.c
 *		One SQL statement, executed at top level.
 *
 * SPI refuses what may not run inside a function (CREATE DATABASE, ALTER
 * SYSTEM), and a connection back to the server would depend on the HBA file
 * that is being managed.  ProcessUtility runs both kinds, with all hooks of
 * other extensions.
 *
 * A password is put into the parse tree: the statement's text, which hooks,
 * logs and pg_stat_statements see, holds '<redacted>' in its place.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "apply/apply.h"
#include "apply/rows.h"
#include "secret.h"

/* the option list of a role statement, NIL for any other statement */
static List *
role_options(Node *statement)
{
	if (IsA(statement, CreateRoleStmt))
		return castNode(CreateRoleStmt, statement)->options;
	if (IsA(statement, AlterRoleStmt))
		return castNode(AlterRoleStmt, statement)->options;
	return NIL;
}

/* the value of ALTER SYSTEM SET, if it is the text that stands for a secret */
static A_Const *
redacted_value(Node *statement)
{
	VariableSetStmt *set = IsA(statement, AlterSystemStmt) ?
	castNode(AlterSystemStmt, statement)->setstmt : NULL;
	A_Const    *value = set != NULL && list_length(set->args) == 1 ? linitial(set->args) : NULL;

	if (value != NULL && IsA(value, A_Const) && IsA(&value->val, String) &&
		strcmp(strVal(&value->val), SECRET_REDACTED) == 0)
		return value;
	return NULL;
}

/* puts the verifier, or another secret, where the text says <redacted> */
static void
put_password(Node *statement, const char *password)
{
	A_Const    *value = redacted_value(statement);
	ListCell   *cell;

	if (value != NULL)
	{
		value->val.sval.sval = pstrdup(password);
		return;
	}
	foreach(cell, role_options(statement))
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "password") == 0 && option->arg != NULL &&
			strcmp(strVal(option->arg), SECRET_REDACTED) == 0)
		{
			option->arg = (Node *) makeString(pstrdup(password));
			return;
		}
	}
	elog(ERROR, "statement has no place for a password");
}

/*
 * Runs a utility statement as if a client had sent it: all ProcessUtility
 * hooks see it, with the text that holds no secret.  The plan node has query
 * identifier 0, so pg_stat_statements does not record it.
 */
static void
run_utility(RawStmt *raw, const char *text)
{
	PlannedStmt *planned = makeNode(PlannedStmt);
	bool		snapshot;

	planned->commandType = CMD_UTILITY;
	planned->canSetTag = true;
	planned->utilityStmt = raw->stmt;
	planned->stmt_location = raw->stmt_location;
	planned->stmt_len = raw->stmt_len;

	snapshot = PlannedStmtRequiresSnapshot(planned);
	if (snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	ProcessUtility(planned, text, false, PROCESS_UTILITY_TOPLEVEL,
				   NULL, NULL, None_Receiver, NULL);
	/* some utility statements replace or drop the snapshot themselves */
	if (snapshot && ActiveSnapshotSet())
		PopActiveSnapshot();
}

/*
 * Runs a statement that can be planned.  Here SPI is right: nothing in it minds
 * being inside a function.
 */
static void
run_query(const char *text, DestReceiver *rows)
{
	SPIExecuteOptions options = {0};
	int			result;

	options.dest = rows;
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	result = SPI_execute_extended(text, &options);
	if (result < 0)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
	PopActiveSnapshot();
}

static bool
can_be_planned(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return true;
		default:
			return false;
	}
}

/*
 * Before 17 ALTER SYSTEM knows a parameter of an extension that is not loaded
 * only where the process has a placeholder for it.  Without one an extension's
 * library and its parameters would take two restarts.
 */
static void
make_placeholder(const VariableSetStmt *set)
{
	if (set->name == NULL || strchr(set->name, '.') == NULL ||
		GetConfigOption(set->name, true, false) != NULL)
		return;
	(void) set_config_option(set->name, "", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SET, true,
							 0, false);
}

/* rows: where those of a query go; NULL: it is run for its effect (pg_terminate_backend()) */
static void
run_any(const char *statement, const char *password, DestReceiver *rows)
{
	List	   *parsed = raw_parser(statement, RAW_PARSE_DEFAULT);
	RawStmt    *raw;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("exactly one statement is expected, not %d", list_length(parsed))));
	raw = linitial_node(RawStmt, parsed);
	if (password != NULL)
		put_password(raw->stmt, password);
	if (IsA(raw->stmt, AlterSystemStmt))
		make_placeholder(castNode(AlterSystemStmt, raw->stmt)->setstmt);

	if (can_be_planned(raw->stmt))
		run_query(statement, rows);
	else
		run_utility(raw, statement);
	CommandCounterIncrement();
}

void
apply_statement(const char *statement, const char *password)
{
	run_any(statement, password, NULL);
}

char *
apply_statement_rows(const char *statement, Size limit)
{
	StringInfoData json;
	DestReceiver *receiver;
	bool		has_rows;

	initStringInfo(&json);
	receiver = rows_receiver(&json, limit);
	run_any(statement, NULL, receiver);
	has_rows = json.len > 0;
	receiver->rDestroy(receiver);
	return has_rows ? json.data : NULL;
}
