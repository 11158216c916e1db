/*
 * push_target.c
 *		Which servers a declared group goes to, and how they are reached.
 *
 * The settings are those in effect for each instance, placeholders resolved.
 * Passwords are read here and wiped after use; they are in no message.
 *
 * Not for: the document (push_document.c).
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "mb/pg_wchar.h"

#include "cmdb/cmdb.h"
#include "errors.h"
#include "guc.h"
#include "io/remote.h"
#include "observe/reference.h"
#include "secret.h"
#include "spec/placeholder.h"
#include "spec/reference.h"
#include "spec/spec.h"
#include "worker/push_target.h"

/* one host of the group while its target is made */
typedef struct Member
{
	const char *host;
	const char *pg_cluster;
	bool		primary;
	int64		seq;
	List	   *settings;		/* of InventorySetting *: in effect for the host */
} Member;

/* what is being read */
typedef struct Loading
{
	const Inventory *inventory;
	const InventoryGroup *group;
	const char *self;			/* instance that this server is, or NULL */
} Loading;

/* ---- settings in effect ---- */

/* what was declared, or the default; NULL: neither */
static const SpecNode *
find_setting(List *settings, const char *name)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		const InventorySetting *setting = lfirst(cell);

		if (strcmp(setting->name, name) == 0)
			return setting->value;
	}
	return NULL;
}

/* ${name} is a setting of the same host */
static const SpecNode *
placeholder_variable(const char *name, void *arg)
{
	return find_setting(((Member *) arg)->settings, name);
}

/* A setting as text with its placeholders resolved; NULL: not there, or no text. */
static const char *
setting_text(Member *member, const char *name)
{
	const SpecNode *value = find_setting(member->settings, name);
	const char *text = value ? node_text(value) : NULL;
	Placeholders source = {
		.host = member->host, .cluster = member->pg_cluster,
		.variable = placeholder_variable, .arg = member
	};

	if (text == NULL || text[0] == '\0')
		return NULL;
	return placeholder_text(&source, text);
}

/* A setting in the form of its type: what is stored is what was written. */
static SpecNode *
setting_typed(List *settings, const char *name)
{
	const SpecNode *value = find_setting(settings, name);
	SpecNode   *copy = value ? node_copy(value) : node_null();
	Findings	findings = {0};

	spec_validate_param(name, copy, name, &findings);
	return copy;
}

/* ---- how to connect ---- */

/* shares the texts: both live as long as the group */
static List *
add_option(List *options, const char *keyword, const char *value)
{
	RemoteOption *option = palloc(sizeof(RemoteOption));

	option->keyword = keyword;
	option->value = value;
	return lappend(options, option);
}

static const char *
find_option(List *options, const char *keyword)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		RemoteOption *option = lfirst(cell);

		if (strcmp(option->keyword, keyword) == 0)
			return option->value;
	}
	return NULL;
}

/* what the connection string says goes before what follows from the cluster */
static List *
default_option(List *options, const char *keyword, const char *value)
{
	return value == NULL || find_option(options, keyword) ? options :
		add_option(options, keyword, value);
}

/* IPv4 or IPv6, as libpq takes it for hostaddr */
static bool
is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/*
 * An address is given as such, for looking up a name would block.  Of several
 * hosts in a connection string the primary is meant.
 */
static List *
complete_options(List *options, Member *member)
{
	const char *hosts = find_option(options, "host");

	if (hosts == NULL && find_option(options, "hostaddr") == NULL && is_address(member->host))
		options = add_option(options, "hostaddr", member->host);
	options = default_option(options, "host", member->host);
	if (hosts != NULL && strchr(hosts, ',') != NULL)
		options = default_option(options, "target_session_attrs", "primary");
	options = default_option(options, "port", setting_text(member, "pg_port"));
	options = default_option(options, "dbname", pgops_guc_database);
	options = default_option(options, "user", setting_text(member, "pg_admin_username"));
	options = default_option(options, "application_name", "pgops");

	/* asks a credential cache, which may block, and is a thing to be asked for */
	options = default_option(options, "gssencmode", "disable");
	return add_option(options, "client_encoding", GetDatabaseEncodingName());
}

