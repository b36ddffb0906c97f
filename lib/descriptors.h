/* SPDX-License-Identifier: ISC */
/*
 * The descriptor table: what is open, what there is room for, and what must be
 * kept from COMMAND.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

int descriptors_init(void);
int descriptors_is_open(int fd);
int descriptors_next(int from);
int descriptors_highest(void);
int descriptors_limit(void);
void descriptors_close_duplicates(int fd);
void descriptors_raise_limit(void);
int descriptors_have_room(void);
int descriptors_take_standard(int fd, int flags);

#endif
