/*
 * hba_address.c
 *		The address column of an HBA line: aliases, addresses with and without
 *		mask, host names.
 *
 * Not for: whether a host name resolves; that is known only when a client
 * connects.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "errors.h"
#include "render/hba_parts.h"

/* how the addresses of an alias are found */
typedef List *(*AliasFunction) (const Cluster *cluster, HbaProblem *problem);

typedef struct AddressAlias
{
	const char *alias;
	AliasFunction function;
} AddressAlias;

/* NULL stands for the socket.  The text is taken over, not copied. */
static HbaAddress *
make_address(char *address)
{
	HbaAddress *result = palloc0(sizeof(HbaAddress));

	result->local = (address == NULL);
	result->address = address;
	return result;
}

/* Length of a mask written in decimal digits, or -1. */
static int
mask_length(const char *digits, int max)
{
	size_t		length = strlen(digits);
	int			value = 0;

	if (length == 0 || length > 3 || digits[strspn(digits, "0123456789")] != '\0')
		return -1;
	for (size_t i = 0; i < length; i++)
		value = value * 10 + (digits[i] - '0');
	return value <= max ? value : -1;
}

/* What looks like an address is one or is refused; it never becomes a host name. */
static bool
looks_numeric(const char *declared)
{
	return strchr(declared, ':') != NULL || strchr(declared, '/') != NULL ||
		declared[strspn(declared, "0123456789.")] == '\0';
}

/*
 * Looser than the rules for names of the DNS (underscores are in use), but
 * nothing that the tokenizer would split, quote or include.
 */
