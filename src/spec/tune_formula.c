/*
 * tune_formula.c
 *		Formulas of the templates: their results, and how they came about, for
 *		people to read.
 *
 * All arithmetic is in double precision, as it is where these templates come
 * from: ceil(100 * 0.33) must be 33 there and here.
 *
 * Not for: which parameter has which formula (tune_table.c).
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "spec/tune_parts.h"

/* how a quantity is called in a formula, and what its number counts */
static const struct
{
	const char *name;
	const char *unit;
}			quantities[TUNE_NQUANTITIES] = {
	[TUNE_CPU] = {"cpu"},
	[TUNE_MEM] = {"mem_mb", "MB"},
	[TUNE_DISK] = {"disk_bytes"},
	[TUNE_CONNECTIONS] = {"max_connections"},
	[TUNE_BUFFERS] = {"shared_buffers", "MB"},
	[TUNE_WORKERS] = {"workers"},
	[TUNE_TWENTIETH] = {"twentieth", "GB"},
};

/* quantities that are made of others; shared_buffers is a parameter, too (tune_table.c) */
static const TuneFormula buffers = {.of = TUNE_MEM,.op = '*',.by = TUNE_RATIO,.round = 'c'};
static const TuneFormula workers[TUNE_NTEMPLATES] = {
	{.of = TUNE_CPU,.op = '+',.factor = 8,.low = 16},
	{.of = TUNE_CPU,.op = '+',.factor = 12,.low = 20},
	{.of = TUNE_CPU,.op = '+',.factor = 8,.low = 16},
	{.of = TUNE_CPU,.op = '+',.factor = 4,.low = 12},
};
static const TuneFormula twentieth = {
	.of = TUNE_DISK,.op = '/',.factor = 21474836480.0,.round = 'c',.low = 1,.high = 100
};

/* ---- results ---- */

static double
operand(const Tuning *tuning, const TuneFormula *formula)
{
	return formula->by != TUNE_NONE ? tuning->quantity[formula->by] : formula->factor;
}

/* before it is kept within its bounds */
static double
raw_result(const Tuning *tuning, const TuneFormula *formula)
{
	double		left = tuning->quantity[formula->of];
	double		right = operand(tuning, formula);
	double		result = left;

	if (formula->op == '*')
		result = left * right;
	else if (formula->op == '/')
		result = left / right;
	else if (formula->op == '+')
		result = left + right;
	else if (formula->op == '-')
		result = left - right;
	if (formula->round == 'c')
		return ceil(result);
	return formula->round == 'f' ? floor(result) : result;
}

static double
result_of(const Tuning *tuning, const TuneFormula *formula)
{
	double		result = raw_result(tuning, formula);

	if (formula->low != 0)
		result = Max(result, formula->low);
	if (formula->high != 0)
		result = Min(result, formula->high);
	return result;
}

/* ---- how they came about ---- */

/* the shortest text of a number that is this number */
static char *
number_text(double number)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (number == floor(number) && fabs(number) < 1e15)
		return psprintf("%.0f", number);
	double_to_shortest_decimal_buf(number, text);
	return pstrdup(text);
}

/* a quantity by its name or by its number; a ratio has no name that helps */
static char *
quantity_text(const Tuning *tuning, TuneQuantity quantity, bool by_name)
{
	const char *unit = quantities[quantity].unit;
	char	   *number = number_text(tuning->quantity[quantity]);

	if (by_name && quantities[quantity].name != NULL)
		return pstrdup(quantities[quantity].name);
	return unit ? psprintf("%s %s", number, unit) : number;
}

/* "ceil(mem_mb * 0.25)" or, with numbers, "ceil(32000 MB * 0.25)" */
static char *
inner_text(const Tuning *tuning, const TuneFormula *formula, bool by_name)
{
	char	   *text = quantity_text(tuning, formula->of, by_name);

	if (formula->op != 0)
		text = psprintf("%s %c %s", text, formula->op,
						formula->by != TUNE_NONE ?
						quantity_text(tuning, formula->by, by_name) :
						number_text(formula->factor));
	if (formula->round != 0)
		text = psprintf("%s(%s)", formula->round == 'c' ? "ceil" : "floor", text);
	return text;
}

/* "clamp(x, 64, 1024)", "max(x, 2)", "min(x, 200)" */
static char *
bounded_text(const TuneFormula *formula, char *inner)
{
	if (formula->low != 0 && formula->high != 0)
		return psprintf("clamp(%s, %d, %d)", inner, formula->low, formula->high);
	if (formula->low != 0)
		return psprintf("max(%s, %d)", inner, formula->low);
	if (formula->high != 0)
		return psprintf("min(%s, %d)", inner, formula->high);
	return inner;
}

/*
 * "clamp(floor(8000 MB / 500), 64, 1024) = clamp(16, 64, 1024) = 64 MB": with
 * the step between where rounding and bounds both have a say.
 */
static char *
steps_text(const Tuning *tuning, const TuneFormula *formula, const char *unit)
{
	char	   *text = bounded_text(formula, inner_text(tuning, formula, false));
	char	   *result = number_text(result_of(tuning, formula));

	if (formula->op == 0 && formula->low == 0 && formula->high == 0)
		return text;
	if (formula->round != 0 && (formula->low != 0 || formula->high != 0))
		text = psprintf("%s = %s", text,
						bounded_text(formula, number_text(raw_result(tuning, formula))));
	return psprintf("%s = %s%s%s", text, result, unit ? " " : "", unit ? unit : "");
}

/* see tune_parts.h */
void
tune_evaluate(const Tuning *tuning, const TuneFormula *formula, const char *unit,
			  TuneValue *result)
{
	const char *origin = tuning->origin[formula->of];
	char	   *steps = steps_text(tuning, formula, unit);

	result->value = psprintf("%.0f%s", result_of(tuning, formula), unit ? unit : "");
	result->unit = unit ? pstrdup(unit) : NULL;
	result->formula = bounded_text(formula, inner_text(tuning, formula, true));
	if (origin == NULL)
		result->explanation = steps;
	else if (formula->op == 0 && formula->low == 0 && formula->high == 0)
		result->explanation = pstrdup(origin);
	else
		result->explanation = psprintf("%s; %s", origin, steps);
}

/* ---- quantities ---- */

/* one that is no parameter is explained wherever it is used */
static void
derive(Tuning *tuning, TuneQuantity quantity, const TuneFormula *formula, bool explained)
{
	tuning->quantity[quantity] = result_of(tuning, formula);
	if (explained)
		tuning->origin[quantity] = psprintf("%s = %s", quantities[quantity].name,
											steps_text(tuning, formula, quantities[quantity].unit));
}

/* see tune_parts.h */
void
tune_quantities(Tuning *tuning)
{
	const TuneInput *input = &tuning->input;

	tuning->quantity[TUNE_CPU] = input->cpu;
	tuning->quantity[TUNE_MEM] = input->mem_mb;
	tuning->quantity[TUNE_DISK] = (double) input->disk_bytes;
	tuning->quantity[TUNE_RATIO] = input->shared_buffer_ratio;
	tuning->quantity[TUNE_CONNECTIONS] = input->max_conn != 0 ? input->max_conn :
		tune_automatic_connections(tuning);
	derive(tuning, TUNE_BUFFERS, &buffers, false);
	derive(tuning, TUNE_WORKERS, &workers[tuning->template], true);
	derive(tuning, TUNE_TWENTIETH, &twentieth, true);
}
