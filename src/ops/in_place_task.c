/*
 * in_place_task.c
 *		The steps of a restore in place, for pgops-runner, with what people have
 *		to do if one of them fails.
 *
 * Each step may be done a second time, for a run that was cut off goes on where
 * it was.  Until pgBackRest has removed global/pg_control (the first thing it
 * does to the data, and the last file it puts back) the old data are whole,
 * and a failure ends with the server running again as it was.
 *
 * Not for: carrying them out, nor for whether it is wise (in_place_check.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "io/process.h"
#include "ops/in_place_parts.h"
#include "render/render.h"

/* s: the job's worker has to be done with handing over */
#define GO_TIMEOUT		60

/* s that a fast stop may take: it writes all that is in memory, and archives */
#define STOP_TIMEOUT	3600

/* exit code of "pg_ctl status" for a server that does not run */
#define NOT_RUNNING		3

/* ---- parts of steps ---- */

static SpecNode *
texts(const char *const *values)
{
	SpecNode   *list = node_list();

	for (; *values != NULL; values++)
		node_list_add(list, node_string(*values));
	return list;
}

#define TEXTS(...)	texts((const char *const[]) {__VA_ARGS__, NULL})

static SpecNode *
codes(int code)
{
	SpecNode   *list = node_list();

	node_list_add(list, node_int(code));
	return list;
}

static SpecNode *
condition(SpecNode *argv)
{
	SpecNode   *map = node_map();

	node_map_set(map, "argv", argv);
	return map;
}

static SpecNode *
server_runs(void)
{
	return condition(TEXTS(io_server_program("pg_ctl"), "status", "-D", DataDir));
}

static SpecNode *
server_is_down(void)
{
	SpecNode   *map = server_runs();

	node_map_set(map, "ok", codes(NOT_RUNNING));
	return map;
}

static SpecNode *
step(const char *name, const char *kind)
{
	SpecNode   *map = node_map();

	node_map_set(map, "name", node_string(name));
	node_map_set(map, "do", node_string(kind));
	return map;
}

static SpecNode *
run_step(const char *name, SpecNode *argv, int64 seconds)
{
	SpecNode   *map = step(name, "run");

	node_map_set(map, "argv", argv);
	node_map_set(map, "timeout_s", node_int(seconds));
	return map;
}

static SpecNode *
wait_step(const char *name, SpecNode *until, int64 seconds)
{
	SpecNode   *map = step(name, "wait");

	node_map_set(map, "until", until);
	node_map_set(map, "timeout_s", node_int(seconds));
	return map;
}

/* ---- words of a shell: for pg_ctl, which uses one, and for people ---- */

static char *
shell_word(const char *word)
{
	return render_shell_word(word, false);
}

static char *
shell_line(const SpecNode *argv)
{
	StringInfoData line;
	ListCell   *cell;

	initStringInfo(&line);
	foreach(cell, argv->items)
		appendStringInfo(&line, "%s%s", line.len > 0 ? " " : "",
						 shell_word(node_text(lfirst(cell))));
	return line.data;
}

/* ---- programs ---- */

static char *
run_file(const InPlaceTask *task, const char *name)
{
	return psprintf("%s/%s", task->directory, name);
}

static const char *
server_log(const InPlaceTask *task)
{
	return task->server->log ? task->server->log : ops_path(IN_PLACE_SERVER_LOG);
}

/* pg_ctl hands the options to a shell as one text */
static SpecNode *
start_argv(const InPlaceTask *task)
{
	SpecNode   *argv = TEXTS(io_server_program("pg_ctl"), "start", "-D",
							 task->server->start_directory, "-w", "-t",
							 psprintf(INT64_FORMAT, task->seconds), "-l", server_log(task));
	SpecNode   *options = node_list();
	ListCell   *cell;

	if (task->server->options == NIL)
		return argv;
	foreach(cell, task->server->options)
		node_list_add(options, node_string(lfirst(cell)));
	node_list_add(argv, node_string("-o"));
	node_list_add(argv, node_string(shell_line(options)));
	return argv;
}

static SpecNode *
start_run(const InPlaceTask *task, const char *name, int64 seconds)
{
	SpecNode   *map = run_step(name, start_argv(task), seconds);
	SpecNode   *environment = node_list();
	ListCell   *cell;

	foreach(cell, task->server->environment)
		node_list_add(environment, node_string(lfirst(cell)));
	node_map_set(map, "environment", environment);
	return map;
}

