/*
 * rules.c
 *		The rules of reconciling, one row each, in the order in which a plan
 *		has their actions.
 *
 * The table is the contract: the view pgops.rules shows it, a regression test
 * prints it, and every planned and logged action names its row.
 * Not for: the conditions under which a rule fires; those are beside the
 * statement that the rule makes, in plan_*.c.
 */
#include "postgres.h"

#include "plan/rules.h"

#define DESTRUCTIVE	RULE_DESTRUCTIVE
#define LOSES_DATA	RULE_LOSES_DATA
#define HARMLESS	RULE_HARMLESS
#define IN_XACT		true
#define ALONE		false

const Rule plan_rules[] = {
	/* id, kind, observed, desired, action, destructive, transactional, comment */
	{"role.create", "role", "missing", "declared", "create", HARMLESS, IN_XACT,
	"A declared role that does not exist is created with its declared attributes."},
	{"role.alter", "role", "different", "declared", "alter", HARMLESS, IN_XACT,
	"Attributes that were declared and differ are set; undeclared ones are left alone."},
	{"role.password", "role", "different", "declared", "alter", HARMLESS, IN_XACT,
	"The declared verifier replaces another one; the statement never holds it."},

	{"membership.grant", "membership", "missing", "declared", "grant", HARMLESS, IN_XACT,
	"A declared membership is granted once all roles exist."},
	{"membership.options", "membership", "different", "declared", "alter", HARMLESS, IN_XACT,
	"Declared options of a membership are set on the grant made by the bootstrap superuser."},
	{"membership.revoke", "membership", "existing", "absent", "revoke", HARMLESS, IN_XACT,
	"A membership declared as absent is revoked, whoever granted it."},
	{"membership.undo", "membership", "set by pgops", "undeclared", "revoke", HARMLESS, IN_XACT,
	"A membership that pgops granted and that is no longer declared is revoked."},
	{"membership.extra", "membership", "extra", "authoritative", "revoke", HARMLESS, IN_XACT,
	"Under the authoritative policy a declared role has only its declared memberships."},
	{"membership.unsupported", "membership", "any", "declared", "report", HARMLESS, IN_XACT,
	"Membership options that this server version does not have are reported."},

	{"role_setting.set", "role setting", "different", "declared", "set", HARMLESS, IN_XACT,
	"A declared parameter of a role is set."},
	{"role_setting.reset", "role setting", "existing", "DEFAULT", "reset", HARMLESS, IN_XACT,
	"A parameter declared as DEFAULT is reset."},
	{"role_setting.undo", "role setting", "set by pgops", "undeclared", "reset", HARMLESS, IN_XACT,
	"A parameter that pgops set and that is no longer declared is reset."},
	{"role.comment", "role", "different", "declared", "comment", HARMLESS, IN_XACT,
	"The declared comment of a role is set."},

	{"database.drop_invalid", "database", "invalid", "declared", "drop", HARMLESS, ALONE,
	"What an interrupted DROP DATABASE left of a declared database is removed, so that it can be created."},
	{"database.unset_template", "database", "template", "absent", "alter", HARMLESS, IN_XACT,
	"A template database must lose that mark before it can be dropped."},
	{"database.recreate", "database", "existing", "recreate", "drop", LOSES_DATA, ALONE,
	"A database declared with state recreate is dropped once per declaration, to be created again."},
	{"database.template_sessions", "database", "used as template", "declared", "terminate", HARMLESS, IN_XACT,
	"Sessions of a business database end before it is cloned."},
	{"database.renamed", "database", "renamed", "declared", "report", HARMLESS, IN_XACT,
	"A declared database that is missing because it was renamed by hand is reported, not created anew."},
	{"database.create", "database", "missing", "declared", "create", HARMLESS, ALONE,
	"A declared database that does not exist is created with its declared options."},
	{"database.owner", "database", "different", "declared", "alter", HARMLESS, IN_XACT,
	"The declared owner is set."},
	{"database.sessions", "database", "other tablespace", "declared", "terminate", HARMLESS, IN_XACT,
	"Sessions of a database end before it moves to another tablespace."},
	{"database.tablespace", "database", "different", "declared", "move", HARMLESS, ALONE,
	"The database moves to the declared tablespace."},
	{"database.connlimit", "database", "different", "declared", "alter", HARMLESS, IN_XACT,
	"The declared connection limit is set."},
	{"database.is_template", "database", "different", "declared", "alter", HARMLESS, IN_XACT,
	"The declared template mark is set."},
	{"database_setting.set", "database setting", "different", "declared", "set", HARMLESS, IN_XACT,
	"A declared parameter of a database is set."},
	{"database_setting.reset", "database setting", "existing", "DEFAULT", "reset", HARMLESS, IN_XACT,
	"A parameter declared as DEFAULT is reset."},
	{"database_setting.undo", "database setting", "set by pgops", "undeclared", "reset", HARMLESS, IN_XACT,
	"A parameter that pgops set and that is no longer declared is reset."},
	{"database.comment", "database", "different", "declared", "comment", HARMLESS, IN_XACT,
	"The declared comment of a database is set."},
	{"database.create_only", "database", "different", "declared", "report", HARMLESS, IN_XACT,
	"Encoding and locale can only be chosen at creation; a difference is reported."},
	{"database.revoke", "database privilege", "extra", "declared", "revoke", HARMLESS, IN_XACT,
	"Privileges on a database that the declaration takes away are revoked."},
	{"database.grant", "database privilege", "missing", "declared", "grant", HARMLESS, IN_XACT,
	"Privileges on a database that follow from the declaration are granted."},
	{"database.undo", "database privilege", "set by pgops", "undeclared", "undo", HARMLESS, IN_XACT,
	"A grant or revoke on a database that pgops made and that is no longer declared is undone."},
	{"database.extra", "database privilege", "extra", "authoritative", "revoke", HARMLESS, IN_XACT,
	"Under the authoritative policy only declared privileges on a declared database remain."},

	{"database.unobserved", "database", "unknown", "declared", "report", HARMLESS, IN_XACT,
	"A database that could not be looked into is planned without its inside."},
	{"default_privilege.set", "default privilege", "different", "declared", "alter", HARMLESS, IN_XACT,
	"A declared default privilege is set for the superuser, the admin user, dbrole_admin and the owner; one of a single database for the roles it names."},
	{"default_privilege.undo", "default privilege", "set by pgops", "undeclared", "undo", HARMLESS, IN_XACT,
	"A default privilege that pgops set and that is no longer declared is undone."},
	{"default_privilege.unresolved", "default privilege", "missing", "declared", "report", HARMLESS, IN_XACT,
	"A default privilege for a role that does not exist, or that this server version does not have, is reported."},
	{"schema.create", "schema", "missing", "declared", "create", HARMLESS, IN_XACT,
	"A declared schema that does not exist is created."},
	{"schema.implied", "schema", "missing", "needed by extension", "create", HARMLESS, IN_XACT,
	"The schema of a declared extension is created before it."},
	{"schema.owner", "schema", "different", "declared", "alter", HARMLESS, IN_XACT,
	"The declared owner of a schema is set."},
	{"extension.create", "extension", "missing", "declared", "create", HARMLESS, IN_XACT,
	"A declared extension is created if the server has it, with those it requires."},
	{"extension.update", "extension", "other version", "declared", "update", HARMLESS, IN_XACT,
	"The declared version of an extension is updated to."},
	{"extension.schema", "extension", "other schema", "declared", "move", HARMLESS, IN_XACT,
	"A relocatable extension moves to the declared schema."},
	{"schema.revoke", "schema privilege", "extra", "declared", "revoke", HARMLESS, IN_XACT,
	"Privileges on a schema that the declaration takes away are revoked."},
	{"schema.grant", "schema privilege", "missing", "declared", "grant", HARMLESS, IN_XACT,
	"Privileges on a schema that are declared, or on schema public follow from the declaration, are granted."},
	{"schema.undo", "schema privilege", "set by pgops", "undeclared", "undo", HARMLESS, IN_XACT,
	"A grant or revoke on a schema that pgops made and that is no longer declared is undone."},
	{"baseline.run", "baseline", "new database", "declared", "run", HARMLESS, ALONE,
	"The baseline file of a database runs once, after it was created by pgops."},
	{"extension.drop", "extension", "existing", "absent", "drop", LOSES_DATA, IN_XACT,
	"An extension declared as absent is dropped with what depends on it, unless a declared one requires it."},
	{"extension.drop_extra", "extension", "owned", "authoritative", "drop", LOSES_DATA, IN_XACT,
	"Under the authoritative policy an extension that is no longer declared is dropped."},
	{"extension.orphan", "extension", "owned", "undeclared", "report", HARMLESS, IN_XACT,
	"An extension that is no longer declared is reported, not dropped."},
	{"schema.drop", "schema", "existing", "absent", "drop", LOSES_DATA, IN_XACT,
	"A schema declared as absent is dropped with everything in it, unless a declared extension is there."},
	{"schema.drop_extra", "schema", "owned", "authoritative", "drop", LOSES_DATA, IN_XACT,
	"Under the authoritative policy a schema that is no longer declared is dropped."},
	{"schema.orphan", "schema", "owned", "undeclared", "report", HARMLESS, IN_XACT,
	"A schema that is no longer declared is reported, not dropped."},
	{"database.allowconn", "database", "different", "declared", "alter", HARMLESS, IN_XACT,
	"Connections are allowed or refused as declared; refused only when the inside is done."},

	{"role_in_database.set", "role setting", "different", "declared", "set", HARMLESS, IN_XACT,
	"A declared parameter of a role in one database is set."},
	{"role_in_database.reset", "role setting", "existing", "DEFAULT", "reset", HARMLESS, IN_XACT,
	"A parameter of a role in one database that is declared as DEFAULT is reset."},
	{"role_in_database.undo", "role setting", "set by pgops", "undeclared", "reset", HARMLESS, IN_XACT,
	"A parameter of a role in one database that pgops set and that is no longer declared is reset."},

	{"database.drop", "database", "existing", "absent", "drop", LOSES_DATA, ALONE,
	"A database declared as absent is dropped, its sessions ended."},
	{"database.drop_extra", "database", "extra", "authoritative", "drop", LOSES_DATA, ALONE,
	"Under the authoritative policy a database that the declaration does not name, not even as template, is dropped."},
	{"database.orphan", "database", "owned", "undeclared", "report", HARMLESS, IN_XACT,
	"A database that is no longer declared is reported, not dropped."},
	{"role.nologin", "role", "existing", "absent", "alter", HARMLESS, ALONE,
	"A role to be dropped may not log in any more; committed before its sessions end."},
	{"role.sessions", "role", "existing", "absent", "terminate", HARMLESS, IN_XACT,
	"Sessions of a role to be dropped end."},
	{"role.reassign", "role", "existing", "absent", "reassign", HARMLESS, IN_XACT,
	"In each database where the role has something its objects go to the bootstrap superuser."},
	{"role.drop_owned", "role", "existing", "absent", "revoke", HARMLESS, IN_XACT,
	"Then its privileges and default privileges there are dropped; never after a failed reassignment."},
	{"role.revoke_membership", "role", "existing", "absent", "revoke", HARMLESS, IN_XACT,
	"Memberships of and in a role to be dropped, and those it granted, are revoked."},
	{"role.drop", "role", "existing", "absent", "drop", DESTRUCTIVE, IN_XACT,
	"A role declared as absent is dropped, when nothing is left of it."},
	{"role.drop_extra", "role", "extra", "authoritative", "drop", DESTRUCTIVE, IN_XACT,
	"Under the authoritative policy a role that the declaration does not name, not even as owner, group or grantee, is dropped in the same steps."},
	{"role.orphan", "role", "owned", "undeclared", "report", HARMLESS, IN_XACT,
	"A role that is no longer declared is reported, not dropped."},

	{"schedule.create", "schedule", "missing", "declared", "create", HARMLESS, IN_XACT,
	"A schedule becomes a job of pg_cron, where that is there; one of its name that pgops did not make is left alone."},
	{"schedule.alter", "schedule", "different", "declared", "alter", HARMLESS, IN_XACT,
	"The job of a schedule gets back what somebody changed, or follows the declaration."},
	{"schedule.drop", "schedule", "owned", "undeclared", "drop", HARMLESS, IN_XACT,
	"The job that pgops made for a schedule that is no longer declared is removed."},

	{"hba.write", "hba", "different", "declared", "write", HARMLESS, ALONE,
	"pg_hba.conf is replaced when its bytes differ and the server's parser accepts the new text."},
	{"hba.reload", "hba", "written", "declared", "reload", HARMLESS, ALONE,
	"The server reads its configuration once after a file was written."},

	{"backup.config", "backup", "different", "declared", "write", HARMLESS, ALONE,
	"pgbackrest.conf is replaced when its bytes differ or others may read it."},
	{"backup.option", "backup", "not available", "declared", "report", HARMLESS, IN_XACT,
	"An option of a repository that this pgBackRest does not have is left out and reported."},

	{"parameter.files", "parameter", "rejected", "any", "report", HARMLESS, ALONE,
	"Configuration files that the server does not accept are reported: it ignores all changes until they are corrected."},
	{"parameter.set", "parameter", "different", "declared", "set", HARMLESS, ALONE,
	"A declared parameter of the server that its configuration files do not give this value is set by ALTER SYSTEM."},
	{"parameter.overridden", "parameter", "overridden", "declared", "report", HARMLESS, ALONE,
	"A declared parameter that is given on the command line or by the environment is reported."},
	{"parameter.reset", "parameter", "existing", "DEFAULT", "reset", HARMLESS, ALONE,
	"A parameter declared as DEFAULT is taken out of what ALTER SYSTEM has set."},
	{"parameter.undo", "parameter", "set by pgops", "undeclared", "reset", HARMLESS, ALONE,
	"A parameter that pgops set and that is no longer declared is taken out, too."},
	{"parameter.reload", "parameter", "set", "declared", "reload", HARMLESS, ALONE,
	"The server reads its configuration once after parameters were set."},
	{"parameter.restart", "parameter", "waiting", "declared", "report", HARMLESS, ALONE,
	"Parameters that take effect at the next start only are reported until then."},

	{"patroni.unreachable", "patroni", "unknown", "any", "report", HARMLESS, ALONE,
	"As long as Patroni's configuration is not known, or is not pgops' to change, that is reported and nothing of it planned."},
	{"patroni.parameter", "parameter", "different", "declared", "report", HARMLESS, ALONE,
	"A declared parameter that Patroni sets itself, would ignore, or the server would refuse is reported."},
	{"patroni.overridden", "parameter", "overridden", "declared", "report", HARMLESS, ALONE,
	"A parameter to which postgresql.auto.conf or patroni.yml gives another value than Patroni's configuration is reported."},
	{"patroni.refused", "patroni", "different", "declared", "report", HARMLESS, ALONE,
	"A setting with which the cluster would stand still or lose its leader for nothing is reported and left out."},
	{"patroni.hba", "hba", "Patroni", "declared", "report", HARMLESS, ALONE,
	"Where Patroni's configuration has pg_hba, which is one for all members, rules of a single role are left out and reported."},
	{"patroni.config", "patroni", "different", "declared", "patch", HARMLESS, ALONE,
	"What Patroni's configuration says otherwise than declared, parameters of the server and HBA rules included, is set by the smallest PATCH."},
	{"patroni.orphan", "patroni", "owned", "undeclared", "report", HARMLESS, ALONE,
	"A replication slot that is no longer declared is reported, not taken out of Patroni's configuration."},
	{"patroni.mode", "patroni", "paused", "declared", "report", HARMLESS, ALONE,
	"A paused Patroni is reported where patroni_mode is declared as default."},
	{"patroni.restart", "parameter", "waiting", "declared", "report", HARMLESS, ALONE,
	"Parameters that take effect at the next start only are reported until then, with the members that wait."},

	{"backup.setup", "backup", "not set up", "declared", "start job", HARMLESS, ALONE,
	"A job creates the stanza, checks that WAL is archived, and makes the first full backup."},
	{"backup.gone", "backup", "missing", "declared", "report", HARMLESS, IN_XACT,
	"A repository that has lost its stanza is reported, not begun anew: it may just not be mounted."},
	{"backup.orphan", "backup", "set up by pgops", "undeclared", "report", HARMLESS, IN_XACT,
	"Backups that are no longer declared are reported; the repository and pgbackrest.conf stay."},
	{NULL}
};

/*
 * The rule with this id; asking for an unknown one is a bug.  Seventy string
 * comparisons per planned action are nothing beside the action.
 */
const Rule *
rule_get(const char *id)
{
	for (const Rule *rule = plan_rules; rule->id != NULL; rule++)
	{
		if (strcmp(rule->id, id) == 0)
			return rule;
	}
	elog(ERROR, "pgops has no rule \"%s\"", id);
	return NULL;				/* keep compiler quiet */
}
