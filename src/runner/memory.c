/*
 * memory.c
 *		Small parts that everything here needs: texts, JSON members, clocks.
 */
#include "runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
die(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

char *
format_text(const char *format,...)
{
	va_list		args;
	char	   *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		die("pgops-runner: out of memory");
	va_end(args);
	return text;
}

/*
 * The file is read by a server whose database may have another encoding, so
 * what a program wrote is kept as ASCII if it is not clean UTF-8.
 */
json_t *
json_text(const char *text)
{
	json_t	   *value = json_string(text);
	char	   *copy;

	if (value != NULL)
		return value;
	copy = format_text("%s", text);
	for (char *at = copy; *at != '\0'; at++)
	{
		if ((unsigned char) *at >= 0x80)
			*at = '?';
	}
	value = json_string(copy);
	free(copy);
	if (value == NULL)
		die("pgops-runner: out of memory");
	return value;
}

const char *
text_of(const json_t *object, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : otherwise;
}

long
number_of(const json_t *object, const char *name, long otherwise)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? (long) json_integer_value(value) : otherwise;
}

const char *
now_text(void)
{
	static char text[64];
	struct timespec now;
	struct tm	utc;
	size_t		length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, sizeof(text) - length, ".%06ldZ", now.tv_nsec / 1000);
	return text;
}

int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
