/* SPDX-License-Identifier: ISC */
/*
 * fdlisten: the server's side. socket, bind, listen, accept; what becomes of
 * the connection is up to COMMAND, or to who reads standard output.
 */
#include "sys.h"

#include "accept.h"
#include "address.h"
#include "child.h"
#include "descriptors.h"
#include "diag.h"
#include "environ.h"
#include "fdlisten-loops.h"
#include "fdpass/message.h"
#include "landing.h"
#include "names.h"
#include "options.h"
#include "output.h"
#include "stream.h"
#include "trace.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX 256 /* COMMANDs at once, if -n does not say */

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
	mode_t mode;
	long max;
	const char *name; /* -i, or NULL */
	const char *output;
	int64_t timeout;
} option = {0, 0, 0, 0600, 0, NULL, NULL, -1};

static struct address address;
static struct named name;
static struct command command;
static struct environment *environment;

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
	    !names_is_name(option.name, strlen(option.name)))
		options_wrong("-i %.300s: a name has 1 to 255 printable ASCII "
			      "characters, no colon, no backslash",
		    option.name);
	if (option.max != 0 && (!option.keep || optind + 1 == argc))
		options_wrong("-n goes with -k and a COMMAND");
	if (option.max == 0)
		option.max = MAX;
	options_trace(verbose);
}

static int
failed(const char *object, const struct failure *f)
{
	diag_failure(object, f);
	named_remove(&name);
	return EXIT_WRONG;
}

/* The time is over: say what was missing. */
static void
timed_out(const struct failure *f)
{
	const char *operation = f->operation != NULL ? f->operation : "";

	if (strcmp(operation, "accept") == 0)
		diag_timeout(address.operand, "no connection", option.timeout);
	else if (strcmp(operation, "open") == 0)
		diag_timeout(option.output, "no reader", option.timeout);
	else if (strcmp(operation, "sendmsg") == 0)
		diag_timeout("standard output", "not read", option.timeout);
	else
		diag_timeout("standard output", "no reader", option.timeout);
}

/* End as the signal, the time limit or the failure wants it. */
static int
finished(const struct failure *f)
{
	int sig = wait_ending();

	diag_flush();
	named_remove(&name);
	if (sig != 0 && (sig != SIGTERM || !option.keep))
		wait_die(sig);
	if (sig == SIGTERM)
		return 0;
	if (f->error == ETIMEDOUT) {
		timed_out(f);
		return EXIT_TIMEOUT;
	}
	if (f->error == EPIPE)
		wait_die(SIGPIPE);
	return failed(
	    f->operation == NULL ? "standard output" : address.operand, f);
}

static const char *
unix_path(void)
{
	return address.kind == ADDRESS_UNIX ? address.operand : NULL;
}

/* -l: COMMAND gets the listening socket, after those that it gets already. */
static int
pass_listening(int listener)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	static struct landing landing;
	int n = 0;

	if (fds != NULL && pid != NULL && atol(pid) == (long)getpid() &&
	    strtol(fds, NULL, 10) > 0) {
		if (strtol(fds, NULL, 10) >=
		    descriptors_limit() - LANDING_FIRST) {
			diag("LISTEN_FDS=%.40s: so many cannot be open", fds);
			named_remove(&name);
			return EXIT_WRONG;
		}
		n = atoi(fds);
	}
	landing_add(&landing, listener, LANDING_FIRST + n);
	environ_clear(environment);
	if (environ_listen_more(environment, (size_t)n, option.name) == -1) {
		diag_errno("LISTEN_FDNAMES", "malloc");
		named_remove(&name);
		return EXIT_WRONG;
	}
	n = command_become(&command, "S5", &landing, environment);
	named_remove(&name);
	return n;
}

/* The accepted connection as standard input and output, and its facts. */
static void
prepare(struct landing *landing, const struct acceptor *a, int connection)
{
	landing->count = 0;
	landing_add(landing, connection, STDIN_FILENO);
	landing_add(landing, connection, STDOUT_FILENO);
	environ_clear(environment);
	environ_connection(environment, connection,
	    (const struct sockaddr *)&a->peer, a->peer_length, unix_path());
}

/* The next connection; children that end do not matter. */
static int
next(struct acceptor *a, int64_t deadline, struct failure *f)
{
	int connection;

	do
		connection = acceptor_next(a, deadline, f);
	while (connection == -1 && errno == EINTR && wait_ending() == 0);
	return connection;
}

/* Accept one connection and become COMMAND. */
static int
serve_one(struct acceptor *a)
{
	static struct landing landing;
	struct failure f;
	int connection;

	connection = next(a, wait_deadline(option.timeout), &f);
	if (connection == -1)
		return finished(&f);
	named_remove(&name);
	prepare(&landing, a, connection);
	trace_call("S8", "close(%d)", a->fd);
	message_close_fd(a->fd);
	return command_become(&command, "S6", &landing, environment);
}

/* One of several that accept has done its work. */
static void
leave(const struct loops *loops)
{
	if (!loops->is_added)
		return;
	diag_flush();
	_exit(0);
}

