/* Records per second that one replica carries, learned from what a group commits. Pure. Zeroed: nothing
 * is known.
 *
 * Only consumers that have more to do than they can show it: throughput without a backlog is a lower
 * bound. A group carries no more than its fullest consumer allows (scaler/cap.h), so that is what its
 * throughput is divided by; where some partitions have more load than others, what comes out is less
 * than one replica can do, and what a size carries is told rightly by it all the same. */
#ifndef HEXLAG_CAPACITY_H
#define HEXLAG_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

#include "scaler/estimate.h"

struct capacity {
	bool known;
	bool saturated;  /* measured; else a lower bound */
	double per;      /* records per second and replica */
	double best;     /* the most of late */
	int64_t at_ms;   /* of the latest look */
	bool busy;       /* there is a backlog, */
	int64_t busy_ms; /* since then */
};

struct capacity_look {
	int64_t now_ms;
	double late; /* estimate_late() */
	int32_t ready;
	int64_t quiet_ms; /* settle_quiet_ms() */
	int64_t grown_ms; /* since replicas were added */
	bool downward;    /* it may be lowered */
	/* Replicas were taken away to see whether the rest carries it: a backlog now says no. */
	bool tried;
};

/* Learns from what `e` has seen last, once; what it was called with before teaches nothing more. */
void capacity_learn(struct capacity *c, const struct estimate *e, const struct capacity_look *look);

#endif
