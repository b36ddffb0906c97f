/* SPDX-License-Identifier: ISC */
#include "calls.h"

#include "address.h"
#include "info.h"
#include "say.h"
#include "wait.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HIGH_FD 10 /* above the numbers that people use in a shell */
#define LINE 4096
#define END 8      /* of them reserved for how the line ends */
#define TRACED 256 /* bytes of a payload in one line */
#define PEEKED 32  /* bytes that were looked at, in one line */

int trace_on;

static const char *step_path; /* NULL: no steps */
static int step_fifo = -1;
static const char *file_path; /* NULL: standard error */

/*
 * Only a FIFO can hold a call back: anything else gives bytes without end, or
 * is at its end at once.
 */
static int
check_fifo(void)
{
	struct stat st;

	if (stat(step_path, &st) == -1)
		return failed("open");
	if (!S_ISFIFO(st.st_mode))
		return failed_because(ENXIO, "not a FIFO");
	if (access(step_path, R_OK | W_OK) == -1)
		return failed("open");
	return 0;
}

/*
 * Open the file of the trace: all commands append to it, and none waits for a
 * reader.
 */
static int
open_file(void)
{
	return open(file_path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    0666);
}

static int
check_file(void)
{
	int fd = open_file();

	if (fd == -1)
		return failed("open");
	close(fd);
	return 0;
}

/*
 * Switch the trace on if -v (verbose) or FDTRACE asks for it. Returns 0; or -1
 * and the failure: FDTRACE has no meaning, or its file or FIFO cannot be used.
 */
int
trace_init(int verbose)
{
	const char *value = getenv("FDTRACE");

	trace_on = verbose;
	if (value == NULL || value[0] == '\0' || strcmp(value, "0") == 0)
		return 0;
	trace_on = 1;
	if (strcmp(value, "1") == 0)
		return 0;
	if (strncmp(value, "file:", 5) == 0 && value[5] != '\0') {
		file_path = value + 5;
		return check_file();
	}
	if (strncmp(value, "step:", 5) != 0 || value[5] == '\0')
		return failed_usage("neither 0, 1, file:PATH nor step:FIFO");
	step_path = value + 5;
	return check_fifo();
}

/*
 * Open the FIFO at the first step and not earlier, for its descriptor might be
 * taken for one that an operand names (fd:N). Open it for writing too, so that
 * open() does not wait and read() does not find an end of file. Check it again,
 * for another file may have taken its place.
 */
