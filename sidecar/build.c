#include "sidecar/build.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void build_index_init(struct build_index *ix, const struct snapshot *s)
{
	ix->group = NULL;
	ix->last = SNAPSHOT_NONE;
	ix->slot = mem_zalloc(s->topic_count, sizeof(*ix->slot));
}

void build_index_release(struct build_index *ix)
{
	free(ix->slot);
	ix->slot = NULL;
}

static void index_turn_to(struct build_index *ix, const struct group *g)
{
	if (ix->group == g)
		return;
	for (size_t i = 0; ix->group && i < ix->group->topic_count; i++)
		ix->slot[ix->group->topics[i].topic] = 0;
	for (size_t i = 0; i < g->topic_count; i++)
		ix->slot[g->topics[i].topic] = i + 1;
	ix->group = g;
}

struct group_topic *build_find(struct build_index *ix, const struct group *g, size_t topic)
{
	index_turn_to(ix, g);
	return ix->slot[topic] ? &g->topics[ix->slot[topic] - 1] : NULL;
}

static struct group_topic *add_group_topic(struct snapshot *s, struct group *g, size_t topic)
{
	struct group_topic *gt;

	if (g->topic_count == g->topic_room) {
		size_t room = g->topic_room ? g->topic_room * 2 : 4;
		struct group_topic *topics = arena_alloc(&s->arena, room, sizeof(*topics));

		if (g->topic_count)
			memcpy(topics, g->topics, g->topic_count * sizeof(*topics));
		g->topics = topics;
		g->topic_room = room;
	}
	gt = &g->topics[g->topic_count++];
	*gt = (struct group_topic){.topic = topic};
	gt->partitions = arena_alloc(&s->arena, s->topics[topic].count, sizeof(*gt->partitions));
	return gt;
}

struct group_topic *build_group_topic(
	struct build_index *ix, struct snapshot *s, struct group *g, const char *topic)
{
	/* Answers name one topic many times in a row. */
	if (ix->last == SNAPSHOT_NONE || strcmp(s->topics[ix->last].name, topic) != 0)
		ix->last = snapshot_find_topic(s, topic);
	if (ix->last == SNAPSHOT_NONE)
		return NULL;
	index_turn_to(ix, g);
	if (ix->slot[ix->last])
		return &g->topics[ix->slot[ix->last] - 1];
	ix->slot[ix->last] = g->topic_count + 1;
	return add_group_topic(s, g, ix->last);
}

struct group_partition *build_group_partition(struct build_index *ix, struct snapshot *s,
	struct group *g, const char *topic, int32_t partition)
{
	struct group_topic *gt = build_group_topic(ix, s, g, topic);

	if (!gt || partition < 0 || (size_t)partition >= s->topics[gt->topic].count)
		return NULL;
	return &gt->partitions[partition];
}
