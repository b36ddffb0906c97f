/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdsend-payload.h"

#include "say.h"
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Open a file. A FIFO opens only when another process opens it for writing. */
static int
open_file(const char *file, int64_t deadline)
{
	int fd = -1;

	while (!wait_must_end(deadline)) {
		wait_block_begin(deadline);
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		wait_block_end();
		if (fd != -1 || errno != EINTR)
			break;
	}
	return fd;
}

/* Read to the end of the file, or until the buffer is full. */
static int
read_all(int fd, char *bytes, size_t size, size_t *length, int64_t deadline)
{
	ssize_t n;

	while (*length < size) {
		if (wait_must_end(deadline))
			return -1;
		wait_block_begin(deadline);
		n = read(fd, bytes + *length, size - *length);
		wait_block_end();
		if (n == 0)
			break;
		if (n > 0)
			*length += (size_t)n;
		/* The owner of standard input has made it non-blocking. */
		else if (sys_would_block(errno))
			wait_readable(fd, deadline);
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}

/*
 * Read all of a file, or of standard input if file is "-": at least one byte,
 * and fewer than size. Returns 0 and the length; or -1 and the failure: EINTR
 * when wait_ending() says why, ETIMEDOUT, and others.
 */
int
payload_read(const char *file, char *bytes, size_t size, size_t *length,
    int64_t deadline)
{
	const char *object = file;
	int fd = STDIN_FILENO, r;

	*length = 0;
	if (strcmp(file, "-") != 0)
		fd = open_file(file, deadline);
	else
		object = "standard input";
	if (fd == -1) {
		if (errno == ETIMEDOUT)
			failed_late("no writer");
		else
			failed("open");
		return failed_on(object);
	}
	r = read_all(fd, bytes, size, length, deadline);
	if (r == -1 && errno == ETIMEDOUT)
		failed_late("no end of file");
	else if (r == -1)
		failed("read");
	else if (*length == 0)
		r = failed_because(
		    EINVAL, "empty: a payload has at least one byte");
	else if (*length == size)
		r = failed_because(EMSGSIZE,
		    "a payload has at most %zu bytes, this is longer",
		    size - 1);
	if (fd != STDIN_FILENO)
		close(fd);
	return r == -1 ? failed_on(object) : 0;
}
