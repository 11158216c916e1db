/*
 * document.h
 *		What is declared, as documents that others read: Ansible's dynamic
 *		inventory, one cluster's document.
 *
 * Not for: YAML (spec/yaml_write.h), whole inventories as documents
 * (inventory_document()), masking (cmdb.h), who may see what (worker/sql_document.c).
 */
#ifndef PGOPS_CMDB_DOCUMENT_H
#define PGOPS_CMDB_DOCUMENT_H

#include "lib/stringinfo.h"
#include "spec/inventory.h"

/*
 * cmdb_inventory_json
 *		Appends the inventory as Ansible's inventory scripts print it for --list,
 *		in one line.  The inventory must be finished.
 */
extern void cmdb_inventory_json(StringInfo out, const Inventory *inventory);

/* {name: {hosts, vars}} of a body, without what is empty; shares the body's trees */
extern SpecNode *cmdb_body_document(const char *name, const SpecNode *body);

#endif							/* PGOPS_CMDB_DOCUMENT_H */
