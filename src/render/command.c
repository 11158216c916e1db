/*
 * command.c
 *		Words of a command line for the shell, as parameters of the server and
 *		Patroni's configuration hold them.
 *
 * Not for: running anything; pgops itself starts programs without a shell
 * (io/process.h).
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "render/render.h"

/* what no shell takes for anything else; nor a percent sign, where it is only that */
#define PLAIN	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@+"

char *
render_shell_word(const char *word, bool percent)
{
	StringInfoData out;
	bool		plain = word[0] != '\0' &&
		strspn(word, percent ? PLAIN : PLAIN "%") == strlen(word);

	initStringInfo(&out);
	if (!plain)
		appendStringInfoChar(&out, '\'');
	for (const char *p = word; *p != '\0'; p++)
	{
		if (*p == '\'')
			appendStringInfoString(&out, "'\\''");
		else if (*p == '%' && percent)
			appendStringInfoString(&out, "%%");
		else
			appendStringInfoChar(&out, *p);
	}
	if (!plain)
		appendStringInfoChar(&out, '\'');
	return out.data;
}
