/* SPDX-License-Identifier: ISC */
/*
 * What comes through a pipe in the place of an invitation. Nobody is called
 * but by a line that is one.
 */
#include "fdpass/invite.h"

#include "fuzz.h"

#include <sys/un.h>

#include <errno.h>
#include <unistd.h>

static const uint8_t *bytes;
static size_t count;

int __wrap_connect(int s, const struct sockaddr *sa, socklen_t length);

/* The linker puts this in the place of connect(): there is never anybody. */
int
__wrap_connect(int s, const struct sockaddr *sa, socklen_t length)
{
	const struct sockaddr_un *sun = (const struct sockaddr_un *)sa;
	size_t n = strlen(sun->sun_path);

	(void)s;
	must(sa->sa_family == AF_UNIX && length <= sizeof *sun);
	must(sun->sun_path[0] == '/');
	must(count > n + 7 && memcmp(bytes, "fdpass ", 7) == 0);
	must(memcmp(bytes + 7, sun->sun_path, n) == 0);
	errno = ECONNREFUSED;
	return -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fdpass_invitation i;
	struct failure f;
	int fds[2];

	bytes = data;
	count = size < 4096 ? size : 4096;
	must(pipe(fds) == 0);
	must(count == 0 || write(fds[1], data, count) == (ssize_t)count);
	close(fds[1]);
	i.length = 0;
	must(invitation_follow(fds[0], &i, &f) == -1);
	must(f.error == ENOTCONN || f.error == EPROTO ||
	    f.error == ENAMETOOLONG);
	close(fds[0]);
	return 0;
}
