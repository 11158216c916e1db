/*
 * mask.c
 *		Bodies that can be shown: every secret replaced by the mask.
 *
 * Not for: finding the secrets (site.c).
 */
#include "postgres.h"

#include "miscadmin.h"

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
	SpecNode   *copy = node_share(body);

	site_visit_body(copy, "", mask_site, NULL);
	return copy;
}

/*
 * In place, because the hosts of a finished inventory point into the trees of
 * its groups: a copy would leave them with the secrets.
 */
void
cmdb_mask_inventory(Inventory *inventory)
{
	SpecNode   *globals = node_map();
	ListCell   *lc;

	node_map_set(globals, "vars", inventory->vars);
	site_visit_body(globals, "", mask_site, NULL);
	foreach(lc, inventory->groups)
	{
		CHECK_FOR_INTERRUPTS();
		site_visit_body(inventory_body(lfirst(lc)), "", mask_site, NULL);
	}
}
