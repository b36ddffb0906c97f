/* SPDX-License-Identifier: ISC */
/*
 * fdlisten: the server's side. socket, bind, listen, accept; each connection
 * goes to COMMAND, or to the reader of standard output.
 */
#include "sys.h"

#include "address.h"
#include "calls.h"
#include "command.h"
#include "descriptors.h"
#include "environ.h"
#include "fdlisten-accept.h"
#include "fdlisten-listen.h"
#include "fdlisten-loops.h"
#include "fdlisten-output.h"
#include "options.h"
#include "say.h"
#include "stream.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX 256 /* COMMANDs at once, without -n */

static const char synopsis[] =
    "fdlisten [-kv] [-m mode] [-n max] [-o file] [-t seconds]\n"
    "                ADDRESS [COMMAND [ARG...]]\n"
    "       fdlisten -l [-uv] [-i name] [-m mode] [-o file] [-t seconds]\n"
    "                ADDRESS [COMMAND [ARG...]]\n";

static const char help[] =
    "  -i name     with -l, call the listening socket name in LISTEN_FDNAMES\n"
    "  -k          keep accepting\n"
    "  -l          listen only, do not accept\n"
    "  -m mode     the file mode, in octal, of the UNIX socket (default 0600)\n"
    "  -n max      with -k, run at most max commands at once (default 256)\n"
    "  -o file     write the bound address to file, as one line\n"
    "  -t seconds  give up after that many seconds without a connection\n"
    "  -u          with -l, make a datagram socket\n"
    "  -v          trace to standard error: a line for each system call\n"
    "\n"
    "  ADDRESS     HOST:PORT, PORT, :PORT, ./NAME, /PATH, @NAME or fd:N\n"
    "  COMMAND     gets each connection; without it, standard output does\n";

static struct {
	int keep;        /* -k */
	int only_listen; /* -l */
	int datagrams;   /* -u */
	int has_mode;
	mode_t mode;
	long max;
	const char *name; /* -i, or NULL */
	const char *output;
	int64_t timeout;
} option = {0, 0, 0, 0, 0600, 0, NULL, NULL, -1};

static struct address address;
static struct named name;
static struct command command;
static struct environment *environment;
static struct stream stream;     /* without COMMAND */
static struct loops loops;       /* with -k and COMMAND */
static struct children children; /* of this process */
static int64_t deadline = -1;    /* of the next arrival */

static void
options(int argc, char *argv[])
{
	int c, verbose = 0;

	options_init(argc, argv, "fdlisten", synopsis, help);
	while ((c = options_get(argc, argv, "+:i:klm:n:o:t:uv")) != -1)
		switch (c) {
		case 'i':
			option.name = optarg;
			break;
		case 'k':
			option.keep = 1;
			break;
		case 'l':
			option.only_listen = 1;
			break;
		case 'm':
			option.mode = options_mode(c, optarg);
			option.has_mode = 1;
			break;
		case 'n':
			option.max = options_number(c, optarg, 1, 1000000);
			break;
		case 'o':
			option.output = optarg;
			break;
		case 't':
			option.timeout = options_seconds(c, optarg);
			break;
		case 'u':
			option.datagrams = 1;
			break;
		case 'v':
			verbose = 1;
			break;
		}
	if (optind == argc)
		options_wrong("ADDRESS is missing");
	if (option.keep && option.only_listen)
		options_wrong("-k and -l exclude each other");
	if (option.datagrams && !option.only_listen)
		options_wrong("-u goes with -l: there is nothing to accept");
	if (option.name != NULL && !option.only_listen)
		options_wrong("-i goes with -l");
	if (option.name != NULL &&
	    !environ_is_name(option.name, strlen(option.name)))
		options_wrong("-i %.300s: a name has 1 to 255 printable ASCII "
			      "characters, no colon, no backslash",
		    option.name);
	if (option.max != 0 && (!option.keep || optind + 1 == argc))
		options_wrong("-n goes with -k and a COMMAND");
	if (option.timeout != -1 && option.only_listen && optind + 1 < argc &&
	    option.output == NULL)
		options_wrong("-t goes with -l if there is -o or no COMMAND");
	if (option.max == 0)
		option.max = MAX;
	options_trace(verbose);
}

/* End. Only the process that made the name removes it. */
static int
end(int result)
{
	name_remove(&name);
	return ending(result, option.keep, option.timeout);
}

/* Check what can be checked before anything is opened. */
static int
check(char *operands[])
{
	if (address_parse(&address, operands[0]) == -1)
		return -1;
	if (option.has_mode &&
	    (address.kind != ADDRESS_UNIX || operands[0][0] == '@'))
		options_wrong(
		    "-m is the mode of a file, %s makes none", operands[0]);
	if (option.datagrams)
		address.type = SOCK_DGRAM;
	if (operands[1] == NULL)
		return stream_check("standard output", STDOUT_FILENO);
	if (command_find(&command, operands + 1) == -1)
		return -1;
	environment = environ_new(operands[1]);
	return environment == NULL ? -1 : 0;
}

