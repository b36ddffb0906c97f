/* SPDX-License-Identifier: ISC */
/*
 * glimpse - wait for FILE and print its mode as it was at the first sight.
 *
 *	glimpse FILE
 */
#define _POSIX_C_SOURCE 200809L
#include <sys/stat.h>

#include <stdio.h>

int
main(int argc, char *argv[])
{
	struct stat st;

	if (argc != 2) {
		fprintf(stderr, "usage: glimpse FILE\n");
		return 2;
	}
	printf("looking\n");
	fflush(stdout);
	while (lstat(argv[1], &st) == -1)
		;
	printf("%o\n", (unsigned)(st.st_mode & 07777));
	return 0;
}
