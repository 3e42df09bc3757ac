/* Exact time lag where it is asked for: the timestamp of the first record that a group has not committed,
 * read from Kafka by a thread and a client of their own, so that no cycle waits for it.
 *
 * A cycle notes which records it would like to know; their timestamps are there a cycle or so later and
 * stay as long as some commit points at them. Until then, and where a record cannot be read, what
 * history says remains. Bounded: at most 20,000 records are noted, and 100 are read at a time, one
 * batch of each partition. Needs Read on the topics. */
#ifndef HEXLAG_KAFKATIMES_H
#define HEXLAG_KAFKATIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"

struct kafka_options;
struct kafkatimes;
struct pattern;
struct snapshot;

/* Makes the client; does not wait for a broker. `topics` chooses; it and what `options` points to are
 * borrowed. ERR_CONFIG. */
struct kafkatimes *kafkatimes_open(const struct kafka_options *options,
	const struct pattern *topics, struct err *err) MUSTCHECK;
void kafkatimes_close(struct kafkatimes *k); /* only once it does not run; NULL is fine */

int kafkatimes_start(struct kafkatimes *k, struct err *err) MUSTCHECK;
void kafkatimes_stop(struct kafkatimes *k); /* asks; returns at once. Thread: any */
bool kafkatimes_join(struct kafkatimes *k, int64_t deadline_ms);

/* Fills the time lags of `s` that are known exactly and notes those that are not. Never waits for Kafka.
 * Thread: the one that builds the snapshot. */
void kafkatimes_apply(struct kafkatimes *k, struct snapshot *s);

#endif
