/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdlisten-output.h"

#include "say.h"
#include "wait.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Replace a file: write a new one in the same directory, then rename it. */
static int
replace(const char *file, const char *line)
{
	char fresh[PATH_MAX];
	mode_t mask;
	int fd;

	if (snprintf(fresh, sizeof fresh, "%s.XXXXXX", file) >=
	    (int)sizeof fresh) {
		errno = ENAMETOOLONG;
		return failed("open");
	}
	fd = mkstemp(fresh);
	if (fd == -1)
		return failed("create");
	sys_cloexec(fd);
	/* Give it the mode of a file that open() makes. */
	mask = umask(077);
	umask(mask);
	if (fchmod(fd, 0666 & ~mask) == -1 ||
	    wait_write(fd, line, strlen(line)) == -1) {
		failed("write");
		close(fd);
		goto bad;
	}
	if (close(fd) == -1) {
		failed("write");
		goto bad;
	}
	if (rename(fresh, file) == 0)
		return 0;
	failed("rename");
bad:
	unlink(fresh);
	errno = failure.error;
	return -1;
}

static int
is_fifo(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Open for writing; if it is a FIFO without a reader, wait for one. */
static int
open_special(const char *file, int64_t deadline)
{
	int fd;

	for (;;) {
		fd = open(file,
		    O_WRONLY | O_TRUNC | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (fd != -1)
			break;
		if (errno != EINTR && (errno != ENXIO || !is_fifo(file)))
			return -1;
		wait_pause(WAIT_LOOK);
		if (wait_must_end(deadline))
			return -1;
	}
	return fd;
}

/* A new or regular file is replaced, anything else is written to. */
static int
put_line(const char *file, const char *line, int64_t deadline)
{
	struct stat st;
	int fd, r;

	if (lstat(file, &st) == -1 ? errno == ENOENT : S_ISREG(st.st_mode))
		return replace(file, line);
	fd = open_special(file, deadline);
	if (fd == -1)
		return errno == ETIMEDOUT ? failed_late("no reader") :
					    failed("open");
	r = wait_write(fd, line, strlen(line));
	if (r == -1)
		failed("write");
	close(fd);
	return r;
}

/*
 * Write a line into a file, before the deadline. Returns 0, or -1 and the
 * failure.
 */
int
output_line(const char *file, const char *line, int64_t deadline)
{
	return put_line(file, line, deadline) == 0 ? 0 : failed_on(file);
}
