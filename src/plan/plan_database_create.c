/*
 * plan_database_create.c
 *		CREATE DATABASE: which template, which options this server version
 *		knows, and what the new database is assumed to have inside.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"
#include "errors.h"
#include "plan/planner.h"

/* ---- what can only be chosen at creation ---- */

/* name of an encoding as the server spells it; an unknown one as it is */
static const char *
canonical_encoding(const char *name)
{
	int			encoding = name ? pg_char_to_encoding(name) : -1;

	return encoding >= 0 ? pg_encoding_to_char(encoding) : name;
}

/* a create-only field, as data */
typedef struct CreateOnly
{
	uint32		bit;
	const char *field;
	size_t		offset;
} CreateOnly;

static const CreateOnly create_only[] = {
	{DB_SET_ENCODING, "encoding", offsetof(Database, encoding)},
	{DB_SET_LC_COLLATE, "lc_collate", offsetof(Database, lc_collate)},
	{DB_SET_LC_CTYPE, "lc_ctype", offsetof(Database, lc_ctype)},
	{DB_SET_PROVIDER, "locale_provider", offsetof(Database, locale_provider)},
	{DB_SET_ICU_LOCALE, "icu_locale", offsetof(Database, icu_locale)},
	{DB_SET_ICU_RULES, "icu_rules", offsetof(Database, icu_rules)},
	{DB_SET_BUILTIN, "builtin_locale", offsetof(Database, builtin_locale)},
};

/* what a declaration says about a create-only field; NULL: nothing */
static const char *
declared_value(const Database *want, const CreateOnly *field)
{
	if (want->set & field->bit)
		return *(char *const *) ((const char *) want + field->offset);
	if ((field->bit & (DB_SET_LC_COLLATE | DB_SET_LC_CTYPE)) && (want->set & DB_SET_LOCALE))
		return want->locale;
	return NULL;
}

/* an ICU locale in the server's spelling; as it is where the server has none */
static const char *
icu_name(const char *name)
{
	const char *tag = name[0] != '\0' ? pgops_icu_language_tag(name) : NULL;

	return tag ? tag : name;
}

/*
 * en_US.utf8 and en_US.UTF-8 are one locale in two spellings, and so are en_US
 * and en-US to ICU: since 16 the server stores the latter, whatever was asked.
 */
static bool
same_locale_name(const char *a, const char *b, bool icu)
{
	while (*a != '\0' || *b != '\0')
	{
		if (*a == '-' || (icu && *a == '_'))
			a++;
		else if (*b == '-' || (icu && *b == '_'))
			b++;
		else if (pg_tolower((unsigned char) *a++) != pg_tolower((unsigned char) *b++))
			return false;
	}
	return true;
}

/*
 * Undeclared fields never get here.  "exact" is for templates: CREATE DATABASE
 * refuses en_US.utf8 from a template of en_US.UTF-8 though both are one locale;
 * of a database that is there, another spelling is no difference.
 */
static bool
create_only_equal(const CreateOnly *field, const char *want, const char *have,
				  bool exact)
{
	if (have == NULL)
		return want[0] == '\0';
	if (field->bit == DB_SET_ENCODING)
		return strcmp(canonical_encoding(want), canonical_encoding(have)) == 0;
	if (field->bit == DB_SET_PROVIDER)
		return pg_strcasecmp(want, have) == 0;
	if (field->bit == DB_SET_ICU_LOCALE)
	{
		want = icu_name(want);
		have = exact ? have : icu_name(have);	/* old if pg_upgrade brought it */
	}
	return exact ? strcmp(want, have) == 0 :
		same_locale_name(want, have, field->bit == DB_SET_ICU_LOCALE);
}

/*
 * plan_create_only_differences
 *		"encoding: LATIN1 -> UTF8, ..." for the create-only fields that differ
 *		between a declaration and a database; NULL if none does.  "exact":
 *		spelled as CREATE DATABASE compares with a template.
 */
char *
plan_create_only_differences(const Database *want, const Database *have, bool exact)
{
	StringInfoData differences;

	initStringInfo(&differences);
	for (int i = 0; i < lengthof(create_only); i++)
	{
		const CreateOnly *field = &create_only[i];
		const char *value = declared_value(want, field);
		const char *observed = *(char *const *) ((const char *) have + field->offset);

		if (value != NULL && !create_only_equal(field, value, observed, exact))
			appendStringInfo(&differences, "%s%s: %s -> %s",
							 differences.len > 0 ? ", " : "",
							 field->field, observed ? observed : "none", value);
	}
	if (differences.len > 0)
		return differences.data;
	pfree(differences.data);
	return NULL;
}

/* ---- options ---- */

