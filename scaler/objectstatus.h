/* The status of a HexServerAutoscaler: what it says, and when it is written. Its conditions and their
 * reasons are those of a HorizontalPodAutoscaler (k8s.io/kubernetes, pkg/controller/podautoscaler).
 * Pure. Thread: one at a time. */
#ifndef HEXLAG_OBJECTSTATUS_H
#define HEXLAG_OBJECTSTATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "scaler/hexjson.h"
#include "scaler/target.h"

/* Two writes for one object are at least so far apart. */
#define OBJECTSTATUS_PAUSE_MS 3000
/* A change of figures alone is not written before. As figures count the reasons of decisions to stay that
 * are no trouble, and ScalingLimited, since a steady lag may swing between two of them every second; and
 * whatever else goes back to what was said before the last write. */
#define OBJECTSTATUS_FIGURES_MS 15000
/* Without a change it is written again after so long, in case somebody else has changed it. */
#define OBJECTSTATUS_AGAIN_MS 600000

/* After a write that was refused, or came too late, this object waits so long, twice as long each time up
 * to the other. */
#define OBJECTSTATUS_BACKOFF_MIN_MS OBJECTSTATUS_PAUSE_MS
#define OBJECTSTATUS_BACKOFF_MAX_MS 300000

/* Of all objects together so many statuses that do not wait as figures do may be written in a second on
 * average, and in a burst those of so long. */
#define OBJECTSTATUS_URGENT_PER_SECOND 20
#define OBJECTSTATUS_URGENT_SPAN_MS 5000

/* What is left of that; zeroed to begin with. */
struct objectstatus_budget {
	int64_t paid_ms; /* monotonic: the time up to which they are paid for */
};

bool objectstatus_may_be_urgent(const struct objectstatus_budget *b, int64_t now_ms);
void objectstatus_was_urgent(struct objectstatus_budget *b, int64_t now_ms);

/* What was last written for one object. */
struct objectstatus_told {
	bool has_written;
	int64_t written_ms;    /* monotonic */
	int64_t retry_ms;      /* monotonic: not to be written before */
	int64_t backoff_ms;    /* the last wait; 0: the last write did not fail */
	uint64_t facts, whole; /* hashes of what it said, without its figures and with them */
	uint64_t before;       /* of the facts that it said before these */
	struct hex_condition conditions[CONDITIONS];
	char scaled[32];
};

/* Takes over what the object's status says, as another process has written it. */
void objectstatus_told_take(struct objectstatus_told *t, const struct hexobject *o);

struct objectstatus_input {
	const struct hexobject *object;
	const char *rival;              /* who has its target; NULL: nobody */
	const struct target_view *view; /* NULL: the scaler does not know it yet */
	int64_t now_ms, now_wall_ms;
	int64_t figures_ms; /* at least OBJECTSTATUS_FIGURES_MS, more where there are many objects */
	bool may_be_urgent; /* false: everything waits as figures do */
};

/* A status to be written. */
struct objectstatus {
	struct strbuf body;            /* a merge patch */
	struct objectstatus_told told; /* what is to be kept when it was written */
	bool urgent;                   /* it did not wait as figures do */
	const char *news; /* of a warning to be posted as an event: its reason, or NULL */
	const char *note; /* its text */
};

/* Whether a status is to be written now, and which; the caller releases it then. */
bool objectstatus_due(const struct objectstatus_told *told, const struct objectstatus_input *in,
	struct objectstatus *ret);
void objectstatus_release(struct objectstatus *s);

/* How a write ended. An object that has gone, or is another one by now, is no failure. */
enum objectstatus_outcome {
	STATUS_DONE,    /* or there is nothing to write to */
	STATUS_LATE,    /* a conflict: the object is not the one that is known */
	STATUS_REFUSED, /* this one (4xx); others may do */
	STATUS_FAILED,  /* no answer, 429 or 5xx: so would any other */
};

/* `http_status` 0: no answer. */
enum objectstatus_outcome objectstatus_outcome(const struct err *err, int http_status);

/* What is known of an object after `s` was written, or was not, at `now_ms`. */
void objectstatus_ended(struct objectstatus_told *told, const struct objectstatus *s,
	enum objectstatus_outcome outcome, int64_t now_ms, int retry_after_s);

#endif
