/*
 * validate_port.c
 *		Ports that two things claim: the components of a cluster, its services,
 *		services of the proxy, and those of another cluster on the same host.
 *
 * Services are ports of the proxy that runs on each host of a cluster, so they
 * meet the components there.  Every port has a default, so two clusters that
 * share a host share nearly all of them: what nobody has declared is a warning
 * at most, except the server's own port.
 *
 * Not for: whether a value is a port (validate_value.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "errors.h"
#include "spec/validate.h"

/* a component that listens, unless its switch is off */
typedef struct Listener
{
	const char *port;
	const char *enabled;		/* NULL: always */
} Listener;

/* the server comes first: see is_server() */
static const Listener listeners[] = {
	{"pg_port", NULL},
	{"pgbouncer_port", "pgbouncer_enabled"},
	{"patroni_port", "patroni_enabled"},
	{"pg_exporter_port", "pg_exporter_enabled"},
	{"pgbouncer_exporter_port", "pgbouncer_exporter_enabled"},
	{"pgbackrest_exporter_port", "pgbackrest_exporter_enabled"},
};

/* lists of services: two of clusters, one of the host's proxy */
static const char *const service_lists[] = {"pg_default_services", "pg_services", "haproxy_services"};

/* something that wants a port */
typedef struct Claim
{
	int64		port;
	bool		elsewhere;		/* a service whose proxy is on another host */
	const char *param;			/* a component's parameter, or the list of the service */
	int			index;			/* of the service in its list; -1: component */
	const SpecNode *item;		/* the service */
	const SpecNode *at;			/* the port's value; NULL: nobody declared it */
	const char *origin;			/* the level that declares it */
	bool		own;			/* declared at the level, or by the host, that is looked at */
	int			order;
} Claim;

/* what collects them */
typedef struct Claims
{
	const GroupView *view;
	const SpecEntry *host;		/* NULL: the group as such */
	Claim	   *claims;
	int			count;
	int			size;
} Claims;

/*
 * A parameter of the host or the group.  own: of the host, whether it is not
 * what all of the group has; of the group, whether it is declared right there.
 */
static const SpecNode *
claimed_value(const Claims *claims, const char *param, const char **origin, bool *own)
{
	const SpecNode *common = spec_view_value(claims->view, param, origin);
	const SpecNode *value;

	*own = common != NULL && strcmp(*origin, claims->view->path) == 0;
	if (claims->host == NULL)
		return common;
	value = spec_view_host_value(claims->view, claims->host, param);
	*own = value != common;
	return value;
}

/* whether a switch is on; a placeholder is taken for its default, as nobody knows better */
static bool
switched_on(const Claims *claims, const char *param)
{
	const char *origin;
	bool		own;
	const SpecNode *value = claimed_value(claims, param, &origin, &own);

	if (value == NULL || value->kind == NODE_STRING)
		value = catalogue_default_value(param);
	return value == NULL || value->kind != NODE_BOOL || value->boolean;
}

static void
add_claim(Claims *claims, Claim claim)
{
	if (claims->count >= claims->size)
	{
		claims->size = claims->size == 0 ? 32 : claims->size * 2;
		claims->claims = claims->claims == NULL ?
			palloc(claims->size * sizeof(Claim)) :
			repalloc_huge(claims->claims, claims->size * sizeof(Claim));
	}
	claim.order = claims->count;
	claims->claims[claims->count++] = claim;
}

static void
add_listener(Claims *claims, const Listener *listener)
{
	Claim		claim = {.param = listener->port, .index = -1};
	const SpecNode *value = claimed_value(claims, listener->port, &claim.origin, &claim.own);

	claim.at = value;
	if (value == NULL)
		value = catalogue_default_value(listener->port);
	if (spec_integer(value, &claim.port) &&
		(listener->enabled == NULL || switched_on(claims, listener->enabled)))
		add_claim(claims, claim);
}

