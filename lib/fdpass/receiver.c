/* SPDX-License-Identifier: ISC */
/*
 * The receiver, for programs that use the library: in steps that never block,
 * or in one call, fdpass_accept(). It receives from a listening socket with its
 * unfinished connections, or from a descriptor stream.
 */
#include "sys.h"

#include "fdpass.h"

#include "fdpass/arrival.h"
#include "fdpass/message.h"
#include "fdpass/name.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 64      /* parts of a stream to take in one step */
#define NOBODY 65534L /* the user of a sender that Linux does not know */

struct fdpass_receiver {
	int sock;
	int type; /* of the socket */
	int is_listening;
	int is_abstract;          /* only the same user and root may send */
	struct arrivals arrivals; /* on a listening socket */
	/* On a stream: */
	int is_named;    /* the other end has connected to a name */
	int has_asked;   /* for credentials: undo at the end */
	int is_skipping; /* drop the rest of a message that was too large */
	size_t length;   /* bytes of a message before its descriptors */
};

static void
init_listening(struct fdpass_receiver *r, int sock)
{
	memset(r, 0, sizeof *r);
	r->sock = sock;
	r->type = SOCK_STREAM;
	r->is_listening = 1;
	r->is_abstract = name_is_abstract(sock);
	arrivals_init(&r->arrivals, ARRIVALS_MOST);
}

/*
 * Our end of a stream has a name only if it was accepted on a named socket:
 * then the system tells who connected. Otherwise it would tell who made the
 * pair, or who listened.
 */
static void
init_stream(struct fdpass_receiver *r, int sock, int type)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	memset(r, 0, sizeof *r);
	r->sock = sock;
	r->type = type;
	r->is_named = getsockname(sock, (struct sockaddr *)&ss, &length) == 0 &&
	    length > sizeof(sa_family_t);
	r->has_asked = sys_want_creds(sock, 1) == 1;
}

static int
is_unix_socket(int sock)
{
	struct sockaddr_storage ss;
	socklen_t length = sizeof ss;

	ss.ss_family = AF_UNSPEC;
	if (getsockname(sock, (struct sockaddr *)&ss, &length) == -1)
		return 0;
	errno = ENOTSOCK;
	return ss.ss_family == AF_UNIX;
}

struct fdpass_receiver *
fdpass_receiver_begin(int sock)
{
	struct fdpass_receiver *r;
	int type, is_listening = 0;
	socklen_t length = sizeof type;

	if (!is_unix_socket(sock) ||
	    getsockopt(sock, SOL_SOCKET, SO_TYPE, &type, &length) == -1)
		return NULL;
	length = sizeof is_listening;
	if (getsockopt(
		sock, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) == -1)
		return NULL;
	r = malloc(sizeof *r);
	if (r == NULL)
		return NULL;
	if (is_listening)
		init_listening(r, sock);
	else
		init_stream(r, sock, type);
	/* Its connections have the type of the listening socket. */
	r->type = type;
	return r;
}

/*
 * Another process may have taken the connection that poll() has seen: the guard
 * ends the wait for the next.
 */
static int
accept_now(struct fdpass_receiver *r)
{
	struct wait_guard guard;
	int s;

	wait_guard_begin(&guard);
	s = sys_accept(r->sock, NULL, NULL);
	wait_guard_end(&guard);
	if (s == -1 && errno == EINTR && !guard.is_signalled)
		errno = EAGAIN;
	return s;
}

static void
remove_arrival(struct fdpass_receiver *r, struct arrival *a, char answer)
{
	arrivals_remove(&r->arrivals, a);
	arrival_drop(a, answer);
	free(a);
}

