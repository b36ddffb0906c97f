/* SPDX-License-Identifier: ISC */
/*
 * The shell variables that receive a message. They are set before the sender is
 * told that its descriptors were taken, for that may fail.
 */
#include "recvfd.h"

#include <builtins.h>
#include <shell.h>

#include <builtext.h>
#include <common.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN 60 /* bytes of a refused payload */

static char *const sender_names[] = {
    "FDRECV_PID", "FDRECV_UID", "FDRECV_GID", "FDRECV_PAYLOAD"};
#define N_NAMES (sizeof sender_names / sizeof sender_names[0])

/* Is this a name reference to an element of an array? */
static int
is_element(const char *name)
{
	SHELL_VAR *v = find_variable_last_nameref(name, 0);

	return v != NULL && nameref_p(v) && nameref_cell(v) != NULL &&
	    valid_array_reference(nameref_cell(v), 0);
}

/* The variable of this name; of an element, its array; NULL: there is none. */
static SHELL_VAR *
variable_of(const char *name)
{
	SHELL_VAR *v;
	char *array;

	if (!is_element(name))
		return find_variable(name);
	array = savestring(nameref_cell(find_variable_last_nameref(name, 0)));
	array[strcspn(array, "[")] = '\0';
	v = find_variable(array);
	free(array);
	return v;
}

/* Can this variable be set? If not, prints why. */
static int
is_free(char *name)
{
	SHELL_VAR *v = variable_of(name);

	if (v != NULL && readonly_p(v))
		sh_readonly(name);
	else if (v != NULL && noassign_p(v))
		sh_noassign(name);
	else
		return 1;
	return 0;
}

static int
are_free(const struct request *q)
{
	size_t i;

	for (i = 0; i < N_NAMES; i++)
		if (!is_free(sender_names[i]))
			return 0;
	return is_free(q->name) && (q->bytes == NULL || is_free(q->bytes));
}

/* Unset an element by bash's builtin; -1 if that has printed why it cannot. */
static int
forget_element(const char *name)
{
	WORD_LIST *list = make_word_list(make_word(name), NULL);
	int status = unset_builtin(list);

	dispose_words(list);
	return status == EXECUTION_SUCCESS ? 0 : -1;
}

/*
 * Unset a variable. A name reference to one that does not exist must stay: it
 * would be unset itself, and lead nowhere when the message comes.
 */
static int
forget(const char *name)
{
	if (is_element(name))
		return forget_element(name);
	if (find_variable(name) != NULL)
		unbind_variable(name);
	return 0;
}

/*
 * Unset the variables at the beginning, so that a script that does not check
 * the status finds no old number. Returns -1 if one of them cannot be set.
 */
int
variables_clear(const struct request *q)
{
	size_t i;

	if (!are_free(q) || forget(q->name) == -1 ||
	    (q->bytes != NULL && forget(q->bytes) == -1))
		return -1;
	for (i = 0; i < N_NAMES; i++)
		if (forget(sender_names[i]) == -1)
			return -1;
	return 0;
}

static int
set(char *name, char *value)
{
	SHELL_VAR *v = bind_variable(name, value, 0);

	return v == NULL || readonly_p(v) || noassign_p(v) ? -1 : 0;
}

static int
set_number(char *name, long n)
{
	char digits[32];

	if (n == -1)
		return 0;
	snprintf(digits, sizeof digits, "%ld", n);
	return set(name, digits);
}

/* -a: make VAR an array of all the numbers. */
static int
set_array(char *name, const struct fdpass_message *m)
{
	SHELL_VAR *v = find_or_make_array_variable(name, 1);
	char digits[32];
	size_t i;

	if (v == NULL || !array_p(v))
		return -1;
	array_flush(array_cell(v));
	for (i = 0; i < m->count; i++) {
		snprintf(digits, sizeof digits, "%d", m->fds[i]);
		bind_array_element(v, (arrayind_t)i, digits, 0);
	}
	return 0;
}

