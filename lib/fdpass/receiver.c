/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdpass/receiver.h"

#include "descriptors.h"
#include "fdpass/message.h"
#include "fdpass/name.h"
#include "wait.h"

#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE 1000 /* ms after which a message is taken for complete */
#define NOT_ASKED (-2)
#define PARTS 64 /* parts of a stream to take in one step */

/* Begin with a connection that was just accepted. */
void
arrival_begin(struct arrival *a, int sock, int type)
{
	a->sock = sock;
	a->type = type;
	a->uid = NOT_ASKED;
	a->deadline = wait_deadline(ARRIVAL_WAIT);
	a->owner = NULL;
	a->next = NULL;
	a->kept = NULL;
	a->room = 0;
	a->message.length = a->message.count = 0;
	a->message.pid = a->message.uid = a->message.gid = -1;
}

/*
 * The answer after arrival_step() has failed. The sender may try again if the
 * message was not at fault: a late sender may have run out of something.
 */
char
arrival_refusal(int error)
{
	return wait_is_waited_out(error) || error == ETIMEDOUT ? FDPASS_RETRY :
								 FDPASS_REFUSED;
}

/* A lone NUL with descriptors is the usual message: nothing follows it. */
static int
is_complete(const struct arrival *a, const char *buffer)
{
	const struct fdpass_message *m = &a->message;

	return (m->count > 0 && m->length == 1 && buffer[0] == '\0') ||
	    a->type == SOCK_SEQPACKET;
}

static int
give_up(struct arrival *a)
{
	fdpass_close(&a->message);
	return -1;
}

/*
 * Keep the bytes that this step has brought, from offset before on, for the
 * next step.
 */
static int
keep(struct arrival *a, const char *buffer, size_t before)
{
	size_t length = a->message.length, room = a->room;
	char *more;

	if (length == before)
		return 0;
	while (room < length)
		room = room == 0 ? 512 : room * 2;
	if (room > a->room) {
		more = realloc(a->kept, room);
		if (more == NULL)
			return -1;
		a->kept = more;
		a->room = room;
	}
	memcpy(a->kept + before, buffer + before, length - before);
	return 0;
}

/* The message is complete: put the whole payload into the caller's buffer. */
static int
complete(struct arrival *a, char *buffer, size_t size, size_t before)
{
	if (before > 0)
		memcpy(buffer, a->kept, before);
	free(a->kept);
	a->kept = NULL;
	a->message.payload = buffer;
	a->message.size = size;
	return 1;
}

/*
 * Nothing more has come for now. Returns 1 if the message counts as complete,
 * because it has descriptors and its sender only keeps the connection open; -1
 * if it is late; 0 to wait longer.
 */
static int
wait_longer(struct arrival *a)
{
	if (wait_is_over(a->deadline)) {
		if (a->message.count > 0)
			return 1;
		errno = ETIMEDOUT;
		return -1;
	}
	if (a->message.count > 0)
		a->deadline = wait_earlier(a->deadline, wait_deadline(SILENCE));
	return 0;
}

/*
 * Take what has come on a connection, using the caller's buffer. Returns 1 when
 * the message is complete, with its payload in the buffer; it may have no
 * descriptors. 0: call again when more has come, or at the deadline. -1 when
 * there will be no message, with errno: 0 if the connection was closed without
 * a byte, ETIMEDOUT, EMFILE, EMSGSIZE or another of recvmsg().
 */
