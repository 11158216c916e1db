/*
 * site.h
 *		Where secrets stand in a body: one walk over {hosts, vars} that finds
 *		them all.  Masking, sealing, storing and loading are made of it.
 *
 * Private to this folder.
 */
#ifndef PGOPS_CMDB_SITE_H
#define PGOPS_CMDB_SITE_H

#include "lib/stringinfo.h"
#include "spec/node.h"

typedef struct SecretSite
{
	const char *host;			/* NULL: cluster level */
	const char *param;
	const char *path;			/* inside the parameter's value; list items by their
								 * name, so that it outlives a change of order */
	const char *where;			/* in the document, for findings */
	bool		role_password;	/* is kept as a verifier */
	const char *role;			/* its role, where the entry says it; else NULL */
	const char *role_param;		/* parameter that names the role; else NULL */
	SpecNode   *node;			/* a scalar; the visitor may change it */
} SecretSite;

/* path and where are only valid during the call */
typedef void (*SecretVisitor) (const SecretSite *site, void *arg);

/* visits every secret scalar (no nulls, no booleans) of a body; "prefix" begins "where" */
extern void site_visit_body(SpecNode *body, const char *prefix,
							SecretVisitor visitor, void *arg);

/*
 * site_visit_value
 *		The same for one value: of "param" itself (key NULL), or of what stands
 *		at "key" somewhere below it.
 */
extern void site_visit_value(SpecNode *value, const char *param, const char *key,
							 SecretVisitor visitor, void *arg);

/* makes the node a string */
extern void site_set_text(SpecNode *node, const char *value);

/* whether the mask stands somewhere in a value: then it may differ from what looks the same */
extern bool site_holds_mask(const SpecNode *value);

/* name of a list item (its "name" or "access_key", or itself if it is a string), or NULL */
extern const char *site_item_name(const SpecNode *item);

typedef struct NamedItem
{
	const char *name;
	SpecNode   *item;
	int			position;		/* in the list, from 0 */
} NamedItem;

/*
 * site_named_items
 *		The items of a list by name, if it is a list of objects and each has a
 *		name of its own; else NULL.  Sets *count.
 */
extern NamedItem *site_named_items(const SpecNode *list, int *count);

/* appends ".key" or "[name]", quoted where it could be taken for something else */
extern void site_append_key(StringInfo path, const char *key);
extern void site_append_name(StringInfo path, const char *name);

/* the i-th (from 0) parameter that is the password of one role, and the parameter that
 * names the role; NULL after the last one */
extern const char *site_role_password(int i, const char **role_param);

/* ---- secrets by place ---- */
typedef struct SecretEntry
{
	const char *host;			/* NULL: cluster level */
	const char *param;
	const char *path;
	const char *value;
} SecretEntry;

/* sorts entries for site_find() */
extern void site_sort(List *entries);

/* value of the entry at the site's place, or NULL */
extern const char *site_find(List *sorted, const SecretSite *site);

#endif							/* PGOPS_CMDB_SITE_H */
