/* SPDX-License-Identifier: ISC */
/*
 * A conversation between standard input and output and a connection: bytes
 * both ways, and descriptors where both sides are UNIX sockets.
 */
#ifndef FDCONNECT_COPY_H
#define FDCONNECT_COPY_H

/*
 * Copy standard input to the connection, which is called name in messages, and
 * the connection to standard output, until both have ended. The end of
 * standard input is passed on by shutting down the connection's writing side,
 * unless keeps_open. Returns the exit status, or -1 for what has failed.
 */
int copy_both(int connection, const char *name, int keeps_open);

#endif