int
arrival_step(struct arrival *a, char *buffer, size_t size)
{
	struct fdpass_message part, *m = &a->message;
	size_t before = m->length;
	int r;

	for (;;) {
		if (m->length >= size) {
			errno = EMSGSIZE;
			return give_up(a);
		}
		fdpass_buffer(&part, buffer + m->length, size - m->length);
		r = fdpass_recv(a->sock, &part, FDPASS_NOWAIT);
		if (r == 1 && message_append(m, &part) == -1)
			return give_up(a);
		if (r == 1 && is_complete(a, buffer))
			return complete(a, buffer, size, before);
		if (r == 0 && m->length > 0)
			return complete(a, buffer, size, before);
		if (r == 0) {
			errno = 0;
			return give_up(a);
		}
		if (r == -1 && errno != EINTR)
			break;
	}
	if (!sys_would_block(errno))
		return give_up(a);
	r = wait_longer(a);
	if (r == 1)
		return complete(a, buffer, size, before);
	if (r == -1 || keep(a, buffer, before) == -1)
		return give_up(a);
	return 0;
}

/* Answer, and close the connection and the descriptors that it has brought. */
void
arrival_drop(struct arrival *a, char answer)
{
	fdpass_close(&a->message);
	free(a->kept);
	a->kept = NULL;
	fdpass_answer(a->sock, answer);
	wait_close(a->sock);
	a->sock = -1;
}

/*
 * Did the sender wait for the answer, and then give up? The name of its socket
 * tells that it would wait; the kernel remembers the name as long as we have
 * the connection.
 */
static int
has_given_up(int sock)
{
	struct sockaddr_un sun;
	socklen_t length = sizeof sun;
	const size_t begin = offsetof(struct sockaddr_un, sun_path);
	const size_t n = sizeof MESSAGE_GIVE_UP - 1;

	memset(&sun, 0, sizeof sun);
	return getpeername(sock, (struct sockaddr *)&sun, &length) == 0 &&
	    length > begin + n && sun.sun_path[0] == '\0' &&
	    memcmp(sun.sun_path + 1, MESSAGE_GIVE_UP, n) == 0;
}

int
fdpass_answer(int sock, char answer)
{
	int saved = errno;
	ssize_t n;

	do
		n = send(sock, &answer, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n == -1 && errno == EPIPE && has_given_up(sock))
		return -1;
	errno = saved;
	return 0;
}

void
arrivals_init(struct arrivals *set, size_t most)
{
	set->first = set->last = NULL;
	set->count = 0;
	set->most = most;
}

/* Add it at the end: the list is ordered by age. */
void
arrivals_add(struct arrivals *set, struct arrival *a)
{
	a->next = NULL;
	if (set->last != NULL)
		set->last->next = a;
	else
		set->first = a;
	set->last = a;
	set->count++;
}

void
arrivals_remove(struct arrivals *set, struct arrival *a)
{
	struct arrival *p, *before = NULL;

	for (p = set->first; p != a; p = p->next)
		before = p;
	if (before != NULL)
		before->next = a->next;
	else
		set->first = a->next;
	if (set->last == a)
		set->last = before;
	set->count--;
}

static long
user_of(struct arrival *a)
{
	struct sys_peer peer;

	if (a->uid == NOT_ASKED) {
		sys_peer_of(a->sock, &peer);
		a->uid = peer.uid;
	}
	return a->uid;
}

/* How many belong to this user; the oldest of them in *oldest. */
static size_t
count_of(struct arrivals *set, long uid, struct arrival **oldest)
{
	struct arrival *a;
	size_t n = 0;

	for (a = set->first; a != NULL; a = a->next)
		if (user_of(a) == uid && n++ == 0)
			*oldest = a;
	return n;
}

/*
 * The connection that gives way first: the oldest of the user who has most. A
 * user with many connections does not shut out another user.
 */
static struct arrival *
first_to_go(struct arrivals *set)
{
	struct arrival *a, *oldest = NULL, *victim = set->first;
	size_t n, most = 0;

	for (a = set->first; a != NULL; a = a->next) {
		n = count_of(set, user_of(a), &oldest);
		if (n > most) {
			most = n;
			victim = oldest;
		}
	}
	return victim;
}

/*
 * The connection that has to give way before this one can be added; NULL if
 * there is room.
 */
