/* Which broker coordinates a group, without asking: the leader of one partition of
 * __consumer_offsets. Pure. */
#ifndef HEXLAG_COORDINATOR_H
#define HEXLAG_COORDINATOR_H

#include <stdint.h>

/* The partition of __consumer_offsets, which has `partitions` (>= 1), that holds `group` (UTF-8).
 * Source: Kafka's Utils.abs(groupId.hashCode()) % partitions (GroupMetadataManager.partitionFor);
 * the hash is Java's String.hashCode() over UTF-16 units. Invalid UTF-8 is read as U+FFFD, which is
 * what a Java broker makes of it. */
int32_t coordinator_partition(const char *group, int32_t partitions);

#endif
