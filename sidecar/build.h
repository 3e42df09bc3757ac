/* Steps of making a snapshot that need no broker: what the kafka*.c files and merge.c fill into groups
 * goes through here. Thread: the one that builds the snapshot. */
#ifndef HEXLAG_BUILD_H
#define HEXLAG_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "sidecar/snapshot.h"

/* Which topics one group has. Look-ups in a row of one group are fast however many they are. */
struct build_index {
	const struct group *group; /* whose topics `slot` holds */
	size_t last;               /* topic looked up last, SNAPSHOT_NONE: none */
	size_t *slot;              /* by topic: 1 + index in group->topics; 0: none */
};

void build_index_init(struct build_index *ix, const struct snapshot *s);
void build_index_release(struct build_index *ix);

/* The group's view of the topic with this index, NULL where it has none. */
struct group_topic *build_find(struct build_index *ix, const struct group *g, size_t topic);

/* The same, or an empty one that is added. NULL where the snapshot does not have the topic (deleted, or
 * filtered out). */
struct group_topic *build_group_topic(
	struct build_index *ix, struct snapshot *s, struct group *g, const char *topic);

/* The same for one partition of it; NULL where the topic lacks it. */
struct group_partition *build_group_partition(struct build_index *ix, struct snapshot *s,
	struct group *g, const char *topic, int32_t partition);

#endif
