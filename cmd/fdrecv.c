/* SPDX-License-Identifier: ISC */
/*
 * fdrecv: recvmsg() with SCM_RIGHTS. What arrives on SOCKET goes to COMMAND, or
 * is shown.
 */
#include "sys.h"

#include "calls.h"
#include "command.h"
#include "descriptors.h"
#include "environ.h"
#include "fdrecv-fetch.h"
#include "fdrecv-inbox.h"
#include "fdrecv-landing.h"
#include "fdrecv-payload.h"
#include "fdrecv-pool.h"
#include "fdrecv-show.h"
#include "options.h"
#include "say.h"
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
    "  -S fd       COMMAND can read the payload from descriptor fd\n"
    "  -t seconds  give up after that many seconds without a message\n"
    "  -v          trace to standard error: a line for each system call\n"
    "  -w          with -c, wait for the other side\n"
    "\n"
    "  SOCKET      PATH, @NAME, fd:N, or - for standard input\n"
    "  COMMAND     gets what arrived; without it, the message is shown\n";

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

#define GIVEN_UP 1   /* the sender gave up: there was no message */
#define FETCHED 1000 /* least ms between two fetches */

static struct command command; /* path is NULL: show what arrives */
static struct environment *environment;
static struct inbox inbox = {.receiver = {.fd = -1}};

/* No number may be named by two -f. */
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

/* -S must name a number to which no descriptor can go. */
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

static int
is_open(const char *operand)
{
	return strcmp(operand, "-") == 0 || strncmp(operand, "fd:", 3) == 0;
}

/* Is SOCKET the name of a file, and not an abstract name or open already? */
static int
makes_file(const char *operand)
{
	return !is_open(operand) && operand[0] != '@';
}

/* -c: SOCKET must be a name, which another process listens on. */
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
	if (is_open(operand))
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
	if (option.has_mode && !makes_file(argv[optind]))
		options_wrong(
		    "-m is the mode of a file, %s makes none", argv[optind]);
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

/* End: with -k, SIGTERM ends us in good order. */
static int
end(int result)
{
	inbox_close(&inbox);
	return ending(result, option.keep, option.timeout);
}

/*
 * Prepare the descriptors and the environment of COMMAND. *file becomes the
 * file of -S, for the caller to close. Returns 0, or -1 and the failure.
 */
static int
prepare(struct landing *l, const struct fdpass_message *m, int *file)
{
	struct peer peer;
	int is_connection =
	    m->count > 0 && descriptor_is_connection(m->fds[0], &peer);

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
	if (environ_message(environment, m) == -1)
		return failed("memory for a payload");
	if (option.all &&
	    environ_listen(environment, m->count, m->payload, m->length) == -1)
		return failed("memory for LISTEN_FDNAMES");
	if (is_connection)
		environ_connection(environment, m->fds[0], &peer, NULL);
	return 0;
}

/*
 * Wait for COMMAND. If we are told to end, let no more messages queue up, and
 * wait for a second signal, too.
 */
static void
wait_child(pid_t pid)
{
	while (wait_ending() == 0)
		if (command_wait(pid))
			return;
	inbox_stop(&inbox);
	wait_init(WAIT_CHILD);
	while (!command_has_ended(pid) && wait_endings() < 2)
		wait_pause(-1);
}

/* Standard output takes no more: end. */
static int
cannot_show(struct received *in)
{
	failed("write");
	if (failure.error == EPIPE)
		failure.status = EXIT_BY_SIGNAL + SIGPIPE;
	received_answer(
	    in, failure.error == EINTR ? FDPASS_RETRY : FDPASS_REFUSED);
	fdpass_close(&in->message);
	failed_on("standard output");
	exit(end(-1));
}

/*
 * Show a message. Take it only after we know that somebody reads standard
 * output.
 */
static int
show(struct received *in)
{
	if (show_wait() == -1)
		return cannot_show(in);
	if (received_answer(in, FDPASS_TAKEN) == -1)
		return GIVEN_UP;
	if (show_message(&in->message) == -1)
		return cannot_show(in);
	return 0;
}

