/* SPDX-License-Identifier: ISC */
/*
 * A worker on the socket ./s that counts the lines of each file it receives,
 * with libfdpass. With an argument, the mistake: it ends before it has
 * answered, as if it had crashed.
 */
#define _POSIX_C_SOURCE 200809L
#include <fdpass.h>
#include <stdio.h>
#include <unistd.h>

static int
lines(int fd)
{
	char bytes[4096];
	ssize_t n, i;
	int count = 0;

	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		for (i = 0; i < n; i++)
			count += bytes[i] == '\n';
	return count;
}

int
main(int argc, char *argv[])
{
	struct fdpass_message m;
	char payload[257]; /* one more than is taken */
	int listener, sender, wanted;

	(void)argv;
	if ((listener = fdpass_listen("./s", 0600)) == -1) {
		perror("./s");
		return 1;
	}
	fdpass_buffer(&m, payload, sizeof payload);
	while ((sender = fdpass_accept(listener, &m)) != -1) {
		if (argc > 1)
			break;
		wanted = m.count == 1;
		if (fdpass_answer(
			sender, wanted ? FDPASS_TAKEN : FDPASS_REFUSED) == 0 &&
		    wanted)
			printf("%d lines\n", lines(m.fds[0]));
		fflush(stdout);
		close(sender);
		fdpass_close(&m);
	}
	unlink("./s");
	return 1;
}
