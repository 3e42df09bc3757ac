/* What the partitions of a topic allow: a partition is read by one consumer of a group. Pure. */
#ifndef HEXLAG_CAP_H
#define HEXLAG_CAP_H

#include <stddef.h>
#include <stdint.h>

/* The group's load is carried as by so many consumers with equal shares: what counts is the fullest
 * consumer, which has ceil(partitions/replicas). `partitions` 0: not known, then `replicas`. */
double cap_effective(int32_t replicas, size_t partitions);

/* The least size of which the fullest consumer has no more partitions than that of `replicas`: 12 for 13 to
 * 23 consumers of 24 partitions. More than `partitions` are no better than as many. */
int32_t cap_step(int32_t replicas, size_t partitions);

/* The next such size below that of `replicas`: 8 for 12 of 24 partitions. 1 or more, as `replicas` is. */
int32_t cap_step_below(int32_t replicas, size_t partitions);

/* The least size that is as good as `share` (>= 0) consumers with equal shares, at most `partitions`. */
int32_t cap_size_for(double share, size_t partitions);

#endif
