/* SPDX-License-Identifier: ISC */
/*
 * fdsend: sendmsg() with SCM_RIGHTS. Descriptors go to the receiver on SOCKET.
 */
#include "sys.h"

#include "address.h"
#include "calls.h"
#include "descriptors.h"
#include "fdpass.h"
#include "fdpass/handover.h"
#include "fdpass/name.h"
#include "fdsend-payload.h"
#include "fdsend-relay.h"
#include "fdsend-verdict.h"
#include "options.h"
#include "receive.h"
#include "say.h"
#include "stream.h"
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char synopsis[] =
    "fdsend [-dvw] [-f fd]... [-p pid] [-s string | -S file] [-t seconds]\n"
    "              SOCKET\n"
    "       fdsend -r [-dvw] [-t seconds] SOCKET\n";

static const char help[] =
    "  -d          drop off: do not wait for the receiver's answer\n"
    "  -f fd       send descriptor fd, not standard input; can be repeated\n"
    "  -p pid      send the descriptors of process pid\n"
    "  -r          relay: pass on all messages that arrive on standard input\n"
    "  -s string   send string as the payload of the message\n"
    "  -S file     send the bytes of file\n"
    "  -t seconds  give up after that many seconds in all\n"
    "  -v          trace to standard error: a line for each system call\n"
    "  -w          wait until the receiver is there\n"
    "\n"
    "  SOCKET      PATH, @NAME, fd:N, or - for standard output\n";

static struct {
	int drop;  /* -d */
	int relay; /* -r */
	int wait;  /* -w */
	int verbose;
	long pid;           /* -p, 0: our own descriptors */
	const char *string; /* -s, or NULL */
	const char *file;   /* -S, or NULL */
	int64_t timeout;
	struct options_fds fds;
} option = {0, 0, 0, 0, 0, NULL, NULL, -1, {{0}, 0}};

/* Without -s or -S it is a lone NUL, for at least one byte must be sent. */
static struct {
	const char *bytes;
	size_t length;
} payload = {"", 1};

/* -f: descriptors by their numbers, or - for none at all. */
static void
descriptors(const char *arguments[], size_t n)
{
	/* -p may come after -f, so only now is it known whose they are. */
	enum options_use use = option.pid == 0 ? OPTIONS_OPEN : OPTIONS_FOREIGN;
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(arguments[i], "-") != 0)
			options_fd(&option.fds, arguments[i], use);
		else if (n > 1)
			options_wrong("-f - means no descriptor, and goes with "
				      "no other -f");
		else if (option.pid != 0)
			options_wrong("-f - leaves nothing for -p");
	}
	if (n == 0 && !option.relay)
		options_fd(&option.fds, "0", use);
}

/* -s and -S: the payload. */
static void
check_payload(void)
{
	size_t i;

	if (option.string != NULL && option.file != NULL)
		options_wrong("-s and -S exclude each other");
	if (option.string != NULL && strlen(option.string) > FDPASS_MAX_PAYLOAD)
		options_wrong("-s: a string has at most %d bytes, this one %zu",
		    FDPASS_MAX_PAYLOAD, strlen(option.string));
	if (option.string != NULL && option.string[0] != '\0') {
		payload.bytes = option.string;
		payload.length = strlen(option.string);
	}
	if (option.file == NULL || strcmp(option.file, "-") != 0)
		return;
	for (i = 0; i < option.fds.count && option.pid == 0; i++)
		if (option.fds.fds[i] == STDIN_FILENO)
			options_wrong("-S - reads descriptor 0, which is to be "
				      "sent; name others with -f");
	options_need(STDIN_FILENO);
}

static void
options(int argc, char *argv[])
{
	const char *f_arguments[OPTIONS_MAX_FDS + 1];
	size_t n = 0;
	int c;

	options_init(argc, argv, "fdsend", synopsis, help);
	while ((c = options_get(argc, argv, "+:df:p:rs:S:t:vw")) != -1)
		switch (c) {
		case 'd':
			option.drop = 1;
			break;
		case 'f':
			if (n <= OPTIONS_MAX_FDS)
				f_arguments[n++] = optarg;
			break;
		case 'p':
			option.pid = options_number(c, optarg, 1, INT_MAX);
			break;
		case 'r':
			option.relay = 1;
			break;
		case 's':
			option.string = optarg;
			break;
		case 'S':
			option.file = optarg;
			break;
		case 't':
			option.timeout = options_seconds(c, optarg);
			break;
		case 'v':
			option.verbose = 1;
			break;
		case 'w':
			option.wait = 1;
			break;
		}
	if (argc - optind != 1)
		options_wrong(
		    optind == argc ? "SOCKET is missing" : "too many operands");
	if (option.relay &&
	    (n > 0 || option.pid != 0 || option.string != NULL ||
		option.file != NULL))
		options_wrong("-r takes no -f, -p, -s or -S: it passes on what "
			      "comes");
	descriptors(f_arguments, n);
	check_payload();
	options_trace(option.verbose);
}

