/* SPDX-License-Identifier: ISC */
/*
 * Descriptor hygiene: what is open, what COMMAND shall find, and where.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stddef.h>

int descriptors_init(void);
int descriptors_is_open(int);
int descriptors_next(int);
int descriptors_highest(void);
int descriptors_limit(void);
void descriptors_close_duplicates(int);
void descriptors_raise_limit(void);
int descriptors_have_room(void);
int descriptors_take_standard(int, int);
int descriptors_land(const char *, int *, const int *, size_t);

#endif
