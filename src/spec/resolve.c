/*
 * resolve.c
 *		What a plain scalar of YAML 1.1 means: null, boolean, number or text,
 *		as PyYAML's SafeLoader decides it.
 *
 * The inventories are read by Ansible, that is by PyYAML, so its reading is
 * the meaning: "y" is text, "off" is a boolean, 0755 is octal, 1:20 is 80 and
 * "1e3" is text.  Dates stay text here: nothing in a declaration wants
 * Python's date objects.
 *
 * Not for: quoted scalars (always text), nor what a field's declared type
 * makes of the value (validate_param.c).
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "spec/document.h"

typedef struct BoolWord
{
	const char *word;
	bool		value;
} BoolWord;

/* each word counts in these three casings only: "yEs" is text */
static const BoolWord bool_words[] = {
	{"yes", true}, {"Yes", true}, {"YES", true},
	{"no", false}, {"No", false}, {"NO", false},
	{"true", true}, {"True", true}, {"TRUE", true},
	{"false", false}, {"False", false}, {"FALSE", false},
	{"on", true}, {"On", true}, {"ON", true},
	{"off", false}, {"Off", false}, {"OFF", false},
	{NULL, false}
};

static const char *const null_words[] = {"", "~", "null", "Null", "NULL", NULL};

/* The empty text is a null, too: "owner:" with nothing behind it. */
static bool
is_null_word(const char *string)
{
	for (int i = 0; null_words[i] != NULL; i++)
	{
		if (strcmp(string, null_words[i]) == 0)
			return true;
	}
	return false;
}

/* skips characters of a set */
static const char *
skip(const char *s, const char *set)
{
	return s + strspn(s, set);
}

#define DIGITS		"0123456789"
#define DIGITS_		"0123456789_"

/* ":59" groups of a sexagesimal number; NULL if there is none or one is bad */
static const char *
skip_sexagesimal(const char *s)
{
	if (*s != ':')
		return NULL;
	while (*s == ':')
	{
		s++;
		if (!isdigit((unsigned char) *s))
			return NULL;
		/* one digit, or two of which the first is 0 to 5 */
		if (*s <= '5' && isdigit((unsigned char) s[1]))
			s++;
		s++;
	}
	return s;
}

/* the text without underscores, in a buffer of its own */
static char *
without_underscores(const char *string)
{
	char	   *copy = palloc(strlen(string) + 1);
	char	   *to = copy;

	for (; *string != '\0'; string++)
	{
		if (*string != '_')
			*to++ = *string;
	}
	*to = '\0';
	return copy;
}

/* base of an integer that looks like one: 2, 8, 10, 16, 60; 0: it is none */
static int
integer_base(const char *s)
{
	const char *rest;

	if (*s == '-' || *s == '+')
		s++;
	if (s[0] == '0' && s[1] == 'b')
	{
		rest = skip(s + 2, "01_");
		return rest > s + 2 && *rest == '\0' ? 2 : 0;
	}
	if (s[0] == '0' && s[1] == 'x')
	{
		rest = skip(s + 2, "0123456789abcdefABCDEF_");
		return rest > s + 2 && *rest == '\0' ? 16 : 0;
	}
	if (s[0] == '0')
	{
		rest = skip(s + 1, "01234567_");
		return *rest == '\0' ? 8 : 0;
	}
	if (!isdigit((unsigned char) s[0]))
		return 0;
	rest = skip(s, DIGITS_);
	if (*rest == '\0')
		return 10;
	rest = skip_sexagesimal(rest);
	return rest != NULL && *rest == '\0' ? 60 : 0;
}

/*
 * For a character that is known to be a digit of the base; hexadecimal letters
 * in either case.
 */
static int
digit_value(char c)
{
	return isdigit((unsigned char) c) ? c - '0' : tolower((unsigned char) c) - 'a' + 10;
}

/* adds one digit to a number; false at overflow */
static bool
push_digit(uint64 *value, int base, int digit)
{
	if (*value > (PG_UINT64_MAX - digit) / base)
		return false;
	*value = *value * base + digit;
	return true;
}

/* digits of a base up to 16, or groups of base 60; false at overflow */
static bool
read_magnitude(const char *s, int base, uint64 *value)
{
	*value = 0;
	if (base == 60)
	{
		for (;;)
		{
			uint64		group = 0;

			for (; isdigit((unsigned char) *s); s++)
			{
				if (!push_digit(&group, 10, *s - '0'))
					return false;
			}
			if (group > PG_INT64_MAX || *value > (PG_INT64_MAX - group) / 60)
				return false;
			*value = *value * 60 + group;
			if (*s++ != ':')
				return true;
		}
	}
	for (; *s != '\0'; s++)
	{
		if (!push_digit(value, base, digit_value(*s)))
			return false;
	}
	return true;
}

/* value of "1:20.5": groups of 60, the last with a fraction */
static double
sexagesimal_value(const char *s)
{
	bool		negative = *s == '-';
	double		value = 0;

	if (*s == '-' || *s == '+')
		s++;
	for (;;)
	{
		char	   *end;

		value = value * 60 + strtod(s, &end);
		if (*end != ':')
			return negative ? -value : value;
		s = end + 1;
	}
}

