/* SPDX-License-Identifier: ISC */
/*
 * fdpass: hand open file descriptors from process to process.
 *
 * The functions rest on sendmsg() and recvmsg() with a control message of type
 * SCM_RIGHTS on UNIX sockets, as POSIX.1-2008 defines them. None of them
 * prints, exits, raises SIGPIPE or starts anything in the background. All of
 * them retry after EINTR, except where it is said below that a signal
 * interrupts the wait.
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

/* At most this many descriptors in one message: Linux's SCM_MAX_FD. */
#define FDPASS_MAX_FDS 253
/* At most this many bytes of payload in one message, and at least 1. */
#define FDPASS_MAX_PAYLOAD 65536

/* At most this many entries from fdpass_receiver_poll(). */
#define FDPASS_MAX_POLL 257

/* At most this many bytes in an invitation. */
#define FDPASS_MAX_INVITATION 128

/* The answers of a receiver on a named socket. */
#define FDPASS_TAKEN '\0'
#define FDPASS_REFUSED 'n' /* wrong number or kind of descriptors */
#define FDPASS_RETRY 'r'   /* no room for them now */

/* Flags of fdpass_send() and fdpass_recv(). */
#define FDPASS_NOWAIT 1 /* EAGAIN instead of waiting */
#define FDPASS_CREDS 2  /* fdpass_send: attach credentials, if possible */
#define FDPASS_PEEK 4   /* fdpass_recv: leave the message in the queue */
/* A flag of fdpass_hand_over(). */
#define FDPASS_WAIT 8 /* wait for the receiver, and until it has room */

struct fdpass_message {
	char *payload; /* the caller's buffer */
	size_t size;   /* of the buffer, in bytes */
	size_t length; /* bytes received */
	int fds[FDPASS_MAX_FDS];
	size_t count; /* descriptors received, from fds[0] on */
	/* The sender of this message; -1 if the system does not tell. */
	long pid;
	long uid;
	long gid;
};

/*
 * Hand descriptors over to the receiver on the UNIX socket called name, which
 * is a path or, on Linux, @ and an abstract name: connect, send one message as
 * fdpass_send() does, shut down the writing side, wait for the answer.
 *
 * The descriptors remain the caller's, who closes its copies.
 *
 * Returns 0 when the receiver has taken them. Or -1 with errno: ENOENT or
 * ECONNREFUSED when nobody receives there; ENOTSOCK when the name is a file of
 * another kind; ECONNABORTED when the receiver refused the message; EAGAIN when
 * it had no room; ECONNRESET when it closed the connection without reading the
 * message; EPROTO when it sent something that is not an answer; EINTR when a
 * signal interrupted the wait; EINVAL and ENAMETOOLONG for a message or a name
 * out of limits; and the others of socket(), connect(), sendmsg() and recv().
 * With FDPASS_WAIT, the first two and EAGAIN are waited out, and so is
 * ECONNRESET, unless the payload is longer than one byte and a part of it may
 * have been read.
 */
int fdpass_hand_over(const char *name, const void *payload, size_t length,
    const int *fds, size_t count, int flags);

/*
 * Listen on a UNIX socket called name, as above, whose file has this mode from
 * its first instant. A stale name, which no socket is bound to any more, is
 * replaced. (For a moment, the umask of the process is changed.)
 *
 * Returns the listening socket, close-on-exec and the caller's. Closing it does
 * not remove the name: call unlink() before you close it. Or -1 with errno:
 * EADDRINUSE when another socket is bound to the name; ENOTSOCK when the name
 * is a file of another kind; EINVAL and ENAMETOOLONG for what cannot be a name;
 * and the others of socket(), bind(), listen() and open().
 */
int fdpass_listen(const char *name, mode_t mode);

/*
 * Accept one connection from a listening UNIX socket, and receive one whole
 * message from it into *message, made ready by fdpass_buffer(). Its buffer
 * needs one byte more than the longest payload that you want to take, or just
 * one byte if the payload is always a lone NUL. A connection that brings no
 * message, or none within five seconds, is closed; a message that does not fit
 * is refused; in both cases the next connection is accepted. Where there is no
 * room for it, the oldest unfinished one is closed. Several processes may call
 * this for the same socket: each message goes to one of them.
 *
 * Returns the connection, close-on-exec and the caller's: the sender waits
 * there for fdpass_answer(); close it after that. The received descriptors are
 * the caller's, as with fdpass_recv(). Or -1 with errno, and no descriptors:
 * EINTR when a signal interrupted the wait; EAGAIN when the socket does not
 * block and nobody has connected; and the others of accept().
 */
