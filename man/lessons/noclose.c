/* SPDX-License-Identifier: ISC */
/*
 * A mistake: a server that hands each connection to the worker and then
 * forgets to close its own copy. Run it by fdlisten -l, which gives it the
 * listening socket as descriptor 3.
 */
#include "pass.h"

#include <sys/un.h>

#include <stdio.h>
#include <unistd.h>

int
main(void)
{
	struct sockaddr_un worker = {AF_UNIX, "worker"};
	int connection, sock;

	while ((connection = accept(3, NULL, NULL)) != -1) {
		sock = socket(AF_UNIX, SOCK_STREAM, 0);
		if (sock == -1 ||
		    connect(sock, (struct sockaddr *)&worker, sizeof worker) ==
			-1 ||
		    send_fd(sock, connection) == -1)
			perror("worker");
		if (sock != -1)
			close(sock);
		/* Here close(connection) is missing. */
	}
	return 1;
}
