/* Completes a fresh snapshot: what was not asked, or did not answer, keeps the last good value of the
 * snapshot before. Pure: no clock, no I/O. Thread: the one that builds the snapshot. */
#ifndef HEXLAG_MERGE_H
#define HEXLAG_MERGE_H

#include <stddef.h>

#include "sidecar/kafka.h"
#include "sidecar/snapshot.h"

/* Copies the brokers and topics of `prev` where metadata could not be read. */
void merge_topics(struct snapshot *next, const struct snapshot *prev);

/* Makes the sorted array of groups: the listed ones, the watched ones, and those of `prev` (may be NULL),
 * which merge_finish() drops once their coordinator has confirmed that nothing is left of them. */
void merge_groups(struct snapshot *next, const struct snapshot *prev,
	const struct kafka_group *listed, size_t listed_count, const struct watches *watches);

/* Once all answers are in: fills every gap from `prev` (may be NULL) and computes lag.
 *   lag = end - max(committed, start), at least 0, where commit and end offset are of this cycle; else
 *   the last lag with its time. Watched pairs that Kafka said nothing of have no commit. */
void merge_finish(
	struct snapshot *next, const struct snapshot *prev, const struct watches *watches);

#endif
