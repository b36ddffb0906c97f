/* SPDX-License-Identifier: ISC */
/*
 * compute: a processor's time, taken on purpose.
 *
 * usage: compute
 *        compute MILLISECONDS COMMAND [ARG...]
 *
 * Without operands it computes until it is ended. Otherwise it takes that much
 * processor time, however long this lasts, and becomes COMMAND.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Here, so that no compiler leaves the work out. */
static volatile unsigned long n;

static long
spent_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == -1)
		return 0;
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
main(int argc, char *argv[])
{
	long wanted = argc > 1 ? atol(argv[1]) : 0;

	if (argc == 2) {
		fprintf(stderr, "usage: compute [milliseconds command]\n");
		return 2;
	}
	while (argc == 1 || spent_ms() < wanted) {
		for (unsigned long i = 0; i < 1000; i++)
			n += i;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
