/* SPDX-License-Identifier: ISC */
/*
 * What a command prints on standard error, and how it ends.
 */
#ifndef SAY_H
#define SAY_H

#include "failure.h"
#include "fdpass.h"

#include <stddef.h>
#include <stdint.h>

#define SAY_SENDER 240 /* room for say_sender() */

/* A line that is put together in a buffer; what does not fit is cut off. */
struct text {
	char *start;
	size_t size;   /* of the buffer */
	size_t length; /* so far, without the NUL that always ends it */
};

extern const char *say_program;
extern struct failure failure; /* why this command ends */

int failed(const char *operation);
int failed_because(int error, const char *format, ...);
int failed_usage(const char *format, ...);
int failed_late(const char *missing);
int failed_on(const char *object);
int ending(int result, int goes_on, int64_t timeout);
void die_by(int signal);

void say(const char *format, ...);
void say_errno(const char *object, const char *operation);
void say_offence(const char *format, ...);
void say_offence_failure(const struct failure *f, int64_t timeout);
void say_flush(void);
void say_sender(char *line, size_t size, const struct fdpass_message *m);

void text_init(struct text *t, char *buffer, size_t size);
void text_add(struct text *t, const char *format, ...);
void text_add_escaped(struct text *t, const char *bytes, size_t n);
void text_add_word(struct text *t, const char *bytes, size_t n);
void text_add_message(
    struct text *t, const struct fdpass_message *m, size_t most);
void text_add_line(struct text *t, const char *line);

#endif
