/* Rates of one group on one topic, from what its offsets did over the last minutes. Pure; memory is bounded
 * (about 4 KiB), whatever the interval. Zeroed memory has seen nothing. Thread: one at a time.
 *
 * Only complete observations are looked at: sums over different partitions cannot be compared. A gap
 * is bridged, since the sums before and after it are over the same partitions. Offsets that go
 * back (topic recreated, offsets reset) or another number of partitions begin it all anew. */
#ifndef HEXLAG_ESTIMATE_H
#define HEXLAG_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scaler/observation.h"

#define ESTIMATE_POINTS 128

struct estimate_point {
	int64_t at_ms, end, committed;
};

struct estimate {
	struct estimate_point points[ESTIMATE_POINTS]; /* a ring, at least a second apart */
	size_t first, count;
	struct estimate_point latest; /* valid with count > 0; also of samples that are closer */
	int64_t lag;                  /* of the latest */
	size_t partitions;
	double delay_s; /* how much work a healthy group shows as lag; valid with `has_delay` */
	bool has_delay;
	int64_t delay_ms; /* when it was last looked at */
};

/* Takes in an observation; any but a complete one with its end offsets is passed over. */
void estimate_add(struct estimate *e, const struct observation *o);

/* Records per second that arrived, or were committed, over about the last `span_ms`: at least that long
 * where the observations are further apart, at least half of it where fewer have been seen. False: not
 * seen long enough. */
bool estimate_produced(const struct estimate *e, int64_t span_ms, double *ret_rate);
bool estimate_committed(const struct estimate *e, int64_t span_ms, double *ret_rate);

/* The smallest lag over the last `span_ms`. What is consumed but not committed yet shows as lag, and
 * goes away with each commit: the floor is nearer to what really waits. Call with something seen. */
int64_t estimate_floor(const struct estimate *e, int64_t span_ms);

/* Records that wait beyond what a healthy group shows between its commits: `lag` less the throughput over
 * the time that commits usually take (learned in quiet minutes; 5 s between commits, Kafka's default,
 * until then). At least 0. */
double estimate_late(const struct estimate *e, int64_t lag);

/* Learns the usual delay of commits while the group is `quiet` (stable, sizes unchanged). */
void estimate_learn_delay(struct estimate *e, bool quiet);

/* A few points that the rates can go on from in another process, oldest first; returns how many. */
#define ESTIMATE_SAVED 6
size_t estimate_save(const struct estimate *e, struct estimate_point ret[ESTIMATE_SAVED]);

/* Begins with `count` (<= ESTIMATE_SAVED) such points, of a topic with so many partitions. */
void estimate_load(
	struct estimate *e, const struct estimate_point *points, size_t count, size_t partitions);

#endif
