/*
 * validate_identity.c
 *		Who is who among the hosts of a cluster: pg_seq, which numbers them,
 *		and pg_role, of which each cluster has one primary.
 *
 * Not for: identities that collide between groups (validate_fleet.c).
 */
#include "postgres.h"

#include "errors.h"
#include "spec/validate.h"

/* a cluster that hosts of the group belong to: nearly always the group itself */
struct SpecTeam
{
	int			primaries;		/* members with pg_role primary */
	bool		judged;			/* the lack of a primary has been reported */
	SpecNames  *seqs;			/* pg_seq as text, to the SpecMember that has it */
};

/* the team of a cluster, made when its first member comes */
static SpecTeam *
team_of(SpecNames *teams, const char *cluster)
{
	SpecTeam   *team = spec_names_find(teams, cluster);

	if (team == NULL)
	{
		team = palloc0(sizeof(SpecTeam));
		team->seqs = spec_names_create();
		(void) spec_names_add(teams, cluster, team);
	}
	return team;
}

/* one host as an instance */
static SpecMember *
make_member(const GroupView *view, const SpecEntry *host, SpecNames *teams)
{
	SpecMember *member = palloc0(sizeof(SpecMember));
	const char *own = spec_plain_text(spec_view_host_value(view, host, "pg_cluster"));
	const SpecNode *role = spec_view_host_value(view, host, "pg_role");

	member->host = host;
	member->cluster = own != NULL ? own : view->group->name;
	member->team = team_of(teams, member->cluster);
	member->seq = spec_view_host_value(view, host, "pg_seq");
	member->primary = role != NULL && role->text != NULL && strcmp(role->text, "primary") == 0;
	member->team->primaries += member->primary;
	return member;
}

/* Made once for each view: several checks go through them. */
List *
spec_view_members(GroupView *view)
{
	SpecNames  *teams;
	ListCell   *lc;

	if (view->members != NIL)
		return view->members;
	teams = spec_names_create();
	foreach(lc, view->group->hosts->entries)
	{
		const SpecEntry *host = lfirst(lc);

		if (spec_view_host_value(view, host, "pg_instances") == NULL)
			view->members = lappend(view->members, make_member(view, host, teams));
	}
	return view->members;
}

/* pg_seq of one member: there, and not one of an earlier member of its cluster */
static void
check_seq(const SpecMember *member, const char *path, Findings *findings)
{
	SpecNode	at = spec_place_of_key(member->host);
	const SpecMember *other;

	if (member->seq == NULL)
	{
		spec_error(findings, ERRCODE_PGOPS_MISSING, &at, path, NULL,
				   "host \"%s\" has no \"pg_seq\"", member->host->key);
		return;
	}
	if (member->seq->kind != NODE_INT)
		return;					/* reported as a wrong type */
	other = spec_names_add(member->team->seqs, node_text(member->seq),
						   unconstify(SpecMember *, member));
	if (other != NULL)
		spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, member->seq,
				   spec_path_key(path, "pg_seq"), NULL,
				   "hosts \"%s\" and \"%s\" have the same \"pg_seq\" " INT64_FORMAT,
				   other->host->key, member->host->key, member->seq->integer);
}

/*
 * Exactly one primary for each cluster.  That there is none is said once, of
 * the cluster; that there are several, of each of them.
 */
static void
check_primary(const GroupView *view, const SpecMember *member, const char *below,
			  Findings *findings)
{
	SpecTeam   *team = member->team;
	SpecNode	at = spec_place_of_key(member->host);

	if (team->primaries == 0 && !team->judged && !view->incomplete)
		spec_error(findings, ERRCODE_PGOPS_MISSING, view->group->hosts, view->group->name,
				   "Give one host \"pg_role: primary\"; without \"pg_role\" a host is a replica.",
				   "cluster \"%s\" has no primary", member->cluster);
	team->judged = true;
	if (team->primaries > 1 && member->primary)
		spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, &at, below,
				   "Exactly one host may have \"pg_role: primary\".",
				   "cluster \"%s\" has %d primaries, one of them \"%s\"",
				   member->cluster, team->primaries, member->host->key);
}

/* A group may hold hosts of several clusters (shards), so everything is counted by cluster. */
void
spec_check_identity(GroupView *view, Findings *findings)
{
	const InventoryGroup *group = view->group;
	char	   *hosts_path = spec_path_key(group->name, "hosts");
	ListCell   *lc;

	if (group->hosts->entries == NIL && !view->incomplete)
	{
		SpecNode	at = {.line = group->hosts->line, .column = group->hosts->column};

		if (at.line == 0)
		{
			at.line = group->line;
			at.column = group->column;
		}
		spec_error(findings, ERRCODE_PGOPS_MISSING, &at, group->name, NULL,
				   "cluster \"%s\" has no hosts", group->name);
	}
	foreach(lc, spec_view_members(view))
	{
		const SpecMember *member = lfirst(lc);
		char	   *below = spec_path_key(hosts_path, member->host->key);

		check_seq(member, below, findings);
		check_primary(view, member, below, findings);
		pfree(below);
	}
	pfree(hosts_path);
}
