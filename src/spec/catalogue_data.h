/*
 * catalogue_data.h
 *		Private to spec/: the parts the catalogue's table is made of.
 */
#ifndef PGOPS_SPEC_CATALOGUE_DATA_H
#define PGOPS_SPEC_CATALOGUE_DATA_H

#include "spec/catalogue.h"

/* kinds of objects (catalogue_fields.c) */
extern const ObjectDef catalogue_user;
extern const ObjectDef catalogue_role;
extern const ObjectDef catalogue_database;
extern const ObjectDef catalogue_schema;
extern const ObjectDef catalogue_extension;
extern const ObjectDef catalogue_hba;
extern const ObjectDef catalogue_service;
extern const ObjectDef catalogue_schedule;

/* structured defaults as JSON (catalogue_defaults.c) */
extern const char catalogue_rto_plan[];
extern const char catalogue_default_roles[];
extern const char catalogue_default_privileges[];
extern const char catalogue_default_extensions[];
extern const char catalogue_default_hba_rules[];
extern const char catalogue_pgb_default_hba_rules[];
extern const char catalogue_backup_repo[];
extern const char catalogue_ignore_param[];
extern const char catalogue_default_services[];

/*
 * catalogue_foreign
 *		Whether a name that is not in the table belongs to another module
 *		(node_, redis_, ansible_, ...): such parameters are kept as they are.
 */
extern bool catalogue_foreign(const char *name);

/* names of all parameters, or of all fields of an object; ends with NULL */
extern const char *const *catalogue_names(void);
extern const char *const *catalogue_field_names(const ObjectDef *object);

/* "a,b" as a list of names that ends with NULL; palloc'd */
extern const char *const *catalogue_choices(const char *choices);

/* the field, or NULL */
extern const FieldDef *catalogue_field(const ObjectDef *object, const char *name);

#endif							/* PGOPS_SPEC_CATALOGUE_DATA_H */
