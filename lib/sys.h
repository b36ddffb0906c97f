/* SPDX-License-Identifier: ISC */
/*
 * What differs between systems.
 *
 * Everything that is not in POSIX.1-2008 is called through this header: the
 * calls that POSIX.1-2024 added, with a fallback, and what only Linux has.
 * Include it before any other header.
 *
 * -DFDPASS_POSIX_ONLY builds the fallbacks, and nothing that only Linux has.
 */
#ifndef SYS_H
#define SYS_H

/* On 32-bit systems, a received file may be too large for a 32-bit off_t. */
#define _FILE_OFFSET_BITS 64

#if defined(FDPASS_POSIX_ONLY)
#define _XOPEN_SOURCE 700
#elif defined(__linux__)
#define _GNU_SOURCE
#define SYS_LINUX 1
#endif

#include <sys/socket.h>
#include <sys/types.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#if !defined(FDPASS_POSIX_ONLY) && defined(SOCK_CLOEXEC) && \
    defined(MSG_CMSG_CLOEXEC)
#define SYS_2024 1
#endif

/* In glibc, MSG_CMSG_CLOEXEC is an enum constant, which #if takes for 0. */
#ifdef SYS_2024
#define SYS_HAS_CMSG_CLOEXEC 1
#define SYS_CMSG_CLOEXEC MSG_CMSG_CLOEXEC
#else
#define SYS_HAS_CMSG_CLOEXEC 0
#define SYS_CMSG_CLOEXEC 0
#endif

/* Bytes of the control message for credentials, with its padding. */
#ifdef SYS_LINUX
#define SYS_CREDS_SPACE CMSG_SPACE(sizeof(struct ucred))
#else
#define SYS_CREDS_SPACE 0
#endif

/*
 * How many quarters of its buffer a UNIX socket has free for certain when
 * poll() says that it can be written to; 0: not known.
 */
#ifdef SYS_LINUX
#define SYS_FREE_QUARTERS 3
#else
#define SYS_FREE_QUARTERS 0
#endif

/* A descriptor that only names a file: it can be neither read nor written. */
#if defined(SYS_LINUX) && defined(O_PATH)
#define SYS_O_PATH O_PATH
#else
#define SYS_O_PATH 0
#endif

/*
 * The peer has shut down its writing side. Without it, there is only POLLHUP,
 * which comes when both sides are shut down.
 */
#ifdef POLLRDHUP
#define SYS_POLLRDHUP POLLRDHUP
#else
#define SYS_POLLRDHUP 0
#endif

/* The queue of a listening socket; the kernel lowers it to its own limit. */
#if SOMAXCONN > 4096
#define SYS_BACKLOG SOMAXCONN
#else
#define SYS_BACKLOG 4096 /* musl's SOMAXCONN is 128 */
#endif

/* The process at the other end; -1 for what the system does not tell. */
struct sys_peer {
	long pid;
	long uid;
	long gid;
};

int sys_would_block(int error);
int sys_cloexec(int fd);
int sys_nonblock(int fd, int on);
int sys_socket(int domain, int type);
int sys_socket_nonblock(int domain, int type);
int sys_socketpair(int type, int pair[2]);
int sys_accept(int fd, struct sockaddr *address, socklen_t *length);
int sys_pipe(int ends[2]);
ssize_t sys_sendmsg(int fd, const struct msghdr *m, int flags);
int sys_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask);
void sys_ppoll_wake(void);
int sys_queued(int fd);
int sys_arrivals(int fd);
void sys_arrivals_clear(int arrivals);
int sys_drain_errors(int fd);
int sys_dup_above(int fd, int lowest);

int sys_has_abstract(void);
int sys_peer_of(int fd, struct sys_peer *peer);
unsigned long sys_peer_inode(ino_t inode);
int sys_want_creds(int fd, int on);
int sys_has_creds(int fd);
void sys_self(struct sys_peer *self);
size_t sys_put_creds(void *control, size_t room, const struct sys_peer *self);
int sys_get_creds(const struct cmsghdr *h, struct sys_peer *peer);
int sys_fd_of_process(long pid, int fd);
int sys_memory_file(const char *name);
int sys_same_description(long pid1, int fd1, long pid2, int fd2);
DIR *sys_open_table(void);
long sys_look_up(const char *path, const char *key, char *value, size_t size);
int sys_lock_directory(int fd);
void sys_end_with_parent(pid_t parent);
int sys_ends_with_parent(void);

#ifdef SYS_LINUX
#define SYS_VFORK() vfork()
#else
#define SYS_VFORK() fork()
#endif

#endif
