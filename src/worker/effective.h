/*
 * effective.h
 *		What is in effect for a group of the inventory, or for a host in it, in
 *		the form in which it can be shown: secrets masked, and besides the
 *		declared value the one that is used.  Files that are rendered get it plain.
 *
 * Not for: precedence (spec/inventory.h), what a value does to a server.
 */
#ifndef PGOPS_WORKER_EFFECTIVE_H
#define PGOPS_WORKER_EFFECTIVE_H

#include "spec/inventory.h"
#include "spec/names.h"
#include "spec/placeholder.h"

typedef struct Effective
{
	const Inventory *inventory;
	const InventoryGroup *group;
	bool		pgsql;			/* the catalogue's defaults hold for it */
	List	   *settings;		/* of InventorySetting *, in their order, without defaults */
	SpecNames  *by_name;		/* InventorySetting */
	Placeholders placeholders;
} Effective;

/*
 * effective_read
 *		host NULL: the group as such; what placeholders stand for on a host is
 *		then known only if it has a single one.  dbsu: real name of the
 *		bootstrap superuser if the group is this server's, else NULL.
 */
extern Effective *effective_read(const Inventory *inventory, const InventoryGroup *group,
								 const char *host, const char *dbsu);

/* the setting of that name, or the catalogue's default in a pgsql group; else NULL */
extern const InventorySetting *effective_setting(const Effective *effective, const char *name);

/* its value as declared and masked: a fresh tree */
extern SpecNode *effective_declared(const InventorySetting *setting);

/* its value as it is used: masked, of its type, placeholders resolved: a fresh tree */
extern SpecNode *effective_used(const Effective *effective, const InventorySetting *setting);

/* the same with its secrets: for files, never for people */
extern SpecNode *effective_plain(const Effective *effective, const InventorySetting *setting);

/* a fresh copy of a map of variables with its secrets masked */
extern SpecNode *effective_masked(const SpecNode *vars);

#endif							/* PGOPS_WORKER_EFFECTIVE_H */