/* -o: write the address to the file, now that clients can connect to it. */
static int
announce(int listener)
{
	char line[ADDRESS_TEXT + 2];

	if (option.output == NULL)
		return 0;
	if (address.kind == ADDRESS_UNIX)
		strcpy(line, address.operand);
	else
		address_of_socket(line, sizeof line - 1, listener);
	strcat(line, "\n");
	return output_line(option.output, line, wait_deadline(option.timeout));
}

/* Open where the connections go: nothing for COMMAND, else standard output. */
static int
open_output(void)
{
	if (command.path != NULL)
		return 0;
	return stream_open(&stream, "standard output", STDOUT_FILENO,
	    wait_deadline(option.timeout));
}

/* How many descriptors LISTEN_FDS announces to this process; -1 if too many. */
static int
announced(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	long n;

	if (fds == NULL || pid == NULL || atol(pid) != (long)getpid())
		return 0;
	n = strtol(fds, NULL, 10);
	if (n >= descriptors_limit() - LANDING_FIRST)
		return failed_because(
		    EINVAL, "LISTEN_FDS=%.40s: that many cannot be open", fds);
	return n > 0 ? (int)n : 0;
}

/*
 * -l: COMMAND gets the listening socket, with the next number after the
 * descriptors that are announced to us.
 */
static int
pass_listening(int listener)
{
	static struct landing landing;
	int n = announced(), status;

	if (n == -1)
		return end(-1);
	landing_add(&landing, listener, LANDING_FIRST + n);
	environ_clear(environment);
	if (environ_listen_more(environment, (size_t)n, option.name) == -1) {
		failed("malloc");
		failed_on("LISTEN_FDNAMES");
		return end(-1);
	}
	status = command_become(&command, "S5", &landing, environment);
	return end(status);
}

/*
 * -l without COMMAND: the listening socket itself goes over the stream, with
 * its name as the payload.
 */
static int
send_listening(int listener)
{
	const char *payload = option.name != NULL ? option.name : "";
	size_t length = option.name != NULL ? strlen(option.name) : 1;

	if (stream_send(&stream, payload, length, &listener, 1,
		wait_deadline(option.timeout)) == -1)
		return end(-1);
	return 0;
}

/*
 * Prepare COMMAND's environment, and the connection as its standard input and
 * output.
 */
static void
prepare(struct landing *landing, const struct acceptor *a, int connection)
{
	landing->count = 0;
	landing_add(landing, connection, STDIN_FILENO);
	landing_add(landing, connection, STDOUT_FILENO);
	environ_clear(environment);
	environ_connection(environment, connection, &a->peer,
	    address.kind == ADDRESS_UNIX ? address.operand : NULL);
}

static int
start_accepting(struct acceptor *a, int listener)
{
	if (command.path != NULL && option.keep &&
	    loops_init(&loops, &children, (size_t)option.max, option.timeout) ==
		-1) {
		failed("memory for -n");
		return failed_on(address.operand);
	}
	stream.holds = 1;
	deadline = wait_deadline(option.timeout);
	return acceptor_init(a, address.operand, listener,
	    address.kind == ADDRESS_FD || loops.most > 1,
	    command.path != NULL ? NULL : &stream);
}

/*
 * The next connection, as soon as another COMMAND may run; -1 and the failure.
 */
static int
next(struct acceptor *a)
{
	int connection;

	for (;;) {
		if (loops.most > 0 && loops_wait(&loops))
			deadline = wait_deadline(option.timeout);
		connection = acceptor_next(a, deadline);
		if (connection != -1) {
			loops_arrived(&loops);
			return connection;
		}
		/*
		 * Go on after SIGCHLD, and if another process had an arrival in
		 * time.
		 */
		if ((errno != EINTR || wait_ending() != 0) &&
		    (errno != ETIMEDOUT ||
			loops_is_idle(&loops, option.timeout, &deadline)))
			return -1;
	}
}

/*
 * Give the connection away: over the stream, to a child, or to COMMAND, which
 * we become.
 */
static int
give(struct acceptor *a, int connection)
{
	static struct landing landing;

	if (command.path == NULL)
		return stream_send(&stream, "", 1, &connection, 1, -1);
	prepare(&landing, a, connection);
	if (option.keep) {
		loops_start(&loops, &command, &landing, environment);
		return 0;
	}
	name_remove(&name);
	call_close("S8", a->fd);
	exit(command_become(&command, "S6", &landing, environment));
}

int
main(int argc, char *argv[])
{
	struct acceptor acceptor;
	int listener, connection, result = 0;

	options(argc, argv);
	if (check(argv + optind) == -1)
		return end(-1);
	wait_init(WAIT_CHILD);

	listener = listen_at(&address, option.mode, &name);
	if (listener == -1 || announce(listener) == -1 || open_output() == -1)
		return end(-1);
	if (option.only_listen)
		return command.path != NULL ? pass_listening(listener) :
					      send_listening(listener);
	if (start_accepting(&acceptor, listener) == -1)
		return end(-1);
	do {
		connection = next(&acceptor);
		if (connection == -1 || give(&acceptor, connection) == -1) {
			result = -1;
			break;
		}
		call_close("S8", connection);
		deadline = wait_deadline(option.timeout);
		if (loops_grow(&loops, listener))
			option.timeout = deadline = -1;
	} while (option.keep);
	loops_end(&loops);
	return end(result);
}
