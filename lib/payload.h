/* SPDX-License-Identifier: ISC */
/*
 * The payload of a message as bytes: read from a file to be sent, and put into
 * one for COMMAND.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stdint.h>

int payload_read(const char *file, char *bytes, size_t size, size_t *length,
    int64_t deadline);
int payload_file(const char *bytes, size_t length);

#endif
