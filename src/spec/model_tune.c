/*
 * model_tune.c
 *		What a declaration says about the template of the server's parameters
 *		(pg_conf and what goes with it).
 *
 * Not for: what a machine makes of it (tune.c); that takes the machine.
 */
#include "postgres.h"

#include "spec/model_build.h"
#include "spec/tune.h"

#define DEFAULT_TEMPLATE	"oltp"

/* a number, or 0: "auto", and what was found wrong elsewhere */
static int
whole_number(const char *text)
{
	char	   *end;
	long		number = text ? strtol(text, &end, 10) : 0;

	return number > 0 && number <= PG_INT32_MAX ? (int) number : 0;
}

/*
 * model_build_tune
 *		Fills cluster->tune, and cluster->tuned where pg_conf is declared and names
 *		one of the templates.  After model_build_names().
 */
void
model_build_tune(const ModelBuild *build, Cluster *cluster)
{
	TuneInput  *tune = palloc0(sizeof(TuneInput));
	const SpecNode *conf = model_declared_param(build, "pg_conf");
	const char *declared = conf ? node_text(conf) : NULL;
	const char *name = declared ? tune_template(declared) : NULL;
	char	   *ratio = model_param_text(build, "pg_shared_buffer_ratio");
	char	   *dest = model_param_text(build, "pg_default_service_dest");
	char	   *storage = model_param_text(build, "pg_storage_type");

	cluster->tuned = name ? pstrdup(name) : NULL;
	cluster->tune = tune;
	tune->template_name = name ? name : DEFAULT_TEMPLATE;
	tune->max_conn = whole_number(model_param_text(build, "pg_max_conn"));
	tune->shared_buffer_ratio = ratio ? strtod(ratio, NULL) : 0;
	tune->through_pgbouncer = dest != NULL && strcmp(dest, "pgbouncer") == 0;
	tune->ssd = storage != NULL && strcmp(storage, "SSD") == 0;
	tune->libs = model_param_text(build, "pg_libs");
	tune->libs_declared = model_declared_param(build, "pg_libs") != NULL;
	tune->io_method = model_param_text(build, "pg_io_method");
	tune->primary_db = cluster->primary_db;
	tune->pwd_enc = cluster->pwd_enc;
	if (model_declared_param(build, "pg_log_dir") != NULL)
		tune->log_directory = model_param_text(build, "pg_log_dir");
}
