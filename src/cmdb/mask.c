/*
 * mask.c
 *		Bodies that can be shown: every secret replaced by the mask.
 *
 * Not for: finding the secrets (site.c).
 */
#include "postgres.h"

#include "cmdb/cmdb.h"
#include "cmdb/site.h"
#include "secret.h"

static void
mask_site(const SecretSite *site, void *arg)
{
	site_set_text(site->node, SECRET_MASK);
}

/*
 * Verifiers are masked, too: who has one can attack it, or log in with it where
 * the method is md5.
 */
SpecNode *
cmdb_mask(const SpecNode *body)
{
	SpecNode   *copy = node_copy(body);

	site_visit_body(copy, "", mask_site, NULL);
	return copy;
}
