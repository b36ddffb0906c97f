/* SPDX-License-Identifier: ISC */
/*
 * Options: what the commands have in common.
 *
 * These functions print what is wrong with an option, and end the command with
 * status 2, or with status 1 if the usage is right but the descriptor is not
 * open or cannot be.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "sys.h"

#include <stdint.h>

#define OPTIONS_MAX_FDS 253 /* at most, with -f */

struct options_fds {
	int fds[OPTIONS_MAX_FDS];
	size_t count;
};

enum options_use { OPTIONS_OPEN, OPTIONS_TARGET, OPTIONS_FOREIGN };

void options_init(int argc, char *argv[], const char *program,
    const char *synopsis, const char *help);
int options_get(int argc, char *argv[], const char *letters);
long options_number(int option, const char *text, long least, long most);
int options_descriptor(const char *text);
int64_t options_seconds(int option, const char *text);
mode_t options_mode(int option, const char *text);
int options_target(int option, const char *text);
void options_need(int fd);
void options_fd(
    struct options_fds *list, const char *text, enum options_use use);
void options_wrong(const char *format, ...);
void options_trace(int verbose);

#endif