/* Add a connection, if it may send. */
static void
let_in(struct fdpass_receiver *r, int s)
{
	struct arrival *a = NULL, *surplus;
	int is_allowed = !r->is_abstract || name_allows(s);

	if (is_allowed)
		a = malloc(sizeof *a);
	if (a == NULL) {
		fdpass_answer(s, is_allowed ? FDPASS_RETRY : FDPASS_REFUSED);
		wait_close(s);
		return;
	}
	surplus = arrivals_surplus(&r->arrivals, s);
	if (surplus != NULL)
		remove_arrival(r, surplus, FDPASS_RETRY);
	arrival_begin(a, s, r->type);
	arrivals_add(&r->arrivals, a);
}

/*
 * Take the result of accept(): 0, or -1 with the error of the listening socket.
 */
static int
take_connection(struct fdpass_receiver *r, int s)
{
	if (s != -1)
		let_in(r, s);
	else if (errno != ECONNABORTED && errno != EPROTO)
		return -1;
	return 0;
}

/* The first connection whose message is complete, or -1 if there is none. */
static int
step_arrivals(struct fdpass_receiver *r, struct fdpass_message *m)
{
	struct arrival *a, *next;
	int result, s;

	for (a = r->arrivals.first; a != NULL; a = next) {
		next = a->next;
		result = arrival_step(a, m->payload, m->size);
		if (result == -1)
			remove_arrival(r, a, arrival_refusal(errno));
		if (result != 1)
			continue;
		arrivals_remove(&r->arrivals, a);
		s = a->sock;
		*m = a->message;
		message_ask_sender(m, s);
		free(a->kept);
		free(a);
		return s;
	}
	return -1;
}

static int
step_listening(struct fdpass_receiver *r, struct fdpass_message *m, int *sender)
{
	struct pollfd p;
	int result = 0, saved = 0;

	p.fd = r->sock;
	p.events = POLLIN;
	p.revents = 0;
	if (poll(&p, 1, 0) == 1) {
		result = take_connection(r, accept_now(r));
		if (result == -1 && (errno == EINTR || sys_would_block(errno)))
			result = 0;
		saved = errno;
	}
	*sender = step_arrivals(r, m);
	if (*sender != -1)
		return 1;
	errno = saved;
	return result;
}

static int
has_ended(const struct fdpass_receiver *r)
{
	return r->type == SOCK_STREAM ||
	    (r->type != SOCK_DGRAM && message_is_end(r->sock));
}

/* The message is whole: give it to the caller. */
static int
deliver(struct fdpass_receiver *r, struct fdpass_message *m,
    const struct fdpass_message *last)
{
	char *payload = m->payload;
	size_t size = m->size;

	*m = *last;
	m->payload = payload;
	m->size = size;
	m->length = r->length;
	r->length = 0;
	/*
	 * From before we asked for credentials, the kernel reports an unknown
	 * user.
	 */
	if (m->pid == -1 && m->uid == NOBODY && m->gid == NOBODY)
		m->uid = m->gid = -1;
	if (r->is_named)
		message_ask_sender(m, r->sock);
	return 1;
}

/* recvmsg() has failed, or the stream has ended: returns 0 if more may come. */
static int
stream_failed(struct fdpass_receiver *r, struct fdpass_message *m, int result)
{
	struct fdpass_message none;

	if (result == -1 && (errno == EINTR || sys_would_block(errno)))
		return 0;
	if (result == 0 && !has_ended(r))
		return 0;
	if (result == 0 && r->length > 0 && !r->is_skipping) {
		fdpass_buffer(&none, NULL, 0);
		return deliver(r, m, &none);
	}
	/*
	 * With EMFILE, too, there were descriptors, and they ended the message.
	 */
	r->is_skipping = 0;
	r->length = 0;
	if (result == 0)
		errno = ENOTCONN;
	return -1;
}

/*
 * Receive one message from a stream. On SOCK_STREAM, where parts are not kept
 * apart, its descriptors end it. A message that does not fit is skipped up to
 * them, and then reported.
 */
