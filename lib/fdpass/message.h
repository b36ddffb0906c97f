/* SPDX-License-Identifier: ISC */
/*
 * One message: payload and descriptors, by sendmsg() and recvmsg(). The calls
 * are those of fdpass.h; this is what the rest of us needs besides.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "sys.h"

/*
 * A sender that waits for the answer, and may give up before it comes, binds
 * its socket to this abstract name, with 16 random hexadecimal digits behind.
 */
#define MESSAGE_GIVE_UP "fdpass-give-up-"

size_t message_put_rights(char *control, const int *fds, size_t count);
int message_is_end(int sock);
ssize_t message_send_part(int sock, int type, int flags, const char *bytes,
    size_t n, const int *fds, size_t *count);

#endif
