/*
 * owned.h
 *		What pgops remembers to have set or created on this server.
 *
 * It is what makes "the declaration no longer names it" different from "it
 * was never ours": only owned things are undone or reported as orphaned.
 *
 * kind					name		attribute						value
 * role					role		-								-
 * database				database	-								its oid, once it was seen
 * schema				schema		- (database set)				-
 * extension			extension	- (database set)				-
 * membership			member		group							-
 * role_setting			role		GUC								-
 * database_setting		database	GUC								-
 * role_in_database		role		GUC (database set)				-
 * database_grant		database	"GRANT CREATE TO x"				statement that undoes it
 * schema_grant			schema		as above (database set)			statement that undoes it
 * default_privilege	role		"GRANT SELECT ON TABLES TO x" (database set), for one
 *									schema "IN SCHEMA s GRANT ..."	statement that undoes it
 * baseline				database	file name						pending, done
 * recreate				database	entry digest					-
 * cron_job				name		-								its number in pg_cron, once it was seen
 * parameter				GUC			-								what stood there before, as far as it is put back
 * patroni				key			-								JSON of what /config had there, or none
 * tuning				"machine"	-								instance, sizes and template that parameters were computed for
 * backup				cluster		"setup"							digest of what was set up, system identifier
 */
#ifndef PGOPS_CMDB_OWNED_H
#define PGOPS_CMDB_OWNED_H

#include "nodes/pg_list.h"

typedef struct OwnedItem
{
	const char *kind;
	char	   *database;		/* or NULL */
	char	   *name;
	char	   *attribute;		/* or NULL */
	char	   *value;			/* or NULL */
	bool		created;		/* pgops made it; false: it was there and was adopted */
} OwnedItem;

typedef struct OwnedChange
{
	bool		remove;			/* false: record (insert or update) */
	OwnedItem	item;
} OwnedChange;

/* all items of a cluster; needs a transaction; result in the current context */
extern List *cmdb_owned_load(const char *cluster);

/* records and removes (of OwnedChange *) in one statement each; needs a transaction.
 * An existing item keeps created = true. */
extern void cmdb_owned_change(const char *cluster, List *changes);

#endif							/* PGOPS_CMDB_OWNED_H */
