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
int environ_listen(
    struct environment *e, size_t count, const char *names, size_t length);
int environ_listen_more(struct environment *e, size_t count, const char *name);
void environ_listen_pid(struct environment *, pid_t);

#endif
