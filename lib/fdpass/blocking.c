/* SPDX-License-Identifier: ISC */
/*
 * A named socket, for programs of others: made, and sent to until the answer.
 */
#include "sys.h"

#include "fdpass.h"

#include "fdpass/handover.h"
#include "fdpass/name.h"
#include "wait.h"

#include <errno.h>

int
fdpass_listen(const char *name, mode_t mode)
{
	struct named unused;
	struct failure f;
	int s;

	s = named_listen(name, SOCK_STREAM, mode, &unused, &f);
	/* The message tells who has sent it, not only who has connected. */
	if (s != -1)
		sys_want_creds(s, 1);
	return s;
}

/* May we receive from who has accepted this connection to an abstract name? */
static int
may_receive(const char *name, int s)
{
	if (name[0] != '@' || name_allows(s))
		return 0;
	errno = EPERM;
	return -1;
}

int
fdpass_connect(const char *name)
{
	struct sockaddr_un sun;
	socklen_t length;
	struct failure f;
	int s;

	if (address_unix(name, &sun, &length, &f) == -1)
		return -1;
	s = sys_socket_nonblock(AF_UNIX, SOCK_STREAM);
	if (s == -1)
		return -1;
	if (connect(s, (struct sockaddr *)&sun, length) == 0 &&
	    may_receive(name, s) == 0 && sys_nonblock(s, 0) == 0)
		return s;
	wait_close(s);
	return -1;
}

/* The errno of a hand-over that has failed. */
static int
error_of(const struct handover *h)
{
	if (h->state == HANDOVER_INTERRUPTED)
		return EINTR;
	switch (h->verdict) {
	case VERDICT_NOT_SOCKET:
		return ENOTSOCK;
	case VERDICT_NOT_NOW:
		return EAGAIN;
	case VERDICT_UNREAD:
	case VERDICT_CUT:
		return ECONNRESET;
	case VERDICT_REFUSED:
		return ECONNABORTED;
	case VERDICT_GREETED:
		return EPROTO;
	default:
		return h->error;
	}
}

int
fdpass_hand_over(const char *name, const void *payload, size_t length,
    const int *fds, size_t count, int flags)
{
	struct handover h;
	struct target t;
	struct failure f;

	if (length == 0 || length > FDPASS_MAX_PAYLOAD ||
	    count > FDPASS_MAX_FDS) {
		errno = EINVAL;
		return -1;
	}
	t.name = name;
	t.type = SOCK_STREAM;
	t.flags = HANDOVER_TELL | (flags & FDPASS_WAIT ? HANDOVER_WAIT : 0);
	t.watch = NULL;
	if (address_unix(name, &t.address, &t.length, &f) == -1)
		return -1;
	/* Without room for the socket it is made later. */
	handover_begin(&h, &t, -1);
	handover_message(&h, payload, length, fds, count);
	if (handover_run(&h) == HANDOVER_TAKEN)
		return 0;
	errno = error_of(&h);
	return -1;
}
