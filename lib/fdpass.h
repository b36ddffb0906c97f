/* SPDX-License-Identifier: ISC */
/*
 * fdpass: hand open file descriptors from process to process.
 *
 * The functions rest on sendmsg() and recvmsg() with a control message of type
 * SCM_RIGHTS on UNIX sockets, as POSIX.1-2008 defines them. None of them
 * prints, exits, raises SIGPIPE or starts anything in the background; all
 * retry EINTR, but for a call that was to wait and may have to end.
 */
#ifndef FDPASS_H
#define FDPASS_H

#include <sys/types.h>

#include <poll.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version that this header belongs to. */
#define FDPASS_VERSION_MAJOR 0
#define FDPASS_VERSION_MINOR 1
#define FDPASS_VERSION_PATCH 0
#define FDPASS_VERSION "0.1.0"

/* Descriptors in one message, at most: Linux's SCM_MAX_FD. */
#define FDPASS_MAX_FDS 253
/* Bytes of payload in one message, at most; at least there is one. */
#define FDPASS_MAX_PAYLOAD 65536

/* Descriptors that fdpass_receiver_poll() names, at most. */
#define FDPASS_MAX_POLL 257

/* Bytes of an invitation, at most. */
#define FDPASS_MAX_INVITATION 128

/* The answers of a receiver on a named socket. */
#define FDPASS_TAKEN '\0'
#define FDPASS_REFUSED 'n' /* wrong number or kind of descriptors */
#define FDPASS_RETRY 'r'   /* no room for them now */

/* Flags of fdpass_send() and fdpass_recv(). */
#define FDPASS_NOWAIT 1 /* EAGAIN instead of waiting */
#define FDPASS_CREDS 2  /* fdpass_send: attach credentials, where there are */
#define FDPASS_PEEK 4   /* fdpass_recv: leave the message in the queue */
/* A flag of fdpass_hand_over(). */
#define FDPASS_WAIT 8 /* wait for the receiver, and until it has room */

struct fdpass_message {
	char *payload; /* the caller's buffer */
	size_t size;   /* of the buffer, in bytes */
	size_t length; /* of what was received */
	int fds[FDPASS_MAX_FDS];
	size_t count; /* of received descriptors, from fds[0] */
	/* The sender of this message; -1 what the system does not tell. */
	long pid;
	long uid;
	long gid;
};

/*
 * Hand descriptors over to who receives on the UNIX socket called name, a path
 * or, on Linux, @ and an abstract name: connect, send one message as
 * fdpass_send() does, shut down the writing side, wait for the answer.
 *
 * The descriptors stay the caller's, who closes its copies.
 *
 * Returns 0 when the receiver has taken them. Or -1 with errno: ENOENT or
 * ECONNREFUSED when nobody receives there; ECONNABORTED when the receiver
 * refused; EAGAIN when it had no room; ECONNRESET when it went away without
 * reading; EINTR when waiting was interrupted by a signal; EINVAL and
 * ENAMETOOLONG for what cannot be sent, or be a name. With FDPASS_WAIT the
 * first two and EAGAIN are waited out, and ECONNRESET where the payload is
 * one byte: of a longer one a part may have been taken.
 */
int fdpass_hand_over(const char *name, const void *payload, size_t length,
    const int *fds, size_t count, int flags);

/*
 * Listen on a UNIX socket called name, as above, with this file mode from its
 * first instant. A name that nobody is bound to any more is replaced. (For
 * a moment the umask of the process is changed.)
 *
 * Returns the listening socket, close-on-exec and the caller's. The name stays
 * when it is closed: who ends in order calls unlink() first. Or -1 with
 * errno: EADDRINUSE when somebody is bound to the name; ENOTSOCK when it is
 * something else than a socket; EINVAL and ENAMETOOLONG for what cannot be a
 * name; and the others of socket(), bind(), listen() and open().
 */
int fdpass_listen(const char *name, mode_t mode);

