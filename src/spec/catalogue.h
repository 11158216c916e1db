/*
 * catalogue.h
 *		The parameter catalogue: what every declarable parameter and every
 *		field of a declared object is called, its type, default and bounds.
 *
 * One table drives validation, defaults, pgops.parameter and the
 * documentation.
 */
#ifndef PGOPS_SPEC_CATALOGUE_H
#define PGOPS_SPEC_CATALOGUE_H

#include "spec/node.h"

typedef enum ParamType
{
	PT_STRING, PT_BOOL, PT_INT, PT_FLOAT, PT_ENUM, PT_NAME /* PostgreSQL identifier */ ,
	PT_PASSWORD, PT_IP, PT_CIDR, PT_PORT, PT_PATH, PT_INTERVAL, PT_SIZE, PT_DATE,
	PT_DICT, PT_LIST /* of strings */ , PT_INT_OR_STRING, PT_ANY,
	PT_OBJECTS					/* list of objects described by fields */
} ParamType;

typedef struct FieldDef FieldDef;

/* a kind of object that a list parameter holds (user, database, hba rule...) */
typedef struct ObjectDef
{
	const char *name;			/* "user" */
	const FieldDef *fields;		/* ends with name NULL */
	const char *short_form;		/* field that a bare string stands for, or NULL */
} ObjectDef;

struct FieldDef
{
	const char *name;
	ParamType	type;
	bool		required;
	bool		secret;
	const char *choices;		/* "create,absent" or NULL */
	double		min,
				max;			/* both 0: unbounded; PT_FLOAT: both ends excluded */
	const ObjectDef *object;	/* PT_OBJECTS */
	const char *summary;
};

typedef struct ParamDef
{
	const char *name;
	const char *module;			/* PGSQL, INFRA, NODE, ETCD, PGOPS */
	const char *section;		/* PG_BUSINESS ... */
	ParamType	type;
	const char *levels;			/* "G/C" as in the reference */
	const char *default_json;	/* JSON text, or NULL: no default */
	const char *choices;
	double		min,
				max;
	bool		secret;
	const ObjectDef *object;	/* PT_OBJECTS */
	const char *summary;		/* in our own words */
} ParamDef;

extern const ParamDef catalogue_parameters[];	/* ends with name NULL; in the order of the documentation */

/* the definition, or NULL */
extern const ParamDef *catalogue_find(const char *name);

/* the default as a fresh tree, or NULL if the parameter has none */
extern SpecNode *catalogue_default(const char *name);

/* type name as shown in pgops.parameter: "string", "bool", "user[]" ... */
extern const char *catalogue_type_name(const ParamDef *def);

/* whether a value below this parameter at this key is a secret (also for keys
 * inside dict parameters: *password*, *secret*, cipher_pass, ...) */
extern bool catalogue_is_secret(const char *param, const char *key);

#endif							/* PGOPS_SPEC_CATALOGUE_H */