struct arrival *
arrivals_surplus(struct arrivals *set, int sock)
{
	struct arrival *oldest = NULL;
	struct sys_peer peer;

	if (set->count < ARRIVALS_OF_A_USER && set->count < set->most)
		return NULL;
	sys_peer_of(sock, &peer);
	if (count_of(set, peer.uid, &oldest) >= ARRIVALS_OF_A_USER)
		return oldest;
	return set->count < set->most ? NULL : first_to_go(set);
}

/* A connection whose deadline has passed, or NULL. */
struct arrival *
arrivals_due(const struct arrivals *set)
{
	struct arrival *a;
	int64_t now;

	if (set->first == NULL)
		return NULL;
	now = wait_now();
	for (a = set->first; a != NULL; a = a->next)
		if (now >= a->deadline)
			return a;
	return NULL;
}

/* The earliest deadline; -1 if there is none. */
int64_t
arrivals_deadline(const struct arrivals *set)
{
	struct arrival *a;
	int64_t first = -1;

	for (a = set->first; a != NULL; a = a->next)
		first = wait_earlier(first, a->deadline);
	return first;
}

/*
 * Nothing was received. An empty message looks like the end of the stream, and
 * counts as none (EINTR), for a flood of them may come. Returns 0 at the end,
 * or 1 if that ends a message.
 */
static int
incoming_end(struct incoming *in, int sock, int type, struct fdpass_message *m)
{
	if (type != SOCK_STREAM && !message_is_end(sock)) {
		errno = EINTR;
		return -1;
	}
	m->length = in->length;
	in->length = 0;
	return m->length > 0;
}

static size_t
room_of(const struct fdpass_message *m)
{
	const size_t most = FDPASS_MAX_PAYLOAD + 1;

	return m->size < most ? m->size : most;
}

/* Does what has come not fit, or may more bytes follow that do not fit? */
static int
is_too_long(const struct incoming *in, int type, const struct fdpass_message *m,
    int is_last)
{
	if (in->length > FDPASS_MAX_PAYLOAD)
		return 1;
	if (type != SOCK_STREAM || in->length < room_of(m))
		return 0;
	return !is_last || in->length != 1 || m->payload[0] != '\0';
}

/*
 * Drop this part. Returns -1 with EMSGSIZE for the first of a message, 0 for
 * the others.
 */
static int
drop_part(struct incoming *in, struct fdpass_message *part, int is_last)
{
	int is_reported = in->is_skipping;

	fdpass_close(part);
	in->length = 0;
	in->is_skipping = !is_last;
	errno = EMSGSIZE;
	return is_reported ? 0 : -1;
}

/* Add a part. Returns 1 if the message is whole, 0 if not, -1 if it is lost. */
static int
add_part(struct incoming *in, int type, struct fdpass_message *m,
    struct fdpass_message *part)
{
	int is_last = part->count > 0 || type != SOCK_STREAM;

	in->length += part->length;
	if (in->is_skipping || is_too_long(in, type, m, is_last))
		return drop_part(in, part, is_last);
	if (!is_last)
		return 0;
	memcpy(m->fds, part->fds, part->count * sizeof m->fds[0]);
	m->count = part->count;
	m->length = in->length;
	in->length = 0;
	return 1;
}

/*
 * Take what has come of a message on a stream. On SOCK_STREAM, where parts are
 * not kept apart, its descriptors end it. The message has the same buffer in
 * every step, and tells who its sender is if the system does not.
 *
 * Returns 1 when it is whole, 0 at the end of the stream, or -1 with errno:
 * EAGAIN, or EINTR if that was enough for one step; EMSGSIZE and EMFILE when
 * the message was lost (its sender is noted, and the rest is skipped by the
 * steps that follow); and the others of recvmsg(), after which it can go on.
 */
