/* SPDX-License-Identifier: ISC */
/*
 * recvfd: recvmsg() with SCM_RIGHTS in the running shell, as a loadable builtin
 * of bash. The descriptor that arrives on SOCKET is open in the shell itself,
 * and VAR has its number.
 */
#include "recvfd.h"

#include <bashjmp.h>
#include <builtins.h>
#include <shell.h>
#include <unwind_prot.h>

#include <bashgetopt.h>
#include <common.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME "recvfd" /* what bash undoes when it jumps */
#define TRAP_FRAME "recvfd trap"
#define TIMED_OUT 124 /* exit status */

/* Debian's package bash-builtins has no trap.h. */
extern volatile int trapped_signal_received;
extern void run_pending_traps(void);

/*
 * Seconds, with or without decimals, as milliseconds; -1 if text is something
 * else.
 */
static int64_t
milliseconds(char *text)
{
	long seconds, us;
	char *end;

	if (text[0] == '-' || text[0] == '+' || text[0] == '\0' ||
	    !uconvert(text, &seconds, &us, &end) || *end != '\0' ||
	    seconds < 0 || us < 0 || seconds > INT_MAX)
		return -1;
	return (int64_t)seconds * 1000 + (us + 999) / 1000;
}

/*
 * VAR must be an identifier, and not one of the variables that are set in any
 * case.
 */
static int
check_name(char *name)
{
	if (legal_identifier(name) &&
	    strncmp(name, "FDRECV_", sizeof "FDRECV_" - 1) != 0)
		return 0;
	sh_invalidid(name);
	return -1;
}

/* For messages, escape what does not print, as bash itself does. */
static void
show_socket(struct request *q)
{
	char *text = printable_filename(q->socket, 0);

	snprintf(q->shown, sizeof q->shown, "%s", text);
	if (text != q->socket)
		free(text);
}

/* Read the options; -1 for wrong usage. */
static int
options(struct request *q, WORD_LIST *list)
{
	int c;

	reset_internal_getopt();
	while ((c = internal_getopt(list, (char *)"acS:t:w")) != -1)
		switch (c) {
		case 'a':
			q->all = 1;
			break;
		case 'c':
			q->connect = 1;
			break;
		case 'S':
			q->bytes = list_optarg;
			break;
		case 't':
			q->limit = list_optarg;
			q->timeout = milliseconds(list_optarg);
			if (q->timeout == -1) {
				sh_invalidnum(list_optarg);
				return -1;
			}
			break;
		case 'w':
			q->wait = 1;
			break;
		case GETOPT_HELP:
			builtin_help();
			return -1;
		default:
			builtin_usage();
			return -1;
		}
	if (loptend == NULL || loptend->next == NULL ||
	    loptend->next->next != NULL) {
		builtin_usage();
		return -1;
	}
	q->name = loptend->word->word;
	q->socket = loptend->next->word->word;
	show_socket(q);
	return 0;
}

/*
 * Check the operands, and which options exclude each other; -1 for wrong usage.
 */
static int
check(struct request *q)
{
	if (check_name(q->name) == -1)
		return -1;
	if (q->bytes != NULL && check_name(q->bytes) == -1)
		return -1;
	if (q->bytes != NULL && strcmp(q->bytes, q->name) == 0)
		builtin_error("-S %s: the same variable twice", q->bytes);
	else if (q->wait && !q->connect)
		builtin_error("-w goes with -c");
	else if (socket_parse(q->socket, &q->fd) == -1)
		builtin_error("%s: no descriptor number after fd:", q->shown);
	else if (q->connect && q->fd != -1)
		builtin_error(
		    "-c connects to a name, %s is open already", q->shown);
	else if (q->fd == -1 && socket_is_address(q->socket))
		builtin_error("%s: descriptors cannot leave this machine; for "
			      "a file of that name write ./%s",
		    q->shown, q->shown);
	else
		return 0;
	return -1;
}

/*
 * Run the traps. A trap with `exit` may jump past us to the top level of the
 * shell: what we have open is closed on the way, and the name removed. One with
 * `return` may jump out of a function: then bash undoes what is in our frame.
 */
