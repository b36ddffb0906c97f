/* SPDX-License-Identifier: ISC */
#include "fdrecv-fetch.h"

#include "calls.h"
#include "fdpass/name.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <unistd.h>

/* Can this be the name of a socket? Returns 0, or -1 and the failure. */
int
source_check(const char *name)
{
	struct sockaddr_un sun;
	socklen_t length;

	if (name_check_socket(name, &failure) == -1 ||
	    name_address(name, &sun, &length, &failure) == -1)
		return failed_on(name);
	return 0;
}

void
source_init(struct source *s, const char *name, int waits)
{
	s->name = name;
	s->type = SOCK_STREAM;
	s->waits = waits;
	s->notice = wait_deadline(WAIT_NOTICE);
	s->starting = -1;
	s->tries = 0;
}

/*
 * A try has failed, for the noted reason: wait a moment, and report once what
 * we wait for.
 */
void
source_wait(struct source *s, int64_t deadline)
{
	char reason[sizeof failure.reason];

	if (s->waits && s->notice != -1 && wait_is_over(s->notice)) {
		s->notice = -1;
		failure_words(reason, sizeof reason, &failure);
		say("%s: %s; still waiting", s->name, reason);
	}
	wait_poll(NULL, 0, wait_earlier(wait_backoff(s->tries++), deadline));
}

/* Nobody listens there: should we wait until somebody does? */
static int
may_come(struct source *s, int error)
{
	if (error != ECONNREFUSED && error != ENOENT)
		return 0;
	if (error == ENOENT || s->waits) {
		s->starting = -1;
		return s->waits;
	}
	/*
	 * Between bind() and listen(), a new socket refuses connections for a
	 * moment.
	 */
	if (s->starting == -1)
		s->starting = wait_deadline(WAIT_LISTEN);
	return !wait_is_over(s->starting);
}

/* One try: returns the socket; or -1, errno and the failure. */
static int
try(struct source *s, const struct sockaddr_un *sun, socklen_t length)
{
	int sock = sys_socket_nonblock(AF_UNIX, s->type);

	if (sock == -1)
		return failed("socket");
	/*
	 * Ask before anything can be sent, so that each message tells who sent
	 * it.
	 */
	sys_want_creds(sock, 1);
	if (s->tries == 0)
		tell_connecting("W1", sock, s->name);
	if (connect(sock, (const struct sockaddr *)sun, length) == 0) {
		tell_connected("W1", sock, s->name);
		return sock;
	}
	failed("connect");
	if (s->tries == 0)
		tell_not_connected("W1", sock, failure.error);
	close(sock);
	errno = failure.error;
	return -1;
}

/*
 * After this error, can a socket of another type have this name? Then try that.
 */
static int
other_type(struct source *s, int error)
{
	/* Abstract names of another type are separate names. */
	if (error != EPROTOTYPE && (error != ECONNREFUSED || s->name[0] != '@'))
		return 0;
	s->type = s->type == SOCK_STREAM ? SOCK_SEQPACKET : SOCK_STREAM;
	return s->type == SOCK_SEQPACKET;
}

/*
 * Anybody can bind an abstract name, so check who did; and make the socket
 * block.
 */
static int
check(const struct source *s, int sock)
{
	if (s->name[0] == '@' && !name_allows(sock))
		return failed_because(EPERM,
		    "its owner is another user, and an abstract name keeps "
		    "nobody away");
	return sys_nonblock(sock, 0) == -1 ? failed("fcntl") : 0;
}

/* Try to connect until the deadline. */
static int
connect_to(struct source *s, int64_t deadline)
{
	struct sockaddr_un sun;
	socklen_t length = 0;
	int sock;

	if (name_address(s->name, &sun, &length, &failure) == -1)
		return -1;
	for (;;) {
		errno = EINTR;
		if (wait_ending() != 0)
			return failed("connect");
		sock = try(s, &sun, length);
		if (sock != -1)
			break;
		if (other_type(s, failure.error))
			continue;
		if (failure.error == ECONNREFUSED && name_is_no_socket(s->name))
			return failed_because(ENOTSOCK, "not a socket");
		if (!wait_is_waited_out(failure.error) &&
		    !sys_would_block(failure.error) &&
		    !may_come(s, failure.error))
			return -1;
		if (wait_is_over(deadline))
			return -1;
		source_wait(s, deadline);
	}
	if (check(s, sock) == 0)
		return sock;
	close(sock);
	return -1;
}

/*
 * Connect, before the deadline. Returns the socket; or -1 and the failure:
 * EINTR when wait_ending() says why; after the deadline, what was missing.
 */
int
source_connect(struct source *s, int64_t deadline)
{
	int sock = connect_to(s, deadline);

	return sock == -1 ? failed_on(s->name) : sock;
}
