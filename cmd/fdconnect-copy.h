/* SPDX-License-Identifier: ISC */
/*
 * A conversation between standard input and output and a connection: bytes both
 * ways, and descriptors too if both sides are UNIX sockets.
 */
#ifndef FDCONNECT_COPY_H
#define FDCONNECT_COPY_H

/*
 * Copy standard input to the connection, which messages call name, and the
 * connection to standard output, until both have ended. The end of standard
 * input is passed on by shutting down the writing side of the connection,
 * unless keeps_open. Closes the connection. Returns the exit status, or -1 and
 * the failure.
 */
int copy_both(int connection, const char *name, int keeps_open);

#endif
