/* SPDX-License-Identifier: ISC */
/*
 * fdpeek: look at what the client on standard input says, without taking it,
 * and become COMMAND, which can choose a worker by that.
 */
#include "sys.h"

#include "calls.h"
#include "command.h"
#include "descriptors.h"
#include "fdpeek-protocol.h"
#include "info.h"
#include "options.h"
#include "say.h"
#include "wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char synopsis[] =
    "fdpeek [-v] [-b bytes] [-t seconds] COMMAND [ARG...]\n";

static const char help[] =
    "  -b bytes    look at that many bytes at most (default 16384)\n"
    "  -t seconds  wait that long in all (default 10)\n"
    "  -v          trace each look on standard error\n"
    "\n"
    "  COMMAND     what to become; it finds every byte unread\n";

#define BYTES 16384 /* -b */
#define MOST 65536  /* -b, at most */
#define SECONDS 10  /* -t */
#define STEP "P"

extern char **environ;

static unsigned char bytes[MOST];
static struct protocol client;
static struct command command;

/* Only a stream connection lets us read bytes and leave them there. */
static int
check_input(void)
{
	char what[INFO_TEXT];
	struct peer peer;

	options_need(STDIN_FILENO);
	if (descriptor_type(STDIN_FILENO) == SOCK_STREAM &&
	    descriptor_is_connection(STDIN_FILENO, &peer))
		return 0;
	info_type(what, sizeof what, STDIN_FILENO);
	failed_because(EINVAL,
	    "%s, not a connection (write fdlisten ADDRESS fdpeek ..., or "
	    "fdrecv - fdpeek ...)",
	    what);
	return failed_on("standard input");
}

/* Trace a look: n bytes were there, or -1 and errno. */
static void
tell_look(ssize_t n)
{
	char what[sizeof client.host + 32];

	snprintf(what, sizeof what, "%s%s%s",
	    client.name[0] != '\0' ? client.name : "unknown",
	    client.host[0] != '\0' ? " for " : "", client.host);
	tell_peeked(STEP, STDIN_FILENO, bytes, n, what);
}

/* Look at what has come, at most most bytes of it; returns as recv(). */
static ssize_t
receive(size_t most, int64_t deadline)
{
	ssize_t n;

	for (;;) {
		n = call_peek(STEP, STDIN_FILENO, bytes, most);
		if (n == -1 && wait_is_waited_out(errno) &&
		    wait_now() < deadline)
			wait_pause(WAIT_LOOK);
		else if (n != -1 || errno != EINTR)
			return n;
	}
}

/* Look once. Returns 1 if there is nothing more to wait for. */
static int
look(size_t most, int64_t deadline)
{
	ssize_t n = receive(most, deadline);
	int is_decided = n != -1 && protocol_look(&client, bytes, (size_t)n);

	tell_look(n);
	if (n == -1)
		return !sys_would_block(errno);
	return is_decided || n == 0 || (size_t)n == most;
}

/*
 * Wait until something comes, or until the deadline. Bytes that we have looked
 * at would poll as readable again at once, so wait on arrivals; without that,
 * look at intervals.
 */
static void
wait_for_arrival(int arrivals, int is_first, int64_t deadline)
{
	struct pollfd p;

	p.fd = arrivals != -1 ? arrivals : STDIN_FILENO;
	p.events = POLLIN;
	if (arrivals != -1 || is_first)
		wait_poll(&p, 1, deadline);
	else
		wait_poll(
		    NULL, 0, wait_earlier(deadline, wait_deadline(WAIT_LOOK)));
	if (arrivals != -1)
		sys_arrivals_clear(arrivals);
}

enum end { NO_END, END, END_BY_RESET };

/* Has the client ended what it sends? After a reset, bytes may be left. */
static enum end
end_of_input(void)
{
	struct pollfd p;

	p.fd = STDIN_FILENO;
	p.events = SYS_POLLRDHUP;
	p.revents = 0;
	if (wait_poll_at_once(&p) != 1 ||
	    (p.revents & (POLLHUP | SYS_POLLRDHUP)) == 0)
		return NO_END;
	if ((p.revents & POLLERR) != 0 && sys_queued(STDIN_FILENO) == 0)
		return END_BY_RESET;
	return END;
}

/* Look whenever something has come, until that suffices. */
static void
peek(size_t most, int64_t deadline)
{
	int arrivals = sys_arrivals(STDIN_FILENO), is_first = 1, is_late;
	enum end end;

	protocol_look(&client, bytes, 0);
	do {
		wait_for_arrival(arrivals, is_first, deadline);
		is_first = 0;
		is_late = wait_now() >= deadline;
		/*
		 * Ask before the look: what came before the end is there by
		 * then.
		 */
		end = end_of_input();
		/* A look would take the error away from COMMAND. */
		if (end == END_BY_RESET)
			break;
	} while (!look(most, deadline) && end == NO_END && !is_late);
	if (arrivals != -1)
		close(arrivals);
}

/* Set the environment of COMMAND, without any FDPEEK_* that was inherited. */
static int
set_environment(void)
{
	char **from, **to = environ;

	for (from = environ; *from != NULL; from++)
		if (strncmp(*from, "FDPEEK_", 7) != 0)
			*to++ = *from;
	*to = NULL;
	if (setenv("FDPEEK_PROTOCOL", client.name, 1) == 0 &&
	    setenv("FDPEEK_HOST", client.host, 1) == 0 &&
	    setenv("FDPEEK_LINE", client.line, 1) == 0)
		return 0;
	failed("environment");
	return failed_on(command.path);
}

int
main(int argc, char *argv[])
{
	static struct landing nothing;
	int64_t timeout = SECONDS * 1000;
	size_t most = BYTES;
	int c, verbose = 0;

	options_init(argc, argv, "fdpeek", synopsis, help);
	while ((c = options_get(argc, argv, "+:b:t:v")) != -1)
		if (c == 'b')
			most = (size_t)options_number(c, optarg, 1, MOST);
		else if (c == 't')
			timeout = options_seconds(c, optarg);
		else
			verbose = 1;
	if (optind == argc)
		options_wrong("COMMAND is missing");
	options_trace(verbose);
	if (command_find(&command, argv + optind) == -1 || check_input() == -1)
		return ending(-1, 0, timeout);
	peek(most, wait_deadline(timeout));
	if (set_environment() == -1)
		return ending(-1, 0, timeout);
	return command_become(&command, STEP, &nothing, NULL);
}