/*
 * archive: of another cluster's backups nothing may be archived by default, as
 * it would go into that cluster's repository.
 */
static SpecNode *
restore_argv(const InPlaceTask *task, const char *set)
{
	RestoreTarget target = *task->target;
	Stanza		stanza = *task->stanza;
	List	   *options;
	const char *const *words;

	if (set != NULL)
		target.set = pstrdup(set);
	if (target.stanza != NULL)
		stanza.name = target.stanza;
	target.delta = true;
	options = restore_options(&target);
	options = lappend(options, psprintf("--pg1-path=%s", DataDir));
	if (!task->archive)
		options = lappend(options, pstrdup("--archive-mode=off"));
	options = lappend(options, pstrdup("--log-level-console=info"));
	words = stanza_argv(&stanza, "restore", options);
	return texts(words);
}

/* ---- what people are told ---- */

static char *
start_line(const InPlaceTask *task)
{
	return psprintf("    %s", shell_line(start_argv(task)));
}

static char *
resume_line(const InPlaceTask *task)
{
	return psprintf("    %s", shell_line(TEXTS(io_own_program(IN_PLACE_RUNNER), "--resume",
											   run_file(task, IN_PLACE_TASK))));
}

static SpecNode *
untouched_instructions(const InPlaceTask *task)
{
	return TEXTS("The data are as they were. The server may be down; to start it with them:",
				 start_line(task), "To go on with the restore instead:", resume_line(task));
}

static SpecNode *
restarted_instructions(void)
{
	return TEXTS("Nothing was replaced: the data are as they were, and the server runs again.");
}

/* The state in which nobody must help himself: half of the files are new. */
static SpecNode *
replaced_instructions(const InPlaceTask *task, SpecNode *restore)
{
	SpecNode   *list = TEXTS(psprintf("The files in %s may be partly replaced, and then the server refuses to start (there is no global/pg_control). Do not try to make it start, and do not run pg_resetwal.",
									  shell_word(DataDir)),
							 "When what is in the way is gone (see the output above, and the log), go on with the restore:",
							 resume_line(task),
							 "or by hand:",
							 psprintf("    %s", shell_line(restore)),
							 start_line(task));

	if (!task->copy)
		return list;
	node_list_add(list, node_string("Or go back to the old data, of which there is a copy:"));
	node_list_add(list, node_string(psprintf("    mv %s %s", shell_word(DataDir),
											 shell_word(psprintf("%s.failed", DataDir)))));
	node_list_add(list, node_string(psprintf("    mv %s %s", shell_word(in_place_copy_path()),
											 shell_word(DataDir))));
	node_list_add(list, node_string(start_line(task)));
	return list;
}

static SpecNode *
restored_instructions(const InPlaceTask *task, SpecNode *restore)
{
	SpecNode   *list = TEXTS(psprintf("The backup is restored, but the server did not start or did not get to the target. Its log says why: %s, or what log_directory says.",
									  shell_word(server_log(task))),
							 "If its settings are the cause, repair them and go on:",
							 resume_line(task),
							 "If the target cannot be reached from this backup, restore again with an older one (--set=...) or another target, then start the server:",
							 psprintf("    %s", shell_line(restore)),
							 start_line(task));

	if (task->copy)
		node_list_add(list, node_string(psprintf("A copy of the old data is in %s.",
												 shell_word(in_place_copy_path()))));
	return list;
}

/* ---- the steps ---- */

/* back to where it was, as long as the data are whole */
static void
add_rescue(const InPlaceTask *task, SpecNode *to)
{
	SpecNode   *list = node_list();
	SpecNode   *start = start_run(task, "start the server with its old data", task->seconds);

	node_map_set(start, "if",
				 condition(TEXTS("test", "-e", psprintf("%s/global/pg_control", DataDir))));
	/* a supervisor of the server may have started it meanwhile, which is why the step failed */
	node_map_set(start, "unless", server_runs());
	node_list_add(list, start);
	node_map_set(to, "rescue", list);
	node_map_set(to, "rescued", restarted_instructions());
}

/*
 * The worker that starts the runner is one of those that the stop ends: it
 * has to be done with writing down who carries on.
 */
