/*
 * unnamed.h
 *		Masks in lists whose items have no names.
 *
 * Private to this folder.
 */
#ifndef PGOPS_CMDB_UNNAMED_H
#define PGOPS_CMDB_UNNAMED_H

#include "cmdb/site.h"

/*
 * unnamed_is_clear
 *		Whether the mask at a site of the declared body stands for what is stored
 *		in the same place: false if items or lines with secrets were taken out
 *		of the list, or changed places.  True for named items, which have no
 *		need of their places.  Neither body is changed; the declared one is as
 *		it was written, but for masks that were resolved already.
 */
extern bool unnamed_is_clear(const SecretSite *site, const SpecNode *declared,
							 const SpecNode *stored);

#endif							/* PGOPS_CMDB_UNNAMED_H */