int fdpass_accept(int listener, struct fdpass_message *message);

/*
 * Connect to the UNIX socket called name, as above, to receive what a sender
 * holds ready there: a descriptor stream, for fdpass_receiver_begin() or
 * fdpass_recv(). It does not wait.
 *
 * Returns the connection, close-on-exec and the caller's. Or -1 with errno:
 * ENOENT or ECONNREFUSED when nobody listens there, or not yet; EAGAIN when the
 * queue of that socket is full; EPERM for an abstract name that another user
 * serves, unless that is root; EINVAL and ENAMETOOLONG for what cannot be a
 * name; and the others of socket() and connect().
 */
int fdpass_connect(const char *name);

/*
 * A receiver in steps, for a program that also waits for other things. On a
 * listening UNIX socket it does what fdpass_accept() does; on a connected one,
 * a descriptor stream, it receives messages that need no answer.
 *
 *	r = fdpass_receiver_begin(sock);
 *	while ((result = fdpass_receiver_step(r, &message, &sender)) == 0) {
 *		n = fdpass_receiver_poll(r, fds, &timeout);
 *		poll(fds, n, timeout);
 *	}
 *	fdpass_receiver_end(r);
 *
 * No call waits or installs a signal handler, with one exception: a call may
 * hang in the kernel (an accept() where another process was faster, a close()
 * of a socket with SO_LINGER). So that it ends after some 10 ms, a step borrows
 * the timer ITIMER_REAL and the action of SIGALRM for that moment, blocks all
 * other signals, and gives both back as they were.
 *
 * After fork(), only one of the two processes may use or end a receiver.
 */
struct fdpass_receiver;

/*
 * Begin to receive on sock, which remains the caller's and must stay open until
 * fdpass_receiver_end(). Its flags are not changed; on Linux, a stream has
 * SO_PASSCRED set until the end.
 *
 * Returns the receiver, to be freed by fdpass_receiver_end(). Or NULL with
 * errno: EBADF; ENOTSOCK for anything but a UNIX socket; ENOMEM.
 */
struct fdpass_receiver *fdpass_receiver_begin(int sock);

/*
 * Go on as far as possible without waiting. The message was made ready by
 * fdpass_buffer(), as for fdpass_accept(); its buffer has to be the same in
 * every step, and the library uses it until a step has returned 1.
 *
 * Returns 1 when a whole message has come. Its descriptors are the caller's,
 * and so is *sender: the connection where the sender waits for fdpass_answer(),
 * to be closed after that, or -1 on a stream. On a stream of type SOCK_STREAM,
 * the descriptors end a message; give it a buffer of more than
 * FDPASS_MAX_PAYLOAD bytes, for bytes that did not fit could be taken for the
 * beginning of the next message. Returns 0 when no whole message has come yet.
 * Or -1 with errno, and no descriptors: ENOTCONN at the end of a stream; EMFILE
 * and EMSGSIZE when a message of a stream was lost because the descriptor table
 * or the buffer had no room for it (the next step goes on with the message
 * after it); EMFILE, ENFILE, ENOBUFS and ENOMEM when there is no room for a
 * connection now, and no unfinished one to close; and the others of accept()
 * and recvmsg().
 */
int fdpass_receiver_step(struct fdpass_receiver *receiver,
    struct fdpass_message *message, int *sender);

/*
 * What to wait for before the next step: fills fds, which has room for
 * FDPASS_MAX_POLL entries, for poll(), and sets *timeout to the milliseconds
 * after which the step is due in any case, -1 for never. Call it before each
 * wait.
 *
 * Returns the number of entries, at least 1.
 */
size_t fdpass_receiver_poll(
    const struct fdpass_receiver *receiver, struct pollfd *fds, int *timeout);

/*
 * Answer FDPASS_RETRY on all connections that have not brought their message
 * yet, and close them. Call it before you turn to something that takes long.
 * Keeps errno.
 */
void fdpass_receiver_dismiss(struct fdpass_receiver *receiver);

/*
 * Dismiss the unfinished connections, as above, and free the receiver, which
 * may be NULL. Bytes of an unfinished message of a stream are lost. Keeps
 * errno.
 */
