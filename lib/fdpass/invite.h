/* SPDX-License-Identifier: ISC */
/*
 * The invitation that a pipe carries in place of descriptors: read it, and
 * connect to the socket that it names.
 */
#ifndef INVITE_H
#define INVITE_H

#include "sys.h"

#include "failure.h"
#include "fdpass.h"

/* An invitation is one line: this, the path of a socket, and an end of line. */
#define INVITATION_GREETING "fdpass "

int invitation_follow(
    int pipe_fd, struct fdpass_invitation *invitation, struct failure *f);
const char *invitation_path(const struct fdpass_invitation *invitation);
int invitation_is_ours(int sock);

#endif