static const char *
why_not_fetched(int error)
{
	switch (error) {
	case EPERM:
		return "not permitted: it takes the right to trace that "
		       "process (same user, and what ptrace_scope allows)";
	case ESRCH:
		return "no such process";
	case EBADF:
		return "not open there";
	case ENOENT: /* pidfd_open(), depending on the kernel */
	case EINVAL:
		return "a thread, not a process";
	case ENOSYS:
		return "no way to get another process's descriptors here";
	default:
		return strerror(error);
	}
}

/* -p: replace the numbers by duplicates of the descriptors of that process. */
static int
fetch(int fds[], size_t count)
{
	size_t i;
	int copy;

	for (i = 0; i < count; i++) {
		copy = sys_fd_of_process(option.pid, fds[i]);
		if (copy == -1)
			return failed_because(errno,
			    "descriptor %d of process %ld: %s", fds[i],
			    option.pid, why_not_fetched(errno));
		fds[i] = copy;
	}
	return 0;
}

/* -S: read the payload. */
static int
read_payload(int64_t deadline)
{
	static char bytes[FDPASS_MAX_PAYLOAD + 1];

	if (option.file == NULL)
		return 0;
	payload.bytes = bytes;
	return payload_read(
	    option.file, bytes, sizeof bytes, &payload.length, deadline);
}

/* connect, sendmsg, shutdown, wait for the answer. */
static int
hand_over(struct target *to, int64_t deadline)
{
	struct handover handover;

	/* If there is no room for the socket now, a step makes it later. */
	handover_begin(&handover, to, deadline);
	handover_message(&handover, payload.bytes, payload.length,
	    option.fds.fds, option.fds.count);
	if (handover_run(&handover) == HANDOVER_TAKEN)
		return 0;
	verdict_failure(&handover, &failure);
	return -1;
}

/* -r: open standard input, a stream whose messages go on to SOCKET. */
static int
open_input(struct receiver *r)
{
	if (receiver_open(r, "-", 0,
		RECEIVER_DRAIN | (trace_on ? RECEIVER_CREDS : 0), -1) == -1) {
		failure.object = "standard input";
		return -1;
	}
	if (r->kind != RECEIVER_LISTENING)
		return 0;
	failed_usage("a listening socket, not a stream");
	return failed_on("standard input");
}

/*
 * Send over a descriptor that was open already: a stream, or a pipe that
 * becomes one.
 */
static int
send_to_stream(const char *operand, int fd)
{
	int64_t deadline = wait_deadline(option.relay ? -1 : option.timeout);
	struct receiver in;
	struct stream to;

	if (option.wait)
		options_wrong(
		    "-w is for named sockets, %s is open already", operand);
	if (stream_check(operand, fd) == -1)
		return -1;
	wait_init(0);
	/*
	 * Open the output first, so that nothing is received that cannot be
	 * passed on.
	 */
	if (read_payload(deadline) == -1 ||
	    stream_open(&to, operand, fd, deadline) == -1)
		return -1;
	if (!option.relay)
		return stream_send(&to, payload.bytes, payload.length,
		    option.fds.fds, option.fds.count, deadline);
	if (open_input(&in) == -1)
		return -1;
	return relay_to_stream(&in, &to, option.timeout);
}

/*
 * Prepare hand-overs to the UNIX socket called operand, with flags HANDOVER_*.
 * t keeps a pointer to operand. Returns 0, or -1 and the failure.
 */
static int
prepare(struct target *t, const char *operand, int flags)
{
	t->name = operand;
	t->type = SOCK_STREAM;
	t->flags = flags;
	t->watch = verdict_watch;
	if (name_check_socket(operand, &failure) == -1 ||
	    name_address(operand, &t->address, &t->length, &failure) == -1)
		return failed_on(operand);
	return 0;
}

static int
send_to_name(const char *operand)
{
	int64_t deadline = wait_deadline(option.timeout);
	struct receiver in;
	struct target to;
	int flags = option.wait ? HANDOVER_WAIT : 0;

	/*
	 * A relay holds the only copy of a message. So if it gives up, the
	 * receiver had better keep the message than refuse it.
	 */
	if (option.drop)
		flags |= HANDOVER_DROP;
	else if (!option.relay)
		flags |= HANDOVER_TELL;
	if (prepare(&to, operand, flags) == -1)
		return -1;
	wait_init(0);
	if (!option.relay)
		return read_payload(deadline) == 0 ? hand_over(&to, deadline) :
						     -1;
	if (open_input(&in) == -1)
		return -1;
	return relay_to_name(&in, &to, option.timeout);
}

static int
send_to(const char *operand)
{
	int is_fd, fd = STDOUT_FILENO;

	is_fd =
	    strcmp(operand, "-") == 0 ? 1 : address_fd_operand(operand, &fd);
	if (is_fd == -1)
		options_wrong("%s: no descriptor number after fd:", operand);
	if (is_fd && !descriptors_is_open(fd)) {
		failed_because(EBADF, "descriptor %d is not open", fd);
		return failed_on(operand);
	}
	if (option.pid != 0 && fetch(option.fds.fds, option.fds.count) == -1)
		return -1;
	return is_fd ? send_to_stream(operand, fd) : send_to_name(operand);
}

int
main(int argc, char *argv[])
{
	options(argc, argv);
	return ending(send_to(argv[optind]), option.relay, option.timeout);
}
