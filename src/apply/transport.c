/*
 * transport.c
 *		Actions to a database worker, and results back, as bytes.
 *
 * Statements and messages are converted, because the worker's database may have
 * another encoding than the CMDB's.  The name of a role has the same bytes in
 * every database; one that is not ASCII cannot be written in a statement of a
 * database of another encoding, by nobody.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "apply/apply.h"
#include "wire.h"

/*
 * What a worker needs of an action: what to do and which chain it belongs
 * to.  Reasons, hints and memory records stay with the coordinator.
 */
static void
put_action(StringInfo out, const Action *action)
{
	wire_put_int(out, action->step);
	wire_put_text(out, action->rule->id);
	wire_put_text(out, action->name);
	wire_put_text(out, action->database);
	wire_put_bool(out, action->transactional);
	wire_put_int(out, action->door);
	wire_put_local(out, action->statement);
	wire_put_text(out, action->password);
	wire_put_text(out, action->file_path);
	wire_put_int(out, action->sequence);
}

/*
 * The statement in the encoding of this database.  One that it cannot hold
 * fails when its turn comes, so that it does not stop the others.
 */
static void
take_statement(Action *action, char *text)
{
	action->statement = text ? wire_from_utf8(text) : NULL;
	if (text == NULL || action->statement != NULL)
		return;
	action->statement = text;
	action->sqlstate = ERRCODE_UNTRANSLATABLE_CHARACTER;
	action->blocked = psprintf("the encoding of the database (%s) cannot hold all characters of the statement",
							   GetDatabaseEncodingName());
}

static Action *
get_action(WireReader *reader)
{
	Action	   *action = palloc0(sizeof(Action));

	action->step = (int) wire_get_int(reader);
	action->rule = rule_get(wire_get_text(reader));
	action->name = wire_get_text(reader);
	action->database = wire_get_text(reader);
	action->transactional = wire_get_bool(reader);
	action->door = (Door) wire_get_int(reader);
	take_statement(action, wire_get_text(reader));
	action->password = wire_get_text(reader);
	action->file_path = wire_get_text(reader);
	action->sequence = (int) wire_get_int(reader);
	return action;
}

StringInfo
apply_encode_request(List *actions)
{
	StringInfo	out = makeStringInfo();
	ListCell   *cell;

	wire_put_int(out, list_length(actions));
	foreach(cell, actions)
		put_action(out, lfirst(cell));
	return out;
}

List *
apply_decode_request(const char *data, int length)
{
	WireReader	reader;
	List	   *actions = NIL;
	int64		count;

	wire_read(&reader, data, length);
	count = wire_get_int(&reader);
	for (int64 i = 0; i < count; i++)
		actions = lappend(actions, get_action(&reader));
	return actions;
}

StringInfo
apply_encode_result(const ActionResult *result)
{
	StringInfo	out = makeStringInfo();

	wire_put_int(out, result->step);
	wire_put_bool(out, result->ok);
	wire_put_int(out, result->sqlstate);
	wire_put_message(out, result->message);
	wire_put_message(out, result->detail);
	wire_put_message(out, result->hint);
	wire_put_int(out, result->started);
	wire_put_int(out, result->finished);
	return out;
}

ActionResult *
apply_decode_result(const char *data, int length)
{
	ActionResult *result = palloc0(sizeof(ActionResult));
	WireReader	reader;

	wire_read(&reader, data, length);
	result->step = (int) wire_get_int(&reader);
	result->ok = wire_get_bool(&reader);
	result->sqlstate = (int) wire_get_int(&reader);
	result->message = wire_get_message(&reader);
	result->detail = wire_get_message(&reader);
	result->hint = wire_get_message(&reader);
	result->started = wire_get_int(&reader);
	result->finished = wire_get_int(&reader);
	return result;
}
