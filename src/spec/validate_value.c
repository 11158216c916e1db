/*
 * validate_value.c
 *		One value against its declared type: right kind, in bounds, one of the
 *		choices; and made what its type says (text stays the text of the source).
 *
 * Not for: what values mean together (validate_rules.c, validate_cross.c).
 * No message here shows the value of a secret.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/datetime.h"

#include "compat.h"
#include "errors.h"
#include "secret.h"
#include "spec/reference.h"
#include "spec/spec.h"
#include "spec/validate.h"

/* bytes of a value that a message quotes */
#define MAX_QUOTED	60

/* By value: it lives for one call of finding_add(). */
SpecNode
spec_place_of_key(const SpecEntry *entry)
{
	SpecNode	at = {0};

	at.line = entry->line;
	at.column = entry->column;
	return at;
}

/*
 * The hint is only a guess and is worded so; the message itself says what is
 * wrong.
 */
char *
spec_did_you_mean(const char *name, const char *const *names)
{
	const char *nearest = spec_nearest(name, names);

	return nearest == NULL ? NULL : psprintf("Did you mean \"%s\"?", nearest);
}

/*
 * ${...} is replaced by the consumer of a value, {{...}} by Ansible.  What a
 * value with one in it will be is not known here, so its form is not checked;
 * its type was.
 */
bool
spec_has_placeholder(const char *string)
{
	return strstr(string, "${") != NULL || strstr(string, "{{") != NULL;
}

/* Only made for a message: it would be the costliest part of checking a value. */
char *
spec_rule_text(const ValueRule *rule)
{
	if (rule->name == NULL)
		return pstrdup(rule->what);
	return psprintf("%s \"%s\"", rule->what, rule->name);
}

/* How a message calls what it found; NODE_NULL only occurs inside lists. */
static const char *
kind_name(const SpecNode *value)
{
	switch (value->kind)
	{
		case NODE_NULL:
			return "nothing";
		case NODE_BOOL:
			return "a boolean";
		case NODE_INT:
			return "an integer";
		case NODE_FLOAT:
			return "a number";
		case NODE_STRING:
			return "text";
		case NODE_LIST:
			return "a list";
		case NODE_MAP:
			return "a map";
	}
	return "something else";
}

/* The finding never shows the value, so it can be used for secrets, too. */
static void
wrong_type(const ValueRule *rule, const SpecNode *value, const char *path,
		   const char *expected, Findings *findings)
{
	spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, value, path, NULL,
			   "%s must be %s, not %s", spec_rule_text(rule), expected, kind_name(value));
}

/*
 * Cut between characters: half of one would make the message no text.  An access
 * rule may hold a password, also one that is written where no rule belongs.
 */
char *
spec_clip(const char *string, int limit)
{
	char	   *shown = secret_mask_hba(string);
	int			length = strlen(shown);

	if (length <= limit)
		return shown;
	return psprintf("%.*s...", pg_mbcliplen(shown, length, limit), shown);
}

/* a value that has the right kind but not the right form */
static void
bad_form(const ValueRule *rule, const SpecNode *value, const char *path,
		 const char *expected, int sqlstate, Findings *findings)
{
	if (rule->secret)
		spec_error(findings, sqlstate, value, path, NULL, "%s must be %s", spec_rule_text(rule), expected);
	else
		spec_error(findings, sqlstate, value, path, NULL,
				   "%s must be %s, not \"%s\"", spec_rule_text(rule), expected,
				   spec_clip(value->text, MAX_QUOTED));
}

/* A null counts as one; who must tell it apart asks before. */
static bool
is_scalar(const SpecNode *value)
{
	return value->kind != NODE_LIST && value->kind != NODE_MAP;
}

/* a field whose type is text is what stands in the source: 1:20, off, 0755 */
static bool
want_text(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (!is_scalar(value))
	{
		wrong_type(rule, value, path, "text", findings);
		return false;
	}
	spec_become(value, NODE_STRING);
	return true;
}

/*
 * Any scalar is text: 1:20 and off stay what the source says.  A secret may
 * be a reference to where it stands.
 */
static void
check_string(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (rule->secret && value->kind == NODE_MAP)
		spec_check_reference(rule, value, path, findings);
	else
		(void) want_text(rule, value, path, findings);
}

/*
 * YAML has resolved the plain words already; here are those in quotes, and
 * nothing else: 0 and 1 are numbers.
 */
