/* SPDX-License-Identifier: ISC */
/*
 * The system calls of the steps: each is made and traced in one place.
 *
 * call_X() makes the system call X: step is the label of its line in the trace,
 * the result and errno are those of the call. tell_X() only traces a call that
 * is made elsewhere, because it is repeated in steps that never block.
 *
 * With FDTRACE=step:FIFO, each call is held back until a byte is read from the
 * FIFO.
 */
#ifndef CALLS_H
#define CALLS_H

#include "sys.h"

#include "fdpass/handover.h"
#include "fdpass/name.h"
#include "fdpass/receiver.h"

extern int trace_on;

int trace_init(int verbose);
int trace_has_room(void);
void trace_before(const char *step, const char *format, ...);
void trace(const char *step, const char *format, ...);

int call_socket(const char *step, int domain, int type);
int call_socket_nonblock(const char *step, int domain, int type);
int call_bind(
    const char *step, int s, const struct sockaddr *sa, socklen_t length);
int call_listen(const char *step, int s);
int call_named_listen(const char *const steps[3], const char *path, int type,
    mode_t mode, struct named *name);
int call_accept(
    const char *step, int listener, struct sockaddr *peer, socklen_t *length);
int call_socketpair(const char *step, int pair[2]);
int call_dup2(const char *step, int from, int to);
void call_shutdown(const char *step, int s);
void call_close(const char *step, int fd);

ssize_t call_read(
    const char *step, const char *name, int fd, char *bytes, size_t n);
ssize_t call_recv(const char *step, int s, char *bytes, size_t n);
ssize_t call_peek(const char *step, int s, void *bytes, size_t n);
ssize_t call_write(const char *step, const char *name, int fd,
    const char *bytes, size_t n, int flags);
ssize_t call_send(const char *step, int s, const char *bytes, size_t n);
ssize_t call_write_line(
    const char *step, int fd, const char *line, size_t length);

pid_t call_fork(const char *step);
void call_exec(const char *step, const char *path, char *const *argv,
    char *const *script, char *const *environment);

int call_answer(int s, char answer);
void call_refuse(struct arrival *a, char answer);

void tell_before(const char *step, const char *call, int fd);
void tell_connecting(const char *step, int s, const char *name);
void tell_connect(const char *step, int s, const char *name);
void tell_connected(const char *step, int s, const char *name);
void tell_not_connected(const char *step, int s, int error);
void tell_close(const char *step, int fd);
void tell_exec(const char *step, const char *path);
void tell_sendmsg(
    int s, const char *payload, size_t length, const int *fds, size_t count);
void tell_peeked(
    const char *step, int s, const void *bytes, ssize_t n, const char *what);
void tell_received(const char *step, int s, const struct fdpass_message *m);
void tell_handover(const struct handover *h, enum handover_event event);

#endif