void fdpass_receiver_end(struct fdpass_receiver *receiver);

/*
 * What has been read of an invitation; set length to 0 before the first step.
 */
struct fdpass_invitation {
	size_t length;
	char line[FDPASS_MAX_INVITATION];
};

/*
 * Follow an invitation in steps. An ordinary pipe cannot carry descriptors:
 * fdlisten and fdsend with a pipe as standard output write the name of a
 * private socket into it, for one reader, which connects to it. *invitation
 * holds what has been read so far. Nothing after the invitation is read, and no
 * step waits; if another process was faster to read, this borrows the timer for
 * that moment, as fdpass_receiver_step() does.
 *
 * Returns the connection, close-on-exec and the caller's: a descriptor stream,
 * for fdpass_receiver_begin() or fdpass_recv(); close the pipe, or put the
 * connection in its place. Or -1 with errno: EAGAIN when not all of the
 * invitation has come yet (call again when the pipe is readable); EBUSY when
 * too many connect at once (call again after some milliseconds); ENOTCONN at
 * the end of file, or when the inviter has exited; EPROTO for other bytes;
 * EPERM when the invitation leads to another user; and the others of read(),
 * socket() and connect(). After EMFILE, ENFILE, ENOBUFS and ENOMEM it may be
 * called again.
 */
int fdpass_follow(int pipe, struct fdpass_invitation *invitation);

/*
 * Send one message by sendmsg(): length bytes of payload (1 to
 * FDPASS_MAX_PAYLOAD; on a socket of type SOCK_STREAM, at least the first is
 * sent) with count descriptors (0 to FDPASS_MAX_FDS).
 *
 * The descriptors remain the caller's, who closes its copies; a message in
 * flight keeps the open file descriptions open by itself.
 *
 * Returns the number of payload bytes sent: all of them, except on SOCK_STREAM,
 * where the caller sends the rest without descriptors. Or -1 with errno: EINVAL
 * for a length or a count out of limits; EAGAIN with FDPASS_NOWAIT; EPIPE or
 * ECONNRESET when the receiver is gone; ETOOMANYREFS when more descriptors are
 * in flight than the process may have open; ENOBUFS, ENOMEM, EMSGSIZE and the
 * others of sendmsg().
 */
ssize_t fdpass_send(int sock, const void *payload, size_t length,
    const int *fds, size_t count, int flags);

/*
 * Make a message ready to be received: empty, with a buffer of size bytes for
 * its payload. The buffer remains the caller's.
 */
void fdpass_buffer(struct fdpass_message *message, char *payload, size_t size);

/*
 * Receive one message by recvmsg() into *message, made ready by
 * fdpass_buffer(); a buffer of more than FDPASS_MAX_PAYLOAD bytes has room for
 * any payload.
 *
 * The received descriptors are new, close-on-exec, and the caller's to close
 * (fdpass_close()), with FDPASS_PEEK too. On an error there are none. On Linux,
 * the sender is known only if the socket has SO_PASSCRED, and had it already
 * when the message was sent (not needed with FDPASS_CREDS).
 *
 * Returns 1 for a message, which on SOCK_STREAM may be a part of one; 0 at the
 * end of file (on SOCK_SEQPACKET, an empty message looks the same). Or -1 with
 * errno: EMFILE when the descriptor table had no room for all of them, and then
 * the message is lost; EMSGSIZE when the payload did not fit; EAGAIN with
 * FDPASS_NOWAIT; EINTR when a signal interrupted the wait; and the others of
 * recvmsg().
 */
int fdpass_recv(int sock, struct fdpass_message *message, int flags);

/* Close the received descriptors; keeps errno. */
void fdpass_close(struct fdpass_message *message);

/*
 * Answer the sender on a connection to a named socket with one byte:
 * FDPASS_TAKEN, FDPASS_REFUSED or FDPASS_RETRY. After that, close sock, and the
 * received descriptors too unless the answer was FDPASS_TAKEN.
 *
 * Returns 0, also if a foreign sender is gone or does not read. Or -1 with
 * EPIPE if a sender that uses this library has given up before the answer: it
 * has kept the descriptors, and the receiver must not use them.
 */
int fdpass_answer(int sock, char answer);

#ifdef __cplusplus
}
#endif

#endif
