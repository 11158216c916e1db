/*
 * file.c
 *		Files: read whole, replaced durably, written by a step.
 *
 * Not for: what stands in them; directories are copied and removed by programs.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE	(S_IRUSR | S_IWUSR)
#define MAX_BYTES	(16 * 1024 * 1024)

char *
file_read(const char *path)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char	   *text;
	ssize_t		got;
	off_t		length = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		die("pgops-runner: could not open file \"%s\": %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > MAX_BYTES)
		die("pgops-runner: \"%s\" is not a file of ours", path);
	text = malloc((size_t) st.st_size + 1);
	if (text == NULL)
		die("pgops-runner: out of memory");
	while (length < st.st_size &&
		   (got = read(fd, text + length, (size_t) (st.st_size - length))) > 0)
		length += got;
	text[length] = '\0';
	close(fd);
	return text;
}

static bool
write_all(int fd, const char *text)
{
	size_t		left = strlen(text);

	while (left > 0)
	{
		ssize_t		done = write(fd, text, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text += done;
		left -= (size_t) done;
	}
	return true;
}

static char *
problem(const char *what, const char *path)
{
	return format_text("could not %s \"%s\": %s", what, path, strerror(errno));
}

/* What a rename or a new file changed in its directory. */
static bool
sync_directory_of(const char *path)
{
	char	   *copy = format_text("%s", path);
	int			fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool		done = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return done;
}

char *
file_write(const char *path, const char *text, bool append)
{
	int			fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC),
						  FILE_MODE);
	bool		done;

	if (fd < 0)
		return problem("open file", path);
	done = write_all(fd, text) && fsync(fd) == 0;
	if (close(fd) != 0 || !done)
		return problem("write file", path);
	return NULL;
}

char *
file_rename(const char *from, const char *to)
{
	if (rename(from, to) != 0)
		return format_text("could not rename \"%s\" to \"%s\": %s", from, to, strerror(errno));
	if (!sync_directory_of(to) || !sync_directory_of(from))
		return problem("sync the directory of", to);
	return NULL;
}

void
file_replace(const char *path, const char *text)
{
	char	   *temporary = format_text("%s.new", path);
	char	   *wrong = file_write(temporary, text, false);

	if (wrong == NULL)
		wrong = file_rename(temporary, path);
	if (wrong != NULL)
		fprintf(stderr, "pgops-runner: %s\n", wrong);
	free(wrong);
	free(temporary);
}
