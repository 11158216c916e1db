/*
 * item.h
 *		Changing one declared object where it stands: a field set or removed,
 *		everything else left as it was written.
 *
 * Items are the elements of list parameters (users, databases, rules, ...),
 * raw as they were declared: not normalised, short forms kept.  Trees are
 * changed in place; what is put into them is not copied and belongs to them.
 *
 * Not for: whether a value is right (validate.h), which list an item is in.
 */
#ifndef PGOPS_SPEC_ITEM_H
#define PGOPS_SPEC_ITEM_H

#include "spec/catalogue.h"

/* the field of that name, or NULL; object NULL: items are bare texts, without fields */
extern const FieldDef *item_field(const ObjectDef *object, const char *name);

/* kind of object in the list parameter or, with a field, in that field's list; NULL: texts */
extern const ObjectDef *item_object(const char *param, const char *field);

/* value of a field, also of a short form; NULL: not declared */
extern const SpecNode *item_get(const ObjectDef *object, const SpecNode *item, const char *field);

/*
 * item_set
 *		Sets a field or, with value NULL, removes it.  A short form stays one
 *		as long as it can.  A field that was not there comes to the place that
 *		the catalogue's order gives it; a map keeps the order of the keys it
 *		had.  A text of digits becomes a number where the field may be one.
 */
extern void item_set(const ObjectDef *object, SpecNode *item, const char *field, SpecNode *value);

/*
 * item_set_param
 *		The same for a parameter among the variables of a group or host.
 */
extern void item_set_param(SpecNode *vars, const char *param, SpecNode *value);

/* name of an item as it is written, or NULL */
extern const char *item_name(const SpecNode *item);

/* whether a value, or something in it, is an expression: ${...} or {{ ... }} */
extern bool item_is_expression(const SpecNode *node);

/* first required field that the item lacks, or NULL */
extern const char *item_lacks(const ObjectDef *object, const SpecNode *item);

/* ---- paths of findings ---- */

/* path of a parameter of a group (host NULL) or of one of its hosts; palloc'd */
extern char *item_param_path(const char *group, const char *host, const char *param);

/*
 * item_in_path
 *		If a finding's path lies in an item of the list at "list", returns what
 *		follows the item ("" or ".roles[0]") and sets *index (from 0); else NULL.
 */
extern const char *item_in_path(const char *path, const char *list, int *index);

/*
 * item_below_path
 *		If a path lies at or below "above", returns the first key that follows
 *		("" if none does), palloc'd; else NULL.
 */
extern char *item_below_path(const char *path, const char *above);

#endif							/* PGOPS_SPEC_ITEM_H */