typedef enum OptionForm
{
	FORM_IDENTIFIER,
	FORM_LITERAL
} OptionForm;

/* options of CREATE DATABASE, in the order in which they are written */
typedef struct CreateOption
{
	uint32		bit;
	const char *keyword;
	const char *field;			/* name in the declaration */
	OptionForm	form;
	size_t		offset;
	int			min_major;
	int			max_major;
} CreateOption;

#define ANY_MAJOR	9999

static const CreateOption create_options[] = {
	{DB_SET_OWNER, "OWNER", "owner", FORM_IDENTIFIER, offsetof(Database, owner), 15, ANY_MAJOR},
	{DB_SET_TEMPLATE, "TEMPLATE", "template", FORM_IDENTIFIER, offsetof(Database, template), 15, ANY_MAJOR},
	{DB_SET_STRATEGY, "STRATEGY", "strategy", FORM_LITERAL, offsetof(Database, strategy), 15, ANY_MAJOR},
	{DB_SET_ENCODING, "ENCODING", "encoding", FORM_LITERAL, offsetof(Database, encoding), 15, ANY_MAJOR},
	{DB_SET_PROVIDER, "LOCALE_PROVIDER", "locale_provider", FORM_LITERAL, offsetof(Database, locale_provider), 15, ANY_MAJOR},
	{DB_SET_LOCALE, "LOCALE", "locale", FORM_LITERAL, offsetof(Database, locale), 15, ANY_MAJOR},
	{DB_SET_LC_COLLATE, "LC_COLLATE", "lc_collate", FORM_LITERAL, offsetof(Database, lc_collate), 15, ANY_MAJOR},
	{DB_SET_LC_CTYPE, "LC_CTYPE", "lc_ctype", FORM_LITERAL, offsetof(Database, lc_ctype), 15, ANY_MAJOR},
	{DB_SET_ICU_LOCALE, "ICU_LOCALE", "icu_locale", FORM_LITERAL, offsetof(Database, icu_locale), 15, ANY_MAJOR},
	{DB_SET_ICU_RULES, "ICU_RULES", "icu_rules", FORM_LITERAL, offsetof(Database, icu_rules), 16, ANY_MAJOR},
	{DB_SET_BUILTIN, "BUILTIN_LOCALE", "builtin_locale", FORM_LITERAL, offsetof(Database, builtin_locale), 17, ANY_MAJOR},
	{DB_SET_TABLESPACE, "TABLESPACE", "tablespace", FORM_IDENTIFIER, offsetof(Database, tablespace), 15, ANY_MAJOR},
};

/* values of an option that came with a later version than the option itself */
typedef struct CreateValue
{
	uint32		bit;
	const char *value;
	int			min_major;
} CreateValue;

static const CreateValue create_values[] = {
	{DB_SET_PROVIDER, "builtin", 17},
	{DB_SET_BUILTIN, "PG_UNICODE_FAST", 18},
};

static char *
option_value(const Database *want, const CreateOption *option)
{
	return *(char *const *) ((const char *) want + option->offset);
}

/*
 * template_of
 *		The template that a declared database is created from.  template1 only
 *		serves databases of its own encoding and locale; template0 serves all,
 *		so it takes its place where they differ, and *why says so (else NULL).
 *		Any other declared template is taken at its word.
 */
static const char *
template_of(Planner *planner, const Database *want, char **why)
{
	const char *name = (want->set & DB_SET_TEMPLATE) && want->template && want->template[0] ?
	want->template : "template1";
	Database   *template1 = snapshot_database(planner->snapshot, "template1");
	char	   *differences;

	*why = NULL;
	if (strcmp(name, "template1") != 0 || template1 == NULL)
		return name;
	differences = plan_create_only_differences(want, template1, true);
	if (differences == NULL)
		return name;
	*why = psprintf("from template0, since template1 differs (%s)", differences);
	return "template0";
}

/*
 * The options as they are written: a copy of the declaration in which LOCALE
 * gives way to LC_COLLATE and LC_CTYPE where one of those is declared, as the
 * server would refuse, or doubt, the combination.
 */
static Database
written_options(Planner *planner, const Database *want, const char *template)
{
	Database	written = *want;
	uint32		both = DB_SET_LC_COLLATE | DB_SET_LC_CTYPE;
	bool		provider_needs_locale = planner->snapshot->server_major >= 16 &&
	(want->set & DB_SET_PROVIDER) && want->locale_provider != NULL &&
	pg_strcasecmp(want->locale_provider, "libc") != 0 &&
	!(want->set & (DB_SET_ICU_LOCALE | DB_SET_BUILTIN));

	if ((want->set & DB_SET_LOCALE) && (want->set & both))
	{
		if (!(want->set & DB_SET_LC_COLLATE))
			written.lc_collate = want->locale;
		if (!(want->set & DB_SET_LC_CTYPE))
			written.lc_ctype = want->locale;
		written.set |= both;
		if (!provider_needs_locale)
			written.set &= ~DB_SET_LOCALE;
	}
	if (strcmp(template, "template1") != 0)
	{
		written.template = pstrdup(template);
		written.set |= DB_SET_TEMPLATE;
	}
	return written;
}

