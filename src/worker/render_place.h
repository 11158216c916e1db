/*
 * render_place.h
 *		What files of an instance are rendered from: the declaration as that
 *		instance sees it, wherever this session is.
 *
 * Not for: the texts (render/), who may read them (caller.h).
 */
#ifndef PGOPS_WORKER_RENDER_PLACE_H
#define PGOPS_WORKER_RENDER_PLACE_H

#include "spec/inventory.h"
#include "spec/model.h"

/* what the caller says about it; the rest is declared */
typedef struct RenderOptions
{
	bool		secrets;		/* plain; else masked */
	const SpecNode *passwords;	/* map: role to password, or NULL */
	int			cpu;			/* of the machine; 0: of this one */
	int			mem_mb;
	int64		disk_bytes;
	int			patroni_version;	/* 0: the newest */
} RenderOptions;

typedef struct RenderPlace
{
	const Inventory *inventory;	/* all of it; its secrets masked if they are not wanted */
	const InventoryGroup *group;
	const RenderOptions *options;
	Cluster    *cluster;		/* as seen by the instance */
	const Instance *instance;
	SpecNode   *vars;			/* what is declared and in effect for it, placeholders resolved */
	int			server_major;
} RenderPlace;

/*
 * render_find
 *		The group of the inventory in which an instance is declared.  ERROR (42704), with the
 *		instances that there are, if it is in none.
 */
extern const InventoryGroup *render_find(const Inventory *inventory, const char *instance);

/* ERROR as above if the group has no such instance */
extern RenderPlace *render_place(const Inventory *inventory, const InventoryGroup *group,
								 const char *instance, const RenderOptions *options);

/* the names of files that there are, ends with NULL */
extern const char *const render_file_names[];

/* whether the instance has this file at all: no patroni.yml without Patroni */
extern bool render_has_file(const RenderPlace *place, const char *file);

/* text of a file, palloc'd; ERROR, with what to do, where it cannot be made */
extern char *render_file(const RenderPlace *place, const char *file);

#endif							/* PGOPS_WORKER_RENDER_PLACE_H */
