/* SPDX-License-Identifier: ISC */
/*
 * A mistake: O_NONBLOCK is set on a descriptor that others hold too. The flag
 * belongs to the open file description: all of them have it, even after this
 * process has ended.
 */
#include <fcntl.h>
#include <unistd.h>

int
main(void)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL);

	return flags == -1 ||
	    fcntl(STDIN_FILENO, F_SETFL, flags | O_NONBLOCK) == -1;
}
