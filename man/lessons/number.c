/* SPDX-License-Identifier: ISC */
/*
 * A mistake: what is sent is the number of a descriptor, as bytes. It means
 * nothing in another process.
 */
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int
receiver(int in)
{
	char bytes[4];
	int file;

	if (read(in, &file, sizeof file) != sizeof file)
		return 1;
	printf("receiver: got %d\n", file);
	fflush(stdout);
	if (read(file, bytes, sizeof bytes) == -1)
		perror("receiver: read");
	return 0;
}

int
main(void)
{
	int ends[2], file;
	pid_t child;

	if (pipe(ends) == -1 || (child = fork()) == -1)
		return 1;
	if (child == 0) {
		close(ends[1]);
		return receiver(ends[0]);
	}
	file = open("notes", O_RDONLY);
	if (file == -1) {
		perror("notes");
		return 1;
	}
	printf("sender: the file is descriptor %d\n", file);
	fflush(stdout);
	/* The mistake: this sends the number alone. */
	if (write(ends[1], &file, sizeof file) != sizeof file)
		perror("sender: write");
	close(ends[1]);
	return waitpid(child, NULL, 0) == -1;
}
