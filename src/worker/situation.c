/*
 * situation.c
 *		Everything a plan needs, gathered.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "apply/baseline.h"
#include "cmdb/owned.h"
#include "errors.h"
#include "guc.h"
#include "io/hba.h"
#include "observe/cron.h"
#include "ops/backup_age.h"
#include "ops/stanza.h"
#include "render/render.h"
#include "spec/spec.h"
#include "worker/backup_facts.h"
#include "worker/patroni_followers.h"
#include "worker/patroni_input.h"
#include "worker/reference.h"
#include "worker/shared.h"
#include "worker/situation.h"
#include "worker/task.h"
#include "worker/tuned.h"

/* longest time for looking into all databases, ms */
#define OBSERVE_TIMEOUT_MS	60000

/* where a raw line stands in the document; lines that share a text share its place */
static const SpecNode *
raw_line_node(const HbaRule *rule, int index)
{
	SpecNode   *rules = node_get(rule->node, "rules");

	if (rules == NULL || rules->kind != NODE_LIST ||
		list_length(rules->items) != list_length(rule->raw))
		return rules ? rules : rule->node;
	return list_nth(rules->items, index);
}

/* raw HBA lines are the one part of a declaration that only the server's parser can judge */
static void
check_raw_hba(const Cluster *cluster, Findings *findings)
{
	ListCell   *rule_cell;

	foreach(rule_cell, cluster->hba_rules)
	{
		const HbaRule *rule = lfirst(rule_cell);
		ListCell   *line_cell;
		int			index = 0;

		foreach(line_cell, rule->raw)
		{
			List	   *errors = io_hba_check(lfirst(line_cell));

			if (errors != NIL)
			{
				HbaError   *first = linitial(errors);

				finding_add(findings, FINDING_ERROR, ERRCODE_PGOPS_BAD_HBA_RULE,
							raw_line_node(rule, index),
							psprintf("%s.rules[%d]", rule->path, index),
							"Write a line as in pg_hba.conf: type, database, user, address, method.",
							"the server cannot parse this HBA line: %s", first->message);
			}
			index++;
		}
	}
}

List *
situation_infra_hosts(const Inventory *inventory)
{
	List	   *hosts = NIL;
	ListCell   *cell;
	ListCell   *lc;

	foreach(cell, inventory->groups)
	{
		const InventoryGroup *group = lfirst(cell);

		if (strcmp(group->kind, "infra") != 0)
			continue;
		foreach(lc, group->hosts->entries)
			hosts = lappend(hosts, pstrdup(((SpecEntry *) lfirst(lc))->key));
	}
	return hosts;
}

/*
 * What is stored is faithful to the document, so copies are normalised: the
 * trees of an inventory are still to be stored, or are shared.  Expirations are
 * resolved here because a date needs the CMDB's memory: the model itself knows
 * no clock.
 */
Cluster *
situation_model(const Inventory *inventory, const char *name, const char *self,
				ServerState *server, bool store, Findings *findings)
{
	const InventoryGroup *group = inventory_group(inventory, name);
	SpecNode   *inherited;
	SpecNode   *body;
	Cluster    *cluster;

	/* another session may have pruned it since its name was looked up */
	if (group == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PGOPS_UNKNOWN_CLUSTER),
				 errmsg("cluster \"%s\" is not declared any more", name)));
	inventory_levels(inventory, group, &inherited, &body);
	inherited = node_copy(inherited);
	body = node_copy(body);
	spec_normalise_vars(inherited);
	spec_normalise_body(body);
	cluster = model_build(name, body, inherited, self, situation_infra_hosts(inventory),
						  server->bootstrap_superuser, findings);
	cmdb_resolve_expirations(name, cluster->roles, store);
	reference_resolve(cluster, server, findings);
	if (plan_drops_roles(cluster, server))
		observe_dependents(server);
	if (server->cron == NULL &&
		(cluster->schedules != NIL || OidIsValid(get_extension_oid("pg_cron", true))))
		observe_cron(server);
	if (pgops_guc_manage_settings)
		observe_server_settings(server);
	return cluster;
}

