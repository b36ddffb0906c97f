/* SPDX-License-Identifier: ISC */
/*
 * fdrecv: recvmsg() with SCM_RIGHTS. What arrives on SOCKET goes to COMMAND,
 * or is shown.
 */
#include "sys.h"

#include "ask.h"
#include "command.h"
#include "environ.h"
#include "fdrecv-fetch.h"
#include "fdrecv-landing.h"
#include "fdrecv-payload.h"
#include "fdrecv-pool.h"
#include "fdrecv-show.h"
#include "options.h"
#include "receive.h"
#include "say.h"
#include "trace.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char synopsis[] =
    "fdrecv [-kv] [-a | -f fd...] [-m mode] [-n workers] [-S fd] [-t seconds]\n"
    "              SOCKET [COMMAND [ARG...]]\n"
    "       fdrecv -c [-kvw] [-a | -f fd...] [-n workers] [-S fd]\n"
    "              [-t seconds] SOCKET [COMMAND [ARG...]]\n";

static const char help[] =
    "  -a          take all descriptors of the message\n"
    "  -c          connect to SOCKET, a name, in place of listening there\n"
    "  -f fd       the received descriptor becomes number fd; can be repeated\n"
    "  -k          keep going: run COMMAND for each message, one at a time\n"
    "  -m mode     the file mode, in octal, of the UNIX socket (default 0600)\n"
    "  -n workers  start a pool of that many workers\n"
    "  -S fd       COMMAND can read the payload\n"
    "  -t seconds  give up after that many seconds without a message\n"
    "  -v          trace to standard error: a line for each system call\n"
    "  -w          with -c, wait for the other side\n"
    "\n"
    "  SOCKET      PATH, @NAME, fd:N, or - for standard input\n"
    "  COMMAND     gets what arrived; without it, that is shown\n";

static struct {
	int all;     /* -a */
	int connect; /* -c */
	int keep;    /* -k */
	int wait;    /* -w */
	int has_mode;
	mode_t mode;
	long workers; /* -n, 0: no pool */
	int payload;  /* -S, or -1 */
	int64_t timeout;
	struct options_fds fds;
} option = {0, 0, 0, 0, 0, 0600, 0, -1, -1, {{0}, 0}};

#define GIVEN_UP 1   /* its sender: there was no message */
#define FETCHED 1000 /* ms between two fetches, at least */

static struct command command; /* path is NULL: show what arrives */
static struct environment *environment;
static struct receiver receiver = {.in = {.fd = -1}};

/* Each -f must be a number of its own. */
static void
check_numbers(void)
{
	size_t i, j;

	for (i = 0; i < option.fds.count; i++)
		for (j = 0; j < i; j++)
			if (option.fds.fds[i] == option.fds.fds[j])
				options_wrong(
				    "-f %d: named twice", option.fds.fds[i]);
}

/* -S must be a number where no descriptor can land. */
static void
check_payload(void)
{
	size_t i;

	for (i = 0; i < option.fds.count; i++)
		if (option.fds.fds[i] == option.payload)
			options_wrong(
			    "-S %d: named by -f, too", option.payload);
	if (option.all && option.payload >= LANDING_FIRST)
		options_wrong("-S %d: -a takes the numbers from %d up",
		    option.payload, LANDING_FIRST);
	if (!option.all && option.fds.count == 0 &&
	    option.payload <= STDOUT_FILENO)
		options_wrong("-S %d: a descriptor may land there; name its "
			      "number with -f",
		    option.payload);
}

/* -c: SOCKET is a name of somebody else's. */
static void
check_connect(const char *operand)
{
	if (option.wait && !option.connect)
		options_wrong("-w goes with -c");
	if (!option.connect)
		return;
	if (option.has_mode)
		options_wrong("-m is for a socket that is created, and -c "
			      "connects");
	if (strcmp(operand, "-") == 0 || strncmp(operand, "fd:", 3) == 0)
		options_wrong(
		    "-c connects to a name, %s is open already", operand);
}

static void
options(int argc, char *argv[])
{
	int c, verbose = 0;

	options_init(argc, argv, "fdrecv", synopsis, help);
	while ((c = options_get(argc, argv, "+:acf:km:n:S:t:vw")) != -1)
		switch (c) {
		case 'a':
			option.all = 1;
			break;
		case 'c':
			option.connect = 1;
			break;
		case 'f':
			options_fd(&option.fds, optarg, OPTIONS_TARGET);
			break;
		case 'k':
			option.keep = 1;
			break;
		case 'm':
			option.mode = options_mode(c, optarg);
			option.has_mode = 1;
			break;
		case 'n':
			option.workers =
			    options_number(c, optarg, 1, POOL_MOST);
			option.keep = 1;
			break;
		case 'S':
			option.payload = options_target(c, optarg);
			break;
		case 't':
			option.timeout = options_seconds(c, optarg);
			break;
		case 'v':
			verbose = 1;
			break;
		case 'w':
			option.wait = 1;
			break;
		}
	if (optind == argc)
		options_wrong("SOCKET is missing");
	check_connect(argv[optind]);
	if (option.all && option.fds.count > 0)
		options_wrong("-a and -f exclude each other");
	check_numbers();
	if (option.payload != -1)
		check_payload();
	if (optind + 1 == argc &&
	    (option.all || option.fds.count > 0 || option.payload != -1))
		options_wrong("-%c needs a COMMAND",
		    option.all               ? 'a' :
			option.fds.count > 0 ? 'f' :
					       'S');
	options_trace(verbose);
}

