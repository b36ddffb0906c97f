/* SPDX-License-Identifier: ISC */
/*
 * A mistake: what is sent is the number of a descriptor, as bytes. It means
 * nothing in another process.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void
sender(int out)
{
	int file = open("notes", O_RDONLY);

	printf("sender: the file is descriptor %d\n", file);
	fflush(stdout);
	write(out, &file, sizeof file); /* the number alone */
}

static void
receiver(int in)
{
	char bytes[4];
	int file;

	if (read(in, &file, sizeof file) != sizeof file)
		return;
	printf("receiver: got %d\n", file);
	fflush(stdout);
	if (read(file, bytes, sizeof bytes) == -1)
		perror("receiver: read");
}

int
main(void)
{
	int ends[2];

	if (pipe(ends) == -1)
		return 1;
	switch (fork()) {
	case -1:
		return 1;
	case 0:
		close(ends[1]);
		receiver(ends[0]);
		break;
	default:
		sender(ends[1]);
	}
	return 0;
}