/*
 * The server's part of validation; what the document alone tells was found
 * before (spec/validate.c).
 */
void
situation_check(const Cluster *cluster, ServerState *server, const SpecNode *body,
				Findings *findings)
{
	render_hba_check(cluster, server->server_major, findings);
	check_raw_hba(cluster, findings);
	plan_check_references(cluster, server, body, findings);
}

/* whether a database can be looked into at all */
static bool
is_observable(const Cluster *cluster, const Database *database)
{
	if (database->invalid || strcmp(database->name, "template0") == 0)
		return false;
	return database->allowconn ||
		model_find_database(cluster->databases, database->name) != NULL;
}

/* A look into one database; the answer is one message. */
static Task *
observe_task(Database *database)
{
	Task	   *task = palloc0(sizeof(Task));

	task->kind = TASK_OBSERVE;
	task->database = database->name;
	task->dboid = database->oid;
	return task;
}

/* takes over what the worker saw, or why it saw nothing */
static void
take_observation(Database *database, const Task *task)
{
	StringInfo	reply;

	if (!task->done || task->replies == NIL)
	{
		database->local_error = task->message ? task->message :
			pstrdup("the database worker sent no answer");
		database->local_sqlstate = task->sqlstate ? task->sqlstate : ERRCODE_PGOPS_WORKER_LOST;
		database->local_hint = task->hint;
		return;
	}
	reply = linitial(task->replies);
	database->local = observe_local_decode(reply->data, reply->len);
}

/*
 * All looks at once.  A session reads its own database itself: only so it
 * sees what its own transaction has done there, and a worker that met the
 * session's locks would wait for us while we wait for it.
 */
void
situation_observe(Situation *situation, DatabaseFilter filter, void *arg, bool in_session)
{
	List	   *tasks = NIL;
	List	   *databases = NIL;
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, situation->server->databases)
	{
		Database   *database = lfirst(cell);

		if (!is_observable(situation->cluster, database) ||
			(filter && !filter(database, arg)))
			continue;
		if (in_session && database->oid == MyDatabaseId)
		{
			database->local = observe_local_read();
			continue;
		}
		tasks = lappend(tasks, observe_task(database));
		databases = lappend(databases, database);
	}
	task_run_all(tasks, GetCurrentTimestamp() + OBSERVE_TIMEOUT_MS * INT64CONST(1000));
	forboth(cell, databases, other, tasks)
		take_observation(lfirst(cell), lfirst(other));
}

/*
 * By which method the bootstrap superuser gets in over the local socket, now
 * and later.  Where it did not until now, its password is better than a
 * method for an OS user that there may not be.
 */
char *
situation_hba_method(ServerState *server)
{
	Role	   *superuser;
	char	   *method = NULL;

	if (server->superuser_peer)
		return "peer";
	if (server->hba_text)
		method = io_hba_superuser_method(server->hba_text, server->bootstrap_superuser);
	if (method != NULL)
		return method;
	superuser = snapshot_role(server, server->bootstrap_superuser);
	if (superuser == NULL || superuser->password == NULL)
		return "peer";
	return strncmp(superuser->password, "md5", 3) == 0 ? "md5" : "scram-sha-256";
}

/* Names of the files that the plan will ask about. */
static List *
declared_baselines(const Cluster *cluster)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, cluster->databases)
	{
		const Database *database = lfirst(cell);

		if (database->baseline)
			names = lappend(names, database->baseline);
	}
	return names;
}

/* a plan that is for looking at: no pass carries it out now */
static void
hold(ActionPlan *plan, int sqlstate, const char *why, const char *hint)
{
	ListCell   *cell;

	foreach(cell, plan->actions)
	{
		Action	   *action = lfirst(cell);

		if (!plan_is_runnable(action))
			continue;
		action->blocked = pstrdup(why);
		action->sqlstate = sqlstate;
		action->hint = pstrdup(hint);
		plan->blocked++;
		if (action->destructive)
			plan->destructive--;
	}
}

