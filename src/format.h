/*
 * format.h
 *		A format and the variable arguments of the function it stands in, as text.
 */
#ifndef PGOPS_FORMAT_H
#define PGOPS_FORMAT_H

#include "lib/stringinfo.h"

/*
 * FORMAT_ARGUMENTS
 *		Appends to a StringInfo what "format", the last named parameter of the
 *		function, makes of the arguments after it.  A macro, because the arguments
 *		are read once for each try, and a function that they were handed to could
 *		read them only once.
 */
#define FORMAT_ARGUMENTS(text, format) \
	do \
	{ \
		va_list		arguments_; \
		int			needed_; \
		for (;;) \
		{ \
			va_start(arguments_, format); \
			needed_ = appendStringInfoVA(text, format, arguments_); \
			va_end(arguments_); \
			if (needed_ == 0) \
				break; \
			enlargeStringInfo(text, needed_); \
		} \
	} while (0)

#endif							/* PGOPS_FORMAT_H */
