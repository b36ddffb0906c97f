/* SPDX-License-Identifier: ISC */
/*
 * -S: the payload of a message as bytes, in a file for COMMAND.
 */
#ifndef FDRECV_PAYLOAD_H
#define FDRECV_PAYLOAD_H

#include <stddef.h>

int payload_file(const char *bytes, size_t length);

#endif
