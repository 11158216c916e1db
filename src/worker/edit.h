/*
 * edit.h
 *		Writing through the typed views: private to worker/edit*.c.
 *
 * A statement's rows are collected one by one (edit_collect.c, edit_row.c) and
 * carried out together when the statement has seen all of them
 * (edit_carry.c), as one declaration: in lists (edit_list.c, edit_item.c,
 * edit_shown.c), among hosts and groups (edit_group.c).  What is wrong is told in the view's words
 * (edit_error.c).  edit_complete.c looks at unfinished clusters at commit.
 */
#ifndef PGOPS_WORKER_EDIT_H
#define PGOPS_WORKER_EDIT_H

#include "commands/trigger.h"

#include "spec/item.h"
#include "spec/names.h"
#include "worker/declaration.h"

typedef enum EditAction
{
	EDIT_INSERT,
	EDIT_UPDATE,
	EDIT_DELETE
} EditAction;

typedef struct Edit Edit;
typedef struct EditWork EditWork;

/* a column of a view that shows a parameter under another name */
typedef struct EditAlias
{
	const char *column;
	const char *param;
} EditAlias;

/* what a view shows, and where in a body that stands */
typedef struct EditKind
{
	const char *view;			/* name of the view, argument of its triggers */
	const char *noun;			/* what messages call a row */
	const char *const *params;	/* lists it may be in, the first is meant if none is said */
	const char *inner;			/* field of the items of params[0] that holds the list: schemas */
	const char *text;			/* column that is the whole item: default privileges */
	const EditAlias *aliases;	/* of instances and clusters */
	void		(*carry) (EditWork *work, Edit *edit);
} EditKind;

/* one column of one row; NULL: null, or not looked at */
typedef struct EditCell
{
	const char *column;
	SpecNode   *old;
	SpecNode   *new;
	bool		json;			/* its type is jsonb, which can show everything */
	bool		changed;		/* INSERT: is not null; UPDATE: differs; DELETE: false */
} EditCell;

/*
 * An item that a statement inserts.  Places count as they were before the
 * statement, so that several rows can ask for the same one and stay in the order
 * in which they came.
 */
typedef struct EditAdded
{
	int			before;			/* place (from 1) before which it was asked for; 0: the end */
	SpecNode   *item;
} EditAdded;

/* a list of a cluster while a statement changes it */
typedef struct EditList
{
	const char *cluster;
	const char *param;
	const ObjectDef *object;	/* NULL: bare texts */
	struct EditList *outer;		/* list of databases, for what is inside one */
	SpecNode   *outer_item;
	const char *inner;			/* field of outer_item */
	SpecNode   *vars;			/* where the parameter stands */
	char	   *origin;			/* where its items were copied from, for people; NULL: they were not */
	SpecNode   *node;
	SpecNode  **items;			/* as they were before the statement */
	List	   *shown;			/* the same ones as the view shows them */
	bool	   *gone;
	int			count;
	SpecNames  *names;			/* by name, made when it is needed */
	List	   *added;			/* of EditAdded * */
	const char *path;			/* in findings, once the list is put together; NULL: it is gone */
} EditList;

/* a row that a statement inserts, updates or deletes */
struct Edit
{
	const EditKind *kind;
	EditAction	action;
	EditCell   *cells;
	int			ncells;

	/* once it is carried out */
	EditList   *list;
	SpecNode   *item;
	const char *path;			/* of a host or group, for findings */
};

/* a statement's edits on their way */
struct EditWork
{
	Declaration *declaration;
	const char *local;			/* cluster that this server belongs to, or NULL */
	List	   *edits;			/* of Edit * */
	List	   *lists;			/* of EditList *, in the order in which they were opened */
	SpecNames  *lists_by_place;
	List	   *structural;		/* of char *: clusters that may lack something now, to be looked at again */
	List	   *paused;			/* of Edit *: rows of clusters to be paused or resumed */
};

/* ---- edit_mask.c ---- */

/* the row as RETURNING may show it: itself, or a palloc'd copy with masks */
extern HeapTuple edit_mask(const EditKind *kind, const TriggerData *trigger, HeapTuple row);

/* ---- edit_row.c: rows and their columns ---- */

/* the row of an INSTEAD OF trigger; NULL if an UPDATE changes no column */
extern Edit *edit_of_row(const EditKind *kind, const TriggerData *trigger);

/* a column of the old or new row, or NULL */
extern SpecNode *edit_old(const Edit *edit, const char *column);
extern SpecNode *edit_new(const Edit *edit, const char *column);

/* the new value of an INSERT, else the old one, as text; NULL: null */
extern const char *edit_key(const Edit *edit, const char *column);

/* ---- edit_kind.c ---- */
extern const EditKind *edit_kind(const char *view);

/* ---- edit_carry.c ---- */
extern void edit_carry_out(List *edits);

/* ---- edit_shown.c: items as the views show them ---- */

/* fills in list->shown, of a list that was just opened */
extern void edit_read_shown(const EditWork *work, EditList *list);

/* whether the item at a place (from 0) is the one that the row showed */
extern bool edit_is_shown(const EditList *list, int place, const Edit *edit);

/* whether the columns that an UPDATE changes are there as the row showed them */
extern bool edit_is_current(const EditList *list, int place, const Edit *edit);
extern bool edit_is_current_row(const EditWork *work, const Edit *edit, const char *cluster,
								const char *host);

/* ---- edit_item.c ---- */

/* refuses a row that is not what it was any more; does not return */
extern void edit_refuse_changed(const Edit *edit);
extern void edit_carry_item(EditWork *work, Edit *edit);

/* ---- edit_list.c ---- */

/* the list that a row is in, opened at the first row of a statement; refused if there is none */
extern EditList *edit_open_list(EditWork *work, Edit *edit);

/* puts the lists back together; to be called once all edits were carried out */
extern void edit_close_lists(EditWork *work);

/* a NOTICE for each list that a cluster took over from a weaker level */
extern void edit_tell_copies(const EditWork *work);

/* ---- edit_group.c ---- */

/* column of hosts and groups that has all their parameters */
#define EDIT_VARIABLES	"variables"

/* the parameter that a column shows under a name of its own, or NULL */
extern const char *edit_param_of_column(const EditKind *kind, const char *column);

extern void edit_carry_host(EditWork *work, Edit *edit);
extern void edit_carry_group(EditWork *work, Edit *edit);

/* deletes clusters and pauses them: what is no declaration of their bodies */
extern void edit_forget(const char *cluster);
extern void edit_pause(const Edit *edit);

/* body of the edit's cluster, to be changed in place; refused if there is none */
extern SpecNode *edit_body(EditWork *work, const Edit *edit, const char *column);

/* ---- edit_error.c ---- */

/* refuses an edit because of one column's value; detail and hint may be NULL; does not return */
extern void edit_refuse(const Edit *edit, const char *column, int sqlstate,
						char *detail, const char *hint);

/* refuses to change a column at all; does not return */
extern void edit_refuse_column(const Edit *edit, const char *column,
							   const char *detail, const char *hint);

/* 'cluster "pg-meta", database "app"'; palloc'd */
extern char *edit_describe(const Edit *edit);

/* emits warnings and raises errors of the declaration, in the words of the views */
extern void edit_report(const EditWork *work);

/* ---- edit_complete.c: clusters that a transaction leaves unfinished ---- */

/* looks at the cluster again when the transaction commits */
extern void edit_check_at_commit(const char *cluster);

/* whether one is still to be looked at */
extern bool edit_unfinished(void);

#endif							/* PGOPS_WORKER_EDIT_H */
