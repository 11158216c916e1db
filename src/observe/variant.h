/*
 * variant.h
 *		Catalog queries that differ between versions of the server, as data.
 *
 * One query per catalog, never one per object; no query text ever holds a name
 * or value read from the server or from a declaration.  Running them is
 * cmdb/query.h's.
 */
#ifndef PGOPS_OBSERVE_VARIANT_H
#define PGOPS_OBSERVE_VARIANT_H

/* a piece of SQL for the server versions min_major ... max_major */
typedef struct ObserveVariant
{
	int			min_major;
	int			max_major;
	const char *sql;
} ObserveVariant;

#define OBSERVE_NO_LIMIT	9999	/* max_major of the newest variant */

/* the piece for this server; the table ends with sql NULL */
extern const char *observe_variant(const ObserveVariant *variants);

#endif							/* PGOPS_OBSERVE_VARIANT_H */
