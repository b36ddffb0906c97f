/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdrecv-payload.h"

#include "say.h"
#include "wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 1000 /* ms for others to free what has run out */

/* Make a file without a name: in memory, or else in a directory. */
static int
nameless_file(void)
{
	const char *directory = getenv("TMPDIR");
	char path[4096];
	int fd = sys_memory_file("fdpass-payload");

	if (fd != -1 || errno != ENOSYS)
		return fd;
	if (directory == NULL || directory[0] != '/' ||
	    (size_t)snprintf(path, sizeof path, "%s/fdpass-XXXXXX",
		directory) >= sizeof path ||
	    (fd = mkstemp(path)) == -1) {
		strcpy(path, "/tmp/fdpass-XXXXXX");
		fd = mkstemp(path);
	}
	if (fd == -1)
		return -1;
	unlink(path);
	if (sys_cloexec(fd) == 0)
		return fd;
	close(fd);
	return -1;
}

/*
 * Make a file that contains these bytes, positioned at its start. If a resource
 * has run out, wait a moment for others to free it. Returns a descriptor,
 * close-on-exec and the caller's; or -1 and the failure.
 */
int
payload_file(const char *bytes, size_t length)
{
	int64_t deadline = wait_deadline(PATIENCE);
	int fd;

	for (;;) {
		fd = nameless_file();
		if (fd != -1)
			break;
		failed("make a file for the payload");
		if (!wait_is_waited_out(failure.error) ||
		    wait_out(failure.error, deadline) == -1)
			return -1;
	}
	if (wait_write(fd, bytes, length) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	failed("write the payload");
	close(fd);
	return -1;
}