/*
 * An empty text is no option.  Whether connections are allowed is not said here:
 * the inside has to be made first, see database_allowconn().
 */
static char *
create_statement(Planner *planner, const Database *want, const char *template)
{
	Database	written = written_options(planner, want, template);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE DATABASE %s", quote_identifier(want->name));
	for (int i = 0; i < lengthof(create_options); i++)
	{
		const CreateOption *option = &create_options[i];
		char	   *value = option_value(&written, option);

		if (!(written.set & option->bit) || value == NULL || value[0] == '\0')
			continue;
		appendStringInfo(&sql, " %s %s", option->keyword,
						 option->form == FORM_IDENTIFIER ? quote_identifier(value) :
						 quote_literal_cstr(value));
	}
	if (want->set & DB_SET_CONNLIMIT)
		appendStringInfo(&sql, " CONNECTION LIMIT %d", want->connlimit);
	if ((want->set & DB_SET_IS_TEMPLATE) && want->is_template)
		appendStringInfoString(&sql, " IS_TEMPLATE true");
	return sql.data;
}

/* ---- what stands in the way ---- */

/*
 * An option or value that this server version does not have; NULL if none.  Said
 * rather than left out: a database cannot be given another locale afterwards.
 */
static char *
unsupported_option(Planner *planner, const Database *want)
{
	int			major = planner->snapshot->server_major;

	for (int i = 0; i < lengthof(create_options); i++)
	{
		const CreateOption *option = &create_options[i];
		char	   *value = option_value(want, option);

		if (!(want->set & option->bit) || value == NULL || value[0] == '\0')
			continue;
		if (major < option->min_major || major > option->max_major)
			return psprintf("%s is not supported by PostgreSQL %d", option->field, major);
		for (int j = 0; j < lengthof(create_values); j++)
		{
			if (create_values[j].bit == option->bit && major < create_values[j].min_major &&
				pg_strcasecmp(create_values[j].value, value) == 0)
				return psprintf("%s %s is not supported by PostgreSQL %d", option->field,
								value, major);
		}
	}
	return NULL;
}

/*
 * Asked beforehand: the server's own error would come after the sessions of the
 * template were ended for nothing.
 */
static bool
tablespace_missing(Planner *planner, const Database *want)
{
	return (want->set & DB_SET_TABLESPACE) && want->tablespace != NULL &&
		!plan_has_name(planner->snapshot->tablespaces, want->tablespace);
}

/* blocks the creation where something it needs is missing; returns whether it did */
static bool
creation_is_blocked(Planner *planner, const Database *want, const char *template,
					Action *action)
{
	char	   *unsupported = unsupported_option(planner, want);

	if (unsupported != NULL)
		action_block(action, ERRCODE_PGOPS_NOT_SUPPORTED,
					 "Remove the field, or upgrade the server.", "%s", unsupported);
	else if ((want->set & DB_SET_OWNER) && want->owner != NULL &&
			 !plan_role_exists(planner, want->owner))
		action_block(action, ERRCODE_UNDEFINED_OBJECT, "Declare the role.",
					 "role \"%s\" does not exist", want->owner);
	else if (tablespace_missing(planner, want))
		action_block(action, ERRCODE_UNDEFINED_OBJECT,
					 "Create it with CREATE TABLESPACE: it needs a directory of the server.",
					 "tablespace \"%s\" does not exist", want->tablespace);
	else if (plan_database_now(planner, template) == NULL)
		action_block(action, ERRCODE_UNDEFINED_DATABASE, "Declare the template database.",
					 "template database \"%s\" does not exist", template);
	return action->blocked != NULL;
}

/* ---- what the new database will be ---- */

/* what initdb left in template0: schema public and the procedural language */
static LocalState *
pristine_local(void)
{
	LocalState *local = palloc0(sizeof(LocalState));
	Schema	   *public = palloc0(sizeof(Schema));
	Extension  *plpgsql = palloc0(sizeof(Extension));

	public->name = "public";
	public->owner = "pg_database_owner";
	public->set = SCHEMA_SET_OWNER;
	public->acl = plan_acl_add(NIL, "pg_database_owner", "pg_database_owner", "USAGE", false);
	public->acl = plan_acl_add(public->acl, "pg_database_owner", "pg_database_owner", "CREATE", false);
	public->acl = plan_acl_add(public->acl, NULL, "pg_database_owner", "USAGE", false);
	plpgsql->name = "plpgsql";
	plpgsql->schema = "pg_catalog";
	plpgsql->set = EXTENSION_SET_SCHEMA | EXTENSION_SET_VERSION;
	local->schemas = list_make1(public);
	local->extensions = list_make1(plpgsql);
	local->assumed = true;
	return local;
}