static void
add_services(Claims *claims, const char *param, bool elsewhere)
{
	Claim		claim = {.param = param, .elsewhere = elsewhere};
	const SpecNode *value = claimed_value(claims, param, &claim.origin, &claim.own);
	bool		declared = value != NULL;
	ListCell   *lc;

	if (!declared)
		value = catalogue_default_value(param);
	claim.index = 0;
	foreach(lc, value == NULL ? NIL : value->items)
	{
		const SpecNode *port = node_get(lfirst(lc), "port");

		claim.item = lfirst(lc);
		claim.at = declared ? port : NULL;
		if (spec_integer(port, &claim.port))
			add_claim(claims, claim);
		claim.index++;
	}
}

/*
 * Components and services.  Services of a provider elsewhere, or of a host
 * without proxy, meet each other only.
 */
static void
collect(Claims *claims)
{
	const char *origin;
	bool		own;
	const SpecNode *provider = claimed_value(claims, "pg_service_provider", &origin, &own);
	bool		elsewhere = !switched_on(claims, "haproxy_enabled") ||
		(provider != NULL && provider->text != NULL && provider->text[0] != '\0');

	for (int i = 0; i < lengthof(listeners); i++)
		add_listener(claims, &listeners[i]);
	for (int i = 0; i < lengthof(service_lists); i++)
		add_services(claims, service_lists[i], elsewhere);
}

/* claims that cannot all be met lie together */
static int
compare_ports(const Claim *left, const Claim *right)
{
	if (left->elsewhere != right->elsewhere)
		return left->elsewhere ? 1 : -1;
	if (left->port != right->port)
		return left->port < right->port ? -1 : 1;
	return 0;
}

static int
claim_order(const void *a, const void *b)
{
	const Claim *left = a;
	const Claim *right = b;

	int			order = compare_ports(left, right);

	return order != 0 ? order : left->order - right->order;
}

static void
sort_claims(Claims *claims)
{
	if (claims->count > 1)
		qsort(claims->claims, claims->count, sizeof(Claim), claim_order);
}

static char *
claim_text(const Claim *claim)
{
	const char *name = claim->index < 0 ? NULL : spec_item_name(claim->item);

	if (claim->index < 0)
		return psprintf("\"%s\"", claim->param);
	return psprintf("service \"%s\"", name == NULL ? "" : name);
}

/* where the finding about a claim belongs */
static char *
claim_path(const Claims *claims, const Claim *claim)
{
	char	   *path;

	if (claims->host != NULL)
		return psprintf("%s.hosts.%s", claims->view->path, claims->host->key);
	path = spec_path_key(claim->origin, claim->param);
	return claim->index < 0 ? path : spec_path_key(spec_path_item(path, claim->index), "port");
}

/*
 * Whether this was not said before: what is declared for all collides in every
 * cluster, and is one mistake.
 */
static bool
is_news(const Claims *claims, const Claim *culprit, const char *path)
{
	char	   *key = psprintf(INT64_FORMAT " %s", culprit->port, path);

	return spec_names_add(claims->view->reported, key, key) == NULL;
}

/*
 * Who gives the server the port of a default service may have no proxy at all;
 * who declares a service has one.
 */
static FindingSeverity
severity_of(const Claim *culprit, const Claim *other)
{
	return culprit->index >= 0 || other->at != NULL ? FINDING_ERROR : FINDING_WARNING;
}

/*
 * Two claims of one port.  Reported where somebody declared it: at the later
 * one if both are declared, at the one nearer to the host if only one is.
 */
static void
report(const Claims *claims, const Claim *first, const Claim *second, Findings *findings)
{
	const Claim *culprit = second->at != NULL && (second->own || !first->own) ? second : first;
	const Claim *other;
	char	   *path;

	if (culprit->at == NULL)
		culprit = second;
	other = culprit == second ? first : second;
	path = claim_path(claims, culprit);
	if (!is_news(claims, culprit, path))
		return;
	if (claims->host != NULL)
		finding_add(findings, severity_of(culprit, other), ERRCODE_PGOPS_DUPLICATE_OBJECT,
					culprit->at, path, NULL,
					"port " INT64_FORMAT " of host \"%s\" is taken by %s already",
					culprit->port, claims->host->key, claim_text(other));
	else
		finding_add(findings, severity_of(culprit, other), ERRCODE_PGOPS_DUPLICATE_OBJECT,
					culprit->at, path, NULL,
					"port " INT64_FORMAT " is taken by %s already", culprit->port,
					claim_text(other));
}