int
incoming_step(struct incoming *in, int sock, int type, struct fdpass_message *m,
    int flags)
{
	struct fdpass_message part;
	int parts, result;

	for (parts = 0; parts < PARTS; parts++) {
		fdpass_buffer(
		    &part, m->payload + in->length, room_of(m) - in->length);
		result = fdpass_recv(sock, &part, flags);
		if (part.uid != -1) {
			m->pid = part.pid;
			m->uid = part.uid;
			m->gid = part.gid;
		}
		if (result == 0)
			return incoming_end(in, sock, type, m);
		/* Its descriptors have come, and were lost. */
		if (result == -1 && (errno == EMFILE || errno == EMSGSIZE)) {
			in->length = 0;
			in->is_skipping = 0;
		}
		if (result == 1)
			result = add_part(in, type, m, &part);
		if (result != 0)
			return result;
	}
	errno = EINTR;
	return -1;
}

struct fdpass_receiver {
	int sock;
	int type; /* of the socket */
	int is_listening;
	int is_abstract;          /* only the same user and root may send */
	struct arrivals arrivals; /* on a listening socket */
	/* On a stream: */
	struct incoming incoming;
	int is_named;  /* the other end has connected to a name */
	int has_asked; /* for credentials: undo at the end */
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

static void
init_stream(struct fdpass_receiver *r, int sock, int type)
{
	memset(r, 0, sizeof *r);
	r->sock = sock;
	r->type = type;
	r->is_named = name_was_accepted_on(sock);
	r->has_asked = sys_want_creds(sock, 1) == 1;
}

struct fdpass_receiver *
fdpass_receiver_begin(int sock)
{
	struct fdpass_receiver *r;
	int is_listening, type = descriptor_unix_type(sock);

	if (type == -1)
		return NULL;
	is_listening = descriptor_is_listening(sock);
	if (is_listening == -1)
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

/*
 * Keep fewer unfinished connections if the descriptor table is small, so that
 * it has room for what messages bring. The kernel hands out the lowest free
 * number: that of a new connection tells how much is taken.
 */
static void
leave_room(struct arrivals *set, int sock)
{
	int room = (descriptors_limit() - sock) / 4;

	set->most = room < 1     ? 1 :
	    room > ARRIVALS_MOST ? ARRIVALS_MOST :
				   (size_t)room;
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
	if (r->arrivals.first != NULL)
		leave_room(&r->arrivals, s);
	surplus = arrivals_surplus(&r->arrivals, s);
	if (surplus != NULL)
		remove_arrival(r, surplus, FDPASS_RETRY);
	arrival_begin(a, s, r->type);
	arrivals_add(&r->arrivals, a);
}

/*
 * Take the result of accept(): 0, or -1 with the error of the listening socket.
 * If unfinished connections have used up what the next one needs, one of them
 * gives way: their senders must not be able to stop us.
 */
static int
take_connection(struct fdpass_receiver *r, int s)
{
	if (s != -1)
		let_in(r, s);
	else if (wait_is_waited_out(errno) && r->arrivals.first != NULL)
		remove_arrival(r, first_to_go(&r->arrivals), FDPASS_RETRY);
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
	if (wait_poll_at_once(&p) == 1) {
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

/* Take one message from a stream: as fdpass_receiver_step(). */
static int
step_stream(struct fdpass_receiver *r, struct fdpass_message *m)
{
	int result =
	    incoming_step(&r->incoming, r->sock, r->type, m, FDPASS_NOWAIT);

	if (result == 1 && r->is_named)
		message_ask_sender(m, r->sock);
	if (result == 0) {
		errno = ENOTCONN;
		return -1;
	}
	if (result == -1 && (errno == EINTR || sys_would_block(errno)))
		return 0;
	return result;
}

int
fdpass_receiver_step(struct fdpass_receiver *receiver,
    struct fdpass_message *message, int *sender)
{
	*sender = -1;
	message->count = message->length = 0;
	message->pid = message->uid = message->gid = -1;
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