static void
run_traps(void)
{
	int code;

	begin_unwind_frame((char *)TRAP_FRAME);
	unwind_protect_jmp_buf(top_level);
	code = setjmp_nosigs(top_level);
	if (code == 0) {
		trapped_signal_received = 0;
		run_pending_traps();
	}
	run_unwind_frame((char *)TRAP_FRAME);
	if (code != 0) {
		run_unwind_frame((char *)FRAME);
		jump_to_top_level(code);
	}
}

/*
 * Is there something for attend() to do? The signal handlers of bash set these.
 */
static int
has_signals(void)
{
	return terminating_signal || interrupt_state || trapped_signal_received;
}

/* Signals have come: do what bash does between two commands. */
static enum result
attend(struct waiting *w)
{
	if (terminating_signal || interrupt_state) {
		/* QUIT may end the shell, so clean up first. */
		run_unwind_frame((char *)FRAME);
		QUIT;
		return GONE;
	}
	waiting_pause(w);
	run_traps();
	/* A trap such as `trap break TERM` has ended the loop around us. */
	return breaking || continuing ? BROKEN : GO_ON;
}

/* Receive until a message is taken, or the time is over. */
static enum result
receive(struct waiting *w)
{
	enum result result;

	do {
		result = waiting_step(w);
		if (result == RECEIVED)
			result = variables_take(w);
		else if (result == GO_ON)
			waiting_wait(w, has_signals);
		if (result == GO_ON && has_signals())
			result = attend(w);
	} while (result == GO_ON);
	return result;
}

static int
recvfd_builtin(WORD_LIST *list)
{
	struct request q = {NULL, NULL, NULL, NULL, -1, -1, 0, 0, 0, ""};
	struct waiting *w;
	enum result result;

	if (options(&q, list) == -1 || check(&q) == -1)
		return EX_USAGE;
	if (variables_clear(&q) == -1)
		return EXECUTION_FAILURE;
	/*
	 * Catch the signals that would kill bash, so that the name is removed
	 * first.
	 */
	if (q.fd == -1)
		initialize_terminating_signals();
	w = waiting_begin(&q);
	if (w == NULL) {
		builtin_error(
		    "%s: memory for a message: %s", q.shown, strerror(errno));
		return EXECUTION_FAILURE;
	}
	begin_unwind_frame((char *)FRAME);
	add_unwind_protect(waiting_end, w);
	result = receive(w);
	if (result != GONE)
		run_unwind_frame((char *)FRAME);
	return result == TAKEN    ? EXECUTION_SUCCESS :
	    result == OUT_OF_TIME ? TIMED_OUT :
				    EXECUTION_FAILURE;
}

/* clang-format off */
static char *const help[] = {
	"Receive open file descriptors into the shell.",
	"",
	"Wait on SOCKET for a message that brings one descriptor, as fdsend",
	"sends it, and assign its number, 10 or more, to VAR. `exec {VAR}>&-'",
	"closes it.",
	"",
	"SOCKET is a name, fd:N, or - for standard input. recvfd makes a name,",
	"listens on it for one message, and removes it. fd:N is open already: a",
	"listening socket, which stays open; a descriptor stream, from which the",
	"next message is taken; or a pipe, which becomes a descriptor stream.",
	"",
	"Options:",
	"  -a\t\tmake VAR an array of all descriptors of the message",
	"  -c\t\tconnect to the name SOCKET, and receive what is held there",
	"  -S VAR\tassign the payload to VAR, without its NULs",
	"  -t SECONDS\tgive up after that many seconds; decimals are allowed",
	"  -w\t\twith -c, wait for the other side to be there",
	"",
	"FDRECV_PAYLOAD is set to the payload, and FDRECV_PID, FDRECV_UID and",
	"FDRECV_GID tell who sent it. Traps run while recvfd waits.",
	"",
	"Exit Status:",
	"0 when a message was taken; 124 when the time is over; 2 for wrong",
	"usage; 1 at the end of a stream, or for any other failure.",
	NULL
};
/* clang-format on */

/* What `enable -f fdpass recvfd` looks for. */
#ifdef __GNUC__
__attribute__((visibility("default")))
#endif
struct builtin recvfd_struct = {(char *)"recvfd", recvfd_builtin,
    BUILTIN_ENABLED, help, "recvfd [-acw] [-S var] [-t seconds] VAR SOCKET",
    NULL};
