/*
 * seal.c
 *		Passwords of roles become verifiers before anything is stored.
 *
 * Not for: how a verifier is made (secret.c), nor other secrets, which stay
 * plain and are set apart when they are stored (store.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "cmdb/cmdb.h"
#include "cmdb/site.h"
#include "cmdb/unnamed.h"
#include "errors.h"
#include "secret.h"
#include "spec/catalogue.h"
#include "spec/spec.h"

/* so many places are named; a thousand warnings would be read by nobody */
#define WELL_KNOWN_TOLD		20
#define WELL_KNOWN_HINT		"Choose a secret of your own: everybody knows this one."

typedef struct Seal
{
	const Inventory *declared;
	const InventoryGroup *group;	/* being sealed; NULL: all */
	const SpecNode *body;		/* being sealed */
	const SpecNode *stored;		/* what is stored now; NULL: nothing */
	List	   *known;			/* of SecretEntry *, sorted: its secrets */
	SpecNames  *passwords;		/* Password by its plain text */
	struct Password *all;		/* of them, for wiping */
	CmdbVerifierLookup lookup;
	void	   *lookup_arg;
	Findings   *findings;
	int			well_known;		/* places with a well-known default */
} Seal;

/*
 * What is known of one plain password in this declaration.  Deriving keys costs
 * thousands of hash rounds, so each pair of password and verifier is compared
 * once, and where an inventory gives one password to many roles they get one
 * verifier, and with it one salt: who can read verifiers learns that they are
 * equal, which the inventory says anyway.
 */
typedef struct Password
{
	char	   *plain;
	List	   *verifiers;		/* that match it */
	struct Password *next;
} Password;

/*
 * The path is a buffer of the walk and must be copied; the other strings belong
 * to the stored body, which outlives the sealing.
 */
static void
remember_site(const SecretSite *site, void *arg)
{
	List	  **known = arg;
	SecretEntry *entry = palloc(sizeof(SecretEntry));

	entry->host = site->host;
	entry->param = site->param;
	entry->path = pstrdup(site->path);
	entry->value = node_text(site->node);
	*known = lappend(*known, entry);
}

/* name of the role whose password stands in a parameter of its own */
static const char *
named_by_param(const Seal *seal, const SecretSite *site)
{
	const SpecNode *name = seal->group == NULL ?
		node_get(seal->declared->vars, site->role_param) :
		inventory_value(seal->declared, seal->group, site->host, site->role_param);

	return node_text(name ? name : catalogue_default(site->role_param));
}

static Password *
password_of(Seal *seal, const char *plain)
{
	Password   *password = spec_names_find(seal->passwords, plain);

	if (password == NULL)
	{
		password = palloc0(sizeof(Password));
		password->plain = pstrdup(plain);
		password->next = seal->all;
		seal->all = password;
		(void) spec_names_add(seal->passwords, password->plain, password);
	}
	return password;
}

/* whether a verifier is one of this password; an md5 one depends on the role besides */
static bool
matches(Password *password, const char *role, const char *verifier)
{
	ListCell   *cell;

	foreach(cell, password->verifiers)
	{
		if (strcmp(lfirst(cell), verifier) == 0)
			return true;
	}
	if (!secret_matches(role, password->plain, verifier))
		return false;
	password->verifiers = lappend(password->verifiers, pstrdup(verifier));
	return true;
}

/* a verifier that any role can have: one with a salt of its own */
static const char *
transferable(const Password *password)
{
	ListCell   *cell;

	foreach(cell, password->verifiers)
	{
		if (secret_is_scram(lfirst(cell)))
			return lfirst(cell);
	}
	return NULL;
}

/*
 * The stored verifier, or the one the server has, stays where the password
 * matches it: a new one for the same password would be a change.
 */
static const char *
verifier_for(Seal *seal, const char *role, const char *declared, const char *stored)
{
	Password   *password;
	const char *verifier;

	if (secret_is_verifier(declared))
		return declared;
	password = password_of(seal, declared);
	if (stored != NULL && secret_is_verifier(stored) && matches(password, role, stored))
		return stored;
	verifier = seal->lookup ? seal->lookup(role, seal->lookup_arg) : NULL;
	if (verifier != NULL && secret_is_verifier(verifier) && matches(password, role, verifier))
		return verifier;
	verifier = transferable(password);
	if (verifier == NULL)
	{
		verifier = secret_verifier(role, declared, NULL);
		password->verifiers = lappend(password->verifiers, unconstify(char *, verifier));
	}
	return verifier;
}

/* whose password it is; "" if that cannot be told */
static const char *
role_of(Seal *seal, const SecretSite *site)
{
	const char *role = site->role ? site->role : named_by_param(seal, site);

	return role ? role : "";
}

static void
seal_role_password(Seal *seal, const SecretSite *site, const char *declared)
{
	site_set_text(site->node, verifier_for(seal, role_of(seal, site), declared,
										   site_find(seal->known, site)));
}

/*
 * The verifier that this server has for a role which was not declared lately, if
 * it is a role of this server: of another cluster's, one with the same name says
 * nothing.
 */
