/*
 * apply.h
 *		Carries out actions, each through its door, and says what became of it.
 *
 * Not for: why an action is needed, nor when it is tried again.
 */
#ifndef PGOPS_APPLY_APPLY_H
#define PGOPS_APPLY_APPLY_H

#include "lib/stringinfo.h"
#include "plan/plan.h"

typedef struct ActionResult
{
	int			step;
	bool		ok;
	int			sqlstate;
	char	   *message;
	char	   *detail;
	char	   *hint;
	TimestampTz started;
	TimestampTz finished;
} ActionResult;

/*
 * apply_statements
 *		Executes the SQL actions of the list (all of one database: the one this
 *		process is connected to) in order.  Consecutive transactional ones share
 *		a transaction, each in a subtransaction; others run alone at top level.
 *		A failed action is rolled back alone and recorded.  Called outside any
 *		transaction.  Calls on_result (may be NULL) after each action became
 *		durable or failed.  Returns a list of ActionResult * in the context
 *		current at the call.
 */
typedef void (*ApplyResultCallback) (const ActionResult *result, void *arg);
extern List *apply_statements(List *actions, ApplyResultCallback on_result, void *arg);

/*
 * apply_statement
 *		Parses and executes one statement at top level: utility statements by
 *		ProcessUtility, others by SPI.  A verifier replaces the literal
 *		'<redacted>' of a PASSWORD option in the parse tree, so that the text
 *		never holds it.  Needs a transaction; raises what the statement raises.
 */
extern void apply_statement(const char *statement, const char *password);

/*
 * apply_statement_rows
 *		The same for a statement without a password, whose rows are wanted: a JSON
 *		array of objects (palloc'd), or NULL if it is no query.  ERROR
 *		(ERRCODE_PROGRAM_LIMIT_EXCEEDED) if that is more than "limit" bytes.
 */
extern char *apply_statement_rows(const char *statement, Size limit);

/* writes a file action: candidate checked by its parser first, original kept */
extern ActionResult *apply_file(const Action *action);

/* SIGHUP to the postmaster */
extern ActionResult *apply_reload(const Action *action);

/* changes Patroni's configuration; outside any transaction.  access NULL: a failure that says so */
struct PatroniAccess;
extern ActionResult *apply_patch(const Action *action, const struct PatroniAccess *access);

/*
 * Transport of actions to a database worker, and of results back.  Decoding a
 * request needs a transaction: statements are converted to the encoding of the
 * database, and one that it cannot hold comes out as blocked.
 */
extern StringInfo apply_encode_request(List *actions);
extern List *apply_decode_request(const char *data, int length);	/* of Action * */
extern StringInfo apply_encode_result(const ActionResult *result);
extern ActionResult *apply_decode_result(const char *data, int length);

#endif							/* PGOPS_APPLY_APPLY_H */