static void
check_bool(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (value->kind == NODE_STRING && value->quoted)
	{
		/* 'yes' in quotes is what templates leave behind: the word counts */
		SpecNode   *plain = spec_resolve_plain(value->text);

		if (plain->kind == NODE_BOOL)
		{
			spec_become(value, NODE_BOOL);
			value->boolean = plain->boolean;
			return;
		}
	}
	if (value->kind == NODE_BOOL)
		return;
	if (value->kind == NODE_STRING && spec_has_placeholder(value->text))
		return;
	wrong_type(rule, value, path, "a boolean (true or false)", findings);
}

/* turns a number in quotes into a number: "5432" */
static void
unquote_number(SpecNode *value)
{
	SpecNode   *plain;

	if (value->kind != NODE_STRING || !value->quoted)
		return;
	plain = spec_resolve_plain(value->text);
	if (plain->kind == NODE_INT || plain->kind == NODE_FLOAT)
	{
		spec_become(value, plain->kind);
		value->integer = plain->integer;
		value->number = plain->number;
	}
}

/*
 * Bounds of 0 and 0 mean that there are none.  A double holds all bounds
 * exactly.
 */
static void
check_int(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	unquote_number(value);
	if (value->kind == NODE_STRING && spec_has_placeholder(value->text))
		return;
	if (value->kind != NODE_INT)
		wrong_type(rule, value, path, "an integer", findings);
	else if ((rule->min != 0 || rule->max != 0) &&
			 (value->integer < rule->min || value->integer > rule->max))
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path, NULL,
				   "%s must be between %.0f and %.0f, not " INT64_FORMAT,
				   spec_rule_text(rule), rule->min, rule->max, value->integer);
}

/*
 * An integer will do.  NaN is never greater and less, so it is out of every
 * range.
 */
static void
check_float(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	double		number;

	unquote_number(value);
	if (spec_is_jinja(value))
		return;
	if (value->kind != NODE_INT && value->kind != NODE_FLOAT)
	{
		wrong_type(rule, value, path, "a number", findings);
		return;
	}
	number = value->kind == NODE_INT ? (double) value->integer : value->number;
	if ((rule->min != 0 || rule->max != 0) &&
		!(number > rule->min && number < rule->max))
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path, NULL,
				   "%s must be greater than %g and less than %g, not %s",
				   spec_rule_text(rule), rule->min, rule->max, node_text(value));
}

/* whether a text is one of "a,b,c" */
static bool
is_choice(const char *choices, const char *string)
{
	size_t		length = strlen(string);

	if (length == 0 || strchr(string, ',') != NULL)
		return false;
	for (const char *choice = choices; choice != NULL; choice = strchr(choice, ','))
	{
		choice += *choice == ',';
		if (strncmp(choice, string, length) == 0 &&
			(choice[length] == ',' || choice[length] == '\0'))
			return true;
	}
	return false;
}

/*
 * Compared exactly, as the documentation prints the choices.  There are few of
 * them for any parameter, so all are named in the message.
 */
static void
check_enum(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	const char *const *names;
	StringInfoData expected;

	if (!is_scalar(value))
	{
		wrong_type(rule, value, path, "text", findings);
		return;
	}
	/* numbers stay numbers (pg_version: 18); words like off become text */
	if (value->kind != NODE_INT)
		spec_become(value, NODE_STRING);
	if (rule->choices == NULL || is_choice(rule->choices, value->text) ||
		spec_has_placeholder(value->text))
		return;

	names = catalogue_choices(rule->choices);
	initStringInfo(&expected);
	for (int i = 0; names[i] != NULL; i++)
		appendStringInfo(&expected, "%s%s", i == 0 ? "" :
						 names[i + 1] == NULL ? " or " : ", ", names[i]);
	spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path,
			   spec_did_you_mean(value->text, names),
			   "%s must be %s, not \"%s\"", spec_rule_text(rule), expected.data,
			   spec_clip(value->text, MAX_QUOTED));
}

/*
 * NAMEDATALEN is in bytes: the server would truncate a longer name with a
 * notice, and the object would be looked for in vain ever after.
 */
void
spec_check_name(const SpecNode *value, const char *path, Findings *findings)
{
	if (value->text[0] == '\0')
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, value, path, NULL,
				   "name must not be empty");
	else if (strlen(value->text) >= NAMEDATALEN)
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, value, path, NULL,
				   "name \"%s\" has %zu bytes, at most %d are allowed",
				   spec_clip(value->text, MAX_QUOTED), strlen(value->text), NAMEDATALEN - 1);
}

