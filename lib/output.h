/* SPDX-License-Identifier: ISC */
/*
 * -o FILE: the bound address, as one line.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdint.h>

int output_line(const char *, const char *, int64_t);

#endif
