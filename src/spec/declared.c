/*
 * declared.c
 *		The two forms of a value: as the document has it, which is stored, and
 *		normalised, which is what everything that acts on it reads.
 *
 * Stored values stay what Ansible would see, since playbooks read them, too:
 * 'yes' in quotes is a text for Ansible and a boolean for us.
 *
 * Not for: what normalising a type means (validate_value.c).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "spec/spec.h"
#include "spec/validate.h"

/*
 * Findings are thrown away: what was stored has been validated, and if a newer
 * catalogue thinks differently, that is not the reader's to report.
 */
void
spec_normalise_vars(SpecNode *vars)
{
	Findings	ignored = {0};
	ListCell   *lc;

	if (vars == NULL || vars->kind != NODE_MAP)
		return;
	foreach(lc, vars->entries)
	{
		SpecEntry  *entry = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (catalogue_find(entry->key) != NULL)
			spec_validate_param(entry->key, entry->value, entry->key, &ignored);
	}
}

void
spec_normalise_body(SpecNode *body)
{
	const SpecNode *hosts = node_get(body, "hosts");
	ListCell   *lc;

	spec_normalise_vars(node_get(body, "vars"));
	foreach(lc, hosts == NULL ? NIL : hosts->entries)
		spec_normalise_vars(((SpecEntry *) lfirst(lc))->value);
}

/* The first change counts: what it was before is what was declared. */
void
spec_become(SpecNode *value, SpecKind kind)
{
	if (value->kind == kind)
		return;
	if (!value->normalised)
		value->declared = value->kind;
	value->normalised = true;
	value->kind = kind;
}

/*
 * A text that became a number or a boolean, and a number that is called what the
 * source says, are what they were.  What is only a text in the source (0755, which
 * YAML takes for 493) could not come back from its value and stays text.
 */
static void
restore_scalar(SpecNode *value)
{
	SpecNode	before = *value;
	const char *called;

	before.kind = value->declared;
	called = node_text(&before);
	if (value->kind != NODE_STRING || called == NULL || strcmp(called, value->text) == 0)
		value->kind = value->declared;
	value->normalised = false;
}

void
spec_restore_declared(SpecNode *value)
{
	ListCell   *lc;

	check_stack_depth();
	if (value->normalised)
		restore_scalar(value);
	foreach(lc, value->items)
		spec_restore_declared(lfirst(lc));
	foreach(lc, value->entries)
		spec_restore_declared(((SpecEntry *) lfirst(lc))->value);
}
