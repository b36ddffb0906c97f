/* SPDX-License-Identifier: ISC */
/*
 * The names in LISTEN_FDNAMES: which there can be, and lists of them.
 */
#ifndef FDNAMES_H
#define FDNAMES_H

#include <stddef.h>

int fdnames_is_name(const char *name, size_t length);
int fdnames_is_list(const char *list, size_t length, size_t count);
char *fdnames_append(const char *list, size_t count, const char *name);

#endif
