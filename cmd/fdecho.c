/* SPDX-License-Identifier: ISC */
/*
 * fdecho: send back what comes in, on standard input, or on every connection
 * that is received from SOCKET.
 */
#include "sys.h"

#include "descriptors.h"
#include "diag.h"
#include "echo.h"
#include "options.h"
#include "receive.h"
#include "trace.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char synopsis[] = "fdecho [-v] [-n max] [SOCKET]\n";

static const char help[] =
    "  -n max      with SOCKET, serve at most max connections at once\n"
    "  -v          trace to standard error: a line for each system call\n"
    "\n"
    "  SOCKET      PATH, @NAME, fd:N, or - for standard input\n";

/* Receive connections, echo on each of them, until there are no more. */
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
	r = echo_serve(&receiver, max);
	receiver_close(&receiver);
	return r == -1 ? failed_on(operand) : 0;
}

/* Copy standard input to standard output. */
static int
copy(void)
{
	if (!descriptors_is_open(STDIN_FILENO) ||
	    !descriptors_is_open(STDOUT_FILENO)) {
		failed_because(EBADF, "not open");
		return failed_on(descriptors_is_open(STDIN_FILENO) ?
			"standard output" :
			"standard input");
	}
	if (echo_copy(STDIN_FILENO, STDOUT_FILENO) == 0)
		return 0;
	/* A client that has reset the connection is no failure of ours. */
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