static const char *
left_on_server(Seal *seal, const SecretSite *site)
{
	const char *local;
	const char *verifier;

	if (!site->role_password || seal->lookup == NULL || seal->group == NULL)
		return NULL;
	local = cmdb_local_cluster();
	if (local ? strcmp(local, seal->group->name) != 0 :
		cmdb_binding()->state != BINDING_EMPTY)
		return NULL;
	verifier = seal->lookup(role_of(seal, site), seal->lookup_arg);
	return secret_is_verifier(verifier) ? verifier : NULL;
}

/*
 * A dump has no secrets, so a restored declaration holds masks that stand for
 * nothing.  They may stay: otherwise nothing could be declared, not even one of
 * the secrets, before all of them are there again.
 */
static void
warn_lost(Seal *seal, const SecretSite *site)
{
	finding_add(seal->findings, FINDING_WARNING, ERRCODE_PGOPS_MISSING,
				site->node, site->where,
				"Declare it again, with pgops.set_secret() for one: a dump holds no secrets.",
				"the secret that \"%s\" stands for is not stored any more", SECRET_MASK);
}

/*
 * The mask means: what is stored, so that a masked document, also an old one, can
 * be applied again.
 */
static void
unmask(Seal *seal, const SecretSite *site)
{
	const char *stored = site_find(seal->known, site);

	if (stored == NULL)
		stored = left_on_server(seal, site);
	else if (!unnamed_is_clear(site, seal->body, seal->stored))
	{
		finding_add(seal->findings, FINDING_ERROR, ERRCODE_PGOPS_MISSING,
					site->node, site->where,
					"Give the secret itself: without names, items of a list are told by their places.",
					"which of the stored secrets \"%s\" stands for is not clear, as others were removed or moved",
					SECRET_MASK);
		return;
	}
	if (stored != NULL && strcmp(stored, SECRET_MASK) == 0)
		warn_lost(seal, site);
	else if (stored != NULL)
		site_set_text(site->node, stored);
	else
		finding_add(seal->findings, FINDING_ERROR, ERRCODE_PGOPS_MISSING,
					site->node, site->where,
					"Give the secret itself, or a verifier for the password of a role.",
					"\"%s\" stands for a secret that is stored, but none is stored here",
					SECRET_MASK);
}

/*
 * Order matters: the mask is resolved before anything else looks at the text, and
 * the well-known defaults are compared while it still is plain.
 */
static void
seal_site(const SecretSite *site, void *arg)
{
	Seal	   *seal = arg;
	char	   *plain = site->node->text;
	const char *declared = node_text(site->node);

	if (strcmp(declared, SECRET_MASK) == 0)
	{
		unmask(seal, site);
		return;
	}
	if (secret_is_well_known(declared) && ++seal->well_known <= WELL_KNOWN_TOLD)
		finding_add(seal->findings, FINDING_WARNING, ERRCODE_PGOPS_WEAK_SECRET,
					site->node, site->where, WELL_KNOWN_HINT,
					"a well-known default is declared as a secret");
	if (!site->role_password)
		return;

	/* its text as a password would be one that everybody can read in the inventory */
	if (spec_is_jinja(site->node))
		return;
	seal_role_password(seal, site, declared);
	if (plain != NULL)
		explicit_bzero(plain, strlen(plain));
}

/* "stored" is not changed, though the walk could: only the visitor decides */
static void
seal_body(Seal *seal, const char *name, SpecNode *body, SpecNode *stored)
{
	seal->body = body;
	seal->stored = stored;
	seal->known = NIL;
	if (stored != NULL)
	{
		site_visit_body(stored, "", remember_site, &seal->known);
		site_sort(seal->known);
	}
	site_visit_body(body, name, seal_site, seal);
}

static SpecNode *
globals_of(const Inventory *inventory)
{
	SpecNode   *body = node_map();

	node_map_set(body, "vars", inventory->vars);
	return body;
}

/* plain passwords do not stay in memory for whoever gets it next */
static void
wipe(Seal *seal)
{
	for (Password *password = seal->all; password != NULL; password = password->next)
		explicit_bzero(password->plain, strlen(password->plain));
}

/*
 * All findings are collected; a declaration with an error among them is not
 * stored.
 */
void
cmdb_seal(Inventory *declared, const Inventory *stored, const List *groups, bool globals,
		  CmdbVerifierLookup lookup, void *arg, Findings *findings)
{
	Seal		seal = {0};
	const ListCell *cell;

	seal.declared = declared;
	seal.passwords = spec_names_create();
	seal.lookup = lookup;
	seal.lookup_arg = arg;
	seal.findings = findings;
	if (globals)
		seal_body(&seal, "all", globals_of(declared), globals_of(stored));
	foreach(cell, groups)
	{
		const char *name = lfirst(cell);
		const InventoryGroup *before = inventory_group(stored, name);

		CHECK_FOR_INTERRUPTS();
		seal.group = inventory_group(declared, name);
		seal_body(&seal, name, inventory_body(seal.group),
				  before ? inventory_body(before) : NULL);
	}
	if (seal.well_known > WELL_KNOWN_TOLD)
		finding_add(findings, FINDING_WARNING, ERRCODE_PGOPS_WEAK_SECRET, NULL, "",
					WELL_KNOWN_HINT,
					"well-known defaults are declared as secrets in %d more places",
					seal.well_known - WELL_KNOWN_TOLD);
	wipe(&seal);
}
