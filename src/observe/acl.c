/*
 * acl.c
 *		ACLs of the catalogs as lists of single privileges.
 *
 * Not for: what an ACL should be (plan/).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

#include "observe/snapshot.h"

/*
 * Keyword of each privilege, by bit of AclMode.  The bits never changed
 * meaning between versions, newer ones were only added (MAINTAIN in 17), so
 * one table serves all; which of them this server knows is N_ACL_RIGHTS.
 */
static const char *const privilege_keywords[] = {
	"INSERT",					/* a */
	"SELECT",					/* r */
	"UPDATE",					/* w */
	"DELETE",					/* d */
	"TRUNCATE",					/* D */
	"REFERENCES",				/* x */
	"TRIGGER",					/* t */
	"EXECUTE",					/* X */
	"USAGE",					/* U */
	"CREATE",					/* C */
	"TEMPORARY",				/* T */
	"CONNECT",					/* c */
	"SET",						/* s */
	"ALTER SYSTEM",				/* A */
	"MAINTAIN",					/* m */
};

/* kinds of objects, by the letters that the SQL function acldefault() takes */
static const struct
{
	char		letter;
	ObjectType	type;
}			object_letters[] = {
	{'c', OBJECT_COLUMN},
	{'r', OBJECT_TABLE},
	{'s', OBJECT_SEQUENCE},
	{'d', OBJECT_DATABASE},
	{'f', OBJECT_FUNCTION},
	{'l', OBJECT_LANGUAGE},
	{'L', OBJECT_LARGEOBJECT},
	{'n', OBJECT_SCHEMA},
	{'p', OBJECT_PARAMETER_ACL},
	{'t', OBJECT_TABLESPACE},
	{'F', OBJECT_FDW},
	{'S', OBJECT_FOREIGN_SERVER},
	{'T', OBJECT_TYPE},
};

/*
 * What a NULL ACL stands for on this server version; asking the server keeps its
 * changes between versions out of here.
 */
static Acl *
default_acl(char letter, Oid owner)
{
	for (int i = 0; i < lengthof(object_letters); i++)
	{
		if (object_letters[i].letter == letter)
			return acldefault(object_letters[i].type, owner);
	}
	elog(ERROR, "unrecognized object type letter: %c", letter);
	return NULL;				/* keep compiler quiet */
}

/* name of a role; its number if it was dropped meanwhile */
static char *
role_name(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	return name ? name : psprintf("%u", role);
}

/*
 * One entry per privilege, for that is the grain at which a declaration speaks:
 * "CTc" and three single grants are the same.  The strings of grantee and grantor
 * are shared by the entries of an item.
 */
static List *
explode_item(List *entries, const AclItem *item)
{
	char	   *grantee = item->ai_grantee == ACL_ID_PUBLIC ? NULL : role_name(item->ai_grantee);
	char	   *grantor = role_name(item->ai_grantor);

	StaticAssertStmt(lengthof(privilege_keywords) >= N_ACL_RIGHTS,
					 "this server has a privilege without a keyword");

	for (int bit = 0; bit < N_ACL_RIGHTS; bit++)
	{
		AclMode		mode = ((AclMode) 1) << bit;
		AclEntry   *entry;

		if ((ACLITEM_GET_PRIVS(*item) & mode) == 0)
			continue;
		entry = palloc0(sizeof(AclEntry));
		entry->grantee = grantee;
		entry->grantor = grantor;
		entry->privilege = pstrdup(privilege_keywords[bit]);
		entry->grantable = (ACLITEM_GET_GOPTIONS(*item) & mode) != 0;
		entries = lappend(entries, entry);
	}
	return entries;
}

/*
 * A NULL ACL becomes what it means, so that nobody else needs to know that it
 * exists: an object on which nothing was ever granted and one on which a grant
 * was taken back compare equal.  Several items may be for one grantee, one per
 * grantor; they stay apart.
 */
List *
observe_acl(Datum acl, bool isnull, char objtype, Oid owner)
{
	Acl		   *array = isnull ? default_acl(objtype, owner) : DatumGetAclP(acl);
	AclItem    *items;
	List	   *entries = NIL;

	/* an empty array of no dimension is what a hand-made catalog update leaves */
	if (ARR_NDIM(array) != 1)
		return NIL;

	items = ACL_DAT(array);
	for (int i = 0; i < ACL_NUM(array); i++)
		entries = explode_item(entries, &items[i]);
	return entries;
}
