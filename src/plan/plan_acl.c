/*
 * plan_acl.c
 *		Grants and revokes on one object, compared through parsed ACLs.
 *
 * What is wanted is a list of single privileges of single grantees; what is
 * there already is no change.  Each unit that a statement changes is
 * remembered together with the statement that undoes it.
 *
 * Not for: which privileges follow from a declaration (plan_grants.c), default
 * privileges (plan_default_acl.c).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "plan/planner.h"

/* ---- lists of AclEntry ---- */

/* a grantee as SQL; NULL and "" mean PUBLIC */
const char *
plan_grantee(const char *name)
{
	return name == NULL || name[0] == '\0' ? "PUBLIC" : quote_identifier(name);
}

/*
 * By name, not by oid: the declaration knows names only, and grantees that this
 * very plan creates have no oid yet.
 */
static bool
entry_matches(const AclEntry *entry, const char *grantee, const char *privilege)
{
	return plan_same(entry->grantee, grantee) && strcmp(entry->privilege, privilege) == 0;
}

/* the entry of a grantee (NULL: PUBLIC) and privilege, one with grant option
 * if there are several; NULL if there is none */
AclEntry *
plan_acl_find(List *acl, const char *grantee, const char *privilege)
{
	AclEntry   *found = NULL;
	ListCell   *lc;

	foreach(lc, acl)
	{
		AclEntry   *entry = lfirst(lc);

		if (entry_matches(entry, grantee, privilege) && (found == NULL || entry->grantable))
			found = entry;
	}
	return found;
}

/*
 * Adds a privilege, or the grant option to one that is there.  One entry per
 * grantor, as the server keeps them: revoking one grantor's leaves the other's.
 */
List *
plan_acl_add(List *acl, const char *grantee, const char *grantor,
			 const char *privilege, bool grantable)
{
	AclEntry   *entry = plan_acl_find(acl, grantee, privilege);

	if (entry != NULL && plan_same(entry->grantor, grantor))
	{
		entry->grantable = entry->grantable || grantable;
		return acl;
	}
	entry = palloc(sizeof(AclEntry));
	entry->grantee = grantee ? pstrdup(grantee) : NULL;
	entry->grantor = grantor ? pstrdup(grantor) : NULL;
	entry->privilege = pstrdup(privilege);
	entry->grantable = grantable;
	return lappend(acl, entry);
}

/*
 * What ALTER ... OWNER does to an ACL: entries of the old owner become the new
 * one's, as grantee and as grantor, and merge with those it already had.
 */
void
plan_acl_new_owner(List **acl, const char *old, const char *new)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, *acl)
	{
		AclEntry   *entry = lfirst(lc);

		result = plan_acl_add(result, plan_same(entry->grantee, old) ? new : entry->grantee,
							  plan_same(entry->grantor, old) ? new : entry->grantor,
							  entry->privilege, entry->grantable);
	}
	*acl = result;
}

/* removes entries of a grantee and privilege that the owner granted */
static List *
acl_remove(List *acl, const char *grantee, const char *privilege, const char *grantor)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, acl)
	{
		AclEntry   *entry = lfirst(lc);

		if (!(entry_matches(entry, grantee, privilege) && plan_same(entry->grantor, grantor)))
			kept = lappend(kept, entry);
	}
	return kept;
}

/* what is left of a privilege when one grantor's grant option is gone, by CASCADE */
static List *
acl_without_grantor(List *acl, const char *privilege, const char *grantor)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, acl)
	{
		AclEntry   *entry = lfirst(lc);

		if (strcmp(entry->privilege, privilege) == 0)
		{
			if (plan_same(entry->grantor, grantor))
				continue;
			if (plan_same(entry->grantee, grantor))
				entry->grantable = false;
		}
		kept = lappend(kept, entry);
	}
	return kept;
}

/* ---- units: what is remembered ---- */

/* "GRANT CONNECT TO app WITH GRANT OPTION", "REVOKE CREATE FROM PUBLIC" */
static char *
unit_text(bool is_grant, const char *privilege, const char *grantee, bool grantable)
{
	return psprintf("%s %s %s %s%s", is_grant ? "GRANT" : "REVOKE", privilege,
					is_grant ? "TO" : "FROM", plan_grantee(grantee),
					is_grant && grantable ? " WITH GRANT OPTION" : "");
}

