/* SPDX-License-Identifier: ISC */
/*
 * fdconnect: the client's side. socket, connect; the connection goes to
 * COMMAND, or to standard input and output.
 */
#include "sys.h"

#include "address.h"
#include "calls.h"
#include "command.h"
#include "descriptors.h"
#include "environ.h"
#include "fdconnect-connect.h"
#include "fdconnect-copy.h"
#include "options.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_FD 6 /* where UCSPI clients find the connection */
#define WRITE_FD 7

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

/* May the server come later? Then -w waits after this error. */
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
	tell_connected("C", s, address.operand);
}

/*
 * The deadline has passed: note the last error as the reason, unless that, too,
 * is just the deadline.
 */
static int
in_vain(void)
{
	if (failure.error != ETIMEDOUT)
		return failure_still(&failure, "not connected");
	failed_late("not connected");
	return failed_on(address.operand);
}

static int
connect_in_time(int64_t deadline)
{
	int64_t notice = wait_deadline(WAIT_NOTICE);
	unsigned tries = 0;
	int s, error, trace_was = trace_on;

	for (;;) {
		s = connect_at(&address, deadline);
		if (s != -1 && trace_was && !trace_on)
			trace_again(s);
		if (s != -1)
			return s;
		error = failure.error;
		if (wait_is_over(deadline))
			return in_vain();
		if (!wait_for_server || failure.operation == NULL ||
		    !may_come(failure.error))
			return -1;
		/* Trace only the first try: it shows what is tried. */
		trace_on = 0;
		if (wait_is_over(notice)) {
			notice = -1;
			say("%s: connect: %s; still waiting", address.operand,
			    strerror(error));
		}
		wait_poll(NULL, 0, wait_backoff(tries++));
	}
}

static int
pass(int s)
{
	struct environment *environment = environ_new(command.path);
	static struct landing landing;
	struct peer peer;

	if (environment == NULL)
		return -1;
	descriptor_is_connection(s, &peer);
	environ_connection(environment, s, &peer, NULL);
	landing_add(&landing, s, READ_FD);
	landing_add(&landing, s, WRITE_FD);
	return command_become(&command, "C", &landing, environment);
}

/* Check what can be checked before anything is opened. */
static int
check(char *operands[])
{
	if (address_parse(&address, operands[0]) == -1)
		return -1;
	if (operands[1] != NULL)
		return command_find(&command, operands + 1);
	options_need(STDIN_FILENO);
	options_need(STDOUT_FILENO);
	return 0;
}

/* socket, connect; then COMMAND, or the conversation. */
static int
run(char *operands[], int keeps_open)
{
	int s;

	if (check(operands) == -1)
		return -1;
	s = connect_in_time(wait_deadline(timeout));
	if (s == -1)
		return -1;
	return command.path != NULL ? pass(s) :
				      copy_both(s, address.operand, keeps_open);
}

int
main(int argc, char *argv[])
{
	int c, verbose = 0, keeps_open = 0;

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
	if ((wait_for_server || timeout != -1) &&
	    strncmp(argv[optind], "fd:", 3) == 0)
		options_wrong("-%c is for a connection to be made, %s is open "
			      "already",
		    wait_for_server ? 'w' : 't', argv[optind]);
	options_trace(verbose);
	return ending(run(argv + optind, keeps_open), 0, timeout);
}