/*
 * A template that was not looked into in this pass makes a clone of which
 * nothing is known: its inside is planned when it is there.
 */
static LocalState *
assumed_local(Planner *planner, const char *template)
{
	Database   *source = plan_database_now(planner, template);
	LocalState *local;

	if (strcmp(template, "template0") == 0)
		return pristine_local();
	if (source == NULL || source->local == NULL)
		return NULL;
	local = model_copy_local(source->local);
	local->assumed = true;
	return local;
}

/*
 * What CREATE DATABASE gives.  Neither ACL, comment nor settings are copied from
 * the template, only what is inside of it: the ACL is the built-in one of a new
 * database, spelled out.
 */
static Database *
assumed_database(Planner *planner, const Database *want, const char *template)
{
	Database   *source = plan_database_now(planner, template);
	Database   *now = palloc0(sizeof(Database));

	now->name = want->name;
	now->set = PG_UINT32_MAX;
	now->owner = (want->set & DB_SET_OWNER) && want->owner ? want->owner :
		planner->snapshot->bootstrap_superuser;
	now->tablespace = (want->set & DB_SET_TABLESPACE) && want->tablespace ?
		want->tablespace : source ? source->tablespace : NULL;
	now->is_template = (want->set & DB_SET_IS_TEMPLATE) && want->is_template;
	now->connlimit = (want->set & DB_SET_CONNLIMIT) ? want->connlimit : -1;
	now->allowconn = true;
	now->acl = plan_acl_add(now->acl, now->owner, now->owner, "CREATE", false);
	now->acl = plan_acl_add(now->acl, now->owner, now->owner, "TEMPORARY", false);
	now->acl = plan_acl_add(now->acl, now->owner, now->owner, "CONNECT", false);
	now->acl = plan_acl_add(now->acl, NULL, now->owner, "TEMPORARY", false);
	now->acl = plan_acl_add(now->acl, NULL, now->owner, "CONNECT", false);
	now->local = assumed_local(planner, template);
	return now;
}

/*
 * What is to be remembered with the creation: written before CREATE DATABASE
 * starts, so that a crash right after it finds the database known as pgops' own
 * and its baseline still pending.
 */
static void
creation_records(Planner *planner, Action *action, const Database *want)
{
	ListCell   *lc;

	action_record(action, "database", NULL, want->name, NULL, NULL);
	if ((want->set & DB_SET_BASELINE) && want->baseline != NULL)
		action_record(action, "baseline", NULL, want->name, want->baseline, "pending");
	if (want->state != STATE_RECREATE || want->entry_digest == NULL)
		return;
	foreach(lc, plan_owned_of(planner, "recreate", NULL))
	{
		OwnedItem  *item = lfirst(lc);

		if (strcmp(item->name, want->name) == 0 &&
			!plan_same(item->attribute, want->entry_digest))
			action_forget(action, item);
	}
	action_record(action, "recreate", NULL, want->name, want->entry_digest, NULL);
}

/*
 * plan_database_create
 *		Plans the creation of a database that does not exist; false if it is
 *		blocked.  Afterwards it exists for the planner, with the inside of its
 *		template.
 */
bool
plan_database_create(Planner *planner, const Database *want)
{
	char	   *why;
	const char *template = template_of(planner, want, &why);
	bool		business = strcmp(template, "template0") != 0 &&
	strcmp(template, "template1") != 0;
	bool		alone = business && planner->sequence == 0;
	Action		probe = {0};
	Action	   *action;

	/* sessions end only for a creation that is tried */
	if (alone)
		plan_sequence_begin(planner);
	if (business && !creation_is_blocked(planner, want, template, &probe))
		plan_sessions_end(planner, "database.template_sessions", template,
						  psprintf("template of %s", want->name));
	action = action_sql(planner, "database.create", want->name, NULL,
						create_statement(planner, want, template),
						why ? psprintf("missing; %s", why) : pstrdup("missing"));
	if (alone)
		plan_sequence_end(planner);
	if (creation_is_blocked(planner, want, template, action))
		return false;
	creation_records(planner, action, want);
	plan_database_add(planner, assumed_database(planner, want, template));
	return true;
}