/*
 * The password as declared, or read from where the declaration says.  None is
 * fine: then a passfile or a certificate may do.
 */
static char *
read_password(PushTarget *target, Member *member)
{
	const SpecNode *declared = find_setting(member->settings, "pgops_push_password");
	const char *text = declared ? node_text(declared) : NULL;
	ReferenceValue value;

	if (declared != NULL && spec_reference(declared, NULL, NULL))
	{
		value = reference_read(declared);
		if (value.text == NULL)
		{
			target->sqlstate = ERRCODE_PGOPS_MISSING;
			target->problem = psprintf("pgops_push_password: %s", value.problem);
		}
		return value.text;
	}
	if (text == NULL || text[0] == '\0')
		return NULL;
	if (strcmp(text, SECRET_MASK) == 0)
	{
		target->sqlstate = ERRCODE_PGOPS_MISSING;
		target->problem = pstrdup("pgops_push_password is not known here any more: declare it again");
		return NULL;
	}
	return pstrdup(text);
}

/* How to reach one instance; what is wrong with it is the target's problem. */
static PushCandidate *
make_candidate(PushTarget *target, Member *member)
{
	PushCandidate *candidate = palloc0(sizeof(PushCandidate));
	const char *conninfo = setting_text(member, "pgops_push_conninfo");
	const char *timeout;
	bool		valid = true;

	candidate->host = member->host;
	candidate->instance = psprintf("%s-" INT64_FORMAT, member->pg_cluster, member->seq);
	if (conninfo != NULL)
		candidate->options = remote_parse(conninfo, &valid);
	if (!valid)
	{
		target->sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
		target->problem = pstrdup("pgops_push_conninfo is not a valid connection string");
		return candidate;
	}
	candidate->options = complete_options(candidate->options, member);
	timeout = find_option(candidate->options, "connect_timeout");
	candidate->connect_timeout = timeout ? (int) Max(strtol(timeout, NULL, 10), 0) : 0;
	candidate->password = read_password(target, member);
	if (candidate->password != NULL)
		candidate->options = add_option(candidate->options, "password", candidate->password);
	return candidate;
}

static const char *
option_or_empty(const PushCandidate *candidate, const char *keyword)
{
	const char *value = find_option(candidate->options, keyword);

	return value ? value : "";
}

/* A connection string that names the host leads to one place for all instances. */
static bool
same_place(const PushCandidate *a, const PushCandidate *b)
{
	return strcmp(option_or_empty(a, "host"), option_or_empty(b, "host")) == 0 &&
		strcmp(option_or_empty(a, "hostaddr"), option_or_empty(b, "hostaddr")) == 0 &&
		strcmp(option_or_empty(a, "port"), option_or_empty(b, "port")) == 0;
}

/* libpq keeps a copy of its own, and wipes it when the connection is closed */
static void
wipe_password(PushCandidate *candidate)
{
	if (candidate->password != NULL)
		explicit_bzero(candidate->password, strlen(candidate->password));
}

/* Calling one place twice would only take time. */
static void
add_candidate(PushTarget *target, Member *member)
{
	PushCandidate *candidate = make_candidate(target, member);
	ListCell   *cell;

	foreach(cell, target->candidates)
	{
		if (same_place(lfirst(cell), candidate))
		{
			wipe_password(candidate);
			return;
		}
	}
	target->candidates = lappend(target->candidates, candidate);
}

/* ---- the targets of a group ---- */

/* A host that says nothing of pg_cluster is in the one that the group is named after. */
static Member *
make_member(const Loading *loading, const char *host)
{
	Member	   *member = palloc0(sizeof(Member));
	const SpecNode *cluster;
	const SpecNode *role;
	SpecNode   *seq;

	member->host = host;
	member->settings = inventory_settings(loading->inventory, loading->group, host, true);
	cluster = find_setting(member->settings, "pg_cluster");
	member->pg_cluster = cluster && node_text(cluster) ? node_text(cluster) : loading->group->name;
	role = find_setting(member->settings, "pg_role");
	member->primary = role && node_text(role) && strcmp(node_text(role), "primary") == 0;
	seq = setting_typed(member->settings, "pg_seq");
	member->seq = seq->kind == NODE_INT ? seq->integer : 0;
	return member;
}

