/*
 * nearest.c
 *		The known name that a misspelt one probably means.
 *
 * Not for: deciding whether a name is known.
 */
#include "postgres.h"

#include "utils/varlena.h"

#include "spec/spec.h"

/* the server's edit distance takes no longer texts */
#define MAX_NEAREST_LENGTH	255

/*
 * A third of the name's length may differ, at most three characters: more than
 * that guesses.  The distance is counted in bytes, which is right for
 * parameter names, all of which are ASCII.  "trusted" spares the server's
 * check of lengths, which we made.
 */
const char *
spec_nearest(const char *name, const char *const *names)
{
	int			length = strlen(name);
	int			limit = Max(1, Min(3, length / 3));
	const char *best = NULL;

	if (length == 0 || length > MAX_NEAREST_LENGTH)
		return NULL;
	for (int i = 0; names[i] != NULL; i++)
	{
		int			other = strlen(names[i]);
		int			distance;

		if (other > MAX_NEAREST_LENGTH || abs(other - length) > limit)
			continue;
		distance = varstr_levenshtein_less_equal(name, length, names[i], other,
												 1, 1, 1, limit, true);
		if (distance <= limit)
		{
			best = names[i];
			if (distance == 0)
				break;
			/* only a nearer one can win from here on */
			limit = distance - 1;
		}
	}
	return best;
}
