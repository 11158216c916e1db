/*
 * patroni_access.c
 *		How Patroni's REST API is reached, and what it means that it was not.
 *
 * Where it is follows from pgops.patroni_url, else from the declaration of the instance
 * this server is, else from where the server itself listens.  Nothing is written,
 * so this works on a standby.
 *
 * Not for: making requests (io/http.h), what the answers say (patroni_cluster.c,
 * patroni_node.c).
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "common/base64.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "cmdb/cmdb.h"
#include "cmdb/extension.h"
#include "errors.h"
#include "guc.h"
#include "io/line.h"
#include "observe/patroni.h"
#include "observe/reference.h"
#include "secret.h"
#include "spec/catalogue.h"
#include "spec/placeholder.h"
#include "spec/reference.h"
#include "spec/spec.h"

/* bytes of an answer that are told */
#define MAX_SAID	200

/* what is declared for this server */
typedef struct Declared
{
	List	   *settings;		/* of InventorySetting *; NIL: nothing, then the catalogue's defaults count */
	const char *cluster;
	const char *host;			/* NULL: not known which instance this is */
} Declared;

/* ---- URLs ---- */

/*
 * Scheme, host and port of a URL: Patroni gives its own with a path.  User and password
 * in it are left out, for URLs are shown; nothing but letters that a URL may have
 * is left in.  What is no URL at all remains one that nobody answers.
 */
static char *
origin(const char *text)
{
	char	   *url = strstr(text, "://") != NULL ? pstrdup(text) : psprintf("http://%s", text);
	char	   *host = strstr(url, "://") + 3;
	char	   *at;

	host[strcspn(host, "/?#\\")] = '\0';
	for (char *p = url; *p; p++)
		*p = *p > ' ' && *p < 0x7f && *p != '"' ? *p : '_';
	at = strrchr(host, '@');
	if (at != NULL)
		memmove(host, at + 1, strlen(at));
	return url;
}

static bool
is_secure(const char *url)
{
	return pg_strncasecmp(url, "https://", strlen("https://")) == 0;
}

/* IPv6 addresses stand in brackets */
static char *
make_url(bool tls, const char *host, int64 port)
{
	return psprintf(strchr(host, ':') != NULL ? "%s://[%s]:" INT64_FORMAT : "%s://%s:" INT64_FORMAT,
					tls ? "https" : "http", host, port);
}

/* ---- what is declared ---- */

/* in effect: what is declared nowhere has the catalogue's default */
static const SpecNode *
setting(const Declared *declared, const char *name)
{
	ListCell   *cell;

	foreach(cell, declared->settings)
	{
		const InventorySetting *found = lfirst(cell);

		if (strcmp(found->name, name) == 0)
			return found->value;
	}
	return catalogue_default(name);
}

/* ${name} is a setting of the same instance */
static const SpecNode *
placeholder_variable(const char *name, void *arg)
{
	return setting(arg, name);
}

/* In the form of its type: what is stored is what was written. */
static SpecNode *
typed(const Declared *declared, const char *name)
{
	const SpecNode *value = setting(declared, name);
	SpecNode   *copy;
	Findings	ignored = {0};
	Placeholders source = {
		.host = declared->host, .cluster = declared->cluster,
		.variable = placeholder_variable, .arg = unconstify(Declared *, declared)
	};

	if (value == NULL)
		return node_null();
	copy = node_copy(placeholder_tree(&source, name, value));
	spec_validate_param(name, copy, name, &ignored);
	return copy;
}

/* The host of the cluster that is this instance, or NULL. */
static const char *
find_host(const Inventory *inventory, const InventoryGroup *group, const char *instance)
{
	ListCell   *cell;

	foreach(cell, group->hosts->entries)
	{
		const char *host = ((const SpecEntry *) lfirst(cell))->key;
		int			seq;

		if (strcmp(inventory_instance(inventory, group, host, &seq), instance) == 0)
			return host;
	}
	return NULL;
}

/*
 * A server that is not known to be a certain instance is still reached by what is declared for
 * the cluster, at its own address: it may be a member that was not bound yet.  It is never
 * taken to another machine's Patroni.
 */