static bool
is_host_name(const char *declared)
{
	return declared[0] != '\0' && declared[0] != '-' && strlen(declared) <= 253 &&
		strcmp(declared, ".") != 0 && strstr(declared, "..") == NULL &&
		declared[strspn(declared, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == '\0';
}

/* "address[/mask]" in full; NULL if it is neither IPv4 nor IPv6. */
static char *
network(const char *declared)
{
	const char *slash = strchr(declared, '/');
	char	   *address = slash ? pnstrdup(declared, slash - declared) : pstrdup(declared);
	struct in_addr four;
	struct in6_addr six;
	int			bits;
	int			mask;

	if (inet_pton(AF_INET, address, &four) == 1)
		bits = 32;
	else if (inet_pton(AF_INET6, address, &six) == 1)
		bits = 128;
	else
		return NULL;
	mask = slash ? mask_length(slash + 1, bits) : bits;
	return mask < 0 ? NULL : psprintf("%s/%d", address, mask);
}

/* One address, network or host name; NULL and the problem for anything else. */
static HbaAddress *
single_address(const char *declared, HbaProblem *problem)
{
	char	   *address = network(declared);

	if (address == NULL && !looks_numeric(declared) && is_host_name(declared))
		address = pstrdup(declared);
	if (address != NULL)
		return make_address(address);

	problem->sqlstate = ERRCODE_PGOPS_BAD_ADDRESS;
	problem->message = psprintf("\"%s\" is not an address, a network, a host name or an address alias",
								declared);
	problem->hint = "Aliases are local, localhost, admin, infra, cluster, intra and world.";
	return NULL;
}

/* The same for each text of a list; NIL if one of them is refused. */
static List *
many_addresses(List *declared, HbaProblem *problem)
{
	List	   *addresses = NIL;
	ListCell   *cell;

	foreach(cell, declared)
	{
		HbaAddress *address = single_address(lfirst(cell), problem);

		if (address == NULL)
			return NIL;
		addresses = lappend(addresses, address);
	}
	return addresses;
}

/* The rule is right, but this cluster gives its alias nothing to stand for. */
static List *
nothing(HbaProblem *problem, const char *message, const char *hint)
{
	problem->sqlstate = ERRCODE_PGOPS_UNRESOLVED;
	problem->missing = true;
	problem->message = pstrdup(message);
	problem->hint = hint;
	return NIL;
}

/* one line, without an address */
static List *
alias_local(const Cluster *cluster, HbaProblem *problem)
{
	return list_make1(make_address(NULL));
}

/*
 * The socket and both loopback addresses, which the field's users expect of
 * the word.
 */
static List *
alias_localhost(const Cluster *cluster, HbaProblem *problem)
{
	return list_make3(make_address(NULL), make_address(pstrdup("127.0.0.1/32")),
					  make_address(pstrdup("::1/128")));
}

/*
 * Without a declared address there is no line; the documentation's example
 * address is not taken for one.
 */
static List *
alias_admin(const Cluster *cluster, HbaProblem *problem)
{
	if (cluster->admin_ip == NULL)
		return nothing(problem, "no admin_ip is declared", "Declare admin_ip.");
	return many_addresses(list_make1(cluster->admin_ip), problem);
}

/* for list_sort(); by bytes, so that every server writes the same order */
static int
name_order(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* Sorted, so that the order in an inventory does not show in the file. */
static List *
alias_infra(const Cluster *cluster, HbaProblem *problem)
{
	List	   *hosts = list_copy(cluster->infra_hosts);

	if (hosts == NIL)
		return nothing(problem, "no infra host is known", "Declare admin_ip.");
	list_sort(hosts, name_order);
	return many_addresses(hosts, problem);
}

/* All members, this server included: it may be reached by its own address. */
static List *
alias_cluster(const Cluster *cluster, HbaProblem *problem)
{
	List	   *hosts = NIL;
	ListCell   *cell;

	foreach(cell, cluster->instances)
		hosts = lappend(hosts, ((Instance *) lfirst(cell))->host);
	if (hosts == NIL)
		return nothing(problem, "the cluster has no hosts", NULL);
	return many_addresses(hosts, problem);
}

/*
 * In declared order: the first network is mostly the one that matters to
 * readers.
 */
static List *
alias_intranet(const Cluster *cluster, HbaProblem *problem)
{
	if (cluster->intranet == NIL)
		return nothing(problem, "no intranet network is declared",
					   "Declare node_firewall_intranet.");
	return many_addresses(cluster->intranet, problem);
}

/*
 * Two lines rather than the server's word "all", which would be a third
 * spelling of the same; this one shows that IPv6 is meant, too.
 */
static List *
alias_world(const Cluster *cluster, HbaProblem *problem)
{
	return list_make2(make_address(pstrdup("0.0.0.0/0")), make_address(pstrdup("::/0")));
}

/* the server's own words for the addresses of this machine */
static List *
alias_samehost(const Cluster *cluster, HbaProblem *problem)
{
	return list_make1(make_address(pstrdup("samehost")));
}

/* likewise, and of the networks it is in */
static List *
alias_samenet(const Cluster *cluster, HbaProblem *problem)
{
	return list_make1(make_address(pstrdup("samenet")));
}

static const AddressAlias address_aliases[] = {
	{"local", alias_local},
	{"localhost", alias_localhost},
	{"admin", alias_admin},
	{"infra", alias_infra},
	{"cluster", alias_cluster},
	{"intra", alias_intranet},
	{"intranet", alias_intranet},
	{"world", alias_world},
	{"all", alias_world},
	{"samehost", alias_samehost},
	{"samenet", alias_samenet},
};

/*
 * Aliases win over host names: a host called "infra" has to be written with
 * its domain.
 */
List *
hba_addresses(const Cluster *cluster, const char *declared, HbaProblem *problem)
{
	if (declared == NULL || declared[0] == '\0')
	{
		problem->sqlstate = ERRCODE_PGOPS_MISSING;
		problem->message = pstrdup("an HBA rule needs \"addr\" or \"rules\"");
		return NIL;
	}
	for (int i = 0; i < lengthof(address_aliases); i++)
	{
		if (strcmp(declared, address_aliases[i].alias) == 0)
			return address_aliases[i].function(cluster, problem);
	}
	return many_addresses(list_make1(unconstify(char *, declared)), problem);
}
