/* The collector: asks Kafka in the right order, at two speeds, and publishes a snapshot per cycle.
 *
 * A full cycle asks for all groups and topics, a watch cycle only for the groups and topics of rules;
 * what a cycle does not ask for keeps the values of the snapshot before. Within a cycle: metadata, list
 * of groups, committed offsets, then end offsets. A commit between the two last steps can only make lag
 * look larger by what arrived in between; never negative. Cycles never overlap: a slow cluster
 * stretches the interval. */
#ifndef HEXLAG_COLLECTOR_H
#define HEXLAG_COLLECTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "sidecar/kafka.h"
#include "sidecar/watches.h"

struct collector;
struct exposition;
struct history;
struct kafkatimes;
struct publish;
struct trend;

struct collector_options {
	struct kafka_options kafka;        /* `stop` and `watches` are set by the collector */
	const struct kafka_watch *watches; /* at first; copied */
	size_t watch_count;
	int64_t full_ms;          /* between full cycles; 0: none */
	int64_t watch_ms;         /* between watch cycles; 0: none */
	struct publish *publish;  /* borrowed */
	struct history *history;  /* completes every snapshot; borrowed, may be NULL */
	struct kafkatimes *times; /* makes time lags exact; borrowed, may be NULL */
	struct trend *trend;      /* fed with every snapshot; borrowed, may be NULL */
};

/* ERR_CONFIG where a Kafka property is wrong. Does not wait for Kafka. */
struct collector *collector_new(const struct collector_options *options, struct err *err) MUSTCHECK;

/* Only once it does not run. NULL is fine. */
void collector_free(struct collector *c);

/* What is watched from the next cycle on; copied. Returns the least `seq` of a snapshot that was asked for
 * all of it: older ones hold what the last full cycle found, however long ago that was. Thread: any. */
uint64_t collector_set_watches(
	struct collector *c, const struct kafka_watch *watches, size_t count);

/* One cycle in the calling thread, published. For one-shot commands and tests, instead of start. False: a
 * stop or a pause cut it short, and nothing was published. */
bool collector_cycle(struct collector *c, bool full);

/* Cycles from now on in a thread, the first at once. */
int collector_start(struct collector *c, struct err *err) MUSTCHECK;
void collector_stop(struct collector *c); /* asks; returns at once. Thread: any */
bool collector_join(struct collector *c, int64_t deadline_ms);

/* Paused, it asks Kafka nothing, shows signs of life, and soon no snapshot is current. A cycle that is under
 * way ends unpublished. Resumed, it begins anew with a cycle at once. Thread: any, but not during
 * collector_start() and collector_join(). */
void collector_pause(struct collector *c, bool paused);

/* Monotonic time at which the running cycle began or the last one ended: a sign of life. Thread: any. */
int64_t collector_heartbeat_ms(const struct collector *c);

/* Appends our calls to Kafka as metrics. Thread: any. */
void collector_metrics(struct collector *c, struct exposition *x);

#endif
