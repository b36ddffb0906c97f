/* SPDX-License-Identifier: ISC */
/*
 * fdconnect: the client's side. socket, connect; the connection goes to
 * COMMAND, or to standard input and output.
 */
#include "sys.h"

#include "address.h"
#include "child.h"
#include "descriptors.h"
#include "diag.h"
#include "environ.h"
#include "fdconnect-copy.h"
#include "landing.h"
#include "options.h"
#include "trace.h"
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_FD 6 /* where UCSPI clients find the connection */
#define WRITE_FD 7
#define NOTICE 3000 /* ms until -w says what it waits for */

static const char synopsis[] =
    "fdconnect [-Nvw] [-t seconds] ADDRESS [COMMAND [ARG...]]\n";

static const char help[] =
    "  -N          do not shut down the writing side of the connection\n"
    "  -t seconds  give up after that many seconds without a connection\n"
    "  -v          trace to standard error: a line for each system call\n"
    "  -w          wait until the server is there\n"
    "\n"
    "  ADDRESS     HOST:PORT, PORT, ./NAME, /PATH, @NAME or fd:N\n"
    "  COMMAND     gets the connection as descriptors 6 and 7\n";

static struct address address;
static struct command command;
static int wait_for_server;
static int64_t timeout = -1; /* ms */

static double
seconds(void)
{
	return (double)timeout / 1000;
}

/* Not there, or not yet. */
static int
may_come(int error)
{
	return error == ECONNREFUSED || error == ENOENT ||
	    error == EHOSTUNREACH || error == ENETUNREACH ||
	    error == ECONNRESET || error == EADDRNOTAVAIL;
}

static void
trace_again(int s)
{
	trace_on = 1;
	trace("C", "connect(%d, %s)", s, address.operand);
}

/* The time is over. */
static int
in_vain(struct failure *f)
{
	char missing[sizeof f->reason];

	if (f->error == ETIMEDOUT)
		return failure_reason(
		    f, ETIMEDOUT, "not connected within %g s", seconds());
	failure_words(missing, sizeof missing, f);
	return failure_reason(
	    f, ETIMEDOUT, "not connected within %g s: %s", seconds(), missing);
}

static int
connect_in_time(int64_t deadline, struct failure *f)
{
	int64_t notice = wait_deadline(NOTICE);
	unsigned tries = 0;
	int s, error, trace_was = trace_on;

	for (;;) {
		s = address_connect(&address, deadline, f);
		if (s != -1 && trace_was && !trace_on)
			trace_again(s);
		if (s != -1)
			return s;
		error = f->error;
		if (wait_is_over(deadline))
			return in_vain(f);
		if (!wait_for_server || f->operation == NULL ||
		    !may_come(f->error))
			return -1;
		/* Once is enough to see what is tried. */
		trace_on = 0;
		if (wait_is_over(notice)) {
			notice = -1;
			diag("%s: connect: %s; still waiting", address.operand,
			    strerror(error));
		}
		wait_poll(NULL, 0, wait_backoff(tries++));
	}
}

static int
pass(int s)
{
	struct environment *environment = environ_new();
	static struct landing landing;

	if (environment == NULL) {
		diag_errno(command.path, "environment");
		return EXIT_WRONG;
	}
	environ_connection(environment, s, NULL, 0, NULL);
	landing_add(&landing, s, READ_FD);
	landing_add(&landing, s, WRITE_FD);
	return command_become(&command, "C", &landing, environment);
}

int
main(int argc, char *argv[])
{
	struct failure f;
	int c, s, status, verbose = 0, keeps_open = 0;

	options_init(argc, argv, "fdconnect", synopsis, help);
	while ((c = options_get(argc, argv, "+:Nt:vw")) != -1)
		if (c == 't')
			timeout = options_seconds(c, optarg);
		else if (c == 'N')
			keeps_open = 1;
		else if (c == 'v')
			verbose = 1;
		else
			wait_for_server = 1;
	if (optind == argc)
		options_wrong("ADDRESS is missing");
	if (keeps_open && optind + 1 < argc)
		options_wrong("-N is of no use to COMMAND");
	options_trace(verbose);
	if (address_parse(&address, argv[optind], &f) == -1) {
		diag_failure(argv[optind], &f);
		return f.error == EINVAL ? EXIT_USAGE : EXIT_WRONG;
	}
	if (optind + 1 == argc &&
	    (!descriptors_is_open(STDIN_FILENO) ||
		!descriptors_is_open(STDOUT_FILENO))) {
		diag("standard %s: not open",
		    descriptors_is_open(STDIN_FILENO) ? "output" : "input");
		return EXIT_WRONG;
	}
	if (optind + 1 < argc) {
		status = command_find(&command, argv + optind + 1, &f);
		if (status != 0) {
			diag_failure(argv[optind + 1], &f);
			return status;
		}
	}
	s = connect_in_time(wait_deadline(timeout), &f);
	if (s == -1) {
		diag_failure(address.operand, &f);
		return f.error == ETIMEDOUT && timeout >= 0 ? EXIT_TIMEOUT :
							      EXIT_WRONG;
	}
	if (command.path != NULL)
		return pass(s);
	return copy_both(s, address.operand, keeps_open);
}
