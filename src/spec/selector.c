/*
 * selector.c
 *		Translates the JMESPath filters of services to the server's jsonpath.
 *
 * Supported is what filters of instances need: "[]" and "[*]" (everybody),
 * and "[? condition ]" with identifiers (plain, quoted, dotted), raw strings
 * ('x'), literals (`x`), == != < <= > >=, !, &&, || and parentheses.
 * Functions, slices and projections are refused by name.
 *
 * The two languages differ in what counts as true: JMESPath takes every
 * value but false, null, "", [] and {} for true, and a comparison of unequal
 * kinds for false; jsonpath knows a third value, unknown, which cannot be
 * negated.  So a bare operand becomes an explicit test, and a comparison asks
 * for the type first, or is wrapped into exists(): neither is ever unknown.
 *
 * A list or map never compares equal to anything: jsonpath cannot do that, and
 * parameters of instances are scalars.
 *
 * Not for: choosing the instances (render/).
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "utils/json.h"

#include "spec/selector.h"

/* parentheses and negations a filter may nest */
#define MAX_DEPTH	32

/* bytes of a filter: a bare operand takes up to hundredfold in jsonpath, and it is written often */
#define MAX_LENGTH	4096

typedef struct Parser
{
	const char *at;				/* what is left to read */
	char	   *error;			/* first thing that went wrong, or NULL */
	int			depth;
} Parser;

typedef enum OperandKind
{
	OPERAND_PATH,
	OPERAND_STRING,
	OPERAND_NUMBER,
	OPERAND_BOOL,
	OPERAND_NULL
} OperandKind;

typedef struct Operand
{
	OperandKind kind;
	char	   *jsonpath;		/* as it stands in jsonpath */
	bool		truth;			/* of a literal */
	bool		dotted;			/* a path of several steps */
} Operand;

static char *parse_or(Parser *p);
static char *parse_not(Parser *p);

/*
 * Only the first complaint counts: what follows it is mostly its consequence.
 * Parsing goes on to the nearest place that looks at p->error.
 */
static void
fail(Parser *p, const char *message)
{
	if (p->error == NULL)
		p->error = pstrdup(message);
}

/*
 * Blanks mean nothing between tokens; inside quotes they are never skipped.
 */
static void
skip_blanks(Parser *p)
{
	while (*p->at != '\0' && strchr(" \t\r\n", *p->at) != NULL)
		p->at++;
}

/* takes a token if it is next */
static bool
accept(Parser *p, const char *token)
{
	size_t		length = strlen(token);

	skip_blanks(p);
	if (strncmp(p->at, token, length) != 0)
		return false;
	p->at += length;
	return true;
}

/*
 * jsonpath's strings are JSON's: keys and values cannot break out of theirs.
 */
static char *
json_quoted(const char *string)
{
	StringInfoData buf;

	initStringInfo(&buf);
	escape_json(&buf, string);
	return buf.data;
}

/* text up to an unescaped end mark, which is taken; \mark stands for the mark */
static char *
read_until(Parser *p, char mark)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (; *p->at != '\0'; p->at++)
	{
		if (*p->at == mark)
		{
			p->at++;
			return buf.data;
		}
		if (p->at[0] == '\\' && p->at[1] == mark)
			p->at++;
		appendStringInfoChar(&buf, *p->at);
	}
	fail(p, psprintf("missing closing %c", mark));
	return buf.data;
}

/*
 * Only what reads the same in JSON and jsonpath: no exponent, no leading dot,
 * no plus.
 */
static bool
is_number(const char *string)
{
	const char *s = string;
	const char *digits;

	if (*s == '-')
		s++;
	digits = s;
	s += strspn(s, "0123456789");
	if (s == digits)
		return false;
	if (*s == '.')
	{
		if (!isdigit((unsigned char) s[1]))
			return false;
		s++;
		s += strspn(s, "0123456789");
	}
	return *s == '\0';
}

