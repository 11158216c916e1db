/*
 * placeholder.h
 *		${name} in a declared text, and what it stands for.
 *
 * Declarations are kept as they were written; whoever consumes a text resolves
 * it there, for the instance and the cluster it is about.  ${ip} is the host's
 * address, ${vip} the cluster's virtual one, ${lo} 127.0.0.1; ${dbsu}, ${repl},
 * ${monitor} and ${admin} are the system users; any other name is that of a
 * variable in effect whose value is a scalar, which may hold placeholders in
 * turn.  What stands for nothing is left as it is; $${name} is the text
 * ${name}.  A secret never becomes part
 * of a text, and the text of a secret is never touched: a password is literal.
 *
 * Not for: Jinja expressions, which only Ansible evaluates.
 */
#ifndef PGOPS_SPEC_PLACEHOLDER_H
#define PGOPS_SPEC_PLACEHOLDER_H

#include "spec/node.h"

/* for whom texts are resolved */
typedef struct Placeholders
{
	const char *host;			/* ${ip}; NULL: not said which instance */
	const char *cluster;		/* ${pg_cluster} where that is not declared; or NULL */
	const char *dbsu;			/* the bootstrap superuser's real name; NULL: what pg_dbsu says */

	/*
	 * The variable in effect as it was declared, or NULL.  The catalogue's
	 * defaults are looked up here, it need not know them.
	 */
	const SpecNode *(*variable) (const char *name, void *arg);
	void	   *arg;
} Placeholders;

/* whether there is anything in a text that could be resolved */
extern bool placeholder_in(const char *str);

/* whether a text as a whole is one of those that stand for a role */
extern bool placeholder_is_role(const char *str);

/* the text resolved: palloc'd, or the text itself if nothing in it was */
extern const char *placeholder_text(const Placeholders *source, const char *str);

/*
 * placeholder_tree
 *		The value of a parameter with all its texts resolved.  What holds
 *		nothing to resolve is shared with the result, the rest is a copy with
 *		the places of the original; the original is not changed.  Text that was
 *		resolved counts as quoted, so that normalising makes a number of it
 *		where one is wanted (spec_validate_param).
 */
extern SpecNode *placeholder_tree(const Placeholders *source, const char *param,
								  const SpecNode *value);

#endif							/* PGOPS_SPEC_PLACEHOLDER_H */