/* Case and characters are free: names are quoted wherever they are used. */
static void
check_name(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (want_text(rule, value, path, findings))
		spec_check_name(value, path, findings);
}

/*
 * Without a mask.  Host names are not accepted: these fields end up in files
 * that want addresses.
 */
static void
check_ip(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (!want_text(rule, value, path, findings) || spec_has_placeholder(value->text))
		return;
	if (!spec_valid_address(value->text))
		bad_form(rule, value, path, "an IP address", ERRCODE_PGOPS_BAD_ADDRESS, findings);
}

/* With its mask, which says in which network a virtual address lies. */
static void
check_cidr(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (!want_text(rule, value, path, findings) || spec_has_placeholder(value->text))
		return;
	if (!spec_valid_cidr(value->text))
		bad_form(rule, value, path, "an IP address with its mask (10.10.10.2/24)",
				 ERRCODE_PGOPS_BAD_ADDRESS, findings);
}

/*
 * An integer in the range of ports; 0, "any port", is of no use to clients.
 */
static void
check_port(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	ValueRule	port = *rule;

	port.min = 1;
	port.max = 65535;
	check_int(&port, value, path, findings);
}

/*
 * Absolute, as nobody can say what it would be relative to, and without a line
 * break, with which it would be two lines of a configuration file.  Whether it
 * exists is the host's business.
 */
static void
check_path(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (!want_text(rule, value, path, findings) || spec_has_placeholder(value->text))
		return;
	if (value->text[0] != '/')
		bad_form(rule, value, path, "an absolute path", ERRCODE_PGOPS_OUT_OF_RANGE, findings);
	else if (strpbrk(value->text, "\r\n") != NULL)
		bad_form(rule, value, path, "a path on one line", ERRCODE_PGOPS_OUT_OF_RANGE, findings);
}

/* digits, perhaps with a fraction, and one of the units (a list ending with NULL) */
static bool
is_quantity(const char *string, const char *const *units)
{
	const char *unit = string + strspn(string, "0123456789");

	if (unit == string)
		return false;
	if (*unit == '.')
		unit += 1 + strspn(unit + 1, "0123456789");
	unit += strspn(unit, " ");
	for (int i = 0; units[i] != NULL; i++)
	{
		if (strcmp(unit, units[i]) == 0)
			return true;
	}
	return false;
}

static const char *const interval_units[] = {"", "us", "ms", "s", "min", "m", "h", "d", NULL};
static const char *const size_units[] = {
	"", "B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "K", "M", "G", "T", NULL
};

/*
 * A bare integer has the parameter's own unit.  The units are those that
 * PostgreSQL and pgBackRest accept between them; each consumer converts.
 */
static void
check_quantity(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	bool		interval = rule->type == PT_INTERVAL;

	if (value->kind == NODE_INT && value->integer >= 0)
		return;
	if (!want_text(rule, value, path, findings) || spec_has_placeholder(value->text))
		return;
	if (!is_quantity(value->text, interval ? interval_units : size_units))
		bad_form(rule, value, path, interval ?
				 "a length of time (30s, 5min, 1h, 7d)" : "a size (64MiB, 1GB)",
				 ERRCODE_PGOPS_OUT_OF_RANGE, findings);
}