static void
find_declared(Declared *declared)
{
	Binding    *binding;
	const Inventory *inventory;
	const InventoryGroup *group;

	if (extension_installed_version() == NULL)
		return;
	binding = cmdb_binding();
	declared->cluster = binding->cluster ? binding->cluster : cmdb_local_cluster();
	if (declared->cluster == NULL)
		return;
	inventory = cmdb_load_scope(declared->cluster);
	group = inventory_group(inventory, declared->cluster);
	if (group == NULL)
		return;
	if (binding->state == BINDING_BOUND)
		declared->host = find_host(inventory, group, binding->instance);
	declared->settings = inventory_settings(inventory, group, declared->host, true);
}

/*
 * The password as declared, or read from where the declaration says; NULL: it
 * is not known (a dump has none), and Patroni will say so.  Its text is literal.
 */
static char *
read_password(const Declared *declared)
{
	const SpecNode *value = setting(declared, "patroni_password");
	const char *text = value ? node_text(value) : NULL;

	if (value != NULL && spec_reference(value, NULL, NULL))
		return reference_read(value).text;
	if (text == NULL || text[0] == '\0' || strcmp(text, SECRET_MASK) == 0)
		return NULL;
	return pstrdup(text);
}

/* ---- where it is ---- */

/* an address that can be connected to; that of all interfaces is none */
static bool
is_own_address(const char *text)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return v4.s_addr != INADDR_ANY;
	return inet_pton(AF_INET6, text, &v6) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&v6);
}

/*
 * Patroni gives its server the address it has itself, as a rule; the loopback one is
 * often there besides, for clients on the machine.
 */
static const char *
listen_address(void)
{
	const char *listen = GetConfigOption("listen_addresses", true, false);
	List	   *addresses = NIL;
	ListCell   *cell;

	if (listen == NULL || !SplitGUCList(pstrdup(listen), ',', &addresses))
		return "127.0.0.1";
	foreach(cell, addresses)
	{
		const char *address = lfirst(cell);

		if (is_own_address(address) && strncmp(address, "127.", 4) != 0 &&
			strcmp(address, "::1") != 0)
			return address;
	}
	return "127.0.0.1";
}

/* NULL: Patroni is declared not to be there */
static char *
find_url(const Declared *declared)
{
	SpecNode   *enabled = typed(declared, "patroni_enabled");
	SpecNode   *tls = typed(declared, "patroni_ssl_enabled");
	SpecNode   *port = typed(declared, "patroni_port");

	if (pgops_guc_patroni_url != NULL && pgops_guc_patroni_url[0] != '\0')
		return origin(pgops_guc_patroni_url);
	if (enabled->kind == NODE_BOOL && !enabled->boolean)
		return NULL;
	return make_url(tls->kind == NODE_BOOL && tls->boolean,
					declared->host ? declared->host : listen_address(),
					port->kind == NODE_INT ? port->integer : 8008);
}

/* in "context"; NULL stays NULL */
static char *
keep(MemoryContext context, const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(context, text);
}

/* What is loaded for it goes at once: an inventory may be large. */
PatroniAccess *
patroni_access(void)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "pgops patroni access",
											   ALLOCSET_DEFAULT_SIZES);
	PatroniAccess *access = palloc0(sizeof(PatroniAccess));
	Declared	declared = {0};

	MemoryContextSwitchTo(work);
	find_declared(&declared);
	access->url = keep(caller, find_url(&declared));
	access->user = keep(caller, node_text(typed(&declared, "patroni_username")));
	access->password = keep(caller, read_password(&declared));
	access->ca_file = keep(caller, pgops_guc_patroni_ca_file);
	access->cert_file = keep(caller, pgops_guc_patroni_cert_file);
	access->key_file = keep(caller, pgops_guc_patroni_key_file);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return access->url != NULL ? access : NULL;
}

/*
 * A password that was meant to travel encrypted is not sent in the clear because
 * another member says so.
 */
PatroniAccess *
patroni_access_to(const PatroniAccess *access, const char *api_url)
{
	PatroniAccess *other = palloc(sizeof(PatroniAccess));

	*other = *access;
	other->url = origin(api_url ? api_url : "");
	if (is_secure(access->url) && !is_secure(other->url))
		other->password = NULL;
	return other;
}

