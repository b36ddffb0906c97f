/* SPDX-License-Identifier: ISC */
/*
 * The wait for a message, in steps: open SOCKET, receive, and close it again.
 * Only waiting_wait() blocks, and lets the shell's signals in.
 */
#include "recvfd.h"

#include <shell.h>

#include <common.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STARTING 100 /* ms that a new socket may refuse */
#define AGAIN 20     /* ms until the next connect() */
#define SHORTAGE 50  /* ms for others to free what has run out */
#define NOTICE 3000  /* ms until the wait is reported */

/*
 * Parse SOCKET: *fd becomes the number of a descriptor, or -1 for a name.
 * Returns -1 if fd: is not followed by a number.
 */
int
socket_parse(const char *operand, int *fd)
{
	char *end;
	long n;

	*fd = -1;
	if (strcmp(operand, "-") == 0)
		*fd = STDIN_FILENO;
	if (strncmp(operand, "fd:", 3) != 0)
		return 0;
	if (operand[3] < '0' || operand[3] > '9')
		return -1;
	errno = 0;
	n = strtol(operand + 3, &end, 10);
	if (*end != '\0' || errno != 0 || n > INT_MAX)
		return -1;
	*fd = (int)n;
	return 0;
}

/*
 * Does SOCKET look like HOST:PORT or a port? It is probably not meant as the
 * name of a file.
 */
