/*
 * seal.c
 *		Passwords of roles become verifiers before anything is stored.
 *
 * Not for: how a verifier is made (secret.c), nor other secrets, which stay
 * plain and are set apart when they are stored (store.c).
 */
#include "postgres.h"

#include "cmdb/cmdb.h"
#include "cmdb/site.h"
#include "errors.h"
#include "secret.h"
#include "spec/catalogue.h"

typedef struct Seal
{
	SpecNode   *body;
	List	   *known;			/* of SecretEntry *, sorted: what is stored now */
	SpecNode   *globals;		/* read when needed */
	CmdbVerifierLookup lookup;
	void	   *lookup_arg;
	Findings   *findings;
} Seal;

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
named_by_param(Seal *seal, const SecretSite *site)
{
	SpecNode   *name = NULL;

	if (site->host != NULL)
		name = node_get(node_get(node_get(seal->body, "hosts"), site->host),
						site->role_param);
	if (name == NULL)
		name = node_get(node_get(seal->body, "vars"), site->role_param);
	if (name == NULL)
	{
		if (seal->globals == NULL)
			seal->globals = cmdb_load_globals();
		name = node_get(seal->globals, site->role_param);
	}
	if (name == NULL)
		name = catalogue_default(site->role_param);
	return node_text(name);
}

/*
 * The stored verifier, or the one the server has, stays where the password
 * matches it: a new one for the same password would be a change.  Checking
 * costs thousands of hash rounds, so the stored one is tried first.
 */
static void
seal_role_password(Seal *seal, const SecretSite *site, const char *declared)
{
	const char *role = site->role ? site->role : named_by_param(seal, site);
	const char *stored = site_find(seal->known, site);
	const char *verifier;

	if (role == NULL)
		role = "";
	if (stored != NULL && secret_is_verifier(stored) &&
		(strcmp(stored, declared) == 0 || secret_matches(role, declared, stored)))
		verifier = stored;
	else
		verifier = secret_verifier(role, declared,
								   seal->lookup ? seal->lookup(role, seal->lookup_arg) : NULL);
	site_set_text(site->node, verifier);
}

/* the mask means: what is stored, so that a masked document can be applied again */
static void
unmask(Seal *seal, const SecretSite *site)
{
	const char *stored = site_find(seal->known, site);

	if (stored != NULL && strcmp(stored, SECRET_MASK) != 0)
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
	if (secret_is_well_known(declared))
		finding_add(seal->findings, FINDING_WARNING, ERRCODE_PGOPS_WEAK_SECRET,
					site->node, site->where,
					"Choose a secret of your own: everybody knows this one.",
					"a well-known default is declared as a secret");
	if (!site->role_password)
		return;

	seal_role_password(seal, site, declared);
	if (plain != NULL)
		explicit_bzero(plain, strlen(plain));
}

/*
 * "stored" is not changed, though the walk could: only the visitor decides.  All
 * findings are collected; a body with an error among them is not stored.
 */
void
cmdb_seal(const char *cluster, SpecNode *body, const SpecNode *stored,
		  CmdbVerifierLookup lookup, void *arg, Findings *findings)
{
	Seal		seal = {0};

	seal.body = body;
	seal.lookup = lookup;
	seal.lookup_arg = arg;
	seal.findings = findings;
	if (stored != NULL)
	{
		site_visit_body(unconstify(SpecNode *, stored), "", remember_site, &seal.known);
		site_sort(seal.known);
	}
	site_visit_body(body, cluster, seal_site, &seal);
}