/* Run COMMAND for each connection, so many at once. */
static int
serve_many(struct acceptor *a, struct loops *loops)
{
	static struct landing landing;
	int64_t deadline = wait_deadline(option.timeout);
	struct children *children = loops->commands;
	struct failure f;
	int connection;
	pid_t pid;

	while (wait_ending() == 0) {
		loops_reap(loops);
		if (children->count >= children->limit) {
			wait_pause(-1);
			deadline = wait_deadline(option.timeout);
			continue;
		}
		connection = acceptor_next(a, deadline, &f);
		if (connection == -1 && errno == EINTR)
			continue;
		if (connection == -1 && errno == ETIMEDOUT &&
		    !loops_is_idle(loops, option.timeout, &deadline))
			continue;
		if (connection == -1)
			break;
		loops_arrived(loops);
		prepare(&landing, a, connection);
		pid = child_start_patient(
		    &command, "S6", &landing, environment, children, 2);
		if (pid != -1)
			children_add(children, pid);
		trace_call("S8", "close(%d)", connection);
		message_close_fd(connection);
		deadline = wait_deadline(option.timeout);
		if (loops_grow(loops, a->fd))
			option.timeout = deadline = -1;
	}
	leave(loops);
	loops_end(loops);
	return finished(&f);
}

/* Send each connection, or the first, over the stream. */
static int
serve_stream(struct acceptor *a, const struct stream *stream)
{
	int64_t deadline = wait_deadline(option.timeout);
	struct failure f;
	int connection;

	do {
		connection = next(a, deadline, &f);
		if (connection == -1)
			return finished(&f);
		if (stream_send(stream, "", 1, &connection, 1, -1) == -1) {
			failure_errno(&f, "sendmsg");
			return finished(&f);
		}
		trace_call("S8", "close(%d)", connection);
		message_close_fd(connection);
		deadline = wait_deadline(option.timeout);
	} while (option.keep);
	named_remove(&name);
	return 0;
}

/*
 * -l without COMMAND: the listening socket itself goes over the stream, with
 * its name as the payload.
 */
static int
send_listening(int listener, const struct stream *stream)
{
	const char *payload = option.name != NULL ? option.name : "";
	size_t length = option.name != NULL ? strlen(option.name) : 1;
	struct failure f;

	if (stream_send(stream, payload, length, &listener, 1,
		wait_deadline(option.timeout)) == -1) {
		failure_errno(&f, "sendmsg");
		return finished(&f);
	}
	return 0;
}

static int
write_address(int listener, struct failure *f)
{
	char line[ADDRESS_TEXT + 2];

	if (address.kind == ADDRESS_UNIX)
		strcpy(line, address.operand);
	else
		address_of_socket(line, sizeof line - 1, listener);
	strcat(line, "\n");
	return output_line(
	    option.output, line, wait_deadline(option.timeout), f);
}

/* What can be known to be wrong before anything is opened. */
static int
check(char *operands[], struct failure *f)
{
	int status;

	if (address_parse(&address, operands[0], f) == -1) {
		diag_failure(operands[0], f);
		return f->error == ENAMETOOLONG || f->error == EBADF ?
		    EXIT_WRONG :
		    EXIT_USAGE;
	}
	if (option.datagrams)
		address.type = SOCK_DGRAM;
	if (operands[1] == NULL) {
		if (stream_check(STDOUT_FILENO, f) == 0)
			return 0;
		diag_failure("standard output", f);
		return EXIT_USAGE;
	}
	status = command_find(&command, operands + 1, f);
	if (status != 0) {
		diag_failure(operands[1], f);
		return status;
	}
	environment = environ_new();
	if (environment == NULL) {
		diag_errno(operands[1], "environment");
		return EXIT_WRONG;
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	static struct children children;
	static struct loops loops;
	struct acceptor acceptor;
	struct stream stream = {NULL, -1, -1, 0, 0, 0, 0};
	struct failure f;
	int listener, status, has_command;

	options(argc, argv);
	has_command = optind + 1 < argc;
	status = check(argv + optind, &f);
	if (status != 0)
		return status;
	wait_init(WAIT_CHILD);

	listener = address_listen(&address, option.mode, &name, &f);
	if (listener == -1)
		return failed(address.operand, &f);
	if (option.output != NULL && write_address(listener, &f) == -1)
		return wait_ending() != 0 || f.error == ETIMEDOUT ?
		    finished(&f) :
		    failed(option.output, &f);
	if (!has_command &&
	    stream_open(&stream, "standard output", STDOUT_FILENO,
		wait_deadline(option.timeout), &f) == -1)
		return finished(&f);
	if (option.only_listen)
		return has_command ? pass_listening(listener) :
				     send_listening(listener, &stream);
	stream.holds = 1;
	if (has_command && option.keep &&
	    loops_init(&loops, &children, (size_t)option.max, option.timeout) ==
		-1) {
		failure_errno(&f, "memory for -n");
		return failed(address.operand, &f);
	}
	if (acceptor_init(&acceptor, listener,
		address.kind == ADDRESS_FD || loops.most > 1,
		has_command ? NULL : &stream) == -1) {
		failure_errno(&f, "epoll_create");
		return failed(address.operand, &f);
	}
	if (!has_command)
		return serve_stream(&acceptor, &stream);
	return option.keep ? serve_many(&acceptor, &loops) :
			     serve_one(&acceptor);
}
