/*
 * reference.c
 *		What a reference to a secret may look like.
 *
 * A reference is shown as it is, so nothing that could be a secret itself may
 * pass for one: a path is absolute, a variable is in upper case.
 *
 * Not for: reading files or the environment.
 */
#include "postgres.h"

#include "errors.h"
#include "spec/document.h"
#include "spec/reference.h"

#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS	"0123456789"

/* bytes of a path; the system's own limit is not larger anywhere */
#define MAX_FILE	1024

/* longest name of a variable */
#define MAX_VARIABLE	128

static bool
is_path(const char *text)
{
	return text[0] == '/' && text[1] != '\0' && strlen(text) < MAX_FILE;
}

/* as POSIX has the names of its own variables; a password in lower case is none */
static bool
is_variable(const char *text)
{
	return text[0] != '\0' && strchr(DIGITS, text[0]) == NULL &&
		strlen(text) < MAX_VARIABLE &&
		text[strspn(text, UPPER DIGITS)] == '\0';
}

/* the only entry of a map, or NULL */
static const SpecEntry *
only_entry(const SpecNode *map)
{
	return list_length(map->entries) == 1 ? linitial(map->entries) : NULL;
}

bool
spec_reference(const SpecNode *value, const char **file, const char **variable)
{
	const SpecEntry *entry;
	const char *text;
	bool		is_file;

	if (value == NULL || value->kind != NODE_MAP || (entry = only_entry(value)) == NULL)
		return false;
	text = node_text(entry->value);
	is_file = strcmp(entry->key, "file") == 0;
	if (text == NULL || (is_file ? !is_path(text) :
						 strcmp(entry->key, "env") != 0 || !is_variable(text)))
		return false;

	if (file != NULL)
		*file = is_file ? text : NULL;
	if (variable != NULL)
		*variable = is_file ? NULL : text;
	return true;
}

/*
 * No message shows what stands there: somebody may have written the secret
 * itself.  Keys are shown, since an unknown one is how the mistake looks.
 */
void
spec_check_reference(const ValueRule *rule, SpecNode *map, const char *path, Findings *findings)
{
	static const char hint[] =
	"Write {file: /absolute/path} or {env: NAME}, or the text itself.";
	const SpecEntry *entry = only_entry(map);
	SpecNode	at;
	char	   *below;

	if (entry == NULL || (strcmp(entry->key, "file") != 0 && strcmp(entry->key, "env") != 0))
	{
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, map, path, hint,
				   "%s must be text, or a reference with the one key \"file\" or \"env\"",
				   spec_rule_text(rule));
		return;
	}
	below = spec_path_key(path, entry->key);
	at = spec_place_of_key(entry);
	if (node_text(entry->value) == NULL)
		spec_error(findings, ERRCODE_PGOPS_WRONG_TYPE, &at, below, hint,
				   "what %s refers to must be text", spec_rule_text(rule));
	else if (strcmp(entry->key, "file") == 0 && !is_path(node_text(entry->value)))
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, entry->value, below, hint,
				   "the file that %s refers to must be an absolute path", spec_rule_text(rule));
	else if (strcmp(entry->key, "env") == 0 && !is_variable(node_text(entry->value)))
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, entry->value, below, hint,
				   "the environment variable that %s refers to must be a name of capital letters, digits and underscores",
				   spec_rule_text(rule));
	else
		spec_become(entry->value, NODE_STRING);
	pfree(below);
}
