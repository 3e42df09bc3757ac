/* The sizes that the policies rate and drain ask for, and what hex may not go below: from rates and the
 * capacity of a replica, not from lag alone. Pure.
 *
 *   need = (produce rate + late / drainTime) / (capacity * headroom)     replicas with equal shares
 *   size = the least whose fullest consumer is small enough (scaler/cap.h)
 *
 * `late` is what waits beyond the usual delay of commits. Headroom is for a capacity that was measured at
 * saturation; a rate that was carried without backlog is a proof of its own. */
#ifndef HEXLAG_DRAIN_H
#define HEXLAG_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "scaler/capacity.h"
#include "scaler/estimate.h"
#include "scaler/rule.h"

struct drain_look {
	const struct estimate *estimate;
	const struct capacity *capacity;
	int64_t lag; /* complete, or a lower bound */
	size_t partitions;
	bool has_spread; /* the next is known */
	int64_t max_lag; /* of one partition */
	int32_t replicas, ready;
	int64_t quiet_ms;   /* settle_quiet_ms() */
	int64_t stopped_ms; /* how long a rebalance takes */
	int64_t start_ms;   /* how long pods take to be ready; 0: not seen */
	int64_t calm_ms;    /* since replicas changed */
	int64_t grown_ms;   /* since replicas were added */
};

struct drain_answer {
	bool known;     /* enough was seen for an answer */
	bool probing;   /* `steady` is below what is proven, to learn */
	bool urgent;    /* the produce rate outruns the consumers by far */
	int32_t want;   /* now */
	int32_t steady; /* for the produce rate alone: what a window is to remember */
	double rate;    /* records per second that arrive */
	double late;    /* records */
	double per;     /* capacity of a replica; 0: not known */
};

/* drain: see above. Where the answer is not known, `want` and `steady` are the present size. */
void drain_propose(
	const struct rule *rule, const struct drain_look *look, struct drain_answer *ret);

/* rate: ceil(produce rate / ratePerReplica). */
void drain_propose_rate(
	const struct rule *rule, const struct drain_look *look, struct drain_answer *ret);

/* The least size that is known to carry the produce rate; 0: not known; INT32_MAX: it will be known
 * soon, so nothing is to be lowered till then. */
int32_t drain_floor(const struct drain_look *look);

#endif