/* Who only asks needs no password, so it does not travel. */
IoHttpRequest *
patroni_request(const PatroniAccess *access, const char *method, const char *path,
				const char *body)
{
	IoHttpRequest *request = palloc0(sizeof(IoHttpRequest));
	bool		asks = strcmp(method, "GET") == 0 || strcmp(method, "OPTIONS") == 0;

	request->method = method;
	request->url = psprintf("%s%s", access->url, path);
	request->body = body;
	if (!asks && access->password != NULL)
	{
		request->user = access->user;
		request->password = access->password;
	}
	request->ca_file = access->ca_file;
	request->cert_file = access->cert_file;
	request->key_file = access->key_file;
	return request;
}

/* ---- what went wrong ---- */

/* whether a text gives away the password: as it is, or as it went over the wire */
static bool
tells_password(const IoHttpRequest *request, const char *text)
{
	char	   *pair;
	char	   *encoded;
	int			length;
	int			written;

	if (request->password == NULL || request->password[0] == '\0')
		return false;
	if (strstr(text, request->password) != NULL)
		return true;
	pair = psprintf("%s:%s", request->user ? request->user : "", request->password);
	length = pg_b64_enc_len((int) strlen(pair));
	encoded = palloc0(length + 1);
	/* chars or bytes, depending on the version */
	written = pg_b64_encode((const void *) pair, (int) strlen(pair), encoded, length);
	return written > 0 && strstr(text, encoded) != NULL;
}

/* ": what it says", or "" where that is nothing for people (Python's HTML page of an error) */
static char *
said(const IoHttpResult *result)
{
	char	   *text = result->body ? pstrdup(result->body) : pstrdup("");
	char	   *line;

	text += strspn(text, " \t\r\n");
	if (*text == '<' || tells_password(result->request, text))
		return "";
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		for (char *p = text; *p; p++)
			*p = IS_HIGHBIT_SET(*p) ? '?' : *p;
	}
	line = io_clean_line(CurrentMemoryContext, text, MAX_SAID);
	return *line != '\0' ? psprintf(": %s", line) : "";
}

/* what helps with a condition */
static const struct
{
	int			sqlstate;
	const char *hint;
}			hints[] = {
	{ERRCODE_PGOPS_HTTP_CONNECT, "Patroni must be running there; pgops.patroni_url says where the Patroni of this member is asked."},
	{ERRCODE_PGOPS_HTTP_TLS, "pgops.patroni_ca_file must name the certificates of who signed Patroni's, which must be for the address that is asked; where Patroni wants one of ours, pgops.patroni_cert_file and pgops.patroni_key_file."},
	{ERRCODE_PGOPS_HTTP_PROTOCOL, "Patroni's REST API must be what listens there, with TLS if and only if patroni_ssl_enabled or pgops.patroni_url says so."},
	{ERRCODE_PGOPS_HTTP_TOO_MUCH, "Patroni's REST API must be what listens there."},
	{ERRCODE_PGOPS_HTTP_REDIRECT, "Ask Patroni itself, no proxy in front of it: pgops.patroni_url, or patroni_port and patroni_ssl_enabled."},
	{ERRCODE_PGOPS_HTTP_PASSWORD, "patroni_username and patroni_password must be what restapi.authentication says in Patroni's configuration."},
};

static char *
find_hint(int sqlstate)
{
	for (int i = 0; i < lengthof(hints); i++)
	{
		if (hints[i].sqlstate == sqlstate)
			return pstrdup(hints[i].hint);
	}
	return NULL;
}

/*
 * What did not arrive was told by io/http.c already; here is told what an answer
 * means that is not the one that was hoped for.
 */
char *
patroni_problem(const IoHttpResult *result, int *sqlstate, char **hint)
{
	const char *url = result->request->url;
	char	   *problem;

	*sqlstate = 0;
	*hint = NULL;
	if (result->sqlstate == 0 && result->status >= 200 && result->status < 300)
		return NULL;
	if (result->sqlstate != 0)
	{
		*sqlstate = result->sqlstate;
		problem = pstrdup(result->message);
	}
	else if (result->status == 401)
	{
		*sqlstate = ERRCODE_PGOPS_HTTP_PASSWORD;
		problem = psprintf("%s does not accept the user or the password%s", url, said(result));
	}
	else
	{
		*sqlstate = result->status >= 400 ? ERRCODE_PGOPS_PATRONI_REFUSED : ERRCODE_PGOPS_HTTP_PROTOCOL;
		problem = psprintf("%s answers with status %d%s", url, result->status, said(result));
	}
	*hint = find_hint(*sqlstate);
	return problem;
}
