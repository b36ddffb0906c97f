/* SPDX-License-Identifier: ISC */
/*
 * Descriptors that came in a message, and shall go.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

void message_close_fd(int);
void message_close_unread(int);

#endif
