/* SPDX-License-Identifier: ISC */
/*
 * landing - every arrangement of descriptors that are to land in COMMAND, up
 * to four of them, compared with what is to come of it.
 *
 *	landing [NUMBERS]
 *
 * Sources are any of the first numbers of a list, the same ones perhaps, but
 * no standard descriptors; targets are different ones of the same numbers.
 * NUMBERS (5, at most 8) is how many of the list there are for four
 * descriptors; for fewer, all that matter. Each is tried with a table that has
 * room, with one number free elsewhere, and, where each source is there once,
 * with none free but one target.
 *
 * Prints how many were tried. The first that goes wrong is shown, status 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "command.h"

#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 4
#define LIMIT 16  /* descriptors in the table */
#define SAVED 100 /* from here up: what the test keeps for itself */

enum table { ROOM, FULL, FULL_BUT_TARGET };

static const int list[] = {3, 4, 5, 1, 6, 7, 0, 8};

/*
 * Open file descriptions, each known by its position: that of source i is
 * i + 1, that of what is open elsewhere LIMIT + 1.
 */
static int description[LIMIT + 2];
static int out;
static long tried;

static void
die(const char *what)
{
	dprintf(out, "landing: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* The one place that knows what the function is called. */
static int
land(int *fds, const int *targets, size_t n)
{
	return command_land("S5", fds, targets, n);
}

/* What is open there, by position; 0 for nothing. */
static int
at(int fd)
{
	off_t position = lseek(fd, 0, SEEK_CUR);

	return position == -1 ? 0 : (int)position;
}

static int
holds(const int *numbers, size_t n, int number)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (numbers[i] == number)
			return 1;
	return 0;
}

static void
put(int position, int fd)
{
	if (dup2(description[position], fd) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		die("dup2");
}

/* The number that stays free, -1 for none in particular, -2: this cannot be. */
static int
free_number(const int *fds, const int *targets, size_t n, enum table table)
{
	size_t i;

	if (table == ROOM)
		return -1;
	if (table == FULL)
		return LIMIT - 1;
	for (i = 0; i < n; i++)
		if (holds(fds, i, fds[i]))
			return -2;
	for (i = n; i-- > 0;)
		if (targets[i] > 2 && !holds(fds, n, targets[i]))
			return targets[i];
	return -2;
}

/*
 * Fill the table; before[] is what is open at each number. The first three are
 * never free, for the commands hold them.
 */
static int
set_up(
    const int *fds, const int *targets, size_t n, enum table table, int *before)
{
	int fd, is_free = free_number(fds, targets, n, table);

	if (is_free == -2)
		return -1;
	for (fd = 0; fd < LIMIT; fd++) {
		before[fd] = 0;
		if (holds(fds, n, fd))
			before[fd] = fd + 1;
		else if (fd <= 2 || (table != ROOM && fd != is_free))
			before[fd] = LIMIT + 1;
		if (before[fd] != 0)
			put(before[fd], fd);
		else
			close(fd);
	}
	return 0;
}

/* The number where it is not as it should be, -1 if there is none. */
static int
wrong(const int *fds, const int *targets, size_t n, const int *before)
{
	int fd, expected, flags;
	size_t i;

	for (fd = 0; fd < LIMIT; fd++) {
		expected = holds(fds, n, fd) ? 0 : before[fd];
		flags = FD_CLOEXEC;
		for (i = 0; i < n; i++)
			if (targets[i] == fd) {
				expected = before[fds[i]];
				flags = 0;
			}
		if (at(fd) != expected ||
		    (expected != 0 && fcntl(fd, F_GETFD) != flags))
			return fd;
	}
	return -1;
}

static void
show(const int *fds, const int *targets, size_t n, enum table table)
{
	static const char *const names[] = {
	    "there is room", "one number is free", "one target is free"};
	size_t i;

	for (i = 0; i < n; i++)
		dprintf(out, "%d to %d, ", fds[i], targets[i]);
	dprintf(out, "%s: ", names[table]);
}

static void
try_table(const int *fds, const int *targets, size_t n, enum table table)
{
	int before[LIMIT], moving[MOST], fd;

	if (set_up(fds, targets, n, table, before) == -1)
		return;
	memcpy(moving, fds, n * sizeof *fds);
	if (land(moving, targets, n) == -1) {
		show(fds, targets, n, table);
		die("landing");
	}
	fd = wrong(fds, targets, n, before);
	if (fd != -1) {
		show(fds, targets, n, table);
		dprintf(out, "number %d is wrong\n", fd);
		exit(1);
	}
	tried++;
}

/* All arrangements of n that begin with these. */
static void
try_all(int *fds, int *targets, size_t known, size_t n, size_t numbers)
{
	size_t i, j;

	if (known == n) {
		try_table(fds, targets, n, ROOM);
		try_table(fds, targets, n, FULL);
		try_table(fds, targets, n, FULL_BUT_TARGET);
		return;
	}
	for (i = 0; i < numbers; i++)
		for (j = 0; j < numbers; j++) {
			if (list[i] <= 2 || holds(targets, known, list[j]))
				continue;
			fds[known] = list[i];
			targets[known] = list[j];
			try_all(fds, targets, known + 1, n, numbers);
		}
}

static int
save(int fd)
{
	int saved = fcntl(fd, F_DUPFD_CLOEXEC, SAVED);

	if (saved == -1)
		die("dup");
	return saved;
}

static void
open_descriptions(const char *file)
{
	int fd, i;

	for (i = 1; i <= LIMIT + 1; i++) {
		fd = open(file, O_RDONLY);
		if (fd == -1 || lseek(fd, i, SEEK_SET) == -1)
			die(file);
		description[i] = save(fd);
		close(fd);
	}
}

int
main(int argc, char *argv[])
{
	size_t n, numbers = argc > 1 ? (size_t)atoi(argv[1]) : 5;
	int fds[MOST], targets[MOST];
	struct rlimit limit;

	if (numbers < MOST || numbers > sizeof list / sizeof list[0])
		return 2;
	out = STDERR_FILENO;
	out = save(STDOUT_FILENO);
	open_descriptions(argv[0]);
	/* What is open beyond the limit stays open. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("getrlimit");
	limit.rlim_cur = LIMIT;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		die("setrlimit");
	for (n = 1; n <= MOST; n++)
		try_all(fds, targets, 0, n, n < MOST ? 2 * n + 1 : numbers);
	dprintf(out, "%ld arrangements\n", tried);
	return 0;
}
