/* SPDX-License-Identifier: ISC */
#include "sys.h"

#include "fdsend-verdict.h"

#include "calls.h"
#include "say.h"

#include <errno.h>

#define SHOWN 24 /* bytes to show of what is not an answer */

/*
 * The other side sent something that is not an answer: it does not speak our
 * protocol.
 */
static void
greeted(const struct handover *h, struct failure *f)
{
	char said[4 * SHOWN + 8];
	size_t n = h->answer_length;
	struct text t;

	text_init(&t, said, sizeof said);
	text_add(&t, "\"");
	text_add_escaped(&t, h->answer, n < SHOWN ? n : SHOWN);
	text_add(&t, n < SHOWN ? "\"" : "...\"");
	failure_reason(f, EPROTO,
	    "answered %s: not an fdrecv; -d sends without waiting for an "
	    "answer",
	    said);
}

/* Say in words why a hand-over failed, or what it was waiting for. */
static void
explain(const struct handover *h, struct failure *f)
{
	switch (h->verdict) {
	case VERDICT_ERRNO:
		errno = h->error;
		failure_errno(f, h->operation);
		if (sys_would_block(h->error))
			failure_reason(f, h->error,
			    h->state == HANDOVER_TIMEOUT && h->sent > 0 ?
				"it does not read" :
				"its queue is full");
		break;
	case VERDICT_NOT_SOCKET:
		failure_reason(f, ENOTSOCK, "not a socket");
		break;
	case VERDICT_REFUSED:
		failure_reason(f, ECONNREFUSED, "refused by the receiver");
		break;
	case VERDICT_NOT_NOW:
		failure_reason(
		    f, ECONNREFUSED, "refused by the receiver: not now");
		break;
	case VERDICT_UNREAD:
		failure_reason(f, ECONNRESET,
		    "the receiver closed the connection without reading");
		break;
	case VERDICT_CUT:
		failure_reason(f, ECONNRESET,
		    "closed with the payload unread; the descriptors may have "
		    "been taken");
		break;
	case VERDICT_GREETED:
		greeted(h, f);
		break;
	case VERDICT_NONE:
	case VERDICT_NO_ANSWER:
		failure_reason(f, ETIMEDOUT, "no answer");
		break;
	}
}

/* Why a hand-over has failed; if its time ran out, what it was waiting for. */
void
verdict_failure(const struct handover *h, struct failure *f)
{
	explain(h, f);
	if (h->state == HANDOVER_TIMEOUT)
		failure_still(f, "not taken");
	f->object = h->target->name;
}

/* Trace a hand-over, and report once what it waits for. */
void
verdict_watch(const struct handover *h, enum handover_event event)
{
	struct failure f = {0};
	char reason[sizeof f.reason];

	tell_handover(h, event);
	if (event != HANDOVER_WAITS)
		return;
	explain(h, &f);
	failure_words(reason, sizeof reason, &f);
	say_offence("%s: %s; still waiting", h->target->name, reason);
}