static void
open_fifo(void)
{
	struct stat st;
	int fd = open(step_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		step_fifo = sys_dup_above(fd, HIGH_FD);
	close(fd);
}

/*
 * Can a line be written without waiting for a reader? A pipe that polls
 * writable has room for it, unless nobody has its reading end.
 */
int
trace_has_room(void)
{
	struct pollfd p;

	if (file_path != NULL)
		return 1;
	p.fd = STDERR_FILENO;
	p.events = POLLOUT;
	p.revents = 0;
	return wait_poll_at_once(&p) == 1 && p.revents == POLLOUT;
}

/*
 * A file is opened for each line, so that no descriptor of ours is in the way
 * of those of COMMAND, and the file may be renamed.
 */
static void
put(const char *line, size_t n)
{
	int fd = file_path == NULL ? STDERR_FILENO : open_file();
	ssize_t w;

	if (fd == -1)
		return;
	do
		w = write(fd, line, n);
	while (w == -1 && errno == EINTR);
	if (file_path != NULL)
		close(fd);
}

/* The time, in a file: its commands may run for days. */
static void
add_time(struct text *t)
{
	char date[32];
	struct timespec now;
	struct tm local;

	clock_gettime(CLOCK_REALTIME, &now);
	if (localtime_r(&now.tv_sec, &local) == NULL ||
	    strftime(date, sizeof date, "%H:%M:%S", &local) == 0)
		return;
	text_add(t, "%s.%06ld ", date, now.tv_nsec / 1000);
}

/* Write one line with one write(), with foreign bytes escaped. Keeps errno. */
static void
line(const char *step, const char *format, va_list arguments, const char *end)
{
	char call[LINE], line[LINE];
	int saved = errno;
	struct text t;

	vsnprintf(call, sizeof call, format, arguments);
	text_init(&t, line, sizeof line - END);
	if (file_path != NULL)
		add_time(&t);
	text_add(&t, "%-2s %s[%ld]: ", step, say_program, (long)getpid());
	text_add_line(&t, call);
	t.size += END;
	text_add(&t, "%s\n", end);
	put(line, t.length);
	errno = saved;
}

/* Wait for the byte that lets us go on. */
static void
wait_step(void)
{
	struct pollfd p;
	char byte;

	if (step_fifo == -1)
		open_fifo();
	if (step_fifo == -1)
		return;
	p.fd = step_fifo;
	p.events = POLLIN;
	/* A signal may have come at an earlier step. */
	while (wait_ending() == 0 && read(step_fifo, &byte, 1) != 1)
		wait_poll(&p, 1, -1);
}

/*
 * With FDTRACE=step, show which call comes next, and wait until we may go on.
 */
void
trace_before(const char *step, const char *format, ...)
{
	va_list arguments;
	int saved = errno;

	if (step_path == NULL)
		return;
	va_start(arguments, format);
	line(step, format, arguments, " ...");
	va_end(arguments);
	wait_step();
	errno = saved;
}

/* Show a call and its result, after it was made. */
void
trace(const char *step, const char *format, ...)
{
	va_list arguments;

	if (!trace_on)
		return;
	va_start(arguments, format);
	line(step, format, arguments, "");
	va_end(arguments);
}

/*
 * Show a call before it is made, if it wakes another process and has no result
 * to show: so causes come before their effects.
 */
static void
trace_call(const char *step, const char *format, ...)
{
	va_list arguments;
	int saved = errno;

	if (!trace_on)
		return;
	if (step_path != NULL) {
		va_start(arguments, format);
		line(step, format, arguments, " ...");
		va_end(arguments);
		wait_step();
	}
	va_start(arguments, format);
	line(step, format, arguments, "");
	va_end(arguments);
	errno = saved;
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static int
made_socket(const char *step, int s)
{
	if (s != -1)
		trace(step, "socket() = %d", s);
	return s;
}

int
call_socket(const char *step, int domain, int type)
{
	trace_before(step, "socket()");
	return made_socket(step, sys_socket(domain, type));
}

int
call_socket_nonblock(const char *step, int domain, int type)
{
	trace_before(step, "socket()");
	return made_socket(step, sys_socket_nonblock(domain, type));
}

int
call_bind(const char *step, int s, const struct sockaddr *sa, socklen_t length)
{
	char text[ADDRESS_TEXT];
	int r;

	if (!trace_on)
		return bind(s, sa, length);
	address_format(text, sizeof text, sa, length);
	trace_before(step, "bind(%d, %s)", s, text);
	r = bind(s, sa, length);
	if (r == 0)
		trace(step, "bind(%d, %s)", s, text);
	return r;
}

int
call_listen(const char *step, int s)
{
	int r;

	trace_before(step, "listen(%d)", s);
	r = listen(s, SYS_BACKLOG);
	if (r == 0)
		trace(step, "listen(%d)", s);
	return r;
}

/*
 * socket(), bind() and listen() of a UNIX socket: one function, for a stale
 * name is replaced between them. -1 and the failure.
 */
int
call_named_listen(const char *const steps[3], const char *path, int type,
    mode_t mode, struct named *name)
{
	int s;

	trace_before(steps[0], "socket() bind(%s)%s", path,
	    type == SOCK_DGRAM ? "" : " listen()");
	s = name_listen(path, type, mode, name, &failure);
	if (s == -1)
		return -1;
	trace(steps[0], "socket() = %d", s);
	trace(steps[1], "bind(%d, %s)", s, path);
	if (type != SOCK_DGRAM)
		trace(steps[2], "listen(%d)", s);
	return s;
}

/*
 * accept(). The caller calls tell_before() before it waits for the connection.
 */
int
call_accept(
    const char *step, int listener, struct sockaddr *peer, socklen_t *length)
{
	char text[ADDRESS_TEXT];
	int s = sys_accept(listener, peer, length);

	if (s == -1 || !trace_on)
		return s;
	if (peer == NULL) {
		trace(step, "accept(%d) = %d", listener, s);
		return s;
	}
	address_format(text, sizeof text, peer, *length);
	trace(step, "accept(%d) = %d from %s", listener, s, text);
	return s;
}

/*
 * A pair of sockets that keep messages apart, if the system has such sockets.
 */
int
call_socketpair(const char *step, int pair[2])
{
	trace_before(step, "socketpair()");
	if (sys_socketpair(SOCK_SEQPACKET, pair) == -1 &&
	    sys_socketpair(SOCK_STREAM, pair) == -1)
		return -1;
	trace(step, "socketpair() = %d, %d", pair[0], pair[1]);
	return 0;
}

int
call_dup2(const char *step, int from, int to)
{
	int r = dup2(from, to);

	if (r != -1)
		trace(step, "dup2(%d, %d)", from, to);
	return r;
}

/* Tell the peer that we send no more. */
void
call_shutdown(const char *step, int s)
{
	trace_call(step, "shutdown(%d, SHUT_WR)", s);
	shutdown(s, SHUT_WR);
}

/* close() that does not wait for a socket that lingers. Keeps errno. */
void
call_close(const char *step, int fd)
{
	tell_close(step, fd);
	wait_close(fd);
}

/* Trace a close() that is made elsewhere. */
void
tell_close(const char *step, int fd)
{
	trace_call(step, "close(%d)", fd);
}

static ssize_t
got(const char *step, const char *name, int fd, ssize_t n)
{
	if (n != -1 && trace_on)
		trace(step, "%s(%d) = %zd byte%s", name, fd, n,
		    plural((size_t)n));
	return n;
}

/* read(); name is what the trace calls it. */
ssize_t
call_read(const char *step, const char *name, int fd, char *bytes, size_t n)
{
	trace_before(step, "%s(%d)", name, fd);
	return got(step, name, fd, read(fd, bytes, n));
}

/* recv() without waiting. */
ssize_t
call_recv(const char *step, int s, char *bytes, size_t n)
{
	trace_before(step, "recv(%d)", s);
	return got(step, "recv", s, recv(s, bytes, n, MSG_DONTWAIT));
}

/*
 * recv() without waiting, which leaves the bytes in the queue. tell_peeked()
 * traces its result.
 */
ssize_t
call_peek(const char *step, int s, void *bytes, size_t n)
{
	trace_before(step, "recv(%d, MSG_PEEK)", s);
	return recv(s, bytes, n, MSG_PEEK | MSG_DONTWAIT);
}

/* n: what call_peek() returned, -1 with errno; what: what the bytes are. */
void
tell_peeked(
    const char *step, int s, const void *bytes, ssize_t n, const char *what)
{
	char shown[4 * PEEKED + 1];
	struct text t;

	if (!trace_on)
		return;
	if (n == -1) {
		trace(step, "recv(%d, MSG_PEEK) = %s", s, strerror(errno));
		return;
	}
	text_init(&t, shown, sizeof shown);
	text_add_escaped(&t, bytes, n < PEEKED ? (size_t)n : PEEKED);
	trace(step, "recv(%d, MSG_PEEK) = %zd byte%s, \"%s\"%s: %s", s, n,
	    plural((size_t)n), shown, n > PEEKED ? "..." : "", what);
}

static void
tell_write(const char *step, const char *name, int fd, size_t n)
{
	if (trace_on)
		trace_call(step, "%s(%d, %zu byte%s)", name, fd, n, plural(n));
}

/* write(), or send() if flags >= 0; name is what the trace calls it. */
ssize_t
call_write(const char *step, const char *name, int fd, const char *bytes,
    size_t n, int flags)
{
	tell_write(step, name, fd, n);
	return flags >= 0 ? send(fd, bytes, n, flags) : write(fd, bytes, n);
}

/*
 * send(), without waiting, until the socket takes no more. Returns how much was
 * sent, or -1 for any failure but lack of room.
 */
ssize_t
call_send(const char *step, int s, const char *bytes, size_t n)
{
	size_t sent = 0;
	ssize_t w;

	tell_write(step, "send", s, n);
	while (sent < n) {
		w = send(
		    s, bytes + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (w >= 0)
			sent += (size_t)w;
		else if (sys_would_block(errno) || errno == ENOBUFS ||
		    errno == ENOMEM)
			break;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)sent;
}

/* write() of a whole line, for which there is room. */
ssize_t
call_write_line(const char *step, int fd, const char *line, size_t length)
{
	trace_call(step, "write(%d, \"%.*s\")", fd, (int)(length - 1), line);
	return write(fd, line, length);
}

pid_t
call_fork(const char *step)
{
	pid_t pid;

	trace_before(step, "fork()");
	pid = fork();
	if (pid > 0)
		trace(step, "fork() = %ld", (long)pid);
	return pid;
}

/*
 * exec(), with the signals as COMMAND expects them; a file that is not a
 * program runs as a script. Call tell_exec() first, while the descriptors are
 * still where the trace needs them. Safe after vfork(). Returns only on
 * failure, with errno.
 */
void
call_exec(const char *step, const char *path, char *const *argv,
    char *const *script, char *const *environment)
{
	trace(step, "exec(%s)", path);
	wait_restore();
	execve(path, argv, environment);
	if (errno == ENOEXEC)
		execve("/bin/sh", script, environment);
}

/* What an answer, or what came in its place, is in a trace. */
static const char *
answer_word(const char *answer, size_t length)
{
	if (length == 1 && *answer == FDPASS_TAKEN)
		return "taken";
	if (length == 1 && *answer == FDPASS_RETRY)
		return "not now";
	if (length == 1 &&
	    ((unsigned char)*answer < ' ' || *answer == FDPASS_REFUSED))
		return "refused";
	return "a greeting";
}

static void
tell_answer(int s, char answer)
{
	trace_call("W1", "send(%d) = %s", s, answer_word(&answer, 1));
}

/*
 * Answer the sender, and close the connection. -1 if the sender has given up.
 */
int
call_answer(int s, char answer)
{
	int r;

	tell_answer(s, answer);
	r = fdpass_answer(s, answer);
	if (r == -1)
		trace("W1", "the sender has given up");
	call_close("W1", s);
	return r;
}

/* The same for a connection that has not brought its message. */
void
call_refuse(struct arrival *a, char answer)
{
	tell_answer(a->sock, answer);
	tell_close("W1", a->sock);
	arrival_drop(a, answer);
}

/* Before a call that may wait on this descriptor. */
void
tell_before(const char *step, const char *call, int fd)
{
	trace_before(step, "%s(%d)", call, fd);
}

void
tell_connecting(const char *step, int s, const char *name)
{
	trace_before(step, "connect(%d, %s)", s, name);
}

/* Before connect() is made, for it wakes another process. */
void
tell_connect(const char *step, int s, const char *name)
{
	trace_call(step, "connect(%d, %s)", s, name);
}

void
tell_connected(const char *step, int s, const char *name)
{
	trace(step, "connect(%d, %s)", s, name);
}

void
tell_not_connected(const char *step, int s, int error)
{
	trace(step, "connect(%d) = %s", s, strerror(error));
}

/*
 * Before descriptors move: one may replace standard error or the FIFO of the
 * trace.
 */
void
tell_exec(const char *step, const char *path)
{
	trace_before(step, "exec(%s)", path);
}

/* Before sendmsg(): a line such as sendmsg(4, "\\0", SCM_RIGHTS 5). */
void
tell_sendmsg(
    int s, const char *payload, size_t length, const int *fds, size_t count)
{
	char line[INFO_TEXT];
	struct text t;
	size_t i;

	if (!trace_on)
		return;
	text_init(&t, line, sizeof line);
	text_add(&t, "sendmsg(%d, \"", s);
	text_add_escaped(&t, payload, length < TRACED ? length : TRACED);
	text_add(&t, length <= TRACED ? "\"" : "\"...");
	if (count > 0)
		text_add(&t, ", SCM_RIGHTS");
	for (i = 0; i < count; i++)
		text_add(&t, " %d", fds[i]);
	text_add(&t, ")");
	trace_call("S7", "%s", line);
}

/* After recvmsg(): who sent the message, the payload, each descriptor. */
void
tell_received(const char *step, int s, const struct fdpass_message *m)
{
	char what[INFO_TEXT], line[INFO_TEXT];
	struct text t;
	size_t i;

	if (!trace_on)
		return;
	text_init(&t, line, sizeof line);
	text_add_message(&t, m, TRACED);
	trace(step, "recvmsg(%d) = %s", s, line);
	for (i = 0; i < m->count; i++) {
		info_describe(what, sizeof what, m->fds[i]);
		trace(step, "received descriptor %d: %s", m->fds[i], what);
	}
}

/* Trace what a hand-over does now. */
void
tell_handover(const struct handover *h, enum handover_event event)
{
	const char *name = h->target->name;

	if (!trace_on)
		return;
	switch (event) {
	case HANDOVER_CONNECTS:
		tell_connect("S7", h->sock, name);
		break;
	case HANDOVER_IS_REFUSED:
		tell_not_connected("S7", h->sock, h->error);
		break;
	case HANDOVER_CONNECTED:
		tell_connected("S7", h->sock, name);
		break;
	case HANDOVER_SENDS:
		tell_sendmsg(h->sock, h->payload, h->length, h->fds, h->count);
		break;
	case HANDOVER_SHUTS_DOWN:
		trace_call("S7", "shutdown(%d, SHUT_WR)", h->sock);
		break;
	case HANDOVER_AWAITS:
		tell_before("S7", "recv", h->sock);
		break;
	case HANDOVER_ANSWERED:
		trace("S7", "recv(%d) = %s", h->sock,
		    answer_word(h->answer, h->answer_length));
		break;
	case HANDOVER_ENDED:
		trace("S7", "recv(%d) = end of file", h->sock);
		break;
	case HANDOVER_UNREAD:
		trace("S7", "the receiver has closed %d unread", h->sock);
		break;
	case HANDOVER_GIVES_UP:
		trace_call("S7", "shutdown(%d, SHUT_RD)", h->sock);
		break;
	case HANDOVER_WAITS:
		break;
	}
}
