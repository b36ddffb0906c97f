/* SPDX-License-Identifier: ISC */
/*
 * fdpipe: the shell's pipeline with a pair of UNIX sockets in place of each
 * pipe, so that descriptors can flow through.
 */
#include "sys.h"

#include "calls.h"
#include "command.h"
#include "options.h"
#include "say.h"
#include "wait.h"

#include <sys/wait.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char synopsis[] =
    "fdpipe [-v] [-n copies] COMMAND [ARG...] '|' COMMAND [ARG...] ...\n";

static const char help[] =
    "  -n copies   start that many copies of the last command\n"
    "  -v          trace to standard error: a line for each system call\n"
    "\n"
    "  COMMAND     its standard output is the next one's standard input\n"
    "  '|'         an argument by itself: it must be quoted\n";

#define GRACE 1000 /* ms for a command to end by itself */
#define TWICE 600  /* ms between two signals that count as two */

struct process {
	pid_t pid; /* 0: it has ended */
	int status;
};

static struct command *commands;
static struct process *processes; /* one a command; the last has copies */
static size_t n_commands, n_processes, copies = 1;

/* Cut the operands at each '|', and find each command. */
static int
parse(int argc, char *argv[])
{
	int i, first = 0;

	commands = calloc((size_t)argc + 1, sizeof *commands);
	if (commands == NULL) {
		failed("calloc");
		return failed_on("memory for the commands");
	}
	for (i = 0; i <= argc; i++) {
		if (i < argc && strcmp(argv[i], "|") != 0)
			continue;
		if (i == first)
			options_wrong("a command is missing beside '|'");
		if (i == argc && n_commands == 0)
			options_wrong("there is no '|' among the operands; "
				      "quote it, or the shell takes it");
		argv[i] = NULL;
		if (command_find(&commands[n_commands++], argv + first) == -1)
			return -1;
		first = i + 1;
	}
	processes = calloc(n_commands + copies, sizeof *processes);
	if (processes != NULL)
		return 0;
	failed("calloc");
	return failed_on("memory for the processes");
}

static int
make_pair(int pair[2])
{
	if (call_socketpair("S4", pair) == 0)
		return 0;
	failed("socketpair");
	return failed_on("'|'");
}

/* Start a command. -1 if it cannot be started and we have to end. */
static int
start(const struct command *c, int in, int out)
{
	struct landing l;
	pid_t pid;

	l.count = 0;
	if (in != -1)
		landing_add(&l, in, STDIN_FILENO);
	if (out != -1)
		landing_add(&l, out, STDOUT_FILENO);
	pid = command_start(c, "S5", &l, NULL, NULL, COMMAND_UNTIL_ASKED);
	if (pid == -1)
		return -1;
	processes[n_processes++].pid = pid;
	return 0;
}

static void
release(int fd)
{
	if (fd == -1)
		return;
	call_close("S5", fd);
}

/* Start all commands, and keep none of their sockets. */
static int
start_all(void)
{
	int in = -1, pair[2], r = 0;
	size_t i;

	for (i = 0; r == 0 && i + 1 < n_commands; i++) {
		if (make_pair(pair) == -1) {
			release(in);
			return -1;
		}
		r = start(&commands[i], in, pair[0]);
		release(in);
		release(pair[0]);
		in = pair[1];
	}
	for (i = 0; r == 0 && i < copies; i++)
		r = start(&commands[n_commands - 1], in, -1);
	release(in);
	return r;
}

/* Which command this process is: only the last one has several processes. */
static size_t
command_of(size_t process)
{
	return process < n_commands ? process : n_commands - 1;
}

static void
send_signal(size_t first, size_t last, int sig)
{
	size_t i;

	for (i = 0; i < n_processes; i++)
		if (processes[i].pid != 0 && command_of(i) >= first &&
		    command_of(i) <= last)
			kill(processes[i].pid, sig);
}

/* The first command that still runs. */
static size_t
first_running(void)
{
	size_t i = 0;

	while (processes[i].pid == 0)
		i++;
	return command_of(i);
}

static size_t
reap(void)
{
	size_t i, ended = 0;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < n_processes; i++)
			if (processes[i].pid == pid) {
				processes[i].pid = 0;
				processes[i].status = status;
				ended++;
			}
	return ended;
}

/* Which commands have been told of a signal that asked us to end. */
struct told {
	size_t commands; /* how many, from the first on */
	int64_t due;     /* when to tell the next; -1: not yet known */
	int all;         /* for how many signals all were told */
	int64_t again;   /* when to tell all once more; -1: not needed */
};

/*
 * Pass a signal on to the first command. Each of the others gets it when those
 * before it have ended, and only if it does not end by itself at the end of its
 * input: so what is on its way still arrives.
 */
static void
signal_next(struct told *t)
{
	size_t first = first_running();

	if (first < t->commands)
		return;
	if (t->due == -1)
		t->due = t->commands == 0 ? 0 : wait_deadline(GRACE);
	if (!wait_is_over(t->due))
		return;
	t->commands = first + 1;
	send_signal(first, first, wait_ending());
	t->due = -1;
}

/*
 * Pass a second signal, and each further one, on to all commands, twice: they
 * too take only a second signal for an order to end at once.
 */
static void
signal_all(struct told *t)
{
	int signals = wait_endings() - 1;

	if (signals > t->all) {
		t->all = signals;
		t->again = wait_deadline(TWICE);
	} else if (t->again != -1 && wait_is_over(t->again)) {
		t->again = -1;
	} else {
		return;
	}
	send_signal(0, n_commands, wait_ending());
}

static void
wait_all(void)
{
	struct told told = {0, -1, 0, -1};
	size_t running = n_processes;

	for (;;) {
		running -= reap();
		if (running == 0)
			return;
		if (wait_endings() > 1)
			signal_all(&told);
		else if (wait_ending() != 0)
			signal_next(&told);
		wait_poll(NULL, 0, wait_endings() > 1 ? told.again : told.due);
	}
}

/*
 * Has this process ended by SIGPIPE, or is it a shell that tells so of its last
 * command?
 */
static int
was_sigpipe(int status)
{
	return WIFSIGNALED(status) ?
	    WTERMSIG(status) == SIGPIPE :
	    WEXITSTATUS(status) == EXIT_BY_SIGNAL + SIGPIPE;
}

/*
 * The status of the last command that failed, or 0. A command that was ended by
 * SIGPIPE, because a later one had read all that it wanted, has not failed.
 */
static int
failed_status(void)
{
	size_t i = n_processes;
	int succeeded = 0, status;

	while (i-- > 0) {
		status = processes[i].status;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			succeeded = 1;
		else if (!succeeded || !was_sigpipe(status))
			return status;
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	int c, status, verbose = 0;

	options_init(argc, argv, "fdpipe", synopsis, help);
	while ((c = options_get(argc, argv, "+:n:v")) != -1)
		if (c == 'n')
			copies = (size_t)options_number(c, optarg, 1, 4096);
		else
			verbose = 1;
	if (optind == argc)
		options_wrong("COMMAND is missing");
	options_trace(verbose);
	if (parse(argc - optind, argv + optind) == -1)
		return ending(-1, 0, -1);
	wait_init(WAIT_CHILD);
	if (start_all() == -1) {
		send_signal(0, n_commands,
		    wait_ending() != 0 ? wait_ending() : SIGTERM);
		wait_all();
		return ending(-1, 0, -1);
	}
	wait_all();
	status = failed_status();
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) == wait_ending())
		die_by(wait_ending());
	return EXIT_BY_SIGNAL + WTERMSIG(status);
}
