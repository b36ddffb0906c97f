/* SPDX-License-Identifier: ISC */
/*
 * The two sides of a named socket, for programs of others: they block.
 */
#include "sys.h"

#include "fdpass.h"

#include "fdpass/arrival.h"
#include "fdpass/handover.h"
#include "fdpass/message.h"
#include "fdpass/name.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

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

/* The library's accept: one listening socket, and those on their way in. */
struct door {
	int listener;
	int is_abstract; /* only the same user, and root, may send */
	struct arrivals arrivals;
};

/*
 * Somebody else may have taken the connection that poll() has seen: the guard
 * ends the wait for the next.
 */
static int
accept_now(struct door *d)
{
	struct wait_guard guard;
	int s;

	if (d->arrivals.count == 0)
		return sys_accept(d->listener, NULL, NULL);
	wait_guard_begin(&guard);
	s = sys_accept(d->listener, NULL, NULL);
	wait_guard_end(&guard);
	if (s == -1 && errno == EINTR && !guard.is_signalled)
		errno = EAGAIN;
	return s;
}

static void
remove_arrival(struct door *d, struct arrival *a, char answer)
{
	arrivals_remove(&d->arrivals, a);
	arrival_drop(a, answer);
	free(a);
}

/* One more connection: -1 with errno; EAGAIN if there is none after all. */
static int
let_in(struct door *d)
{
	struct arrival *a, *surplus;
	int s;

	s = accept_now(d);
	if (s == -1)
		return errno == ECONNABORTED || errno == EPROTO ? 0 : -1;
	a = d->is_abstract && !name_allows(s) ? NULL : malloc(sizeof *a);
	if (a == NULL) {
		fdpass_answer(
		    s, d->is_abstract ? FDPASS_REFUSED : FDPASS_RETRY);
		message_close_fd(s);
		return 0;
	}
	surplus = arrivals_surplus(&d->arrivals, s);
	if (surplus != NULL)
		remove_arrival(d, surplus, FDPASS_RETRY);
	arrival_begin(a, s, SOCK_STREAM);
	arrivals_add(&d->arrivals, a);
	return 0;
}

/* Those that may have brought something: one that is complete, or NULL. */
static struct arrival *
step_all(struct door *d, struct fdpass_message *m)
{
	struct arrival *a, *next;
	int r;

	for (a = d->arrivals.first; a != NULL; a = next) {
		next = a->next;
		r = arrival_step(a, m->payload, m->size);
		if (r == 1)
			return a;
		if (r == -1)
			remove_arrival(d, a, arrival_refusal(errno));
	}
	return NULL;
}

/* Wait for a connection, or for what those that are here bring. */
static int
wait_for_any(const struct door *d)
{
	struct pollfd p[ARRIVALS_MOST + 1];
	struct arrival *a;
	nfds_t n = 0;
	int r;

	p[n].fd = d->listener;
	p[n++].events = POLLIN;
	for (a = d->arrivals.first; a != NULL; a = a->next) {
		p[n].fd = a->sock;
		p[n++].events = POLLIN;
	}
	p[0].revents = 0;
	r = wait_poll(p, n, arrivals_deadline(&d->arrivals));
	return r == -1 ? -1 : (p[0].revents & POLLIN) != 0;
}

/* Until one has brought its message, which is in *m then. */
static struct arrival *
next_arrival(struct door *d, struct fdpass_message *m)
{
	struct arrival *a;
	int r;

	for (;;) {
		r = d->arrivals.count == 0 ? 1 : wait_for_any(d);
		if (r == 1)
			r = let_in(d);
		if (r == -1 &&
		    (!sys_would_block(errno) || d->arrivals.count == 0))
			return NULL;
		a = step_all(d, m);
		if (a != NULL)
			return a;
	}
}

int
fdpass_accept(int listener, struct fdpass_message *message)
{
	struct door door;
	struct arrival *a;
	int s = -1, saved;

	door.listener = listener;
	door.is_abstract = name_is_abstract(listener);
	arrivals_init(&door.arrivals, ARRIVALS_MOST);
	a = next_arrival(&door, message);
	saved = errno;
	if (a != NULL) {
		arrivals_remove(&door.arrivals, a);
		s = a->sock;
		*message = a->message;
		message_ask_sender(message, s);
		free(a->kept);
		free(a);
	}
	while (door.arrivals.first != NULL)
		remove_arrival(&door, door.arrivals.first, FDPASS_RETRY);
	errno = saved;
	return s;
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
