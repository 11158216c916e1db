/*
 * inventory_circle.c
 *		Groups that lie in themselves, by way of others: found, reported once
 *		and cut.
 *
 * Not for: any other fault of an inventory.
 */
#include "postgres.h"

#include "errors.h"
#include "spec/inventory_parts.h"
#include "spec/validate.h"

/* names of a circle that a message lists */
#define MAX_LISTED	20

/* a group on the way from the start of the search to where it is now */
typedef struct Step
{
	InventoryGroup *group;
	int			next;			/* index of the child to look at next */
} Step;

typedef struct Search
{
	Step	   *steps;			/* the way; as many as there are groups */
	int			count;
	SpecNames  *left;			/* groups that were searched to the end */
	SpecNames  *entered;		/* Step, by name, of those on the way and left */
	Findings   *findings;
} Search;

/* "a -> b -> a", from the step where the circle begins */
static char *
circle_text(const Search *search, int from)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = from; i < search->count && i - from < MAX_LISTED; i++)
		appendStringInfo(&buf, "%s -> ", search->steps[i].group->name);
	if (search->count - from > MAX_LISTED)
		appendStringInfoString(&buf, "... -> ");
	appendStringInfoString(&buf, search->steps[from].group->name);
	return buf.data;
}

/* takes the mention that closes the circle out of both lists */
static void
cut(Search *search, InventoryGroup *parent, InventoryChild *child)
{
	SpecNode	at = {.line = child->line, .column = child->column};
	int			from = 0;

	while (search->steps[from].group != child->group)
		from++;
	spec_error(search->findings, ERRCODE_PGOPS_CONTRADICTION, &at,
			   psprintf("%s.children.%s", parent->name, child->group->name),
			   "Take one of these groups out of the \"children\" of the one before it.",
			   "group \"%s\" lies in itself: %s", child->group->name,
			   circle_text(search, from));
	parent->children = list_delete_ptr(parent->children, child);
	child->group->parents = list_delete_ptr(child->group->parents, parent);
}

static void
enter(Search *search, InventoryGroup *group)
{
	search->steps[search->count].group = group;
	search->steps[search->count].next = 0;
	search->count++;
	(void) spec_names_add(search->entered, group->name, group);
}

/* one step of the search: to the next child, or back */
static void
advance(Search *search)
{
	Step	   *step = &search->steps[search->count - 1];
	InventoryChild *child;

	if (step->next >= list_length(step->group->children))
	{
		(void) spec_names_add(search->left, step->group->name, step->group);
		search->count--;
		return;
	}
	child = list_nth(step->group->children, step->next);
	if (spec_names_find(search->entered, child->group->name) == NULL)
	{
		step->next++;
		enter(search, child->group);
	}
	else if (spec_names_find(search->left, child->group->name) == NULL)
		cut(search, step->group, child);
	else
		step->next++;
}

/*
 * Depth first, each group once.  Not by recursion: a chain of groups that only
 * mention each other may be longer than the stack allows.
 */
void
inventory_cut_circles(Inventory *inventory, Findings *findings)
{
	Search		search = {0};
	ListCell   *lc;

	search.steps = palloc(Max(list_length(inventory->groups), 1) * sizeof(Step));
	search.left = spec_names_create();
	search.entered = spec_names_create();
	search.findings = findings;
	foreach(lc, inventory->groups)
	{
		InventoryGroup *group = lfirst(lc);

		if (group->children == NIL || spec_names_find(search.entered, group->name) != NULL)
			continue;
		enter(&search, group);
		while (search.count > 0)
			advance(&search);
	}
	pfree(search.steps);
}
