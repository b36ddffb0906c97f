/* SPDX-License-Identifier: ISC */
/*
 * -o FILE: the bound address, as one line.
 */
#ifndef FDLISTEN_OUTPUT_H
#define FDLISTEN_OUTPUT_H

#include <stdint.h>

int output_line(const char *file, const char *line, int64_t deadline);

#endif