static SpecNode *
go_step(const InPlaceTask *task)
{
	SpecNode   *map = wait_step("wait for the job to hand over",
								condition(TEXTS("test", "-e", run_file(task, IN_PLACE_GO))),
								GO_TIMEOUT);

	node_map_set(map, "instructions", TEXTS("Nothing was done. Ask for it again."));
	return map;
}

static SpecNode *
stop_step(const InPlaceTask *task, const char *name, const char *mode)
{
	int64		seconds = Min(task->seconds, STOP_TIMEOUT);
	SpecNode   *map = run_step(name,
							   TEXTS(io_server_program("pg_ctl"), "stop", "-D", DataDir, "-m", mode,
									 "-w", "-t", psprintf(INT64_FORMAT, seconds)),
							   seconds + 60);

	node_map_set(map, "unless", server_is_down());
	node_map_set(map, "instructions", untouched_instructions(task));
	return map;
}

static SpecNode *
copy_step(const InPlaceTask *task)
{
	SpecNode   *map = step("copy the old data", "copy");

	node_map_set(map, "from", node_string(DataDir));
	node_map_set(map, "to", node_string(in_place_copy_path()));
	node_map_set(map, "timeout_s", node_int(task->seconds));
	node_map_set(map, "instructions", untouched_instructions(task));
	add_rescue(task, map);
	return map;
}

static SpecNode *
restore_step(const InPlaceTask *task, const char *set)
{
	SpecNode   *argv = restore_argv(task, set);
	SpecNode   *map = run_step(set ? psprintf("restore backup %s", set) : "restore the backup",
							   argv, task->seconds);

	node_map_set(map, "instructions", replaced_instructions(task, argv));
	return map;
}

static SpecNode *
start_step(const InPlaceTask *task, const char *set)
{
	SpecNode   *map = start_run(task, "start the server", task->seconds + 60);

	node_map_set(map, "unless", server_runs());
	node_map_set(map, "instructions", restored_instructions(task, restore_argv(task, set)));
	/* it may be through with recovery, and down again, before pg_ctl looks */
	if (strcmp(task->target->action, "shutdown") == 0)
	{
		SpecNode   *both = codes(0);

		node_list_add(both, node_int(1));
		node_map_set(map, "ok", both);
	}
	return map;
}

/*
 * What tells that it got there.  The control file says when the server is out of
 * recovery; that needs no connection, which old rules might refuse.  (While
 * the server starts it may still say what it said in the backup; pg_ctl waits
 * until that is over.)
 */
static SpecNode *
reached(const InPlaceTask *task)
{
	const RestoreTarget *target = task->target;
	SpecNode   *map = condition(TEXTS(io_server_program("pg_controldata"), "-D", DataDir));

	if (target->type == RESTORE_LATEST || strcmp(target->action, "promote") == 0)
	{
		node_map_set(map, "contains", node_string(" in production"));
		return map;
	}
	if (strcmp(target->action, "shutdown") == 0)
	{
		node_map_set(map, "contains", node_string(" shut down in recovery"));
		return map;
	}
	map = condition(TEXTS(io_server_program("psql"), "-XAt", "-d", task->superuser, "-c",
						  "SELECT pg_catalog.pg_get_wal_replay_pause_state()"));
	node_map_set(map, "equals", node_string("paused"));
	return map;
}

static SpecNode *
reach_step(const InPlaceTask *task, const char *set)
{
	SpecNode   *map = wait_step(psprintf("recover to %s", restore_describe(task->target)),
								reached(task), task->seconds);

	node_map_set(map, "giveup", server_is_down());
	node_map_set(map, "given_up",
				 node_string("the server ended during recovery; its log says why"));
	node_map_set(map, "instructions", restored_instructions(task, restore_argv(task, set)));
	return map;
}

/*
 * A restore point that nobody has made, a transaction that was never committed:
 * that is known only when recovery has come to the end of the archive; and
 * another cluster's settings may keep the server from starting.  It then is
 * brought back to where it was: what it had written was archived before it was
 * stopped.
 */