/* End, in good order by SIGTERM with -k. */
static int
end(int result)
{
	receiver_close(&receiver);
	return ending(result, option.keep, option.timeout);
}

/*
 * What COMMAND finds, in descriptors and in the environment; file is what
 * holds the payload, -1 without -S.
 */
static int
prepare(struct landing *l, const struct fdpass_message *m, int *file)
{
	struct peer peer;
	int is_connection = m->count > 0 && ask_is_connection(m->fds[0], &peer);

	if (landing_message(l, m, is_connection, option.fds.fds,
		option.fds.count, option.all) == -1)
		return -1;
	if (option.payload != -1) {
		*file = payload_file(m->payload, m->length);
		if (*file == -1)
			return -1;
		landing_add(l, *file, option.payload);
	}
	environ_clear(environment);
	environ_message(environment, m);
	if (option.all &&
	    environ_listen(environment, m->count, m->payload, m->length) == -1)
		return failed("memory for LISTEN_FDNAMES");
	if (is_connection)
		environ_connection(environment, m->fds[0], &peer, NULL);
	return 0;
}

/* Wait for COMMAND; once told to end, let no more messages queue up. */
static void
wait_child(pid_t pid)
{
	while (!command_has_ended(pid) && wait_endings() < 2) {
		wait_pause(-1);
		if (wait_ending() != 0)
			receiver_stop(&receiver);
	}
}

/* Standard output takes nothing more: end. */
static int
cannot_show(struct received *in)
{
	failed("write");
	if (failure.error == EPIPE)
		failure.status = EXIT_BY_SIGNAL + SIGPIPE;
	receiver_answer(
	    in, failure.error == EINTR ? FDPASS_RETRY : FDPASS_REFUSED);
	fdpass_close(&in->message);
	failed_on("standard output");
	exit(end(-1));
}

/* Show a message, once it is known that somebody reads it. */
static int
show(struct received *in)
{
	if (show_wait() == -1)
		return cannot_show(in);
	if (receiver_answer(in, FDPASS_TAKEN) == -1)
		return GIVEN_UP;
	if (show_message(&in->message) == -1)
		return cannot_show(in);
	return 0;
}

/* Run COMMAND on what has arrived, and wait for its end. */
static int
run(struct received *in, const struct landing *landing)
{
	pid_t pid;

	if (receiver_answer(in, FDPASS_TAKEN) == -1)
		return GIVEN_UP;
	/* Who waits here waits elsewhere better. */
	if (option.connect)
		receiver_close(&receiver);
	else
		receiver_dismiss(&receiver);
	pid = command_start(
	    &command, "W1", landing, environment, NULL, COMMAND_UNTIL_PRESSED);
	fdpass_close(&in->message);
	if (pid != -1)
		wait_child(pid);
	return 0;
}

/* Become COMMAND with what has arrived. */
static int
become(struct received *in, const struct landing *landing)
{
	if (receiver_answer(in, FDPASS_TAKEN) == -1)
		return GIVEN_UP;
	/* What waits in SOCKET is closed here: it may linger. */
	receiver_close(&receiver);
	exit(command_become(&command, "W1", landing, environment));
}

/* Say what was refused, and whose it was. */
static void
refused(const struct fdpass_message *m)
{
	char reason[sizeof failure.reason], sender[SAY_SENDER];

	failure_words(reason, sizeof reason, &failure);
	say_sender(sender, sizeof sender, m);
	say_offence("%s: %s, %s", receiver.operand, reason, sender);
}

/* One message: show it, run COMMAND on it, or refuse it. */
static int
work_on(struct received *in)
{
	static struct landing landing;
	int r, file = -1;

	if (command.path == NULL) {
		r = show(in);
	} else if (prepare(&landing, &in->message, &file) == -1) {
		refused(&in->message);
		receiver_answer(in,
		    wait_is_waited_out(failure.error) ? FDPASS_RETRY :
							FDPASS_REFUSED);
		r = -1;
	} else if (option.keep) {
		r = run(in, &landing);
	} else {
		r = become(in, &landing);
	}
	fdpass_close(&in->message);
	if (file != -1)
		close(file);
	return r;
}

