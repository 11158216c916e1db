/*
 * model_parameter.c
 *		Declared parameters of the server (pg_parameters): into the model, and
 *		what can be said against them without asking the server.
 *
 * Their values have the same forms as those of roles and databases
 * (model_setting.c).  What is different: a null resets, as the word DEFAULT
 * does, and some names are not to be had.
 *
 * Not for: whether the server knows a parameter and takes the value; that is
 * asked when a plan is made (plan/plan_parameter.c).
 */
#include "postgres.h"

#include "errors.h"
#include "spec/model_build.h"
#include "spec/spec.h"
#include "spec/validate.h"

#define OWN_LIBRARY		"pgops"
#define LIBRARIES		"shared_preload_libraries"

/*
 * Names that are not to be had, with the reason.  Where the server's files are
 * is said before it reads any; without pgops' own nobody would look at the
 * declaration any more that could take them back; targets of recovery are given
 * by a restore, and two of them keep the server from starting.  Parameters that
 * only tell something (server_version) differ from version to version and are
 * left to the server.
 */
static const struct
{
	const char *name;			/* ends with * : what begins so */
	const char *message;
	const char *hint;
}			refused[] = {
#define FIXED(name) \
	{name, "cannot be set while the server runs", \
	"It is said in postgresql.conf or on the command line."}
#define OWN(name) \
	{name, "cannot be declared: pgops finds the declaration by it", \
	"Set it in postgresql.conf."}
	FIXED("config_file"),
	FIXED("data_directory"),
	FIXED("external_pid_file"),
	FIXED("hba_file"),
	FIXED("ident_file"),
	OWN("pgops.database"),
	OWN("pgops.instance"),
	OWN("pgops.manage_settings"),
	{"recovery_target*", "belongs to a restore", "SELECT pgops.restore(...) takes targets."},
};

/* ---- into the model ---- */

/*
 * A null hides what is declared further out, as everywhere; as the value of a
 * single parameter it says that the parameter is to have none of its own.
 */
static SpecNode *
nulls_as_default(const SpecNode *declared)
{
	SpecNode   *copy = node_copy(declared);
	ListCell   *cell;

	foreach(cell, copy->entries)
	{
		SpecEntry  *entry = lfirst(cell);

		if (entry->value->kind == NODE_NULL)
			entry->value = node_string("DEFAULT");
	}
	return copy;
}

/*
 * model_build_parameters
 *		Fills cluster->parameters.  Placeholders in values are resolved for the
 *		instance that the model is built for.
 */
void
model_build_parameters(const ModelBuild *build, Cluster *cluster)
{
	const SpecNode *declared = model_declared_param(build, "pg_parameters");

	if (declared != NULL && declared->kind == NODE_MAP)
		cluster->parameters = model_build_settings(build, nulls_as_default(declared),
												   psprintf("%s.pg_parameters", build->name));
}

/* model_library_is_own tells whether an element of a list of libraries is pgops itself. */
bool
model_library_is_own(const char *library)
{
	const char *name = last_dir_separator(library);
	size_t		length = strlen(OWN_LIBRARY);

	name = name ? name + 1 : library;
	return strncmp(name, OWN_LIBRARY, length) == 0 &&
		(name[length] == '\0' || strcmp(name + length, DLSUFFIX) == 0);
}

/* ---- what can be said against them ---- */

/* the value as a list of libraries; NIL: it is none, or not known yet */
static List *
declared_elements(const SpecNode *value, const char *name)
{
	SpecNode   *map = node_map();
	ModelBuild	build = {0};
	Findings	ignored = {0};
	List	   *settings;

	build.findings = &ignored;
	node_map_set(map, name, node_copy(value));
	settings = model_build_settings(&build, map, "");
	return settings == NIL ? NIL : ((Setting *) linitial(settings))->elements;
}

/*
 * Libraries to be preloaded: pgops must stay among them, since without it nobody
 * would be there to undo the mistake; and none at all cannot be said, for ALTER
 * SYSTEM writes an empty list as one library without a name, which no server
 * finds.
 */
static void
check_libraries(const SpecEntry *entry, const char *path, Findings *findings)
{
	List	   *libraries;
	ListCell   *cell;

	if (spec_is_jinja(entry->value) ||
		(node_text(entry->value) != NULL && spec_has_placeholder(node_text(entry->value))))
		return;
	libraries = declared_elements(entry->value, entry->key);
	foreach(cell, libraries)
	{
		if (((char *) lfirst(cell))[0] == '\0')
		{
			spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, entry->value, path,
					   "Declare DEFAULT to have none.",
					   "a list of libraries must not have an empty element");
			return;
		}
	}
	if (libraries == NIL || pg_strcasecmp(entry->key, LIBRARIES) != 0)
		return;
	foreach(cell, libraries)
	{
		if (model_library_is_own(lfirst(cell)))
			return;
	}
	spec_error(findings, ERRCODE_PGOPS_CONTRADICTION, entry->value, path,
			   "Add pgops to the list.",
			   "\"%s\" without pgops would take pgops away at the next start", LIBRARIES);
}

/* neither file nor statement can hold it; told here, where there is a line to point at */
static void
check_one_line(const SpecNode *value, const char *path, Findings *findings)
{
	const char *text = node_text(value);
	ListCell   *cell;

	if (text != NULL && strpbrk(text, "\r\n") != NULL)
		spec_error(findings, ERRCODE_PGOPS_OUT_OF_RANGE, value, path, NULL,
				   "the value of a setting must be a single line");
	foreach(cell, value->items)
		check_one_line(lfirst(cell), path, findings);
}

/* ---- names ---- */

static bool
is_refused(const char *refused_name, const char *name)
{
	size_t		length = strlen(refused_name);

	if (refused_name[length - 1] == '*')
		return pg_strncasecmp(refused_name, name, length - 1) == 0;
	return pg_strcasecmp(refused_name, name) == 0;
}

/* bytes of the longest part of a dotted name */
static size_t
longest_part(const char *name)
{
	size_t		longest = 0;

	while (*name != '\0')
	{
		size_t		length = strcspn(name, ".");

		longest = Max(longest, length);
		name += length;
		name += *name == '.';
	}
	return longest;
}

/* A longer part would be cut by the server's parser, and be another parameter. */
static void
check_parameter_name(const SpecEntry *entry, const char *path, Findings *findings)
{
	SpecNode	at = spec_place_of_key(entry);

	for (int i = 0; i < lengthof(refused); i++)
	{
		if (is_refused(refused[i].name, entry->key))
			spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, path, refused[i].hint,
					   "\"%s\" %s", entry->key, refused[i].message);
	}
	if (longest_part(entry->key) >= NAMEDATALEN)
		spec_error(findings, ERRCODE_PGOPS_BAD_NAME, &at, path, NULL,
				   "the name of a setting has parts of at most %d bytes", NAMEDATALEN - 1);
}

/*
 * spec_check_parameters
 *		Findings about pg_parameters besides those about settings in general.
 */
void
spec_check_parameters(const SpecNode *settings, const char *path, Findings *findings)
{
	ListCell   *cell;

	if (settings->kind != NODE_MAP)
		return;
	foreach(cell, settings->entries)
	{
		const SpecEntry *entry = lfirst(cell);
		const char *suffix = strrchr(entry->key, '_');
		char	   *below = spec_path_key(path, entry->key);

		check_parameter_name(entry, below, findings);
		if (suffix != NULL && model_is_list_setting(entry->key) &&
			pg_strcasecmp(suffix, "_libraries") == 0)
			check_libraries(entry, below, findings);
		check_one_line(entry->value, below, findings);
	}
}