int
socket_is_address(const char *operand)
{
	const char *colon = strrchr(operand, ':');
	const char *port = colon != NULL ? colon + 1 : operand;

	return operand[0] != '@' && strchr(operand, '/') == NULL &&
	    *port != '\0' && port[strspn(port, "0123456789")] == '\0';
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct waiting *
waiting_begin(const struct request *request)
{
	struct waiting *w = malloc(sizeof *w);

	if (w == NULL)
		return NULL;
	memset(w, 0, offsetof(struct waiting, payload));
	w->request = *request;
	w->sock = w->sender = -1;
	w->refusing = -1;
	w->deadline = request->timeout == -1 ? -1 : now() + request->timeout;
	w->notice = request->wait ? now() + NOTICE : -1;
	return w;
}

static enum result
failed_call(const struct waiting *w, const char *operation)
{
	builtin_error(
	    "%s: %s: %s", w->request.shown, operation, strerror(errno));
	return FAILED;
}

static enum result
failed_why(const struct waiting *w, const char *why)
{
	builtin_error("%s: %s", w->request.shown, why);
	return FAILED;
}

/* Keep a socket of ours, above the numbers that the user may use. */
static int
keep_socket(struct waiting *w, int s)
{
	w->sock = fcntl(s, F_DUPFD_CLOEXEC, FIRST_FD);
	w->is_own = 1;
	close(s);
	return w->sock;
}

static enum result
open_name(struct waiting *w)
{
	struct stat st;
	int s = fdpass_listen(w->request.socket, 0600);

	if (s == -1 && errno == ENOTSOCK)
		return failed_why(w, "exists and is not a socket");
	if (s == -1)
		return failed_call(w, "listen");
	if (w->request.socket[0] != '@' && lstat(w->request.socket, &st) == 0) {
		w->is_named = 1;
		w->device = st.st_dev;
		w->inode = st.st_ino;
	}
	return keep_socket(w, s) == -1 ? failed_call(w, "dup") : GO_ON;
}

/* May connect() succeed later? Then it is tried again. */
static int
is_tried_again(struct waiting *w)
{
	if (errno == EAGAIN)
		return 1;
	if (errno != ENOENT && errno != ECONNREFUSED)
		return 0;
	if (w->request.wait)
		return 1;
	/*
	 * Between bind() and listen(), a new socket refuses connections for a
	 * moment.
	 */
	if (errno == ENOENT)
		return 0;
	if (w->refusing == -1)
		w->refusing = now();
	return now() < w->refusing + STARTING;
}

static enum result
open_held(struct waiting *w)
{
	int s = fdpass_connect(w->request.socket);

	if (s != -1)
		return keep_socket(w, s) == -1 ? failed_call(w, "dup") : GO_ON;
	if (errno == EPERM && w->request.socket[0] == '@')
		return failed_why(w,
		    "its owner is another user, and an abstract "
		    "name keeps nobody away");
	if (!is_tried_again(w))
		return failed_call(w, "connect");
	w->error = errno;
	w->again = now() + AGAIN;
	if (w->notice != -1 && now() >= w->notice) {
		builtin_error("%s: connect: %s; still waiting",
		    w->request.shown, strerror(w->error));
		w->notice = -1;
	}
	return GO_ON;
}

/* A step of the library has failed, with errno: what follows from that? */
static enum result
step_failed(struct waiting *w)
{
	switch (errno) {
	case ENOTCONN:
		if (w->request.connect)
			return failed_why(
			    w, "end of file before a message came");
		return ENDED;
	case EMSGSIZE:
		builtin_error(
		    "%s: lost a message that was too large", w->request.shown);
		return w->request.connect ? FAILED : GO_ON;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		if (w->request.connect)
			return failed_call(w, "recvmsg");
		if (!w->is_short)
			builtin_error("%s: %s; trying again", w->request.shown,
			    strerror(errno));
		w->is_short = 1;
		w->again = now() + SHORTAGE;
		return GO_ON;
	default:
		return failed_call(w, "recvmsg");
	}
}

static int
is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static enum result
invitation_failed(struct waiting *w)
{
	switch (errno) {
	case EAGAIN:
		w->is_pipe = 1;
		return GO_ON;
	case EBUSY:
		w->again = now() + AGAIN;
		return GO_ON;
	case EPROTO:
		return failed_why(w,
		    "bytes instead of descriptors; what writes into this pipe "
		    "must be fdlisten or fdsend -");
	case EPERM:
		return failed_why(w, "the invitation is from another user");
	default:
		return step_failed(w);
	}
}

/*
 * Follow the invitation, and put the stream in the place of the pipe: the next
 * recvfd finds it there, and so do the processes that this shell starts.
 */
static enum result
open_pipe(struct waiting *w)
{
	int r, s = fdpass_follow(w->request.fd, &w->invitation);

	if (s == -1)
		return invitation_failed(w);
	r = dup2(s, w->request.fd);
	close(s);
	if (r == -1)
		return failed_call(w, "dup");
	w->sock = w->request.fd;
	return GO_ON;
}

static enum result
open_descriptor(struct waiting *w)
{
	if (is_pipe(w->request.fd))
		return open_pipe(w);
	w->sock = w->request.fd;
	return GO_ON;
}

static enum result
open_socket(struct waiting *w)
{
	enum result result;

	w->is_pipe = 0;
	if (w->request.fd != -1)
		result = open_descriptor(w);
	else if (w->request.connect)
		result = open_held(w);
	else
		result = open_name(w);
	if (w->sock == -1)
		return result;
	w->receiver = fdpass_receiver_begin(w->sock);
	if (w->receiver != NULL)
		return GO_ON;
	if (errno == ENOTSOCK)
		return failed_why(w,
		    "not a UNIX socket or a pipe, so no descriptors "
		    "come from it");
	return failed_call(w, "receive");
}

static enum result
out_of_time(const struct waiting *w)
{
	if (w->sock == -1 && w->error != 0)
		builtin_error("%s: no message within %s s: connect: %s",
		    w->request.shown, w->request.limit, strerror(w->error));
	else
		builtin_error("%s: no message within %s s", w->request.shown,
		    w->request.limit);
	return OUT_OF_TIME;
}

/* Go on as far as possible without waiting. */
enum result
waiting_step(struct waiting *w)
{
	enum result result = GO_ON;
	int r;

	w->again = -1;
	if (w->receiver == NULL)
		result = open_socket(w);
	if (w->receiver != NULL) {
		fdpass_buffer(&w->message, w->payload, sizeof w->payload);
		r = fdpass_receiver_step(w->receiver, &w->message, &w->sender);
		if (r == 1) {
			w->is_received = 1;
			return RECEIVED;
		}
		if (r == -1)
			result = step_failed(w);
	}
	if (result == GO_ON && w->deadline != -1 && now() >= w->deadline)
		return out_of_time(w);
	return result;
}

/*
 * The sooner of timeout, in milliseconds from now, and the moment then, also in
 * milliseconds from now. -1 is never.
 */
static int
sooner(int timeout, int64_t then)
{
	int64_t left;

	if (then == -1)
		return timeout;
	left = then - now();
	if (left < 0)
		left = 0;
	if (timeout != -1 && timeout < left)
		return timeout;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/*
 * Wait until the next step may get further, or until a signal comes. A signal
 * that came just before is not lost: either it has set what has_signals()
 * checks, or it is blocked until ppoll() lets it in.
 */
void
waiting_wait(struct waiting *w, int (*has_signals)(void))
{
	struct pollfd fds[FDPASS_MAX_POLL];
	struct timespec t;
	sigset_t all, mask;
	int timeout = -1;
	size_t n = 0;

	/* After a shortage, the socket may still be readable, so only wait. */
	if (w->receiver != NULL && w->again == -1)
		n = fdpass_receiver_poll(w->receiver, fds, &timeout);
	if (w->is_pipe) {
		fds[n].fd = w->request.fd;
		fds[n++].events = POLLIN;
	}
	timeout = sooner(timeout, w->again);
	timeout = sooner(timeout, w->deadline);
	t.tv_sec = timeout / 1000;
	t.tv_nsec = timeout % 1000 * 1000000L;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	if (!has_signals())
		ppoll(fds, (nfds_t)n, timeout == -1 ? NULL : &t, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/*
 * The shell turns to something else, which may take long: let the senders that
 * wait try again.
 */
void
waiting_pause(struct waiting *w)
{
	if (w->receiver != NULL)
		fdpass_receiver_dismiss(w->receiver);
}

/*
 * Close a socket in whose queue something may linger: fdpass_close() does not
 * wait for that.
 */
static void
close_foreign(int fd)
{
	struct fdpass_message one;

	one.fds[0] = fd;
	one.count = 1;
	fdpass_close(&one);
}

/*
 * Answer the sender, if it waits for that. Returns -1 if the answer was
 * FDPASS_TAKEN but the sender has given up: it has kept the descriptors.
 */
int
waiting_answer(struct waiting *w, char answer)
{
	int r = 0;

	if (w->sender != -1) {
		r = fdpass_answer(w->sender, answer);
		close_foreign(w->sender);
	}
	w->sender = -1;
	w->is_received = 0;
	return answer == FDPASS_TAKEN ? r : 0;
}

static void
remove_name(const struct waiting *w)
{
	struct stat st;

	if (w->is_named && lstat(w->request.socket, &st) == 0 &&
	    st.st_dev == w->device && st.st_ino == w->inode)
		unlink(w->request.socket);
}

/* Close and free everything that was not taken. */
void
waiting_end(void *waiting)
{
	struct waiting *w = waiting;

	if (w->is_received) {
		fdpass_close(&w->message);
		waiting_answer(w, FDPASS_RETRY);
	}
	/*
	 * Remove the name first: after the socket is closed it would look
	 * stale.
	 */
	remove_name(w);
	fdpass_receiver_end(w->receiver);
	if (w->is_own && w->sock != -1)
		close_foreign(w->sock);
	free(w);
}
