/* SPDX-License-Identifier: ISC */
/*
 * The two sides of a named socket, for programs of others: they block, and
 * know nothing of traces and messages on the screen.
 */
#include "sys.h"

#include "fdpass.h"

#include "incoming.h"
#include "named.h"
#include "signals.h"

#include <sys/un.h>

#include <errno.h>
#include <unistd.h>

#define JUST_BOUND 100     /* ms that a new socket may refuse */
#define RETRY 20           /* ms */
#define KEPT_TOGETHER 4096 /* bytes that no stream splits */

int
fdpass_listen(const char *name, mode_t mode)
{
	struct named unused;
	struct failure f;

	return named_listen(name, SOCK_STREAM, mode, &unused, &f);
}

/* Until the message is complete, or nothing comes of it; as incoming_step(). */
static int
complete(struct incoming *in)
{
	struct pollfd p;
	int r;

	while ((r = incoming_step(in)) == 0) {
		p.fd = in->sock;
		p.events = POLLIN;
		if (signals_wait(&p, 1, in->deadline) == -1) {
			fdpass_close(&in->message);
			return -1;
		}
	}
	return r;
}

int
fdpass_accept(int listener, struct fdpass_message *message)
{
	struct incoming in;
	int s, r, saved;

	for (;;) {
		s = sys_accept(listener, NULL, NULL);
		if (s == -1 && errno == ECONNABORTED)
			continue;
		if (s == -1)
			return -1;
		in.message = *message;
		incoming_begin(&in, s);
		r = complete(&in);
		if (r == 1)
			incoming_ask_sender(&in);
		*message = in.message;
		if (r == 1)
			return s;
		saved = errno;
		if (saved == EMFILE || saved == EMSGSIZE || saved == ETIMEDOUT)
			fdpass_answer(s, incoming_refusal(saved));
		close(s);
		errno = saved;
		if (saved == EINTR)
			return -1;
	}
}

/* A connection to the receiver. */
static int
reach(const struct sockaddr_un *sun, socklen_t length, int flags)
{
	int64_t until = -1;
	unsigned tries = 0;
	int s, saved, again;

	for (;;) {
		s = sys_socket(AF_UNIX, SOCK_STREAM);
		if (s == -1)
			return -1;
		if (connect(s, (const struct sockaddr *)sun, length) == 0)
			return s;
		saved = errno;
		close(s);
		if (saved == ECONNREFUSED && until == -1)
			until = signals_deadline(JUST_BOUND);
		again = saved == EAGAIN ||
		    ((flags & FDPASS_WAIT) &&
			(saved == ENOENT || saved == ECONNREFUSED)) ||
		    (saved == ECONNREFUSED && signals_now() < until);
		if (!again ||
		    signals_wait(NULL, 0, signals_backoff(tries++)) == -1) {
			if (!again)
				errno = saved;
			return -1;
		}
	}
}

/* The message whole; of a long payload the last part has the descriptors. */
static int
send_all(int s, const char *bytes, size_t n, const int *fds, size_t count)
{
	ssize_t sent;

	while (n > 0) {
		if (count > 0 && n > KEPT_TOGETHER)
			sent = fdpass_send(
			    s, bytes, n - KEPT_TOGETHER, NULL, 0, FDPASS_CREDS);
		else
			sent =
			    fdpass_send(s, bytes, n, fds, count, FDPASS_CREDS);
		if (sent == -1 && sys_is_short(errno)) {
			if (signals_pause(RETRY) == -1)
				return -1;
			continue;
		}
		if (sent == -1)
			return -1;
		if (n <= KEPT_TOGETHER)
			count = 0;
		bytes += sent;
		n -= (size_t)sent;
	}
	shutdown(s, SHUT_WR);
	return 0;
}

/* What the receiver answers, as 0 or an errno. */
static int
hear(int s)
{
	char answer;
	ssize_t n;

	n = recv(s, &answer, 1, 0);
	if (n == -1)
		return errno;
	/* No answer, but all was read: a foreign receiver. */
	if (n == 0 || answer == FDPASS_TAKEN)
		return 0;
	return answer == FDPASS_RETRY ? EAGAIN : ECONNABORTED;
}

int
fdpass_hand_over(const char *name, const void *payload, size_t length,
    const int *fds, size_t count, int flags)
{
	struct sockaddr_un sun;
	struct failure f;
	socklen_t size = 0;
	int s, error;

	if (length == 0 || length > FDPASS_MAX_PAYLOAD ||
	    count > FDPASS_MAX_FDS) {
		errno = EINVAL;
		return -1;
	}
	if (address_unix(name, &sun, &size, &f) == -1)
		return -1;
	for (;;) {
		s = reach(&sun, size, flags);
		if (s == -1)
			return -1;
		error = send_all(s, payload, length, fds, count) == -1 ?
		    errno :
		    hear(s);
		close(s);
		if (error == EPIPE)
			error = ECONNRESET;
		if (error == 0)
			return 0;
		if (!(flags & FDPASS_WAIT) ||
		    (error != EAGAIN && (error != ECONNRESET || length > 1)))
			break;
		if (signals_pause(RETRY) == -1)
			return -1;
	}
	errno = error;
	return -1;
}
