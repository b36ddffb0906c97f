/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdpass/arrival.h"

#include "fdpass/message.h"
#include "wait.h"

#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE 1000 /* ms after which a message is taken for complete */
#define NOT_ASKED (-2)

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
	return error == EMFILE || error == ETIMEDOUT ? FDPASS_RETRY :
						       FDPASS_REFUSED;
}

/* If the message does not tell who sent it, ask who has connected. */
void
message_ask_sender(struct fdpass_message *m, int sock)
{
	struct sys_peer peer;

	if (m->uid != -1)
		return;
	sys_peer_of(sock, &peer);
	m->pid = peer.pid;
	m->uid = peer.uid;
	m->gid = peer.gid;
}

/* Add a part to the message; -1 if it is too much. */
int
message_append(struct fdpass_message *m, struct fdpass_message *part)
{
	m->length += part->length;
	if (m->count + part->count > FDPASS_MAX_FDS ||
	    m->length > FDPASS_MAX_PAYLOAD) {
		fdpass_close(part);
		errno = EMSGSIZE;
		return -1;
	}
	/*
	 * The sender is the process that sent the descriptors; another one may
	 * have added bytes after them.
	 */
	if (part->uid != -1 && (part->count > 0 || m->count == 0)) {
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
 * The connection that has to give way before this one can be added; NULL if
 * there is room. A user with many connections does not shut out another user.
 */
struct arrival *
arrivals_surplus(struct arrivals *set, int sock)
{
	struct arrival *a, *oldest = NULL, *victim = set->first;
	struct sys_peer peer;
	size_t n, most = 0;

	if (set->count < ARRIVALS_OF_A_USER && set->count < set->most)
		return NULL;
	sys_peer_of(sock, &peer);
	if (count_of(set, peer.uid, &oldest) >= ARRIVALS_OF_A_USER)
		return oldest;
	if (set->count < set->most)
		return NULL;
	for (a = set->first; a != NULL; a = a->next) {
		n = count_of(set, user_of(a), &oldest);
		if (n > most) {
			most = n;
			victim = oldest;
		}
	}
	return victim;
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