/* In JMESPath the empty string is false. */
static Operand
string_operand(const char *string)
{
	Operand		operand = {OPERAND_STRING};

	operand.jsonpath = json_quoted(string);
	operand.truth = string[0] != '\0';
	return operand;
}

/* `...`: a JSON value, or, as older filters have it, bare text */
static Operand
read_literal(Parser *p)
{
	char	   *content = read_until(p, '`');
	Operand		operand = {OPERAND_NULL};
	size_t		length;

	content += strspn(content, " ");
	length = strlen(content);
	while (length > 0 && content[length - 1] == ' ')
		content[--length] = '\0';

	if (strcmp(content, "true") == 0 || strcmp(content, "false") == 0)
	{
		operand.kind = OPERAND_BOOL;
		operand.truth = content[0] == 't';
		operand.jsonpath = content;
	}
	else if (strcmp(content, "null") == 0)
		operand.jsonpath = content;
	else if (is_number(content))
	{
		operand.kind = OPERAND_NUMBER;
		operand.truth = true;
		operand.jsonpath = content;
	}
	else if (content[0] == '[' || content[0] == '{')
		fail(p, "lists and maps are not supported as literals");
	else if (content[0] == '"')
	{
		if (length < 2 || content[length - 1] != '"' ||
			memchr(content + 1, '"', length - 2) != NULL ||
			strchr(content, '\\') != NULL)
			fail(p, "bad string in a literal");
		else
			operand = string_operand(pnstrdup(content + 1, length - 2));
	}
	else
		operand = string_operand(content);
	return operand;
}

/* one step of a path: an identifier, plain or in double quotes */
static bool
read_identifier(Parser *p, StringInfo path)
{
	const char *start;

	if (*p->at == '"')
	{
		p->at++;
		appendStringInfo(path, ".%s", json_quoted(read_until(p, '"')));
		return true;
	}
	start = p->at;
	if (!isalpha((unsigned char) *start) && *start != '_')
		return false;
	while (isalnum((unsigned char) *p->at) || *p->at == '_')
		p->at++;
	appendStringInfo(path, ".%s", json_quoted(pnstrdup(start, p->at - start)));
	return true;
}

/*
 * A dotted path from the instance's variables.  It also recognizes what
 * JMESPath has beyond our part of the language, to refuse it by name.
 */
static Operand
read_path(Parser *p)
{
	Operand		operand = {OPERAND_PATH};
	StringInfoData path;
	int			steps = 0;

	initStringInfo(&path);
	appendStringInfoChar(&path, '@');
	do
	{
		operand.dotted = steps++ > 0;
		skip_blanks(p);
		if (!read_identifier(p, &path))
		{
			fail(p, *p->at == '\0' ? "operand expected at the end" :
				 psprintf("operand expected before \"%s\"", p->at));
			break;
		}
	} while (accept(p, "."));

	if (accept(p, "("))
		fail(p, "functions are not supported");
	else if (accept(p, "[") || accept(p, "{") || (p->at[0] == '|' && p->at[1] != '|'))
		fail(p, "only conditions on parameters are supported");
	operand.jsonpath = path.data;
	return operand;
}

/*
 * Everything that is not quoted is a path: unlike in jsonpath, a bare number
 * is no literal.
 */
static Operand
read_operand(Parser *p)
{
	skip_blanks(p);
	if (*p->at == '\'')
	{
		p->at++;
		return string_operand(read_until(p, '\''));
	}
	if (*p->at == '`')
	{
		p->at++;
		return read_literal(p);
	}
	return read_path(p);
}

/* whether an operand alone is true, as JMESPath sees it */
static char *
truth_of(const Operand *operand)
{
	const char *path = operand->jsonpath;

	if (operand->kind != OPERAND_PATH)
		return pstrdup(operand->truth ? "(1 == 1)" : "(1 == 0)");
	return psprintf("((%s.type() == \"boolean\" && %s == true) || %s.type() == \"number\" || "
					"(%s.type() == \"string\" && %s != \"\") || "
					"(%s.type() == \"array\" && %s.size() > 0) || "
					"(%s.type() == \"object\" && exists (%s.*)))",
					path, path, path, path, path, path, path, path, path);
}