static int
step_stream(struct fdpass_receiver *r, struct fdpass_message *m)
{
	const size_t most = FDPASS_MAX_PAYLOAD + 1;
	size_t room = m->size < most ? m->size : most;
	struct fdpass_message part;
	int parts, result, is_last, is_cut;

	for (parts = 0; parts < PARTS; parts++) {
		if (r->length == room) {
			r->is_skipping = 1;
			r->length = 0;
		}
		fdpass_buffer(&part, m->payload + r->length, room - r->length);
		result = fdpass_recv(r->sock, &part, FDPASS_NOWAIT);
		if (result != 1)
			return stream_failed(r, m, result);
		is_last = part.count > 0 || r->type != SOCK_STREAM;
		if (!r->is_skipping)
			r->length += part.length;
		/* The buffer is full: more bytes of this message may follow. */
		is_cut = r->type == SOCK_STREAM && r->length == room &&
		    !(r->length == 1 && m->payload[0] == '\0');
		if (!r->is_skipping && is_last && !is_cut &&
		    r->length <= FDPASS_MAX_PAYLOAD)
			return deliver(r, m, &part);
		fdpass_close(&part);
		if (is_last) {
			r->is_skipping = 0;
			r->length = 0;
			errno = EMSGSIZE;
			return -1;
		}
	}
	return 0;
}

int
fdpass_receiver_step(struct fdpass_receiver *receiver,
    struct fdpass_message *message, int *sender)
{
	*sender = -1;
	message->count = message->length = 0;
	if (receiver->is_listening)
		return step_listening(receiver, message, sender);
	return step_stream(receiver, message);
}

size_t
fdpass_receiver_poll(
    const struct fdpass_receiver *receiver, struct pollfd *fds, int *timeout)
{
	struct arrival *a;
	size_t n = 0;

	fds[n].fd = receiver->sock;
	fds[n].revents = 0;
	fds[n++].events = POLLIN;
	for (a = receiver->arrivals.first; a != NULL; a = a->next) {
		fds[n].fd = a->sock;
		fds[n].revents = 0;
		fds[n++].events = POLLIN;
	}
	*timeout = wait_timeout(arrivals_deadline(&receiver->arrivals));
	return n;
}

void
fdpass_receiver_dismiss(struct fdpass_receiver *receiver)
{
	int saved = errno;

	while (receiver->arrivals.first != NULL)
		remove_arrival(
		    receiver, receiver->arrivals.first, FDPASS_RETRY);
	errno = saved;
}

void
fdpass_receiver_end(struct fdpass_receiver *receiver)
{
	int saved = errno;

	if (receiver == NULL)
		return;
	fdpass_receiver_dismiss(receiver);
	if (receiver->has_asked)
		sys_want_creds(receiver->sock, 0);
	free(receiver);
	errno = saved;
}

/*
 * Wait for a connection. While none is unfinished, block in accept(): then the
 * kernel wakes only one of the processes that share the listening socket.
 */
static int
wait_and_accept(struct fdpass_receiver *r)
{
	struct pollfd p[FDPASS_MAX_POLL];
	size_t n;
	int timeout;

	if (r->arrivals.count == 0)
		return take_connection(r, sys_accept(r->sock, NULL, NULL));
	n = fdpass_receiver_poll(r, p, &timeout);
	if (wait_poll(p, (nfds_t)n, arrivals_deadline(&r->arrivals)) == -1)
		return -1;
	if (!(p[0].revents & POLLIN))
		return 0;
	return take_connection(r, accept_now(r));
}

int
fdpass_accept(int listener, struct fdpass_message *message)
{
	struct fdpass_receiver r;
	int s = -1;

	init_listening(&r, listener);
	do {
		if (wait_and_accept(&r) == -1 &&
		    (!sys_would_block(errno) || r.arrivals.count == 0))
			break;
		s = step_arrivals(&r, message);
	} while (s == -1);
	fdpass_receiver_dismiss(&r);
	return s;
}
