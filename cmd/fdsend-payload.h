/* SPDX-License-Identifier: ISC */
/*
 * -S: the payload of a message as bytes, read from a file.
 */
#ifndef FDSEND_PAYLOAD_H
#define FDSEND_PAYLOAD_H

#include <stdint.h>

int payload_read(const char *file, char *bytes, size_t size, size_t *length,
    int64_t deadline);

#endif