/* words by which the server's date input means the day it is asked */
static bool
is_relative_word(const char *word)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday", NULL};

	for (int i = 0; words[i] != NULL; i++)
	{
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Whether text is a date or time stamp that means the same today and tomorrow,
 * here and in a worker: "infinity" and "2030-12-31" do, "tomorrow 10:00" does
 * not, nor what only the session's DateStyle tells apart, as 01/02/2030.  The
 * year comes first, therefore (see model_role.c, which reads it for good).
 */
static bool
is_fixed_date(const char *string)
{
	int			session_order = DateOrder;
	char		work[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf;
	int			dtype;
	int			tz;
	int			result;
	struct pg_tm tm;
	fsec_t		fsec;

	if (ParseDateTime(string, work, sizeof(work), field, ftype, MAXDATEFIELDS, &nf) != 0)
		return false;
	for (int i = 0; i < nf; i++)
	{
		if (is_relative_word(field[i]))
			return false;
	}

	/* reports by its result and raises nothing that would skip the restoring */
	DateOrder = DATEORDER_YMD;
	result = pgops_decode_datetime(field, ftype, nf, &dtype, &tm, &fsec, &tz);
	DateOrder = session_order;
	return result == 0 &&
		(dtype == DTK_LATE || dtype == DTK_EARLY ||
		 (dtype == DTK_DATE && strpbrk(string, "0123456789") != NULL));
}

/* Kept as text; model_role.c makes a time stamp of it. */
static void
check_date(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (!want_text(rule, value, path, findings) || spec_has_placeholder(value->text))
		return;
	if (!is_fixed_date(value->text))
		bad_form(rule, value, path, "a date (2030-12-31), a time stamp or infinity",
				 ERRCODE_PGOPS_OUT_OF_RANGE, findings);
}

/* Nothing is done about a list that is not known (see model.h), so it may be one. */
bool
spec_is_whole_jinja(const ValueRule *rule, const SpecNode *value)
{
	return strcmp(rule->what, "parameter") == 0 && spec_is_jinja(value);
}

/*
 * What is inside belongs to whoever uses the parameter (settings are looked at
 * in validate_rules.c).  Of an object only Ansible could say what would be
 * done with it: there an expression is no map.
 */
static void
check_dict(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	if (value->kind != NODE_MAP && !spec_is_whole_jinja(rule, value))
		wrong_type(rule, value, path, "a map", findings);
}

/*
 * Each item is text on its own terms, as in check_string().  A bare text is no
 * list of one: templates would write lists as one line with commas in it, and
 * nobody would notice.
 */
static void
check_list(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	ValueRule	item = *rule;
	char	   *what;
	int			i = 0;
	ListCell   *lc;

	if (value->kind == NODE_STRING && spec_has_placeholder(value->text))
		return;
	if (value->kind != NODE_LIST)
	{
		wrong_type(rule, value, path, "a list", findings);
		return;
	}
	item.what = what = psprintf("item of %s", rule->what);
	item.name = rule->name;
	foreach(lc, value->items)
	{
		SpecNode   *child = lfirst(lc);

		/* a path for each item of a long list would cost more than the list */
		if (child->kind == NODE_NULL || !is_scalar(child))
			wrong_type(&item, child, spec_path_item(path, i), "text", findings);
		else
			spec_become(child, NODE_STRING);
		i++;
	}
	pfree(what);
}

/*
 * A number in quotes is a number here, too: ports of services are written both
 * ways.
 */
static void
check_int_or_string(const ValueRule *rule, SpecNode *value, const char *path,
					Findings *findings)
{
	unquote_number(value);
	if (value->kind == NODE_INT)
		check_int(rule, value, path, findings);
	else
		(void) want_text(rule, value, path, findings);
}

/* Accepts everything; it is in the table so that no type lacks a function. */
static void
check_any(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
}

typedef void (*ValueCheck) (const ValueRule *rule, SpecNode *value, const char *path,
							Findings *findings);

static const ValueCheck value_checks[] = {
	[PT_STRING] = check_string,
	[PT_BOOL] = check_bool,
	[PT_INT] = check_int,
	[PT_FLOAT] = check_float,
	[PT_ENUM] = check_enum,
	[PT_NAME] = check_name,
	[PT_PASSWORD] = check_string,
	[PT_IP] = check_ip,
	[PT_CIDR] = check_cidr,
	[PT_PORT] = check_port,
	[PT_PATH] = check_path,
	[PT_INTERVAL] = check_quantity,
	[PT_SIZE] = check_quantity,
	[PT_DATE] = check_date,
	[PT_DICT] = check_dict,
	[PT_LIST] = check_list,
	[PT_INT_OR_STRING] = check_int_or_string,
	[PT_STRING_OR_LIST] = spec_check_text_or_list,
	[PT_ANY] = check_any,
	[PT_OBJECTS] = spec_check_objects
};

/*
 * Dispatches by type.  A null is left alone: "key:" with nothing behind it
 * declares nothing, and required fields are asked for elsewhere.
 */
void
spec_check_value(const ValueRule *rule, SpecNode *value, const char *path, Findings *findings)
{
	/* "key:" with nothing behind it declares nothing */
	if (value->kind == NODE_NULL)
		return;
	value_checks[rule->type] (rule, value, path, findings);
}