/*
 * Without a grant option: what was granted WITH GRANT OPTION goes away as a whole,
 * and what a revoke took is given back as the plain privilege.
 */
static char *
unit_undo(const AclTarget *target, const AclWant *want)
{
	return psprintf("%s %s ON %s %s %s", want->is_grant ? "REVOKE" : "GRANT",
					want->privilege, target->on, want->is_grant ? "FROM" : "TO",
					plan_grantee(want->grantee));
}

/*
 * Remembered unit by unit though one statement may grant several: each can leave
 * the declaration alone.
 */
static void
unit_record(Action *action, const AclTarget *target, const AclWant *want)
{
	action_record(action, target->owned_kind, target->database, target->name,
				  unit_text(want->is_grant, want->privilege, want->grantee, want->grantable),
				  unit_undo(target, want));
}

static char *
rule_name(const AclTarget *target, const char *verb)
{
	return psprintf("%s.%s", target->prefix, verb);
}

/*
 * The grantee that a remembered revoke names, palloc'd; "" is PUBLIC, NULL says
 * that the unit is no revoke.  Reads the form that unit_text() writes, here and
 * in plan_default_acl.c.
 */
static char *
revoked_grantee(const char *unit)
{
	const char *from = strstr(unit, " FROM ");
	StringInfoData name;

	if (strncmp(unit, "REVOKE ", 7) != 0 || from == NULL)
		return NULL;
	from += strlen(" FROM ");
	initStringInfo(&name);
	if (strcmp(from, "PUBLIC") == 0)
		return name.data;
	for (bool quoted = from[0] == '"'; *from != '\0'; from++)
	{
		/* of a quoted name neither the quotes nor the doubling count */
		if (quoted && *from == '"' && *++from != '"')
			from--;
		else
			appendStringInfoChar(&name, *from);
	}
	return name.data;
}

/*
 * plan_unit_undoable
 *		Whether the grantee of a remembered revoke still exists, so that the
 *		privilege can be granted again.  (A grant's grantee is in the ACL, or
 *		there is nothing to undo.)
 */
bool
plan_unit_undoable(Planner *planner, const OwnedItem *item)
{
	char	   *grantee = revoked_grantee(item->attribute);

	return grantee == NULL || grantee[0] == '\0' || plan_role_exists(planner, grantee);
}

/* ---- undo ---- */

/* the entry that a remembered unit names, NULL if the ACL has none */
static AclEntry *
entry_of_unit(const OwnedItem *item, List *acl)
{
	bool		is_grant = strncmp(item->attribute, "GRANT ", 6) == 0;
	ListCell   *lc;

	foreach(lc, acl)
	{
		AclEntry   *entry = lfirst(lc);

		if (strcmp(unit_text(is_grant, entry->privilege, entry->grantee, false),
				   item->attribute) == 0 ||
			(is_grant && strcmp(unit_text(true, entry->privilege, entry->grantee, true),
								item->attribute) == 0))
			return entry;
	}
	return NULL;
}

static void
undo_action(Planner *planner, const AclTarget *target, const OwnedItem *item,
			char *statement)
{
	action_forget(action_sql(planner, rule_name(target, "undo"), target->name,
							 target->database, statement,
							 psprintf("no longer declared: %s", item->attribute)),
				  item);
}

/*
 * A grant option that pgops gave may have been used since; what was granted by
 * it cannot outlive it, and without CASCADE the server would refuse for ever.
 */
static void
undo_grant(Planner *planner, const AclTarget *target, const OwnedItem *item,
		   const AclEntry *entry, List **acl)
{
	bool		used = false;
	ListCell   *lc;

	foreach(lc, *acl)
	{
		AclEntry   *other = lfirst(lc);

		used = used || (strcmp(other->privilege, entry->privilege) == 0 &&
						entry->grantee != NULL && plan_same(other->grantor, entry->grantee) &&
						!plan_same(entry->grantee, target->owner));
	}
	undo_action(planner, target, item,
				psprintf("%s%s", item->value, used ? " CASCADE" : ""));
	if (used)
		*acl = acl_without_grantor(*acl, entry->privilege, entry->grantee);
	*acl = acl_remove(*acl, entry->grantee, entry->privilege, target->owner);
}