/*
 * Claims of one port lie together; all of them against the first.  What only
 * the catalogue says is in order.  Of a host only what its group has not.
 */
static void
check_claims(Claims *claims, Findings *findings)
{
	const Claim *first = NULL;

	sort_claims(claims);
	for (int i = 0; i < claims->count; i++)
	{
		const Claim *claim = &claims->claims[i];

		if (first == NULL || compare_ports(first, claim) != 0)
			first = claim;
		else if ((claims->host == NULL || claim->own || first->own) &&
				 (claim->at != NULL || first->at != NULL))
			report(claims, first, claim, findings);
	}
}

void
spec_check_ports(const GroupView *view, Findings *findings)
{
	Claims		claims = {view};

	collect(&claims);
	check_claims(&claims, findings);
	if (claims.claims != NULL)
		pfree(claims.claims);
}

/* ---- hosts ---- */

static bool
has_claim(const SpecNode *vars)
{
	for (int i = 0; i < lengthof(listeners); i++)
	{
		if (node_get(vars, listeners[i].port) != NULL)
			return true;
	}
	for (int i = 0; i < lengthof(service_lists); i++)
	{
		if (node_get(vars, service_lists[i]) != NULL)
			return true;
	}
	return false;
}

/*
 * Whether the host may have ports that its cluster has not: by variables of
 * its own, or by other groups, of which "claiming" knows those that set any.
 */
static bool
differs(const GroupView *view, const SpecEntry *entry, const SpecNames *claiming)
{
	const InventoryHost *host = spec_names_find(view->inventory->host_by_name, entry->key);
	ListCell   *lc;

	foreach(lc, host->vars)
	{
		if (has_claim(lfirst(lc)))
			return true;
	}
	if (list_length(host->groups) < 2)
		return false;
	foreach(lc, host->groups)
	{
		const InventoryGroup *other = lfirst(lc);
		ListCell   *ll;

		if (other == view->group || strcmp(other->kind, INVENTORY_PGSQL) == 0)
			continue;
		foreach(ll, inventory_group_levels(other))
		{
			if (spec_names_find(claiming, ((InventoryGroup *) lfirst(ll))->name) != NULL)
				return true;
		}
	}
	return false;
}

/* another cluster on the host that a view was seen on before */
typedef struct Tenant
{
	const GroupView *view;
	const SpecEntry *host;
	Claims	   *claims;			/* in order; NULL: it was alone so far */
	int64		server;			/* port of the server itself; 0: not known */
	struct Tenant *next;
} Tenant;

/* two clusters on one host and port: their servers cannot both run */
static void
report_servers(const GroupView *view, const SpecEntry *host, const GroupView *other,
			   int64 port, Findings *findings)
{
	SpecNode	at = spec_place_of_key(host);

	spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, &at,
			   psprintf("%s.hosts.%s", view->path, host->key),
			   "Give one of the clusters another \"pg_port\", or take the host out of it.",
			   "host \"%s\" is in the clusters \"%s\" and \"%s\", both with port " INT64_FORMAT,
			   host->key, other->path, view->path, port);
}

/* one word about all ports that two clusters share because nobody chose others */
static void
report_shared(const GroupView *view, const SpecEntry *host, const GroupView *other,
			  const char *shared, Findings *findings)
{
	SpecNode	at = spec_place_of_key(host);

	finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_CONTRADICTION, &at,
				psprintf("%s.hosts.%s", view->path, host->key),
				"Give each cluster on a host ports of its own, or switch off what only one of them needs.",
				"clusters \"%s\" and \"%s\" share host \"%s\" and have the same ports: %s",
				other->path, view->path, host->key, shared);
}

/* the port of the server itself; 0: not known */
static int64
server_port(const Claims *claims)
{
	return claims->count > 0 && claims->claims[0].param == listeners[0].port ?
		claims->claims[0].port : 0;
}

