/* SPDX-License-Identifier: ISC */
#include "intake.h"

#include "descriptors.h"
#include "fdpass/message.h"
#include "wait.h"

#include <errno.h>

#define STUCK 1000  /* ms for others to take what does not fit */
#define OWN_LATER 8 /* descriptors that we may open after a look */

/* Measure the descriptor table, to begin. */
void
intake_measure(struct intake *in)
{
	in->limit = descriptors_limit();
	in->highest = descriptors_highest();
}

/*
 * Is it possible that the descriptors of the largest message do not fit? The
 * kernel hands out the lowest free numbers, so all above the highest that was
 * ever in use are free.
 */
int
intake_is_tight(const struct intake *in)
{
	return in->limit - 1 - in->highest < FDPASS_MAX_FDS + OWN_LATER;
}

/*
 * A message does not fit. Wait for others to take it, or for us to close
 * something. But if we are idle there is nothing to close, so after a while the
 * message has to be dropped: returns 1 then.
 */
static int
is_stuck(struct intake *in, int is_idle)
{
	if (!is_idle)
		in->stuck = 0;
	else if (in->stuck == 0)
		in->stuck = wait_deadline(STUCK);
	if (in->stuck == 0 || wait_now() < in->stuck)
		return 0;
	in->stuck = 0;
	return 1;
}

/*
 * Does the next message of the stream fit into the descriptor table? If not,
 * leave it to the other readers of the stream, unless we are idle and it is
 * clear that nobody takes it.
 */
int
intake_has_room(struct intake *in, int is_idle)
{
	struct fdpass_message probe;
	char byte;
	int result;

	if (!intake_is_tight(in))
		return 1;
	fdpass_buffer(&probe, &byte, sizeof byte);
	result = fdpass_recv(in->fd, &probe, FDPASS_PEEK | FDPASS_NOWAIT);
	if (result == -1)
		return errno != EMFILE || is_stuck(in, is_idle);
	fdpass_close(&probe);
	in->stuck = 0;
	return 1;
}

static void
note_highest(struct intake *in, const struct fdpass_message *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->fds[i] > in->highest)
			in->highest = m->fds[i];
}

/*
 * Take one part of a message from a stream: returns 1, 0 at the end, or -1 with
 * errno. An empty message counts as none (EINTR), for a flood of them may come.
 */
static int
take_part(struct intake *in, struct fdpass_message *part, int flags)
{
	int result;

	result = fdpass_recv(in->fd, part, flags);
	if (result == 0 && in->type != SOCK_STREAM && !message_is_end(in->fd)) {
		errno = EINTR;
		return -1;
	}
	message_forget_nobody(part);
	return result;
}

/*
 * Skip the rest of a message that was too large, up to its descriptors, which
 * end it. Returns as take_part().
 */
static int
skip(struct intake *in, struct fdpass_message *m, int flags)
{
	int result;

	do {
		result = take_part(in, m, flags);
		/* With EMFILE, the descriptors came, and were lost. */
		in->is_skipping = result == 1 ? m->count == 0 :
						result == 0 || errno != EMFILE;
		fdpass_close(m);
	} while (result == 1 && in->is_skipping);
	return result;
}

/* Take all parts of one message; on SOCK_STREAM, the descriptors end it. */
static int
take_parts(struct intake *in, struct fdpass_message *m, int flags)
{
	struct fdpass_message part;
	int result, has_end;

	do {
		fdpass_buffer(
		    &part, m->payload + m->length, m->size - m->length);
		result = take_part(in, &part, flags);
		if (result == 0)
			return m->length > 0;
		if (result == -1) {
			if (errno == EINTR || sys_would_block(errno))
				in->partial = m->length;
			/* Tell the caller whose message was lost. */
			m->pid = part.pid;
			m->uid = part.uid;
			m->gid = part.gid;
			return -1;
		}
		has_end = part.count > 0 || in->type != SOCK_STREAM;
		if (message_append(m, &part) == -1) {
			in->is_skipping = !has_end;
			fdpass_close(m);
			errno = EMSGSIZE;
			return -1;
		}
	} while (m->count == 0 && in->type == SOCK_STREAM);
	return 1;
}

/*
 * Take one message from a stream, with FDPASS_NOWAIT in flags or without:
 * returns 1, 0 at the end, or -1 with errno. On SOCK_STREAM, the descriptors
 * end a message; if we have to stop waiting before they come, the bytes so far
 * are kept for the next call.
 */
int
intake_take(struct intake *in, struct fdpass_message *m, int flags)
{
	int result = 1;

	if (in->is_skipping)
		result = skip(in, m, flags);
	if (result != 1)
		return result;
	m->length = in->partial;
	m->count = 0;
	m->pid = in->peer.pid;
	m->uid = in->peer.uid;
	m->gid = in->peer.gid;
	in->partial = 0;
	result = take_parts(in, m, flags);
	if (result != 1)
		return result;
	note_highest(in, m);
	return 1;
}
