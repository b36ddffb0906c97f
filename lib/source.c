/* SPDX-License-Identifier: ISC */
#include "source.h"

#include "diag.h"
#include "fdpass/name.h"
#include "trace.h"
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BETWEEN_BIND_AND_LISTEN 100 /* ms that a new socket may refuse */
#define NOTICE 3000                 /* ms until it is told that it waits */

/* Can this be a name? -1 with EINVAL or ENAMETOOLONG if not. */
int
source_check(const char *name, struct failure *f)
{
	struct sockaddr_un sun;
	socklen_t length;

	return name_check_socket(name, f) == -1 ?
	    -1 :
	    address_unix(name, &sun, &length, f);
}

void
source_init(struct source *s, const char *name, int waits)
{
	s->name = name;
	s->type = SOCK_STREAM;
	s->waits = waits;
	s->notice = wait_deadline(NOTICE);
	s->starting = -1;
	s->tries = 0;
}

/* Nothing came of it: wait a moment, say once what for. */
void
source_wait(struct source *s, int64_t deadline, const struct failure *f)
{
	char reason[sizeof f->reason];

	if (s->waits && s->notice != -1 && wait_is_over(s->notice)) {
		s->notice = -1;
		failure_words(reason, sizeof reason, f);
		diag("%s: %s; still waiting", s->name, reason);
	}
	wait_poll(NULL, 0, wait_earlier(wait_backoff(s->tries++), deadline));
}

/* Nobody listens there. Is that waited for? */
static int
may_come(struct source *s, int error)
{
	if (error != ECONNREFUSED && error != ENOENT)
		return 0;
	if (error == ENOENT || s->waits) {
		s->starting = -1;
		return s->waits;
	}
	/* Between bind() and listen() a new socket refuses for an instant. */
	if (s->starting == -1)
		s->starting = wait_deadline(BETWEEN_BIND_AND_LISTEN);
	return !wait_is_over(s->starting);
}

/* One try: the socket, or -1 with errno. */
static int
try(struct source *s, const struct sockaddr_un *sun, socklen_t length,
    struct failure *f)
{
	int sock = sys_socket_nonblock(AF_UNIX, s->type);

	if (sock == -1)
		return failure_errno(f, "socket");
	/* Before anything can be sent: what comes is to tell who sent it. */
	sys_want_creds(sock, 1);
	if (s->tries == 0)
		trace_before("W1", "connect(%d, %s)", sock, s->name);
	if (connect(sock, (const struct sockaddr *)sun, length) == 0) {
		trace("W1", "connect(%d, %s)", sock, s->name);
		return sock;
	}
	failure_errno(f, "connect");
	if (s->tries == 0)
		trace("W1", "connect(%d) = %s", sock, strerror(f->error));
	close(sock);
	errno = f->error;
	return -1;
}

/* Another type of socket may be what has this name. */
static int
other_type(struct source *s, int error)
{
	/* An abstract name of another type is just another name. */
	if (error != EPROTOTYPE && (error != ECONNREFUSED || s->name[0] != '@'))
		return 0;
	s->type = s->type == SOCK_STREAM ? SOCK_SEQPACKET : SOCK_STREAM;
	return s->type == SOCK_SEQPACKET;
}

/* Who may connect to an abstract name may have bound it, too. */
static int
check(const struct source *s, int sock, struct failure *f)
{
	if (s->name[0] == '@' && !name_allows(sock))
		return failure_reason(f, EPERM,
		    "its owner is another user, and an abstract name keeps "
		    "nobody away");
	return sys_nonblock(sock, 0) == -1 ? failure_errno(f, "fcntl") : 0;
}

/*
 * Connect, before the deadline. -1 and the failure: EINTR when wait_ending()
 * says why; when the deadline has passed, what was missing.
 */
int
source_connect(struct source *s, int64_t deadline, struct failure *f)
{
	struct sockaddr_un sun;
	socklen_t length = 0;
	int sock;

	if (address_unix(s->name, &sun, &length, f) == -1)
		return -1;
	for (;;) {
		errno = EINTR;
		if (wait_ending() != 0)
			return failure_errno(f, "connect");
		sock = try(s, &sun, length, f);
		if (sock != -1)
			break;
		if (other_type(s, f->error))
			continue;
		if (f->error == ECONNREFUSED && address_is_no_socket(s->name))
			return failure_reason(f, ENOTSOCK, "not a socket");
		if (!wait_is_waited_out(f->error) &&
		    !sys_would_block(f->error) && !may_come(s, f->error))
			return -1;
		if (wait_is_over(deadline))
			return -1;
		source_wait(s, deadline, f);
	}
	if (check(s, sock, f) == 0)
		return sock;
	close(sock);
	return -1;
}
