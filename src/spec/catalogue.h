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

/*
 * What a value must be.  Types whose values are text (all but the numbers,
 * booleans and containers) take the text of the source, whatever YAML would
 * make of it: see node.h.  What each accepts stands in validate_value.c.
 */
typedef enum ParamType
{
	PT_STRING,					/* any scalar */
	PT_BOOL,
	PT_INT,						/* within min and max, both included */
	PT_FLOAT,					/* between min and max, both excluded */
	PT_ENUM,					/* one of choices; without choices any text */
	PT_NAME,					/* PostgreSQL identifier */
	PT_PASSWORD,				/* any scalar, never shown; or a reference (reference.h) */
	PT_IP,
	PT_CIDR,					/* address/bits */
	PT_PORT,					/* 1 to 65535 */
	PT_PATH,					/* absolute */
	PT_INTERVAL,				/* 30s, 5min */
	PT_SIZE,					/* 64MiB, 1GB */
	PT_DATE,					/* the same day for everybody: no "tomorrow" */
	PT_DICT,					/* a map, what is inside is its consumer's */
	PT_LIST,					/* of strings */
	PT_INT_OR_STRING,
	PT_STRING_OR_LIST,			/* a string, or a list of them */
	PT_ANY,
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

/* one field of such an object */
struct FieldDef
{
	const char *name;
	ParamType	type;
	bool		required;		/* must be there and not null */
	bool		secret;			/* is sealed or masked wherever it is kept */
	const char *choices;		/* "create,absent" or NULL */
	double		min,
				max;			/* both 0: unbounded; PT_FLOAT: both ends excluded */
	const ObjectDef *object;	/* PT_OBJECTS */
	const char *summary;
};

/* one parameter: a row of catalogue_table.c and of the view pgops.parameter */
typedef struct ParamDef
{
	const char *name;
	const char *module;			/* PGSQL, INFRA, NODE, ETCD, PGOPS */
	const char *section;		/* PG_BUSINESS ... */
	ParamType	type;
	const char *levels;			/* where it makes sense: G global, C cluster, I instance, A argument */
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

/* the same, made once for the life of the process: not to be changed */
extern const SpecNode *catalogue_default_value(const char *name);

/* type name as shown in pgops.parameter: "string", "bool", "user[]" ... */
extern const char *catalogue_type_name(const ParamDef *def);

/* whether a value below this parameter at this key is a secret (also for keys
 * inside dict parameters: *password*, *secret*, cipher_pass, ...) */
extern bool catalogue_is_secret(const char *param, const char *key);

#endif							/* PGOPS_SPEC_CATALOGUE_H */
