/* SPDX-License-Identifier: ISC */
/*
 * One message: payload and descriptors, by sendmsg() and recvmsg(). The calls
 * are those of fdpass.h; this is what the rest of us needs besides.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

void message_close_fd(int fd);

#endif
