/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "show.h"

#include "info.h"
#include "text.h"
#include "trace.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef PIPE_BUF
#define PIPE_BUF _POSIX_PIPE_BUF
#endif

#define LAST_WORDS 2000 /* ms for a reader when we are to end */
#define REFUSED 32      /* bytes of a payload where it is refused */
#define TRACED 256      /* bytes of a payload in a line of the trace */
#define PAYLOAD_ROOM (4 * FDPASS_MAX_PAYLOAD + 64)

static void
add_sender(struct text *t, const struct fdpass_message *m)
{
	if (m->uid == -1)
		text_add(t, "from an unknown sender");
	else if (m->pid == -1)
		text_add(t, "from uid %ld gid %ld", m->uid, m->gid);
	else
		text_add(
		    t, "from pid %ld uid %ld gid %ld", m->pid, m->uid, m->gid);
}

static void
add_payload(struct text *t, const struct fdpass_message *m, size_t most)
{
	size_t n = m->length < most ? m->length : most;

	text_add(t, ", payload \"");
	text_add_escaped(t, m->payload, n);
	text_add(t, n < m->length ? "\"...," : "\",");
	text_add(t, " %zu descriptor%s", m->count, m->count == 1 ? "" : "s");
}

/* Who has sent it, and how its payload begins, for a line that refuses it. */
void
show_sender(char *line, size_t size, const struct fdpass_message *m)
{
	struct text t;
	size_t n;

	text_init(&t, line, size);
	if (m == NULL) {
		text_add(&t, "from an unknown sender");
		return;
	}
	add_sender(&t, m);
	if (m->length == 0)
		return;
	n = m->length < REFUSED ? m->length : REFUSED;
	text_add(&t, ", payload \"");
	text_add_escaped(&t, m->payload, n);
	text_add(&t, n < m->length ? "\"..." : "\"");
}

/* May we not wait for a reader any longer? What was taken has its time. */
static int
is_over(void)
{
	static int64_t last;

	if (wait_ending() != 0 && last == 0)
		last = wait_deadline(LAST_WORDS);
	return wait_endings() > 1 || (last != 0 && wait_is_over(last));
}

/*
 * Wait until standard output takes something; -1 with EINTR if we are to end
 * before that, with EPIPE if nobody reads it.
 */
int
show_wait(void)
{
	struct pollfd p;
	int r;

	p.fd = STDOUT_FILENO;
	p.events = POLLOUT;
	do {
		errno = EINTR;
		if (is_over())
			return -1;
		p.revents = 0;
		r = wait_poll(
		    &p, 1, wait_ending() != 0 ? wait_deadline(WAIT_FORK) : -1);
	} while (r <= 0);
	errno = EPIPE;
	return p.revents & POLLERR ? -1 : 0;
}

/*
 * A pipe that polls writable takes so many bytes without blocking, so that a
 * signal ends the wait for a reader that does not read.
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
 * Print it on standard output: a line for the message, then one for each
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
	add_sender(&t, m);
	add_payload(&t, m, m->length);
	text_add(&t, "\n");
	for (i = 0; i < m->count; i++) {
		info_describe(what, sizeof what, m->fds[i]);
		text_add(&t, "%4zu %s\n", i, what);
	}
	r = put(lines, t.length);
	free(lines);
	return r;
}

/* The same as lines of the trace. */
void
show_trace(const char *step, int sock, const struct fdpass_message *m)
{
	char what[INFO_TEXT], line[INFO_TEXT];
	struct text t;
	size_t i;

	text_init(&t, line, sizeof line);
	add_sender(&t, m);
	add_payload(&t, m, TRACED);
	trace(step, "recvmsg(%d) = %s", sock, line);
	for (i = 0; i < m->count; i++) {
		info_describe(what, sizeof what, m->fds[i]);
		trace(step, "received descriptor %d: %s", m->fds[i], what);
	}
}

/* The call that is about to be made: sendmsg(4, "\\0", SCM_RIGHTS 5). */
void
show_sending(
    int sock, const char *payload, size_t length, const int *fds, size_t count)
{
	char line[INFO_TEXT];
	struct text t;
	size_t i;

	text_init(&t, line, sizeof line);
	text_add(&t, "sendmsg(%d, \"", sock);
	text_add_escaped(&t, payload, length < TRACED ? length : TRACED);
	text_add(&t, length <= TRACED ? "\"" : "\"...");
	if (count > 0)
		text_add(&t, ", SCM_RIGHTS");
	for (i = 0; i < count; i++)
		text_add(&t, " %d", fds[i]);
	text_add(&t, ")");
	trace_call("S7", "%s", line);
}
