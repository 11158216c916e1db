/*
 * model_setting.c
 *		Declared "parameters" of a role or a database, brought to the text in
 *		which pg_db_role_setting keeps them.
 *
 * Not for: whether a GUC exists or takes the value; the server says so when
 * the statement runs.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "errors.h"
#include "spec/model_build.h"

/* Text of a scalar as a GUC wants it: booleans are on and off. */
static char *
setting_text(const SpecNode *value)
{
	const char *str;

	if (value->kind == NODE_BOOL)
		return pstrdup(value->boolean ? "on" : "off");
	str = node_text(value);
	return pstrdup(str ? str : "");
}

/* An item written with its own SQL quotes ('"$user"') means the name inside. */
static char *
unquote_element(const char *str)
{
	size_t		length = strlen(str);
	StringInfoData name;

	if (length < 2 || str[0] != '"' || str[length - 1] != '"')
		return pstrdup(str);

	initStringInfo(&name);
	for (size_t i = 1; i < length - 1; i++)
	{
		appendStringInfoChar(&name, str[i]);
		if (str[i] == '"' && str[i + 1] == '"' && i + 1 < length - 1)
			i++;
	}
	return name.data;
}

/*
 * Elements of "a, b" as the server itself splits such a value: identifiers
 * are folded, file names are not.  A text that it would refuse is kept whole.
 */
static List *
split_elements(const char *guc, const char *str)
{
	char	   *scratch = pstrdup(str);
	List	   *parts = NIL;
	List	   *copies = NIL;
	ListCell   *cell;
	bool		ok;

	if (pg_strcasecmp(guc, "search_path") == 0 ||
		pg_strcasecmp(guc, "temp_tablespaces") == 0)
		ok = SplitIdentifierString(scratch, ',', &parts);
	else
		ok = SplitDirectoriesString(scratch, ',', &parts);
	if (!ok)
		return list_make1(pstrdup(str));

	/* the parts may point into the scratch copy */
	foreach(cell, parts)
		copies = lappend(copies, pstrdup(lfirst(cell)));
	return copies;
}

/* Elements of a list GUC; none at all is written as one empty element. */
static List *
list_elements(const char *guc, const SpecNode *value)
{
	List	   *elements = NIL;
	ListCell   *cell;

	if (value->kind == NODE_LIST)
	{
		foreach(cell, value->items)
			elements = lappend(elements, unquote_element(setting_text(lfirst(cell))));
	}
	else
		elements = split_elements(guc, setting_text(value));
	return elements ? elements : list_make1(pstrdup(""));
}

/* The elements as SET stores them: each quoted on its own if it has to be. */
static char *
join_elements(List *elements, bool quote)
{
	StringInfoData str;
	ListCell   *cell;

	initStringInfo(&str);
	foreach(cell, elements)
	{
		const char *element = lfirst(cell);

		if (str.len > 0)
			appendStringInfoString(&str, ", ");
		appendStringInfoString(&str, quote ? quote_identifier(element) : element);
	}
	return str.data;
}

/* see model.h */
List *
model_setting_elements(const char *guc, const char *value)
{
	return split_elements(guc, value);
}

/* see model.h */
void
model_setting_set_elements(Setting *setting, List *elements)
{
	setting->elements = elements;
	setting->value = join_elements(elements, true);
}

/*
 * A list for a setting that is no list of identifiers (DateStyle,
 * log_destination) is joined without quotes, which is how the server keeps
 * such values.
 */
static char *
plain_value(const SpecNode *value)
{
	List	   *elements = NIL;
	ListCell   *cell;

	if (value->kind != NODE_LIST)
		return setting_text(value);
	foreach(cell, value->items)
		elements = lappend(elements, setting_text(lfirst(cell)));
	return join_elements(elements, false);
}

/*
 * The word in any case, quoted or not.  A setting whose value is meant to be
 * the text "default" cannot be declared; there is none.
 */
static bool
is_default(const SpecNode *value)
{
	return value->kind == NODE_STRING && value->text != NULL &&
		pg_strcasecmp(value->text, "default") == 0;
}

/*
 * pg_db_role_setting keeps names in the case in which the setting was defined
 * (DateStyle); both sides are folded before they are compared.
 */
static char *
fold_name(const char *name)
{
	char	   *folded = pstrdup(name);

	for (char *p = folded; *p; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	return folded;
}

/*
 * Settings of a role are few, so a plain search does.  The structure is taken
 * over, not copied.
 */
List *
model_add_setting(List *settings, Setting *setting)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		const Setting *known = lfirst(cell);

		if (strcmp(known->name, setting->name) == 0)
		{
			lfirst(cell) = setting;
			return settings;
		}
	}
	return lappend(settings, setting);
}

/*
 * model_build_settings
 *		List of Setting * from a "parameters" map, in its order.  A null value
 *		declares nothing; the word DEFAULT resets.  A map as value has no
 *		meaning and is reported.
 */
List *
model_build_settings(const ModelBuild *build, const SpecNode *parameters, const char *path)
{
	List	   *settings = NIL;
	ListCell   *cell;

	if (parameters == NULL || parameters->kind != NODE_MAP)
		return NIL;

	foreach(cell, parameters->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		Setting    *setting;

		CHECK_FOR_INTERRUPTS();
		if (entry->value->kind == NODE_NULL)
			continue;
		if (entry->value->kind == NODE_MAP)
		{
			finding_add(build->findings, FINDING_ERROR, ERRCODE_PGOPS_WRONG_TYPE,
						entry->value, psprintf("%s.%s", path, entry->key), NULL,
						"a setting takes a scalar or a list, not a map");
			continue;
		}

		setting = palloc0(sizeof(Setting));
		setting->name = fold_name(entry->key);
		if (is_default(entry->value))
			setting->value = NULL;
		else if (model_is_list_setting(setting->name))
		{
			setting->elements = list_elements(setting->name, entry->value);
			setting->value = join_elements(setting->elements, true);
		}
		else
			setting->value = plain_value(entry->value);
		settings = model_add_setting(settings, setting);
	}
	return settings;
}
