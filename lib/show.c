#include "sys.h"

#include "show.h"

#include "info.h"
#include "text.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>

#define TRACED 256 /* bytes of a payload in a line of the trace */
#define PAYLOAD_ROOM (4 * FDPASS_MAX_PAYLOAD + 64)

static void
add_sender(struct text *t, const struct fdpass_message *m)
{
	if (m->pid == -1 && m->uid == -1)
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

/*
 * Print it on standard output: a line for the message, then one for each
 * descriptor. -1 with errno if that fails.
 */
int
show_message(const struct fdpass_message *m)
{
	static char what[INFO_LINE];
	struct text t;
	char *line;
	size_t i;
	int r;

	line = malloc(PAYLOAD_ROOM);
	if (line == NULL)
		return -1;
	text_init(&t, line, PAYLOAD_ROOM);
	add_sender(&t, m);
	add_payload(&t, m, m->length);
	r = puts(line);
	free(line);
	/* Where a signal has ended one write, no other shall begin. */
	for (i = 0; r != EOF && i < m->count; i++) {
		info_describe(what, sizeof what, m->fds[i]);
		if (printf("%4zu %s\n", i, what) < 0)
			r = EOF;
	}
	return r == EOF || fflush(stdout) == EOF ? -1 : 0;
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
