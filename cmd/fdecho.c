/* SPDX-License-Identifier: ISC */
/*
 * fdecho: send back what comes in, on standard input, or on every connection
 * that is received from SOCKET.
 */
#include "sys.h"

#include "calls.h"
#include "fdecho-serve.h"
#include "options.h"
#include "receive.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

static const char synopsis[] = "fdecho [-v] [-n max] [SOCKET]\n";

static const char help[] =
    "  -n max      with SOCKET, serve at most max connections at once\n"
    "  -v          trace to standard error: a line for each system call\n"
    "\n"
    "  SOCKET      PATH, @NAME, fd:N, or - for standard input\n";

#define BUFFER (256 * 1024) /* measured: twice as fast as 64 KiB */

/* Wait until a descriptor is ready whose owner has made it non-blocking. */
static void
wait_ready(int fd, short events)
{
	struct pollfd p;

	p.fd = fd;
	p.events = events;
	p.revents = 0;
	wait_poll(&p, 1, -1);
	if ((p.revents & POLLERR) != 0)
		sys_drain_errors(fd);
}

static int
write_all(int fd, const char *bytes, size_t n)
{
	ssize_t w;

	while (n > 0) {
		w = call_write("W3", "send", fd, bytes, n, -1);
		if (w == -1 && sys_would_block(errno))
			wait_ready(fd, POLLOUT);
		else if (w == -1 && errno != EINTR)
			return -1;
		if (w <= 0)
			continue;
		bytes += w;
		n -= (size_t)w;
	}
	return 0;
}

/*
 * Copy from in to out until end of file. Shut down nothing, for both may be
 * shared. Returns 0, or -1 and the failure.
 */
static int
echo(int in, int out)
{
	static char buffer[BUFFER];
	ssize_t n;

	for (;;) {
		n = call_read("W2", "recv", in, buffer, sizeof buffer);
		if (n == -1 && sys_would_block(errno)) {
			wait_ready(in, POLLIN);
			continue;
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return failed("read");
		if (n == 0)
			break;
		if (write_all(out, buffer, (size_t)n) == -1)
			return failed("write");
	}
	/* Only the trace tells of a close: the end of the process closes it. */
	tell_close("W4", in);
	return 0;
}

/* Receive connections from SOCKET, and echo on each of them. */
static int
serve(const char *operand, long max)
{
	struct receiver receiver;
	int r;

	wait_init(0);
	r = receiver_open(&receiver, operand, 0600,
	    RECEIVER_DRAIN | (trace_on ? RECEIVER_CREDS : 0), -1);
	if (r == -1)
		return -1;
	r = serve_socket(&receiver, max);
	receiver_close(&receiver);
	return r == -1 ? failed_on(operand) : 0;
}

static int
copy(void)
{
	options_need(STDIN_FILENO);
	options_need(STDOUT_FILENO);
	if (echo(STDIN_FILENO, STDOUT_FILENO) == 0)
		return 0;
	/* If the client has reset the connection, say nothing. */
	if (failure.error == ECONNRESET || failure.error == EPIPE)
		return EXIT_WRONG;
	return failed_on("standard input to standard output");
}

int
main(int argc, char *argv[])
{
	long max = 0;
	int c, verbose = 0;

	options_init(argc, argv, "fdecho", synopsis, help);
	while ((c = options_get(argc, argv, "+:n:v")) != -1)
		if (c == 'n')
			max = options_number(c, optarg, 1, INT_MAX);
		else
			verbose = 1;
	if (argc - optind > 1)
		options_wrong("too many operands");
	if (max != 0 && optind == argc)
		options_wrong("-n goes with a SOCKET");
	options_trace(verbose);
	if (optind < argc)
		return ending(
		    serve(argv[optind], max != 0 ? max : LONG_MAX), 1, -1);
	return ending(copy(), 0, -1);
}
