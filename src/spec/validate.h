/*
 * validate.h
 *		Private to spec/: the checks behind spec_validate_cluster.
 */
#ifndef PGOPS_SPEC_VALIDATE_H
#define PGOPS_SPEC_VALIDATE_H

#include "spec/catalogue_data.h"
#include "spec/document.h"
#include "spec/finding.h"

/* an error with the position of a node */
#define spec_error(findings, sqlstate, at, path, hint, ...) \
	finding_add(findings, FINDING_ERROR, sqlstate, at, path, hint, __VA_ARGS__)

/* an entry's key as a node, for its position */
extern SpecNode spec_place_of_key(const SpecEntry *entry);

/* 'Did you mean "x"?' for the nearest of names, or NULL */
extern char *spec_did_you_mean(const char *name, const char *const *names);

/* a text as a message quotes it, "..." in place of what is beyond so many bytes; palloc'd */
extern char *spec_clip(const char *string, int limit);

/* whether a text still has a placeholder (${ip}) or a Jinja expression in it */
extern bool spec_has_placeholder(const char *string);

/*
 * spec_check_value
 *		Checks a value against a type and normalises it in place.  "what" is
 *		'parameter "x"' or 'field "x"'.  A null stays a null: not declared.
 */
typedef struct ValueRule
{
	const char *what;			/* how messages call it */
	ParamType	type;
	const char *choices;		/* PT_ENUM: "a,b", or NULL: anything */
	double		min;			/* both 0: no bounds; see FieldDef */
	double		max;
	bool		secret;			/* no message may show the value */
	const ObjectDef *object;	/* PT_OBJECTS: what the list holds */
} ValueRule;

extern void spec_check_value(const ValueRule *rule, SpecNode *value, const char *path,
							 Findings *findings);

/* the items of a list of objects (validate_object.c) */
extern void spec_check_objects(const ValueRule *rule, SpecNode *list, const char *path,
							   Findings *findings);

/* names: empty, too long; role names besides: reserved ones */
extern void spec_check_name(const SpecNode *value, const char *path, Findings *findings);
extern void spec_check_role_name(const SpecNode *value, const char *path, Findings *findings);

/* rules of one object, by its kind (validate_rules.c) */
extern void spec_check_object_rules(const ObjectDef *object, SpecNode *item, const char *path,
									Findings *findings);

/* what a parameter needs besides its type (validate_rules.c) */
extern void spec_check_param_rules(const char *param, SpecNode *value, const char *path,
								   Findings *findings);

/* addresses (validate_address.c) */
extern bool spec_valid_address(const char *string);
extern bool spec_valid_cidr(const char *string);
extern void spec_check_hba_address(const SpecNode *value, const char *path, Findings *findings);

/* rules between parameters of one cluster (validate_cross.c) */
extern void spec_check_identity(const char *cluster, const SpecNode *body, const char *path,
								Findings *findings);
extern void spec_check_cross(const SpecNode *vars, const char *path, Findings *findings);

/* name of an item that is a bare string or an object; NULL if it has none */
extern const char *spec_item_name(const SpecNode *item);

/* whether an item's state says that it must not be there */
extern bool spec_item_absent(const SpecNode *item);

#endif							/* PGOPS_SPEC_VALIDATE_H */
