/* SPDX-License-Identifier: ISC */
/*
 * The environment of COMMAND: UCSPI's variables, FDRECV_* and LISTEN_*.
 */
#ifndef ENVIRON_H
#define ENVIRON_H

#include "sys.h"

#include "fdpass.h"

struct environment;

struct environment *environ_new(void);
char **environ_strings(struct environment *);
void environ_clear(struct environment *);
void environ_connection(struct environment *, int, const struct sockaddr *,
    socklen_t, const char *);
void environ_message(struct environment *, const struct fdpass_message *);
void environ_listen(struct environment *, int);
void environ_listen_pid(struct environment *, pid_t);

#endif
