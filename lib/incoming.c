/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "incoming.h"

#include "signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SILENCE 1000 /* ms after which a message is taken for complete */

/* Memory for the payload. */
int
incoming_init(struct incoming *in)
{
	memset(in, 0, sizeof *in);
	in->sock = -1;
	fdpass_buffer(&in->message, malloc(FDPASS_MAX_PAYLOAD + 1),
	    FDPASS_MAX_PAYLOAD + 1);
	return in->message.payload == NULL ? -1 : 0;
}

/* A connection was accepted: a message shall come, but not too late. */
void
incoming_begin(struct incoming *in, int sock)
{
	in->sock = sock;
	in->deadline = signals_deadline(INCOMING_WAIT);
	in->message.length = in->message.count = 0;
	in->message.pid = in->message.uid = in->message.gid = -1;
}

/*
 * The answer where incoming_step() has failed: what is no fault of the message
 * may be tried again, a sender that was late for want of something among it.
 */
char
incoming_refusal(int error)
{
	return error == EMFILE || error == ETIMEDOUT ? FDPASS_RETRY :
						       FDPASS_REFUSED;
}

/* Where the message does not tell who sent it: who has connected. */
void
incoming_ask_sender(struct incoming *in)
{
	struct sys_peer peer;

	if (in->message.pid != -1)
		return;
	sys_peer_of(in->sock, &peer);
	in->message.pid = peer.pid;
	in->message.uid = peer.uid;
	in->message.gid = peer.gid;
}

static int
socket_type(int fd)
{
	int type = -1;
	socklen_t length = sizeof type;

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
	return type;
}

/* Add a part to the message; -1 if it is too much. */
int
incoming_append(struct fdpass_message *m, struct fdpass_message *part)
{
	m->length += part->length;
	if (m->count + part->count > FDPASS_MAX_FDS ||
	    m->length > FDPASS_MAX_PAYLOAD) {
		fdpass_close(part);
		errno = EMSGSIZE;
		return -1;
	}
	/* Who sent the descriptors counts, not who added a word behind them. */
	if (part->pid != -1 && (part->count > 0 || m->count == 0)) {
		m->pid = part->pid;
		m->uid = part->uid;
		m->gid = part->gid;
	}
	memcpy(m->fds + m->count, part->fds, part->count * sizeof m->fds[0]);
	m->count += part->count;
	return 0;
}

/* A lone NUL with descriptors is the usual message: nothing follows it. */
static int
is_complete(const struct incoming *in)
{
	const struct fdpass_message *m = &in->message;

	return (m->count > 0 && m->length == 1 && m->payload[0] == '\0') ||
	    socket_type(in->sock) == SOCK_SEQPACKET;
}

static int
give_up(struct incoming *in)
{
	fdpass_close(&in->message);
	return -1;
}

/*
 * Take what has come on a connection. Returns 1 when the message is complete,
 * which may have no descriptors; 0 to be called again when more has come, or
 * at the deadline; -1 when nothing comes of it, with errno: 0 if it was
 * closed without a word, ETIMEDOUT, EMFILE, EMSGSIZE or another of recvmsg().
 */
int
incoming_step(struct incoming *in)
{
	struct fdpass_message part, *m = &in->message;
	int r;

	for (;;) {
		if (m->length == m->size) {
			errno = EMSGSIZE;
			return give_up(in);
		}
		fdpass_buffer(
		    &part, m->payload + m->length, m->size - m->length);
		r = fdpass_recv(in->sock, &part, FDPASS_NOWAIT);
		if (r == 1 && incoming_append(m, &part) == -1)
			return give_up(in);
		if (r == 1 && is_complete(in))
			return 1;
		if (r == 0) {
			if (m->length > 0)
				return 1;
			errno = 0;
			return give_up(in);
		}
		if (r == -1 && errno != EINTR)
			break;
	}
	if (!sys_would_block(errno))
		return give_up(in);
	if (signals_now() >= in->deadline) {
		if (m->count > 0)
			return 1;
		errno = ETIMEDOUT;
		return give_up(in);
	}
	/* A sender that has sent it all but keeps its side open. */
	if (m->count > 0)
		in->deadline =
		    signals_earlier(in->deadline, signals_deadline(SILENCE));
	return 0;
}
