/*
 * fdconnect: the client's side. socket, connect; the connection goes to
 * COMMAND, or to standard input and output.
 */
#include "sys.h"

#include "address.h"
#include "child.h"
#include "copy.h"
#include "descriptors.h"
#include "diag.h"
#include "environ.h"
#include "landing.h"
#include "options.h"
#include "trace.h"
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_FD 6 /* where UCSPI clients find the connection */
#define WRITE_FD 7

static const char synopsis[] =
    "fdconnect [-vw] [-t seconds] ADDRESS [COMMAND [ARG...]]\n";

static const char help[] =
    "  -t seconds  give up after that many seconds without a connection\n"
    "  -v          trace to standard error: a line for each system call\n"
    "  -w          wait until the server is there\n"
    "\n"
    "  ADDRESS     HOST:PORT, PORT, ./NAME, /PATH, @NAME or fd:N\n"
    "  COMMAND     gets the connection as descriptors 6 and 7\n";

static struct address address;
static struct command command;
static int wait_for_server;

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

static int
connect_in_time(int64_t deadline, struct failure *f)
{
	unsigned tries = 0;
	int s, trace_was = trace_on;

	for (;;) {
		s = address_connect(&address, deadline, f);
		if (s != -1 && trace_was && !trace_on)
			trace_again(s);
		if (s != -1)
			return s;
		if (deadline >= 0 && wait_now() >= deadline)
			f->error = ETIMEDOUT;
		if (!wait_for_server || f->operation == NULL ||
		    !may_come(f->error))
			return -1;
		/* Once is enough to see what is tried. */
		trace_on = 0;
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

/* What it is that failed. */
static const char *
object_of(const struct failure *f)
{
	if (f->operation != NULL && strcmp(f->operation, "read") == 0)
		return "standard input";
	if (f->operation != NULL && strcmp(f->operation, "write") == 0)
		return "standard output";
	return address.operand;
}

int
main(int argc, char *argv[])
{
	int64_t timeout = -1;
	struct failure f;
	int c, s, status, verbose = 0;

	options_init(argc, argv, "fdconnect", synopsis, help);
	while ((c = options_get(argc, argv, "+:t:vw")) != -1)
		if (c == 't')
			timeout = options_seconds(c, optarg);
		else if (c == 'v')
			verbose = 1;
		else
			wait_for_server = 1;
	if (optind == argc)
		options_wrong("ADDRESS is missing");
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
	if (s == -1 && f.error == ETIMEDOUT && timeout >= 0)
		return EXIT_TIMEOUT;
	if (s == -1) {
		diag_failure(address.operand, &f);
		return EXIT_WRONG;
	}
	if (command.path != NULL)
		return pass(s);
	if (copy_both(s, STDIN_FILENO, STDOUT_FILENO, &f) == 0)
		return 0;
	diag_failure(object_of(&f), &f);
	return EXIT_WRONG;
}