/* The end of the stream: in order for a worker, too early for one message. */
static int
ended(void)
{
	if (option.keep && !option.connect)
		return 0;
	failed_because(ENOTCONN, "end of file before a message came");
	return failed_on(receiver.operand);
}

/* Until when to wait: the pool as a whole has the limit, not its workers. */
static int64_t
next_deadline(void)
{
	return option.workers == 0 ? wait_deadline(option.timeout) : -1;
}

/* -c -k: COMMAND may end at once, again and again. */
static int
wait_turn(void)
{
	static int64_t turn;

	while (!wait_is_over(turn) && wait_ending() == 0)
		wait_poll(NULL, 0, turn);
	turn = wait_deadline(FETCHED);
	errno = EINTR;
	return wait_ending() != 0 ? failed("connect") : 0;
}

static int
fetch_from(struct source *source, int64_t deadline)
{
	int fd = source_connect(source, deadline);

	if (fd == -1)
		return -1;
	receiver_adopt(&receiver, source->name, fd, source->type,
	    RECEIVER_CREDS | RECEIVER_BECOMES);
	return 0;
}

/*
 * -c: connect, and receive what is given away there; with -w again where that
 * ends before it was given. As receiver_next().
 */
static int
fetch(const char *name, struct received *in)
{
	struct source source;
	int64_t deadline;
	int r;

	if (wait_turn() == -1)
		return -1;
	deadline = next_deadline();
	source_init(&source, name, option.wait);
	for (;;) {
		if (fetch_from(&source, deadline) == -1)
			return wait_ending() == 0 && wait_is_over(deadline) ?
			    failure_still(&failure, "no message") :
			    -1;
		r = receiver_next(&receiver, in, deadline);
		if (r != 0 || !option.wait)
			return r;
		receiver_close(&receiver);
		failed_because(ECONNRESET, "closed without a message");
		source_wait(&source, deadline);
	}
}

/* -c -k: no room for what was fetched; who holds it has it still. */
static int
is_lost(int result)
{
	return option.connect && option.keep && result == -1 &&
	    wait_ending() == 0 &&
	    (failure.error == EMFILE || failure.error == EMSGSIZE);
}

/* The next message: 1, 0 at the end of the stream, -1 and the failure. */
static int
next(const char *operand, struct received *received)
{
	int r;

	do
		r = option.connect ?
		    fetch(operand, received) :
		    receiver_next(&receiver, received, next_deadline());
	while (is_lost(r));
	if (r == 0 && wait_ending() != 0) {
		errno = EINTR;
		return failed("recvmsg");
	}
	return r;
}

/*
 * A worker: receive, work, again. One of a pool that gets a signal of its own
 * is to be replaced: for it 0 is the end of the stream alone.
 */
static int
work(struct pool *pool, void *operand)
{
	static struct received received;
	int r;

	if (received_init(&received) == -1) {
		failed("malloc");
		failed_on("memory for a payload");
		return end(-1);
	}
	do {
		r = next(operand, &received);
		if (r == 0)
			return end(ended());
		if (r == -1 && pool != NULL && wait_ending() == SIGTERM) {
			end(0);
			return EXIT_BY_SIGNAL + SIGTERM;
		}
		if (r == -1)
			return end(-1);
		pool_busy(pool, 1);
		r = work_on(&received);
		pool_busy(pool, 0);
	} while (option.keep || r == GIVEN_UP);
	return end(r == 0 ? 0 : EXIT_WRONG);
}

/* What can be known to be wrong before anything is opened. */
static int
check(char *argv[])
{
	if (argv[0] == NULL) {
		options_need(STDOUT_FILENO);
		return 0;
	}
	if (command_find(&command, argv) == -1)
		return -1;
	environment = environ_new(argv[0]);
	return environment == NULL ? -1 : 0;
}

static int
open_socket(const char *operand)
{
	int flags = RECEIVER_CREDS | RECEIVER_BECOMES;

	/* What is fetched comes on a connection of its own each time. */
	if (option.connect)
		return source_check(operand);
	if (option.keep)
		flags |= RECEIVER_DRAIN;
	return receiver_open(&receiver, operand, option.mode, flags,
	    wait_deadline(option.timeout));
}

/*
 * Before the workers of the pool are told to end: what is queued in a stream
 * is still to be taken.
 */
static int
stop(void *unused)
{
	(void)unused;
	receiver_stop(&receiver);
	return receiver.in.fd != -1;
}

int
main(int argc, char *argv[])
{
	char *operand;
	int r;

	options(argc, argv);
	operand = argv[optind];
	if (check(argv + optind + 1) == -1)
		return end(-1);
	wait_init(WAIT_CHILD);
	if (open_socket(operand) == -1)
		return end(-1);
	if (option.workers == 0)
		return work(NULL, operand);
	r = pool_run(operand, (size_t)option.workers, option.timeout, work,
	    stop, operand);
	return end(r == -1 ? failed_on(operand) : 0);
}