/* whether a path leads to nothing or to null, which JMESPath does not tell apart */
static char *
is_null(const char *path)
{
	return psprintf("(!exists (%s) || %s.type() == \"null\")", path, path);
}

/*
 * A path against a literal of a type.  The type is asked first, so that the
 * result is never unknown and lists are not looked into.
 */
static char *
typed_equality(const char *path, const Operand *literal)
{
	static const char *const types[] = {
		[OPERAND_STRING] = "string",
		[OPERAND_NUMBER] = "number",
		[OPERAND_BOOL] = "boolean"
	};

	return psprintf("(%s.type() == \"%s\" && %s == %s)",
					path, types[literal->kind], path, literal->jsonpath);
}

/*
 * The path goes to the left, so that there is one case for each kind of
 * literal.  exists() makes false of the unknown that unequal kinds give, for
 * literals, too.  Lists are left out first: jsonpath would look into them and
 * find [1] equal to 1.
 */
static char *
equality(Operand left, Operand right)
{
	if (left.kind != OPERAND_PATH)
	{
		Operand		swap = left;

		left = right;
		right = swap;
	}
	if (left.kind != OPERAND_PATH)
		return psprintf("exists (@ ? (%s == %s))", left.jsonpath, right.jsonpath);
	if (right.kind == OPERAND_NULL)
		return is_null(left.jsonpath);
	if (right.kind == OPERAND_PATH)
		return psprintf("((%s.type() != \"array\" && %s.type() != \"array\" && "
						"exists (@ ? (%s == %s))) || (%s && %s))",
						left.jsonpath, right.jsonpath, left.jsonpath, right.jsonpath,
						is_null(left.jsonpath), is_null(right.jsonpath));
	return typed_equality(left.jsonpath, &right);
}

/* what has to hold so that an operand can be ordered; nothing for a number */
static char *
ordered_only_if(const Operand *operand)
{
	if (operand->kind == OPERAND_NUMBER)
		return pstrdup("");
	return psprintf("%s.type() == \"number\" && ", operand->jsonpath);
}

/*
 * JMESPath orders numbers only, and calls everything else null, that is false.
 * What a path holds is known at run time alone, so its type is asked.
 */
static char *
ordering(Parser *p, const Operand *left, const Operand *right, const char *op)
{
	if ((left->kind != OPERAND_PATH && left->kind != OPERAND_NUMBER) ||
		(right->kind != OPERAND_PATH && right->kind != OPERAND_NUMBER))
		fail(p, psprintf("%s compares numbers only", op));
	return psprintf("(%s%s%s %s %s)", ordered_only_if(left), ordered_only_if(right),
					left->jsonpath, op, right->jsonpath);
}

/* operand, or operand op operand */
static char *
parse_comparison(Parser *p)
{
	/* longer tokens first: "<=" begins with "<" */
	static const char *const orderings[] = {"<=", ">=", "<", ">", NULL};
	Operand		left = read_operand(p);
	Operand		right;

	if (p->error != NULL)
		return pstrdup("");
	if (accept(p, "=="))
	{
		right = read_operand(p);
		return p->error != NULL ? pstrdup("") : equality(left, right);
	}
	if (accept(p, "!="))
	{
		right = read_operand(p);
		return p->error != NULL ? pstrdup("") : psprintf("!(%s)", equality(left, right));
	}
	for (int i = 0; orderings[i] != NULL; i++)
	{
		if (!accept(p, orderings[i]))
			continue;
		right = read_operand(p);
		return p->error != NULL ? pstrdup("") : ordering(p, &left, &right, orderings[i]);
	}
	return truth_of(&left);
}