static void
add_way_back(const InPlaceTask *task, SpecNode *to)
{
	RestoreTarget latest = {
		.type = RESTORE_LATEST,.action = pstrdup("promote"),
		.repo = task->target->repo,.processes = task->target->processes
	};
	InPlaceTask back = *task;
	SpecNode   *list = node_list();
	SpecNode   *wait;
	const char *set;

	/* of another cluster's backups none leads back */
	set = task->target->stanza == NULL && task->sets != NIL ? linitial(task->sets) : NULL;
	back.target = &latest;
	back.archive = true;
	wait = wait_step("recover to the end of the archive", reached(&back), task->seconds);
	node_map_set(wait, "giveup", server_is_down());
	node_list_add(list, stop_step(&back, "stop what did not get to the target", "immediate"));
	node_list_add(list, run_step("restore to the end of the archive",
								 restore_argv(&back, set), task->seconds));
	node_list_add(list, start_run(&back, "start the server", task->seconds + 60));
	node_list_add(list, wait);
	node_map_set(to, "rescue", list);
	node_map_set(to, "rescued",
				 TEXTS(psprintf("%s was not reached: it may not exist, or not on this timeline (the log of the run says more). The server was restored to the end of the archive instead: it has what it had when it was stopped.",
								restore_describe(task->target)),
					   "Look at the target; a restore with instance => 'name' finds out beside the server."));
}

/*
 * From a backup that lies behind the target recovery does not get to it.  When
 * that is known only afterwards (names, transactions), the next older one is
 * tried.
 */
static void
add_attempt(const InPlaceTask *task, SpecNode *steps, const char *set, bool first, bool last)
{
	SpecNode   *restore = restore_step(task, set);
	SpecNode   *start = start_step(task, set);
	SpecNode   *reach = reach_step(task, set);

	if (first)
		add_rescue(task, restore);
	else
		node_list_add(steps, stop_step(task, "stop what did not get to the target", "immediate"));
	node_list_add(steps, restore);
	node_list_add(steps, start);
	/* a server that ended during recovery has to be started again */
	node_map_set(reach, "again_from", node_int(list_length(steps->items) - 1));
	node_list_add(steps, reach);
	if (last && (task->target->value != NULL || task->target->stanza != NULL))
	{
		add_way_back(task, start);
		add_way_back(task, reach);
	}
	if (!last)
	{
		int			next = list_length(steps->items);

		node_map_set(start, "otherwise", node_int(next));
		node_map_set(reach, "otherwise", node_int(next));
		/* far beyond the end: all that follows is for the case that this failed */
		node_map_set(reach, "then", node_int(PG_INT16_MAX));
	}
}

SpecNode *
in_place_steps(const InPlaceTask *task)
{
	SpecNode   *steps = node_list();
	int			count = list_length(task->sets);

	node_list_add(steps, go_step(task));
	node_list_add(steps, stop_step(task, "stop the server", "fast"));
	if (task->copy)
		node_list_add(steps, copy_step(task));
	if (count == 0)
		add_attempt(task, steps, NULL, true, true);
	for (int i = 0; i < count; i++)
		add_attempt(task, steps, list_nth(task->sets, i), i == 0, i == count - 1);
	return steps;
}

/* ---- a restart ---- */

/*
 * A server that does not start with its new parameters gets the old ones back
 * and is started once more: the job has failed then, and the server runs.
 */
SpecNode *
in_place_restart_steps(const InPlaceTask *task, const char *file, const char *text)
{
	SpecNode   *steps = node_list();
	SpecNode   *stop = stop_step(task, "stop the server", "fast");
	SpecNode   *start = start_run(task, "start the server", task->seconds + 60);
	SpecNode   *put_back = step("put the old parameters back", "write");
	SpecNode   *rescue = node_list();

	node_map_set(stop, "instructions",
				 TEXTS("The server may be down; to start it:", start_line(task)));
	node_map_set(put_back, "path", node_string(file));
	node_map_set(put_back, "text", node_string(text));
	node_list_add(rescue, put_back);
	node_list_add(rescue, start_run(task, "start the server with them", task->seconds + 60));
	node_map_set(start, "unless", server_runs());
	node_map_set(start, "rescue", rescue);
	node_map_set(start, "rescued",
				 TEXTS(psprintf("The server did not start with its new parameters and runs with the old ones again. Its log says why: %s, or what log_directory says.",
								shell_word(server_log(task))),
					   "Correct the declaration."));
	node_map_set(start, "instructions",
				 TEXTS(psprintf("The server is down. Its log says why: %s, or what log_directory says. When the cause is repaired, start it:",
								shell_word(server_log(task))),
					   start_line(task)));
	node_list_add(steps, go_step(task));
	node_list_add(steps, stop);
	node_list_add(steps, start);
	return steps;
}
