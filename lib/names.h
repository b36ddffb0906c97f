/* SPDX-License-Identifier: ISC */
/*
 * The names in LISTEN_FDNAMES: which there can be, and lists of them.
 */
#ifndef NAMES_H
#define NAMES_H

#include <stddef.h>

int names_is_name(const char *name, size_t length);
int names_is_list(const char *list, size_t length, size_t count);
char *names_append(const char *list, size_t count, const char *name);

#endif