/*
 * The privilege is there again, and known to be: a declaration that names it
 * must not grant it a second time, nor would it be pgops' own grant, to be
 * taken away when that declaration goes.
 */
static void
undo_revoke(Planner *planner, const AclTarget *target, const OwnedItem *item, List **acl)
{
	const char *privilege = item->attribute + strlen("REVOKE ");
	char	   *grantee = revoked_grantee(item->attribute);

	undo_action(planner, target, item, pstrdup(item->value));
	*acl = plan_acl_add(*acl, grantee[0] != '\0' ? grantee : NULL, target->owner,
						pnstrdup(privilege, strstr(privilege, " FROM ") - privilege), false);
}

/*
 * Whether a remembered grant is none to take back: what is wanted with the
 * grant option, and has it, is wanted; and what the owner has makes it the
 * owner, unless the same is to be granted in another form.
 */
static bool
grant_stays(const AclTarget *target, List *wants, const AclEntry *entry)
{
	ListCell   *lc;

	foreach(lc, wants)
	{
		const AclWant *want = lfirst(lc);

		if (want->is_grant && entry_matches(entry, want->grantee, want->privilege))
			return want->grantable && entry->grantable;
	}
	return entry->grantee != NULL && plan_same(entry->grantee, target->owner);
}

/*
 * What pgops granted or revoked and the declaration does not ask for any more.
 * A revoke's undo grants again, so it must know to whom: the ACL cannot say.
 * It is therefore looked at before anything else changes the ACL, and the
 * grants that follow restore what is still wanted.
 */
static void
acl_undo(Planner *planner, const AclTarget *target, List *wants, List **acl)
{
	ListCell   *lc;

	foreach(lc, plan_owned_named(planner, target->owned_kind, target->database,
								 target->name))
	{
		OwnedItem  *item = lfirst(lc);
		bool		is_grant = strncmp(item->attribute, "GRANT ", 6) == 0;
		AclEntry   *entry;

		if (plan_wanted(planner, item))
			continue;
		entry = entry_of_unit(item, *acl);
		if ((entry != NULL) != is_grant || item->value == NULL ||
			(is_grant && grant_stays(target, wants, entry)) ||
			!plan_unit_undoable(planner, item))
		{
			plan_forget(planner, item);
			continue;
		}
		if (is_grant)
			undo_grant(planner, target, item, entry, acl);
		else
			undo_revoke(planner, target, item, acl);
	}
}

/* ---- revoke ---- */

/*
 * Somebody with the grant option granted the privilege on: a superuser's
 * REVOKE acts as the owner and does not reach that, so the grant option is
 * taken away with what was granted by it.  Where the option itself is wanted,
 * the grants that follow give it back.
 */
static void
revoke_from_grantor(Planner *planner, const AclTarget *target, const AclEntry *extra,
					List **acl)
{
	action_sql(planner, rule_name(target, "revoke"), target->name, target->database,
			   psprintf("REVOKE GRANT OPTION FOR %s ON %s FROM %s CASCADE",
						extra->privilege, target->on, plan_grantee(extra->grantor)),
			   psprintf("extra: %s for %s, granted by %s", extra->privilege,
						plan_grantee(extra->grantee), plan_grantee(extra->grantor)));
	*acl = acl_without_grantor(*acl, extra->privilege, extra->grantor);
}

/*
 * One privilege is taken from one grantee, whoever granted it.  The loop ends: each
 * turn removes an entry from the ACL as it will be.
 */
static void
acl_revoke(Planner *planner, const AclTarget *target, const AclWant *want,
		   const char *verb, List **acl)
{
	AclEntry   *entry;

	while ((entry = plan_acl_find(*acl, want->grantee, want->privilege)) != NULL)
	{
		Action	   *action;

		if (entry->grantor != NULL && !plan_same(entry->grantor, target->owner))
		{
			revoke_from_grantor(planner, target, entry, acl);
			continue;
		}
		action = action_sql(planner, rule_name(target, verb), target->name, target->database,
							psprintf("REVOKE %s ON %s FROM %s", want->privilege, target->on,
									 plan_grantee(want->grantee)),
							psprintf("extra: %s for %s", want->privilege,
									 plan_grantee(want->grantee)));
		/* what policy takes away is not given back when policy changes */
		if (strcmp(verb, "revoke") == 0)
			unit_record(action, target, want);
		*acl = acl_remove(*acl, entry->grantee, entry->privilege, entry->grantor);
	}
}

