/* SPDX-License-Identifier: ISC */
/*
 * fdinfo: show what a descriptor is, by fstat(), fcntl(), getsockname() and so
 * on.
 */
#include "sys.h"

#include "descriptors.h"
#include "fdinfo-process.h"
#include "options.h"
#include "say.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char synopsis[] = "fdinfo [-p pid] [FD...]\n";

static const char help[] =
    "  -p pid      show the descriptors of process pid in place of its own\n"
    "\n"
    "  FD          a descriptor to show; without one, all that are open\n";

enum { NUMBER, TYPE, ACCESS, FLAGS, DETAILS, COLUMNS };

struct table {
	long pid;      /* 0: this process */
	int *open;     /* its open descriptors */
	int *group;    /* the lowest that shares each open file description */
	size_t n_open; /* 0 if unknown */
	char *cells;   /* row by row, each cell ends with a NUL */
	size_t length;
	size_t room;
	int width[COLUMNS];
};

static void *
allocated(void *p)
{
	if (p != NULL)
		return p;
	failed_because(ENOMEM, "%s", strerror(ENOMEM));
	exit(ending(-1, 0, -1));
}

static const char *
why_not(int error)
{
	/* Without a /proc nothing is there; otherwise it hides the process. */
	if (error == ENOENT && access("/proc/self", F_OK) == -1)
		error = ENOSYS;
	switch (error) {
	case ESRCH:
		return "no such process";
	case EPERM:
	case EACCES:
	case ENOENT:
		return "not permitted: it takes the right to look into that "
		       "process (same user, and what ptrace restrictions "
		       "allow)";
	case ENOSYS:
		return "no way to see another process's descriptors here";
	default:
		return strerror(error);
	}
}

/* End: nothing can be found out about this process. */
static void
give_up(long pid, int error)
{
	say("%ld: %s", pid, why_not(error));
	exit(EXIT_WRONG);
}

/*
 * Find out which descriptors are open, and which share an open file
 * description.
 */
static void
survey(struct table *t, int needed)
{
	t->open = process_list(t->pid, &t->n_open);
	if (t->open == NULL && t->pid != 0 && needed)
		give_up(t->pid, errno);
	if (t->open == NULL && needed)
		allocated(NULL);
	if (t->open == NULL)
		t->n_open = 0;
	t->group = allocated(calloc(t->n_open + 1, sizeof *t->group));
	if (process_groups(t->pid, t->open, t->n_open, t->group) == -1)
		allocated(NULL);
}

static void
add_cell(struct table *t, int column, const char *text)
{
	size_t n = strlen(text);

	if (t->room - t->length < n + 1) {
		t->room = 2 * t->room + n + 1;
		t->cells = allocated(realloc(t->cells, t->room));
	}
	memcpy(t->cells + t->length, text, n + 1);
	t->length += n + 1;
	if (t->width[column] < (int)n)
		t->width[column] = (int)n;
}

/* Add a descriptor to the table; returns 0 if it is not open. */
static int
add_row(struct table *t, int fd)
{
	struct info info;
	char number[24];

	if (t->pid == 0 && !descriptors_is_open(fd))
		return 0;
	if (process_info(&info, t->pid, fd) == -1) {
		/* A process that has ended has no open descriptors. */
		if (t->pid != 0 && errno != EBADF && errno != ESRCH)
			give_up(t->pid, errno);
		return 0;
	}
	snprintf(number, sizeof number, "%d", fd);
	add_cell(t, NUMBER, number);
	add_cell(t, TYPE, info.type);
	add_cell(t, ACCESS, info.access);
	add_cell(t, FLAGS, info.flags);
	add_cell(t, DETAILS, info.details);
	return 1;
}

/* Print the lowest other descriptor that shares the open file description. */
static void
print_same(const struct table *t, int fd)
{
	size_t i, mine;

	for (mine = 0; mine < t->n_open && t->open[mine] != fd; mine++)
		continue;
	if (mine == t->n_open)
		return;
	for (i = 0; i < t->n_open; i++)
		if (i != mine && t->group[i] == t->group[mine]) {
			printf(" same=%d", t->open[i]);
			return;
		}
}

static void
print(const struct table *t)
{
	const char *cell;
	int column = 0, fd = -1;
	size_t at;

	for (at = 0; at < t->length; at += strlen(cell) + 1) {
		cell = t->cells + at;
		if (column == NUMBER)
			fd = atoi(cell);
		if (column < DETAILS) {
			printf("%-*s ", t->width[column++], cell);
			continue;
		}
		printf("%s", cell);
		print_same(t, fd);
		putchar('\n');
		column = 0;
	}
}

int
main(int argc, char *argv[])
{
	struct table t;
	int c, i, status = 0;
	size_t n;

	options_init(argc, argv, "fdinfo", synopsis, help);
	memset(&t, 0, sizeof t);
	while ((c = options_get(argc, argv, "+:p:")) != -1)
		t.pid = options_number(c, optarg, 1, INT_MAX);
	if (t.pid == (long)getpid())
		t.pid = 0;
	for (i = optind; i < argc; i++)
		options_descriptor(argv[i]);
	options_need(STDOUT_FILENO);
	if (t.pid != 0 && kill((pid_t)t.pid, 0) == -1 && errno == ESRCH)
		give_up(t.pid, ESRCH);
	survey(&t, optind == argc);
	for (i = optind; i < argc; i++) {
		if (add_row(&t, options_descriptor(argv[i])))
			continue;
		if (t.pid != 0)
			say("%ld: descriptor %s: not open", t.pid, argv[i]);
		else
			say("descriptor %s: not open", argv[i]);
		status = EXIT_WRONG;
	}
	for (n = 0; optind == argc && n < t.n_open; n++)
		add_row(&t, t.open[n]);
	print(&t);
	free(t.cells);
	free(t.open);
	free(t.group);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		failed("write");
		failed_on("standard output");
		status = -1;
	}
	return ending(status, 0, -1);
}