/*
 * Accept one connection from a listening UNIX socket, and receive on it one
 * whole message into *message, made ready by fdpass_buffer(). Its buffer needs
 * one byte more than the longest payload to be taken, or just one byte where
 * the payload is a lone NUL. A connection that brings no message, or none
 * within five seconds, is closed, a message that does not fit is refused, and
 * the next connection is accepted. Several processes may call it for the same
 * socket: each message goes to one of them.
 *
 * Returns the connection, close-on-exec, where the sender waits for
 * fdpass_answer(); to be closed after that. The received descriptors are the
 * caller's, as those of fdpass_recv(). Or -1 with errno, and no descriptors:
 * EINTR when waiting was interrupted by a signal; EAGAIN when the socket does
 * not block and nobody has connected; and the others of accept().
 */
int fdpass_accept(int listener, struct fdpass_message *message);

/*
 * Connect to the UNIX socket called name, as above, to receive what is held
 * there: a descriptor stream, for fdpass_receiver_begin() or fdpass_recv().
 * It does not wait.
 *
 * Returns the connection, close-on-exec and the caller's. Or -1 with errno:
 * ENOENT or ECONNREFUSED when nobody listens there, or not yet; EAGAIN when
 * its queue is full; EPERM for an abstract name that is served neither by the
 * same user nor by root; EINVAL and ENAMETOOLONG for what cannot be a name; and
 * the others of socket() and connect().
 */
int fdpass_connect(const char *name);

/*
 * A receiver in steps, for a program that waits for other things, too: for a
 * listening UNIX socket, where it does what fdpass_accept() does, or for a
 * connected one, a descriptor stream, where nothing is answered.
 *
 *	r = fdpass_receiver_begin(sock);
 *	while ((result = fdpass_receiver_step(r, &message, &sender)) == 0) {
 *		n = fdpass_receiver_poll(r, fds, &timeout);
 *		poll(fds, n, timeout);
 *	}
 *	fdpass_receiver_end(r);
 *
 * No call waits, or installs a handler of signals. For the moment of a call
 * that could hang in the kernel (an accept() that another process was faster
 * at, a close() of a socket with SO_LINGER), a step borrows the timer
 * ITIMER_REAL and the action of SIGALRM, with all other signals blocked, and
 * gives back both as they were: it ends after some 10 ms.
 */
struct fdpass_receiver;

/*
 * Begin to receive on sock, which stays the caller's and must stay open until
 * fdpass_receiver_end(). Its flags are not changed; on Linux a stream has
 * SO_PASSCRED until the end.
 *
 * Returns the receiver, to be given to fdpass_receiver_end(). Or NULL with
 * errno: EBADF; ENOTSOCK for what is no UNIX socket; ENOMEM.
 */
struct fdpass_receiver *fdpass_receiver_begin(int sock);

/*
 * Go on as far as possible without waiting. The message was made ready by
 * fdpass_buffer(), as for fdpass_accept(); its buffer has to be the same in
 * every step, and is the library's until one of them has returned 1.
 *
 * Returns 1 when a whole message has come. Its descriptors are the caller's,
 * and so is *sender: the connection where fdpass_answer() is waited for, to be
 * closed after that, or -1 on a stream. A message of a stream of type
 * SOCK_STREAM ends with its descriptors; give it a buffer of more than
 * FDPASS_MAX_PAYLOAD bytes, for bytes that did not fit can be taken for the
 * beginning of the next. Returns 0 when nothing has come as
 * yet. Or -1 with errno, and no descriptors: ENOTCONN at the end of a stream;
 * EMFILE and EMSGSIZE when a message of a stream was lost because the
 * descriptor table or the buffer had no room, the next step goes on behind it;
 * EMFILE, ENFILE, ENOBUFS and ENOMEM when there is no room for a connection
 * now; and the others of accept() and recvmsg().
 */
int fdpass_receiver_step(struct fdpass_receiver *receiver,
    struct fdpass_message *message, int *sender);

/*
 * What to wait for before the next step: up to FDPASS_MAX_POLL entries for
 * poll() in fds, and the milliseconds after which the step is due anyway in
 * *timeout, -1 for none. To be asked anew before each wait.
 *
 * Returns the number of entries, at least 1.
 */
size_t fdpass_receiver_poll(
    const struct fdpass_receiver *receiver, struct pollfd *fds, int *timeout);

/*
 * Answer FDPASS_RETRY on all connections that have not brought their message
 * yet, and close them: what a program does before it turns to something that
 * takes long. Keeps errno.
 */