/* ---- grant ---- */

/*
 * The owner can always grant its privileges on; the ACL does not say so, and a
 * GRANT ... WITH GRANT OPTION to the owner would change nothing, pass after pass.
 */
static bool
grant_is_there(const AclTarget *target, const AclWant *want, List *acl)
{
	AclEntry   *entry = plan_acl_find(acl, want->grantee, want->privilege);

	return entry != NULL && (entry->grantable || !want->grantable ||
							 plan_same(want->grantee, target->owner));
}

/*
 * One statement for all missing privileges that one grantee gets alike.  They are
 * in the ACL afterwards, so the same wants find nothing missing a second time.
 */
static void
acl_grant(Planner *planner, const AclTarget *target, const AclWant *first,
		  List *wants, List **acl)
{
	StringInfoData privileges;
	List	   *missing = NIL;
	Action	   *action;
	ListCell   *lc;

	initStringInfo(&privileges);
	foreach(lc, wants)
	{
		AclWant    *want = lfirst(lc);

		if (!want->is_grant || !plan_same(want->grantee, first->grantee) ||
			want->grantable != first->grantable || grant_is_there(target, want, *acl))
			continue;
		appendStringInfo(&privileges, "%s%s", privileges.len > 0 ? ", " : "",
						 want->privilege);
		missing = lappend(missing, want);
	}
	if (missing == NIL)
		return;
	action = action_sql(planner, rule_name(target, "grant"), target->name, target->database,
						psprintf("GRANT %s ON %s TO %s%s", privileges.data, target->on,
								 plan_grantee(first->grantee),
								 first->grantable ? " WITH GRANT OPTION" : ""),
						psprintf("missing: %s for %s", privileges.data,
								 plan_grantee(first->grantee)));
	foreach(lc, missing)
	{
		AclWant    *want = lfirst(lc);

		unit_record(action, target, want);
		*acl = plan_acl_add(*acl, want->grantee, target->owner, want->privilege,
							want->grantable);
	}
}

/* ---- the authoritative policy ---- */

/*
 * Privileges of roles inside the managed scope that nobody declared.  PUBLIC has
 * its own rules (revokeconn), and the owner's are what makes it the owner.
 */
static void
acl_extra(Planner *planner, const AclTarget *target, List *wants, List **acl)
{
	List	   *observed = list_copy(*acl);
	ListCell   *lc;

	foreach(lc, observed)
	{
		AclEntry   *entry = lfirst(lc);
		AclWant		extra = {false, entry->grantee, entry->privilege, false};
		bool		declared = false;
		ListCell   *lw;

		/* the entry of a role that is gone has its number, which no REVOKE can name */
		if (entry->grantee == NULL || plan_same(entry->grantee, target->owner) ||
			plan_role_protected(planner, entry->grantee) ||
			!plan_role_exists(planner, entry->grantee))
			continue;
		foreach(lw, wants)
		{
			AclWant    *want = lfirst(lw);

			declared = declared || (want->is_grant &&
									entry_matches(entry, want->grantee, want->privilege));
		}
		if (!declared)
			acl_revoke(planner, target, &extra, "extra", acl);
	}
}

/*
 * plan_acl
 *		Brings the ACL of one object to what is wanted; *acl is changed to
 *		what it will be.
 */
void
plan_acl(Planner *planner, const AclTarget *target, List *wants, List **acl)
{
	ListCell   *lc;

	foreach(lc, wants)
	{
		AclWant    *want = lfirst(lc);

		plan_want(planner, target->owned_kind, target->database, target->name,
				  unit_text(want->is_grant, want->privilege, want->grantee,
							want->grantable));
	}
	acl_undo(planner, target, wants, acl);
	foreach(lc, wants)
	{
		AclWant    *want = lfirst(lc);

		if (!want->is_grant)
			acl_revoke(planner, target, want, "revoke", acl);
	}
	foreach(lc, wants)
	{
		AclWant    *want = lfirst(lc);

		if (want->is_grant && !grant_is_there(target, want, *acl))
			acl_grant(planner, target, want, wants, acl);
	}
	if (plan_authoritative(planner) && strcmp(target->prefix, "database") == 0)
		acl_extra(planner, target, wants, acl);
}