/*
 * What follows "!".  In JMESPath it binds closer than a comparison and even
 * closer than a dot, so "!a == b" compares !a with b, and "!a.b" asks a boolean
 * for its "b".  Nobody means either; they are refused.
 */
static char *
parse_negated(Parser *p)
{
	Operand		operand;

	skip_blanks(p);
	if (*p->at == '!' || *p->at == '(')
		return parse_not(p);
	operand = read_operand(p);
	if (p->error != NULL)
		return pstrdup("");
	skip_blanks(p);
	if (strncmp(p->at, "==", 2) == 0 || strncmp(p->at, "!=", 2) == 0 ||
		*p->at == '<' || *p->at == '>')
		fail(p, "put parentheses around the comparison that ! negates");
	if (operand.dotted)
		fail(p, "put parentheses around the path that ! negates");
	return truth_of(&operand);
}

/*
 * Where the nesting is counted: every pair of parentheses and every negation
 * comes through here.
 */
static char *
parse_not(Parser *p)
{
	char	   *inner;

	if (p->error != NULL)
		return pstrdup("");
	if (p->depth >= MAX_DEPTH)
	{
		fail(p, "nested too deep");
		return pstrdup("");
	}
	p->depth++;
	skip_blanks(p);
	if (p->at[0] == '!' && p->at[1] != '=')
	{
		p->at++;
		inner = psprintf("!(%s)", parse_negated(p));
	}
	else if (accept(p, "("))
	{
		inner = psprintf("(%s)", parse_or(p));
		if (!accept(p, ")"))
			fail(p, "missing closing )");
	}
	else
		inner = parse_comparison(p);
	p->depth--;
	return inner;
}

/*
 * Appends to one buffer; a copy for each operand would grow with their square.
 */
static char *
parse_and(Parser *p)
{
	StringInfoData all;

	initStringInfo(&all);
	appendStringInfoString(&all, parse_not(p));
	while (p->error == NULL && accept(p, "&&"))
		appendStringInfo(&all, " && %s", parse_not(p));
	return all.data;
}

/*
 * As parse_and(), one level up: && binds closer than ||, in both languages.
 */
static char *
parse_or(Parser *p)
{
	StringInfoData any;

	initStringInfo(&any);
	appendStringInfoString(&any, parse_and(p));
	while (p->error == NULL && accept(p, "||"))
		appendStringInfo(&any, " || %s", parse_and(p));
	return any.data;
}

/* nothing may follow the closing bracket */
static void
expect_end(Parser *p)
{
	skip_blanks(p);
	if (*p->at != '\0')
		fail(p, psprintf("unexpected \"%s\"", p->at));
}

/*
 * The translation is of the whole filter or of nothing: a half-understood
 * filter would send clients to the wrong servers.
 */
char *
selector_to_jsonpath(const char *jmespath, char **error)
{
	Parser		p = {jmespath, NULL, 0};
	char	   *result = NULL;

	*error = NULL;
	if (strlen(jmespath) > MAX_LENGTH)
		fail(&p, psprintf("a filter has at most %d bytes", MAX_LENGTH));
	else if (!accept(&p, "["))
		fail(&p, "a filter begins with [");
	else if (accept(&p, "]"))
		result = pstrdup("$[*]");
	else if (accept(&p, "*"))
	{
		result = pstrdup("$[*]");
		if (!accept(&p, "]"))
			fail(&p, "missing closing ]");
	}
	else if (accept(&p, "?"))
	{
		result = psprintf("$[*] ? (%s)", parse_or(&p));
		if (p.error == NULL && !accept(&p, "]"))
			fail(&p, *p.at == '\0' ? "missing closing ]" :
				 psprintf("unexpected \"%s\"", p.at));
	}
	else
		fail(&p, "indexes and slices are not supported");

	if (p.error == NULL)
		expect_end(&p);
	*error = p.error;
	return p.error == NULL ? result : NULL;
}