/* Run COMMAND on what has arrived, and wait until it ends. */
static int
run(struct received *in, const struct landing *landing)
{
	pid_t pid;

	if (received_answer(in, FDPASS_TAKEN) == -1)
		return GIVEN_UP;
	/* Senders that wait for us should try again, perhaps elsewhere. */
	if (option.connect)
		inbox_close(&inbox);
	else
		inbox_dismiss(&inbox);
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
	if (received_answer(in, FDPASS_TAKEN) == -1)
		return GIVEN_UP;
	/* Close SOCKET here and not by exec: what waits in it may linger. */
	inbox_close(&inbox);
	exit(command_become(&command, "W1", landing, environment));
}

/* Report what was refused, and who sent it. */
static void
refused(const struct fdpass_message *m)
{
	char reason[sizeof failure.reason], sender[SAY_SENDER];

	failure_words(reason, sizeof reason, &failure);
	say_sender(sender, sizeof sender, m);
	say_offence("%s: %s, %s", inbox.receiver.operand, reason, sender);
}

/* Process a message: show it, run COMMAND on it, or refuse it. */
static int
work_on(struct received *in)
{
	static struct landing landing;
	int r, file = -1;

	if (command.path == NULL) {
		r = show(in);
	} else if (prepare(&landing, &in->message, &file) == -1) {
		refused(&in->message);
		received_answer(in,
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

/*
 * The end of the stream is in order for -k; if we wanted one message, it is a
 * failure.
 */
static int
ended(void)
{
	if (option.keep && !option.connect)
		return 0;
	failed_because(ENOTCONN, "end of file before a message came");
	return failed_on(inbox.receiver.operand);
}

/*
 * Until when to wait: with a pool, the limit is that of the pool, not of each
 * worker.
 */
static int64_t
next_deadline(void)
{
	return option.workers == 0 ? wait_deadline(option.timeout) : -1;
}

/*
 * -c -k: wait until the next fetch is due, for COMMAND may end at once each
 * time.
 */
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
	inbox_adopt(&inbox, source->name, fd, source->type,
	    RECEIVER_CREDS | RECEIVER_BECOMES);
	return 0;
}

/*
 * -c: connect, and receive what is held there. With -w, connect again if the
 * connection ends without a message. Returns as inbox_next().
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
		r = inbox_next(&inbox, in, deadline);
		if (r != 0 || !option.wait)
			return r;
		inbox_close(&inbox);
		failed_because(ECONNRESET, "closed without a message");
		source_wait(&source, deadline);
	}
}

/*
 * -c -k: if there was no room for what was fetched, its holder still has it, so
 * fetch it again.
 */
static int
is_lost(int result)
{
	return option.connect && option.keep && result == -1 &&
	    wait_ending() == 0 &&
	    (failure.error == EMFILE || failure.error == EMSGSIZE);
}

/*
 * Get the next message: returns 1; 0 at the end of the stream; -1 and the
 * failure.
 */
static int
next(const char *operand, struct received *received)
{
	int r;

	do
		r = option.connect ?
		    fetch(operand, received) :
		    inbox_next(&inbox, received, next_deadline());
	while (is_lost(r));
	if (r == 0 && wait_ending() != 0) {
		errno = EINTR;
		return failed("recvmsg");
	}
	return r;
}

/*
 * The work of a process: receive a message, process it, and with -k repeat
 * that. A worker of a pool that is sent SIGTERM itself is to be replaced, so
 * its status is not 0: that means the end of the stream.
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

/* Check what can be checked before anything is opened. */
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

	/* Each fetch makes a connection of its own. */
	if (option.connect)
		return source_check(operand);
	if (option.keep)
		flags |= RECEIVER_DRAIN;
	return inbox_open(
	    &inbox, operand, option.mode, flags, wait_deadline(option.timeout));
}

/*
 * What the pool calls before it tells its workers to end: what is queued in a
 * stream is still to be taken.
 */
static int
stop(void *unused)
{
	(void)unused;
	inbox_stop(&inbox);
	return inbox.receiver.fd != -1;
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
	wait_init(WAIT_REAP);
	if (open_socket(operand) == -1)
		return end(-1);
	if (option.workers == 0)
		return work(NULL, operand);
	r = pool_run(operand, (size_t)option.workers, option.timeout, work,
	    stop, operand);
	return end(r == -1 ? failed_on(operand) : 0);
}