/* cluster by cluster, in each the declared primary first, then by number */
static int
compare_members(const ListCell *a, const ListCell *b)
{
	const Member *one = lfirst(a);
	const Member *other = lfirst(b);
	int			order = strcmp(one->pg_cluster, other->pg_cluster);

	if (order != 0)
		return order;
	if (one->primary != other->primary)
		return one->primary ? -1 : 1;
	return one->seq < other->seq ? -1 : one->seq > other->seq;
}

static List *
sorted_members(const Loading *loading)
{
	List	   *members = NIL;
	ListCell   *cell;

	foreach(cell, loading->group->hosts->entries)
		members = lappend(members, make_member(loading, ((SpecEntry *) lfirst(cell))->key));
	list_sort(members, compare_members);
	return members;
}

/* Whether it is pushed by itself is the cluster's affair, not that of one instance. */
static PushTarget *
make_target(const Loading *loading, const char *pg_cluster)
{
	PushTarget *target = palloc0(sizeof(PushTarget));
	List	   *settings = inventory_settings(loading->inventory, loading->group, NULL, true);
	SpecNode   *automatic = setting_typed(settings, "pgops_push");

	target->cluster = pstrdup(loading->group->name);
	target->pg_cluster = pstrdup(pg_cluster);
	target->automatic = automatic->kind == NODE_BOOL && automatic->boolean;
	return target;
}

/* whether this server is one of the cluster's instances */
static bool
is_self(const Loading *loading, const Member *member)
{
	return loading->self != NULL &&
		strcmp(loading->self,
			   psprintf("%s-" INT64_FORMAT, member->pg_cluster, member->seq)) == 0;
}

/* A group that cannot be pushed has one target, too: it says why. */
static List *
make_targets(const Loading *loading)
{
	List	   *targets = NIL;
	PushTarget *target = NULL;
	ListCell   *cell;

	if (strcmp(loading->group->kind, INVENTORY_PGSQL) == 0)
	{
		foreach(cell, sorted_members(loading))
		{
			Member	   *member = lfirst(cell);

			if (target == NULL || strcmp(target->pg_cluster, member->pg_cluster) != 0)
			{
				target = make_target(loading, member->pg_cluster);
				targets = lappend(targets, target);
			}
			target->local |= is_self(loading, member);
			add_candidate(target, member);
		}
	}
	if (targets == NIL)
	{
		target = make_target(loading, loading->group->name);
		target->sqlstate = ERRCODE_PGOPS_UNKNOWN_CLUSTER;
		target->problem = psprintf("group \"%s\" is not a cluster of PostgreSQL",
								   loading->group->name);
		targets = list_make1(target);
	}
	return targets;
}

/* "pushed from pg-meta-1 (revision 7)" */
static char *
make_note(const Binding *binding, const CmdbCluster *row)
{
	return psprintf("pushed from %s (revision " INT64_FORMAT ")",
					binding->instance ? binding->instance : "a server that is not bound",
					row->revision);
}

/*
 * Generation and declaration come from one transaction, so that what is said to
 * be delivered is what was.
 */
PushGroup *
push_group_load(const char *cluster)
{
	PushGroup  *group = palloc0(sizeof(PushGroup));
	CmdbCluster *row = cmdb_cluster(cluster);
	Binding    *binding = cmdb_binding();
	Loading		loading = {0};

	if (row == NULL)
		return NULL;
	loading.inventory = cmdb_load_scope(cluster);
	loading.group = inventory_group(loading.inventory, cluster);
	if (loading.group == NULL)
		return NULL;
	if (binding->state == BINDING_BOUND)
		loading.self = binding->instance;

	group->cluster = pstrdup(cluster);
	group->generation = row->generation;
	group->note = make_note(binding, row);
	group->targets = make_targets(&loading);
	group->document = push_document(loading.inventory, loading.group);
	return group;
}

void
push_group_wipe(PushGroup *group)
{
	ListCell   *lt;
	ListCell   *lc;

	explicit_bzero(group->document, strlen(group->document));
	foreach(lt, group->targets)
	{
		foreach(lc, ((PushTarget *) lfirst(lt))->candidates)
			wipe_password(lfirst(lc));
	}
}