/* Once for each: with many clusters on one host there are far more pairs. */
static void
collect_tenant(Tenant *tenant)
{
	if (tenant->claims != NULL)
		return;
	tenant->claims = palloc0(sizeof(Claims));
	tenant->claims->view = tenant->view;
	tenant->claims->host = tenant->host;
	collect(tenant->claims);
	tenant->server = server_port(tenant->claims);
	sort_claims(tenant->claims);
}

/*
 * A service that somebody declared for one of the two clusters is not meant
 * for a port that is taken; all else is said in one word.
 */
static void
report_tenants(const Tenant *tenant, const Tenant *other, const Claim *mine, const Claim *theirs,
			   StringInfo shared, Findings *findings)
{
	if (mine->at != NULL && mine->index >= 0 && mine->item != theirs->item)
		spec_error(findings, ERRCODE_PGOPS_DUPLICATE_OBJECT, mine->at,
				   psprintf("%s.hosts.%s", tenant->view->path, tenant->host->key), NULL,
				   "port " INT64_FORMAT " of host \"%s\" is taken by %s of cluster \"%s\" already",
				   mine->port, tenant->host->key, claim_text(theirs), other->view->path);
	else
		appendStringInfo(shared, "%s" INT64_FORMAT " (%s)", shared->len > 0 ? ", " : "",
						 mine->port, claim_text(mine));
}

/* every pair of the two clusters' claims that are for one port */
static void
compare_tenants(Tenant *tenant, Tenant *other, Findings *findings)
{
	const Claims *mine;
	const Claims *theirs;
	StringInfoData shared;
	int			j = 0;

	CHECK_FOR_INTERRUPTS();
	collect_tenant(tenant);
	collect_tenant(other);
	mine = tenant->claims;
	theirs = other->claims;
	if (tenant->server != 0 && tenant->server == other->server)
	{
		report_servers(tenant->view, tenant->host, other->view, tenant->server, findings);
		return;
	}
	initStringInfo(&shared);
	for (int i = 0; i < mine->count && !mine->claims[i].elsewhere; i++)
	{
		while (j < theirs->count && compare_ports(&theirs->claims[j], &mine->claims[i]) < 0)
			j++;
		if (j < theirs->count && compare_ports(&theirs->claims[j], &mine->claims[i]) == 0)
			report_tenants(tenant, other, &mine->claims[i], &theirs->claims[j], &shared, findings);
	}
	if (shared.len > 0)
		report_shared(tenant->view, tenant->host, other->view, shared.data, findings);
	pfree(shared.data);
}

/* the host against all clusters that were seen on it */
static void
check_tenants(const GroupView *view, const SpecEntry *host, SpecNames *tenants,
			  Findings *findings)
{
	Tenant	   *tenant = palloc0(sizeof(Tenant));
	Tenant	   *first;

	tenant->view = view;
	tenant->host = host;
	first = spec_names_add(tenants, host->key, tenant);
	if (first == NULL)
		return;
	for (Tenant *other = first; view->asked && other != NULL; other = other->next)
		compare_tenants(tenant, other, findings);
	tenant->next = first->next;
	first->next = tenant;
}

/* groups that are no clusters and set ports or services for their hosts */
static SpecNames *
claiming_groups(const Inventory *inventory)
{
	SpecNames  *claiming = spec_names_create();
	ListCell   *lc;

	foreach(lc, inventory->groups)
	{
		InventoryGroup *group = lfirst(lc);

		if (strcmp(group->kind, INVENTORY_PGSQL) != 0 && has_claim(group->vars))
			(void) spec_names_add(claiming, group->name, group);
	}
	return claiming;
}

void
spec_check_host_ports(const Inventory *inventory, List *views, Findings *findings)
{
	SpecNames  *claiming = claiming_groups(inventory);
	SpecNames  *tenants = spec_names_create();
	ListCell   *lv;
	ListCell   *lh;

	foreach(lv, views)
	{
		const GroupView *view = lfirst(lv);

		foreach(lh, view->group->hosts->entries)
		{
			const SpecEntry *host = lfirst(lh);
			Claims		claims = {view, host};

			if (view->asked && differs(view, host, claiming))
			{
				collect(&claims);
				check_claims(&claims, findings);
			}
			check_tenants(view, host, tenants, findings);
		}
	}
}