/*
 * Hands the pure planner what it may not look up itself: files, settings,
 * the verdict of the HBA parser.
 */
ActionPlan *
situation_plan(Situation *situation, bool local_only)
{
	ActionPlan *plan;
	PlanInput  *input = palloc0(sizeof(PlanInput));

	input->cluster = situation->cluster;
	input->snapshot = situation->server;
	input->owned = situation->owned;
	input->hba_method = situation_hba_method(situation->server);
	input->baseline_directory = pgops_guc_baseline_directory;
	input->baseline_files = apply_baseline_files(declared_baselines(situation->cluster));
	input->max_destructive = pgops_guc_max_destructive;
	input->approved_digest = situation->row ? situation->row->approved_digest : NULL;
	input->local_only = local_only;
	input->hba_managed = pgops_guc_manage_hba;
	input->settings_managed = pgops_guc_manage_settings;
	input->setting_problem = observe_setting_problem;
	input->cmdb_database = pgops_guc_database;
	input->backup_wanted = situation->backup_wanted;
	input->backup = situation->backup;
	input->backup_config = pgops_guc_manage_backup ? stanza_config_path() : NULL;
	input->patroni = patroni_input();
	tuned_complete(situation->cluster, situation->server, input->patroni != NULL,
				   situation->owned);
	if (input->hba_managed)
		input->hba_errors = patroni_check_hba(input, plan_hba_text(input));
	if (!local_only && plan_needs_available(situation->cluster, situation->server))
		observe_available(situation->server);
	plan = plan_make(input);
	if (situation->row != NULL && situation->row->paused)
		hold(plan, ERRCODE_PGOPS_PAUSED, "the cluster is paused", "It is done after pgops.resume().");
	return plan;
}

/* ---- plans for a session ---- */

/* the instance whose variables count: this server's, if it belongs to the cluster */
static char *
own_instance(const char *cluster)
{
	Binding    *binding = cmdb_binding();

	if (binding->instance && binding->cluster && cluster &&
		strcmp(binding->cluster, cluster) == 0)
		return binding->instance;
	return NULL;
}

/* of an unbound server: the only instance there is, as the first apply would bind it */
static char *
likely_instance(const Inventory *inventory, const char *name)
{
	const InventoryGroup *group = inventory_group(inventory, name);
	const SpecEntry *only;
	int			seq;

	if (list_length(group->hosts->entries) != 1)
		return NULL;
	only = linitial(group->hosts->entries);
	return inventory_instance(inventory, group, only->key, &seq);
}

/* Takes no lock; a document that was stored before binds the server where it can. */
ActionPlan *
situation_session_plan(const Inventory *inventory, const char *name, ServerState *server,
					   SituationPurpose purpose)
{
	Situation	situation = {0};
	Findings	ignored = {0};
	char	   *self = own_instance(name);
	char	   *waiting = shared_waiting();
	ActionPlan *plan;

	if (self == NULL && purpose == SITUATION_DRY_RUN)
		self = likely_instance(inventory, name);
	situation.server = server ? server : observe_shared();
	situation.row = cmdb_cluster(name);
	situation.owned = situation.row ? cmdb_owned_load(name) : NIL;
	situation.backup_wanted = backup_age_problem(name);
	situation.cluster = situation_model(inventory, name, self, situation.server,
										purpose == SITUATION_DECLARED, &ignored);
	situation.backup = backup_facts(situation.cluster, situation.server);
	situation_observe(&situation, NULL, NULL, true);
	plan = situation_plan(&situation, RecoveryInProgress());
	if (waiting != NULL)
		hold(plan, ERRCODE_PGOPS_NOT_LEADER, waiting,
			 "It is done when Patroni says that this server is the leader.");
	return plan;
}