void fdpass_receiver_dismiss(struct fdpass_receiver *receiver);

/*
 * Dismiss those that are unfinished, and free the receiver; NULL is none.
 * Bytes that have come of an unfinished message of a stream are lost. Keeps
 * errno.
 */
void fdpass_receiver_end(struct fdpass_receiver *receiver);

/* What was read of an invitation; length is 0 before the first step. */
struct fdpass_invitation {
	size_t length;
	char line[FDPASS_MAX_INVITATION];
};

/*
 * Follow an invitation in steps. An ordinary pipe cannot carry descriptors:
 * fdlisten and fdsend with a pipe as standard output write the name of a
 * private socket into it, for one reader, who connects to it. What was read so
 * far is in *invitation. Nothing behind the invitation is read, and no step
 * waits; for the moment of a read() that another process was faster at it
 * borrows the timer, as fdpass_receiver_step() does.
 *
 * Returns the connection, close-on-exec and the caller's: a descriptor stream,
 * for fdpass_receiver_begin() or fdpass_recv(); close the pipe, or put the
 * connection in its place. Or -1 with errno: EAGAIN when not all of it has come
 * yet, to be called again when the pipe is readable; EBUSY when too many
 * connect at once, to be called again after some milliseconds; ENOTCONN at the
 * end of file, or when who has invited is gone; EPROTO for other bytes; EPERM
 * when it leads to another user; and the others of read(), socket() and
 * connect(). After EMFILE, ENFILE, ENOBUFS and ENOMEM it may be called again.
 */
int fdpass_follow(int pipe, struct fdpass_invitation *invitation);

/*
 * Send one message: length bytes of payload (1 to FDPASS_MAX_PAYLOAD; on a
 * socket of type SOCK_STREAM at least the first is sent) with count
 * descriptors (0 to FDPASS_MAX_FDS), by sendmsg().
 *
 * The descriptors stay the caller's, who closes its copies; a message in
 * flight keeps the open file descriptions open by itself.
 *
 * Returns the number of payload bytes sent, all but on SOCK_STREAM, where the
 * rest is to be sent without descriptors. Or -1 with errno: EINVAL for a length
 * or a count out of limits; EAGAIN with FDPASS_NOWAIT; EPIPE, ECONNRESET when
 * the receiver is gone; ETOOMANYREFS when more descriptors are in flight than
 * the process may have open; ENOBUFS, ENOMEM, EMSGSIZE and the others of
 * sendmsg().
 */
ssize_t fdpass_send(int sock, const void *payload, size_t length,
    const int *fds, size_t count, int flags);

/*
 * Make a message ready to be received: empty, with a buffer of so many bytes
 * for its payload.
 */
void fdpass_buffer(struct fdpass_message *message, char *payload, size_t size);

/*
 * Receive one message by recvmsg() into *message, made ready by
 * fdpass_buffer(); a size over FDPASS_MAX_PAYLOAD makes sure that all fits.
 *
 * The received descriptors are new, close-on-exec, and the caller's to close
 * (fdpass_close()), with FDPASS_PEEK too. On an error there are none.
 *
 * Returns 1 for a message, on SOCK_STREAM possibly for a part of one; 0 at the
 * end of file (on SOCK_SEQPACKET an empty message looks the same). Or -1
 * with errno: EMFILE when the descriptor table had no room for all of them,
 * the message is lost then; EMSGSIZE when the payload did not fit; EAGAIN
 * with FDPASS_NOWAIT; EINTR when waiting was interrupted by a signal; and the
 * others of recvmsg().
 */
int fdpass_recv(int sock, struct fdpass_message *message, int flags);

/* Close the received descriptors; keeps errno. */
void fdpass_close(struct fdpass_message *message);

/*
 * Answer the sender on a connection to a named socket with one byte,
 * FDPASS_TAKEN, FDPASS_REFUSED or FDPASS_RETRY. Close the received descriptors
 * and sock after that, or use the descriptors where FDPASS_TAKEN was answered.
 *
 * Returns 0, also for a foreign sender that is gone or does not read. Or -1
 * with EPIPE when a sender of this library has given up before the answer: it
 * has kept the descriptors, and they must not be used.
 */
int fdpass_answer(int sock, char answer);

#ifdef __cplusplus
}
#endif

#endif
