/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdrecv-show.h"

#include "info.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef PIPE_BUF
#define PIPE_BUF _POSIX_PIPE_BUF
#endif

#define LAST_WORDS 2000 /* ms to wait for a reader when told to end */
#define PAYLOAD_ROOM (4 * FDPASS_MAX_PAYLOAD + 64)

/*
 * Must we stop waiting for a reader? For a message that was taken, there is
 * still some time after the first signal.
 */
static int
is_over(void)
{
	static int64_t last;

	if (wait_ending() != 0 && last == 0)
		last = wait_deadline(LAST_WORDS);
	return wait_endings() > 1 || (last != 0 && wait_is_over(last));
}

/*
 * Wait until standard output takes something; -1 with EINTR if we have to end
 * before that, with EPIPE if nobody reads it.
 */
int
show_wait(void)
{
	int64_t deadline;
	int r;

	do {
		errno = EINTR;
		if (is_over())
			return -1;
		deadline = wait_ending() != 0 ? wait_deadline(WAIT_FORK) : -1;
		r = wait_writable(STDOUT_FILENO, deadline);
	} while (r == 0 || (r == -1 && errno != EPIPE));
	return r == 1 ? 0 : -1;
}

/*
 * Write all bytes. A pipe that polls writable takes PIPE_BUF bytes without
 * blocking, so a signal can end the wait for a slow reader.
 */
static int
put(const char *bytes, size_t n)
{
	ssize_t w;

	while (n > 0) {
		if (show_wait() == -1)
			return -1;
		w = write(STDOUT_FILENO, bytes, n < PIPE_BUF ? n : PIPE_BUF);
		if (w == -1 && errno != EINTR && !sys_would_block(errno))
			return -1;
		if (w > 0) {
			bytes += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

/*
 * Print a message on standard output: a line for the message, then one for each
 * descriptor. -1 with errno if that fails.
 */
int
show_message(const struct fdpass_message *m)
{
	static char what[INFO_LINE];
	size_t i, room = PAYLOAD_ROOM + m->count * (INFO_LINE + 8);
	char *lines = malloc(room);
	struct text t;
	int r;

	if (lines == NULL)
		return -1;
	text_init(&t, lines, room);
	text_add_message(&t, m, m->length);
	text_add(&t, "\n");
	for (i = 0; i < m->count; i++) {
		info_describe(what, sizeof what, m->fds[i]);
		text_add(&t, "%4zu %s\n", i, what);
	}
	r = put(lines, t.length);
	free(lines);
	return r;
}
