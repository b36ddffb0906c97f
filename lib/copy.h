/* SPDX-License-Identifier: ISC */
/*
 * Copying bytes both ways between a connection and two descriptors.
 */
#ifndef COPY_H
#define COPY_H

#include "failure.h"

int copy_both(int, int, int, struct failure *);

#endif
