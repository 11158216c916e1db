/*
 * patroni_parts.h
 *		What the parts of patroni.yml share: values of the declaration, and
 *		putting them into a tree.
 *
 * Private to src/render/patroni*.c.
 */
#ifndef PGOPS_RENDER_PATRONI_PARTS_H
#define PGOPS_RENDER_PATRONI_PARTS_H

#include "render/patroni.h"

/* the parameter's text: declared (never the catalogue's default), or in effect; NULL if it is
 * missing, null or empty.  ERROR if it is Jinja */
extern const char *patroni_declared(const PatroniPlace *place, const char *param);
extern const char *patroni_value(const PatroniPlace *place, const char *param);
extern bool patroni_is_on(const PatroniPlace *place, const char *param);

/* puts a text, unless it is NULL */
extern void patroni_put(SpecNode *map, const char *key, const char *text);
extern void patroni_put_bool(SpecNode *map, const char *key, bool value);

/* "10.10.10.11:5432", "[fe80::1]:5432" */
extern char *patroni_address(const char *host, int port);

/* how the server is made, for "bootstrap" */
extern SpecNode *patroni_initdb(const PatroniPlace *place);

/* the map "postgresql" */
extern SpecNode *patroni_postgresql(const PatroniPlace *place);

#endif							/* PGOPS_RENDER_PATRONI_PARTS_H */
