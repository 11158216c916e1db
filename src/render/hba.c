/*
 * hba.c
 *		The text of pg_hba.conf.
 *
 * A rule that cannot be rendered is never half rendered: it is left out whole,
 * with a comment that says why.  No text of a declaration can begin a line of
 * its own or make the next line part of a comment.
 *
 * Not for: the columns (hba_name.c, hba_address.c, hba_auth.c), nor whether
 * the server accepts the text (io/hba.c).
 */
#include "postgres.h"

#include "errors.h"
#include "render/hba_parts.h"
#include "spec/hba_name.h"

/* widths of the columns: fixed, so that one rule never moves another */
#define LINE_FORMAT		"%-8s %-18s %-18s %-18s %s"

/* ---- text that is safe on a line of its own ---- */

/*
 * Control characters become blanks, and backslashes at the end go: one there
 * would continue the line, and if it is a comment swallow the next rule.
 */
static char *
one_line(const char *str)
{
	char	   *line = pstrdup(str ? str : "");
	size_t		length = strlen(line);

	for (char *p = line; *p; p++)
	{
		if ((unsigned char) *p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
	while (length > 0 && (line[length - 1] == '\\' || line[length - 1] == ' '))
		line[--length] = '\0';
	return line;
}

/* The only way by which text of a declaration gets into a comment. */
static void
append_comment(StringInfo out, const char *comment)
{
	appendStringInfo(out, "# %s\n", one_line(comment));
}

/* ---- one rule ---- */

/*
 * The rule is live where it must hold now: the actual role counts, the declared
 * one only tells replicas apart.
 */
static bool
rule_is_live(const HbaRule *rule, const Instance *self, bool in_recovery)
{
	const char *role = rule->role;
	const char *actual = in_recovery ? "replica" : "primary";

	if (strcmp(role, "default") == 0 || strcmp(role, "common") == 0 ||
		strcmp(role, actual) == 0)
		return true;
	if (self == NULL)
		return false;
	if (strcmp(role, "offline") == 0 && self->offline_query)
		return true;
	return in_recovery && strcmp(role, "primary") != 0 && strcmp(role, self->role) == 0;
}

/* Raw lines are the declarer's; only what could break out of a line is refused. */
static List *
raw_rule_lines(const HbaRule *rule, HbaProblem *problem)
{
	List	   *lines = NIL;
	ListCell   *cell;

	foreach(cell, rule->raw)
	{
		const char *raw = lfirst(cell);
		size_t		length = strlen(raw);

		if (length > 0 && raw[length - 1] == '\\')
		{
			problem->sqlstate = ERRCODE_PGOPS_BAD_HBA_RULE;
			problem->message = pstrdup("a raw line ends with a backslash, which would join it with the next one");
			problem->hint = "Write the whole rule on one line.";
			return NIL;
		}
		lines = lappend(lines, one_line(raw));
	}
	if (lines == NIL)
	{
		problem->sqlstate = ERRCODE_PGOPS_MISSING;
		problem->message = pstrdup("an HBA rule needs \"addr\" or \"rules\"");
	}
	return lines;
}

/* Lines of the alias form: one for each address that the method can be used on. */
static List *
alias_rule_lines(const Cluster *cluster, const HbaRule *rule, int server_major,
				 HbaProblem *problem)
{
	char	   *user = hba_name_column(rule->user, server_major, problem);
	char	   *db = user ? hba_name_column(rule->db, server_major, problem) : NULL;
	List	   *addresses = db ? hba_addresses(cluster, rule->addr, problem) : NIL;
	List	   *lines = NIL;
	ListCell   *cell;
	HbaAuth		auth;

	if (addresses == NIL || !hba_auth(cluster, rule->auth, &auth, problem))
		return NIL;

	foreach(cell, addresses)
	{
		const HbaAddress *address = lfirst(cell);
		const char *method = address->local ? auth.local_method : auth.host_method;

		if (method != NULL)
			lines = lappend(lines,
							psprintf(LINE_FORMAT,
									 address->local ? "local" : auth.connection, db, user,
									 address->local ? "" : address->address, method));
	}
	if (lines == NIL)
	{
		problem->sqlstate = ERRCODE_PGOPS_BAD_HBA_RULE;
		problem->message = psprintf("authentication \"%s\" cannot be used with address \"%s\"",
									rule->auth, rule->addr);
	}
	return lines;
}

/*
 * Clears the problem first, so that a caller may use one for all rules.  Which
 * form a rule has is told by the fields that the model filled in.
 */
static List *
rule_lines(const Cluster *cluster, const HbaRule *rule, int server_major, HbaProblem *problem)
{
	memset(problem, 0, sizeof(HbaProblem));
	if (rule->user == NULL || rule->db == NULL || rule->auth == NULL)
		return raw_rule_lines(rule, problem);
	return alias_rule_lines(cluster, rule, server_major, problem);
}

List *
render_hba_rule(const Cluster *cluster, const HbaRule *rule, int server_major)
{
	HbaProblem	problem;

	return rule_lines(cluster, rule, server_major, &problem);
}

/*
 * Rules that are not live now are written as comments: they show what will
 * hold after the next promotion, and the difference that it makes is small.
 * Raw lines may hold a secret and are written as they are; it is the plan that
 * masks.
 */
static void
append_rule(StringInfo out, const Cluster *cluster, const HbaRule *rule, bool live,
			int server_major)
{
	HbaProblem	problem;
	List	   *lines = rule_lines(cluster, rule, server_major, &problem);
	ListCell   *cell;

	append_comment(out, psprintf("%s [%s]%s", one_line(rule->title ? rule->title : "rule"),
								 rule->role, live ? "" : " [disabled]"));
	if (lines == NIL)
		append_comment(out, psprintf("left out: %s", problem.message));
	foreach(cell, lines)
		appendStringInfo(out, "%s%s\n", live ? "" : "#", (char *) lfirst(cell));
	appendStringInfoChar(out, '\n');
}

/* ---- the file ---- */

/* the superuser's name as a column, whatever initdb called it; NULL: cannot be written */
static char *
superuser_column(const Cluster *cluster, int server_major, HbaProblem *problem)
{
	HbaName    *name = hba_name_literal(cluster->dbsu);

	return hba_name_column(hba_names_join(list_make1(name)), server_major, problem);
}

/*
 * The way in that no declaration can take away: whatever the rules below say,
 * the superuser gets in through the local socket, since the server takes the
 * first line that matches.
 */
static void
append_head(StringInfo out, const Cluster *cluster, const Instance *self,
			const char *local_method, int server_major)
{
	HbaProblem	problem = {0};
	char	   *user = superuser_column(cluster, server_major, &problem);

	/* without this line the file must not exist; render_hba_check() says so before */
	if (user == NULL)
		ereport(ERROR,
				(errcode(problem.sqlstate),
				 errmsg("the bootstrap superuser cannot be named in pg_hba.conf: %s",
						problem.message)));

	append_comment(out, psprintf("pg_hba.conf of %s, written by pgops",
								 self ? self->name : cluster->name));
	append_comment(out, "Changes made here are overwritten: declare pg_hba_rules and call pgops.apply_cluster().");
	appendStringInfoChar(out, '\n');
	append_comment(out, "bootstrap superuser through the local socket, always first [pgops]");
	appendStringInfo(out, LINE_FORMAT "\n\n", "local", "all", user, "",
					 one_line(local_method ? local_method : "peer"));
}

/* The instance this server is; a cluster of one needs no binding to know. */
static const Instance *
self_of(const Cluster *cluster)
{
	if (cluster->self == NULL && list_length(cluster->instances) == 1)
		return linitial(cluster->instances);
	return cluster->self;
}

/*
 * The same input always gives the same bytes: no date, no host name, nothing
 * of the moment.  A file that need not change is not written.
 */
char *
render_hba(const Cluster *cluster, bool in_recovery, const char *local_method,
		   int server_major)
{
	const Instance *self = self_of(cluster);
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	append_head(&out, cluster, self, local_method, server_major);
	foreach(cell, cluster->hba_rules)
	{
		const HbaRule *rule = lfirst(cell);

		append_rule(&out, cluster, rule, rule_is_live(rule, self, in_recovery),
					server_major);
	}

	/* rules are separated by blank lines; the file does not end with one */
	if (out.len > 1 && out.data[out.len - 1] == '\n' && out.data[out.len - 2] == '\n')
		out.data[--out.len] = '\0';
	return out.data;
}

/* The same lines for whoever is asked, so without a comment that names one. */
List *
render_hba_lines(const Cluster *cluster, const char *local_method, int server_major,
				 List **left_out)
{
	HbaProblem	problem = {0};
	char	   *user = superuser_column(cluster, server_major, &problem);
	List	   *lines = NIL;
	ListCell   *cell;

	*left_out = NIL;
	if (user == NULL)
		return NIL;
	lines = list_make1(psprintf(LINE_FORMAT, "local", "all", user, "",
								one_line(local_method ? local_method : "peer")));
	foreach(cell, cluster->hba_rules)
	{
		HbaRule    *rule = lfirst(cell);

		if (strcmp(rule->role, "default") == 0 || strcmp(rule->role, "common") == 0)
			lines = list_concat(lines, rule_lines(cluster, rule, server_major, &problem));
		else
			*left_out = lappend(*left_out, rule);
	}
	return lines;
}

/*
 * A rule that nobody declared, but that is among the defaults and merely has
 * nothing to stand for here, is not worth a warning.
 */
static FindingSeverity
problem_severity(const HbaRule *rule, const HbaProblem *problem)
{
	if (!problem->missing)
		return FINDING_ERROR;
	return strstr(rule->path ? rule->path : "", ".pg_default_hba_rules[") != NULL ?
		FINDING_NOTICE : FINDING_WARNING;
}

/*
 * Renders each rule to see whether it can be, and reports what render_hba()
 * would leave out.  So a document with such a rule is refused before it is
 * stored, and the "left out" lines of a file stem from changes after that.
 */
void
render_hba_check(const Cluster *cluster, int server_major, Findings *findings)
{
	HbaProblem	problem = {0};
	ListCell   *cell;

	if (superuser_column(cluster, server_major, &problem) == NULL)
		finding_add(findings, FINDING_ERROR, problem.sqlstate, NULL, cluster->name,
					"Rename the bootstrap superuser, or set pgops.manage_hba to off.",
					"the bootstrap superuser cannot be named in pg_hba.conf: %s",
					problem.message);

	foreach(cell, cluster->hba_rules)
	{
		const HbaRule *rule = lfirst(cell);

		if (rule_lines(cluster, rule, server_major, &problem) != NIL)
			continue;
		if (problem.missing)
			finding_add(findings, problem_severity(rule, &problem), problem.sqlstate,
						rule->node, rule->path ? rule->path : "", problem.hint,
						"%s: the HBA rule is left out", problem.message);
		else
			finding_add(findings, FINDING_ERROR, problem.sqlstate, rule->node,
						rule->path ? rule->path : "", problem.hint, "%s", problem.message);
	}
}
