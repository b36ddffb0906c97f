/* SPDX-License-Identifier: ISC */
/*
 * The environment of COMMAND: the variables of UCSPI, FDRECV_* and LISTEN_*.
 */
#ifndef ENVIRON_H
#define ENVIRON_H

#include "sys.h"

#include "descriptors.h"
#include "fdpass.h"

struct environment;

int environ_is_name(const char *name, size_t length);

struct environment *environ_new(const char *command);
char **environ_strings(struct environment *e);
void environ_clear(struct environment *e);
void environ_connection(struct environment *e, int fd, const struct peer *peer,
    const char *unix_path);
int environ_message(struct environment *e, const struct fdpass_message *m);
int environ_listen(
    struct environment *e, size_t count, const char *names, size_t length);
int environ_listen_more(struct environment *e, size_t count, const char *name);
void environ_listen_pid(struct environment *e, pid_t pid);

#endif
