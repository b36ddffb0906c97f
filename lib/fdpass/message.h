/* SPDX-License-Identifier: ISC */
/*
 * One message: send it, receive it, close what came.
 *
 * The public functions are in fdpass.h; these are for the other modules.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "sys.h"

#include "fdpass.h"

/*
 * A sender that waits for the answer, and may give up before it comes, binds
 * its socket to an abstract name: this, and 16 random hexadecimal digits.
 */
#define MESSAGE_GIVE_UP "fdpass-give-up-"

/* Room for the largest control messages, aligned as the kernel needs it. */
union message_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX_FDS) + 256];
};

size_t message_put_rights(char *control, const int *fds, size_t count);
int message_is_end(int sock);
ssize_t message_send_part(int sock, int type, const struct sys_peer *self,
    const char *bytes, size_t n, const int *fds, size_t *count);
void message_ask_sender(struct fdpass_message *message, int sock);
int message_append(struct fdpass_message *message, struct fdpass_message *part);

#endif