/* -S: the payload without its NULs, which no variable can hold. */
static int
set_bytes(char *name, const struct fdpass_message *m)
{
	char *text = malloc(m->length + 1);
	size_t i, n = 0;
	int r;

	if (text == NULL) {
		builtin_error(
		    "%s: memory for a payload: %s", name, strerror(errno));
		return -1;
	}
	for (i = 0; i < m->length; i++)
		if (m->payload[i] != '\0')
			text[n++] = m->payload[i];
	text[n] = '\0';
	if (n < m->length && m->length > 1)
		builtin_warning("%s: left out the NULs of the payload", name);
	r = set(name, text);
	free(text);
	return r;
}

/* FDRECV_PAYLOAD, as from fdrecv: empty if the payload contains a NUL. */
static int
set_payload(struct fdpass_message *m)
{
	char *name = sender_names[N_NAMES - 1];

	if (memchr(m->payload, '\0', m->length) != NULL)
		return set(name, (char *)"");
	/*
	 * There is room for a NUL: the buffer has one byte more than a payload.
	 */
	m->payload[m->length] = '\0';
	return set(name, m->payload);
}

static int
set_all(const struct request *q, struct fdpass_message *m)
{
	if (q->all ? set_array(q->name, m) == -1 :
		     set_number(q->name, m->fds[0]) == -1)
		return -1;
	if (q->bytes != NULL && set_bytes(q->bytes, m) == -1)
		return -1;
	return set_number(sender_names[0], m->pid) == -1 ||
		set_number(sender_names[1], m->uid) == -1 ||
		set_number(sender_names[2], m->gid) == -1 ||
		set_payload(m) == -1 ?
	    -1 :
	    0;
}

/*
 * Move the descriptors above 9, where bash puts what it opens for `{var}<file`,
 * and let commands inherit them. -1 with errno if there is no room.
 */
static int
raise_numbers(struct fdpass_message *m)
{
	size_t i;
	int fd;

	for (i = 0; i < m->count; i++) {
		fd = fcntl(m->fds[i], F_DUPFD, FIRST_FD);
		if (fd == -1)
			return -1;
		close(m->fds[i]);
		m->fds[i] = fd;
	}
	return 0;
}

/* Report what was refused, and who sent it. */
static void
show_refused(const struct waiting *w)
{
	const struct fdpass_message *m = &w->message;
	char text[SHOWN + 1], from[SHOWN * 4 + 128], *quoted;
	size_t n = m->length < SHOWN ? m->length : SHOWN;

	memcpy(text, m->payload, n);
	text[n] = '\0';
	quoted = ansic_quote(text, 0, NULL);
	snprintf(from, sizeof from,
	    ", from pid %ld uid %ld gid %ld, payload %s", m->pid, m->uid,
	    m->gid, quoted != NULL && quoted[0] != '\0' ? quoted : "''");
	builtin_error("%s: refused a message of %zu %s, expected %d%s",
	    w->request.shown, m->count,
	    m->count == 1 ? "descriptor" : "descriptors", 1, from);
	free(quoted);
}

static enum result
refuse(struct waiting *w, char answer, enum result result)
{
	fdpass_close(&w->message);
	waiting_answer(w, answer);
	return result;
}

/*
 * A message has come: give it to the shell. Returns TAKEN; GO_ON if the message
 * was refused, or its sender has given up; FAILED if the shell cannot have it,
 * or there will be no other message.
 */
enum result
variables_take(struct waiting *w)
{
	const struct request *q = &w->request;

	if (!q->all && w->message.count != 1) {
		show_refused(w);
		return refuse(w, FDPASS_REFUSED, q->connect ? FAILED : GO_ON);
	}
	if (raise_numbers(&w->message) == -1) {
		builtin_error("%s: dup: %s", q->shown, strerror(errno));
		return refuse(w, FDPASS_RETRY, FAILED);
	}
	/* A trap may have made one of them readonly in the meantime. */
	if (variables_clear(q) == -1 || set_all(q, &w->message) == -1)
		return refuse(w, FDPASS_REFUSED, FAILED);
	if (waiting_answer(w, FDPASS_TAKEN) == 0)
		return TAKEN;
	fdpass_close(&w->message);
	variables_clear(q);
	return GO_ON;
}
