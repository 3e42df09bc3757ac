/* Whether the consumers are settled: no rebalance, no pods on their way. While they are not, lag says
 * little, since a group that stops looks like a load that grows. Pure. Zeroed: just begun. */
#ifndef HEXLAG_SETTLE_H
#define HEXLAG_SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scaler/observation.h"

struct settle {
	bool begun;
	bool rebalancing;   /* a group of the rule */
	int64_t since_ms;   /* when that began or ended */
	int64_t stopped_ms; /* the longest rebalance of late; 0: none seen */
	int32_t replicas;   /* asked for */
	int32_t ready;      /* pods that work */
	bool short_of;      /* ready differs from replicas */
	/* Ready has equaled replicas, so that a difference says something; not where pods are never ready, or
	 * only some of them consume. */
	bool telling;
	int64_t short_ms; /* since when it does, or replicas changed */
	int64_t ready_ms; /* when `ready` changed last */
	int64_t grown_ms; /* when it rose last */
	int64_t start_ms; /* how long pods took to be ready of late; 0: none seen */
};

/* Takes in what was observed of all `count` thresholds. To be called once a decision. */
void settle_update(struct settle *s, const struct observation *observations, size_t count,
	int32_t replicas, int32_t ready, int64_t now_ms);

/* Whether a hold is due, for the reason that its name says. It lasts for `limit_ms` at most, since a group
 * may rebalance for ever, and a pod may never start. */
bool settle_rebalancing(const struct settle *s, int64_t limit_ms, int64_t now_ms);
bool settle_starting(const struct settle *s, int64_t limit_ms, int64_t now_ms);

/* Milliseconds since the last change of any kind; 0 while one goes on. */
int64_t settle_quiet_ms(const struct settle *s, int64_t now_ms);

#endif