/* a number that int64 cannot hold: a float that remembers its digits */
static SpecNode *
big_integer(const char *digits, int base, bool negative, char *string)
{
	SpecNode   *node;
	double		number = 0;

	if (base == 10)
	{
		node = node_string(psprintf("%s%s", negative ? "-" : "", digits));
		node->kind = NODE_FLOAT;
		node->number = strtod(node->text, NULL);
		return node;
	}
	if (base == 60)
		number = sexagesimal_value(digits);
	else
	{
		for (; *digits != '\0'; digits++)
			number = number * base + digit_value(*digits);
	}
	node = node_string(string);
	node->kind = NODE_FLOAT;
	node->number = negative ? -number : number;
	return node;
}

/*
 * An integer in any of YAML 1.1's notations, or NULL if the text is none.  The
 * magnitude is read unsigned, because -2^63 has no positive counterpart.
 * Keeps the source text, for fields whose type is text.
 */
static SpecNode *
resolve_integer(char *string)
{
	int			base = integer_base(string);
	char	   *digits;
	bool		negative;
	uint64		magnitude;
	SpecNode   *node;

	if (base == 0)
		return NULL;

	digits = without_underscores(string);
	negative = *digits == '-';
	if (*digits == '-' || *digits == '+')
		digits++;
	if (base == 2 || base == 16)
	{
		digits += 2;
		/* "0x_" matches the pattern but is no number */
		if (*digits == '\0')
			return NULL;
	}
	if (!read_magnitude(digits, base, &magnitude) ||
		magnitude > (uint64) PG_INT64_MAX + (negative ? 1 : 0))
		return big_integer(digits, base, negative, string);

	node = node_int(negative ? (int64) (0 - magnitude) : (int64) magnitude);
	node->text = string;
	return node;
}

/* optional exponent: PyYAML wants its sign, so 1e3 is text; NULL if it is bad */
static const char *
skip_exponent(const char *s)
{
	const char *digits;

	if (*s != 'e' && *s != 'E')
		return s;
	if (s[1] != '-' && s[1] != '+')
		return NULL;
	digits = skip(s + 2, DIGITS);
	return digits > s + 2 ? digits : NULL;
}

/* whether text is a decimal float of YAML 1.1; *sexagesimal for 1:20.5 */
static bool
is_float(const char *s, bool *sexagesimal)
{
	const char *rest;

	*sexagesimal = false;
	if (s[0] == '.')
	{
		if (!isdigit((unsigned char) s[1]))
			return false;
		rest = skip_exponent(skip(s + 1, DIGITS_));
		return rest != NULL && *rest == '\0';
	}
	if (*s == '-' || *s == '+')
		s++;
	if (!isdigit((unsigned char) *s))
		return false;
	rest = skip(s, DIGITS_);
	if (*rest == ':')
	{
		*sexagesimal = true;
		rest = skip_sexagesimal(rest);
		if (rest == NULL || *rest != '.')
			return false;
		return *skip(rest + 1, DIGITS_) == '\0';
	}
	if (*rest != '.')
		return false;
	rest = skip_exponent(skip(rest + 1, DIGITS_));
	return rest != NULL && *rest == '\0';
}

/* .inf and .nan in their casings */
static bool
special_float(const char *string, double *number)
{
	const char *s = string;
	bool		negative = *s == '-';

	if (*s == '-' || *s == '+')
		s++;
	if (strcmp(s, ".inf") == 0 || strcmp(s, ".Inf") == 0 || strcmp(s, ".INF") == 0)
	{
		*number = negative ? -INFINITY : INFINITY;
		return true;
	}
	if (s == string &&
		(strcmp(s, ".nan") == 0 || strcmp(s, ".NaN") == 0 || strcmp(s, ".NAN") == 0))
	{
		*number = NAN;
		return true;
	}
	return false;
}

/* Likewise a float.  strtod() is safe: the server keeps LC_NUMERIC at "C". */
static SpecNode *
resolve_float(char *string)
{
	double		number;
	SpecNode   *node;

	if (!special_float(string, &number))
	{
		bool		sexagesimal;
		char	   *clean;

		if (!is_float(string, &sexagesimal))
			return NULL;
		clean = without_underscores(string);
		number = sexagesimal ? sexagesimal_value(clean) : strtod(clean, NULL);
	}
	node = node_null();
	node->kind = NODE_FLOAT;
	node->number = number;
	node->text = string;
	return node;
}

/*
 * In PyYAML's order: null, boolean, integer, float, and text if it is none of
 * them.  "text" becomes part of the node, it is not copied.
 */
SpecNode *
spec_resolve_plain(char *string)
{
	SpecNode   *node;

	if (is_null_word(string))
	{
		node = node_null();
		node->text = string;
		return node;
	}
	for (int i = 0; bool_words[i].word != NULL; i++)
	{
		if (strcmp(string, bool_words[i].word) == 0)
		{
			node = node_bool(bool_words[i].value);
			node->text = string;
			return node;
		}
	}
	node = resolve_integer(string);
	if (node == NULL)
		node = resolve_float(string);
	if (node == NULL)
		node = node_string(string);
	return node;
}

/*
 * As Ansible shows such keys: a port 6379 and a host 10.10.10.10 are what they
 * look like, and 0755 as a key is 493.
 */
char *
spec_key_text(const SpecNode *scalar)
{
	const char *string = node_text(scalar);

	return pstrdup(string == NULL ? "null" : string);
}
