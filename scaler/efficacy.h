/* Whether a raise helped. Where the group commits no more than before although it has a backlog, what
 * limits it is not the number of consumers (a database behind them all, say), and more of them would only
 * cost: raising stops for a while. Pure. Zeroed: nothing was raised yet. */
#ifndef HEXLAG_EFFICACY_H
#define HEXLAG_EFFICACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For so long raising stops, unless what arrives or is committed changes much. */
#define EFFICACY_LIMIT_MS 900000

struct efficacy {
	bool watching; /* a raise whose effect is not known yet */
	bool not_effective;
	int64_t at_ms;    /* of the raise, or since when it is known not to have helped */
	int32_t from, to; /* replicas */
	double committed; /* records per second before; then: of the time of the verdict */
	double produced;  /* likewise */
};

struct efficacy_look {
	int64_t now_ms;
	double committed, produced; /* records per second of late */
	double late;                /* estimate_late() */
	bool spread;                /* the lag is in most partitions, not in a few */
	size_t partitions;
	int32_t ready;
	int64_t quiet_ms, grown_ms; /* as in scaler/capacity.h */
};

/* A raise was written. Only one out of a backlog, and that promises a third more or so, can be judged. */
void efficacy_raised(
	struct efficacy *e, int32_t from, int32_t to, const struct efficacy_look *look);

/* Judges, and forgets the verdict in time. */
void efficacy_update(struct efficacy *e, const struct efficacy_look *look);

#endif
