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
	struct failure f;
	int sig, status = 0;

	wait_init(0);
	if (receiver_open(&receiver, operand, 0600,
		RECEIVER_DRAIN | (trace_on ? RECEIVER_CREDS : 0), -1,
		&f) == -1) {
		sig = wait_ending();
		if (sig == SIGTERM)
			return 0;
		if (sig != 0)
			wait_die(sig);
		diag_failure(operand, &f);
		return f.error == EINVAL ? EXIT_USAGE : EXIT_WRONG;
	}
	if (echo_serve(&receiver, max, &f) == -1) {
		diag_failure(operand, &f);
		status = EXIT_WRONG;
	}
	receiver_close(&receiver);
	diag_flush();
	sig = wait_ending();
	if (sig != 0 && sig != SIGTERM)
		wait_die(sig);
	return status;
}

/* Copy standard input to standard output. */
static int
copy(void)
{
	struct failure f;

	if (!descriptors_is_open(STDIN_FILENO) ||
	    !descriptors_is_open(STDOUT_FILENO)) {
		diag("standard %s: not open",
		    descriptors_is_open(STDIN_FILENO) ? "output" : "input");
		return EXIT_WRONG;
	}
	if (echo_copy(STDIN_FILENO, STDOUT_FILENO, &f) == 0)
		return 0;
	/* A client that has reset the connection is no failure of ours. */
	if (f.error == ECONNRESET || f.error == EPIPE)
		return EXIT_WRONG;
	diag_failure("standard input to standard output", &f);
	return EXIT_WRONG;
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
		return serve(argv[optind], max != 0 ? max : LONG_MAX);
	return copy();
}
