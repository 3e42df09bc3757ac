/* Snapshots made by hand for tests. Topics and groups are added in the order of their names. */
#ifndef HEXLAG_HANDMADE_H
#define HEXLAG_HANDMADE_H

#include <string.h>

#include "sidecar/snapshot.h"

#define NONE INT64_MIN /* no commit */

static inline struct topic *add_topic(struct snapshot *s, const char *name, size_t count)
{
	struct topic *t, *all = arena_alloc(&s->arena, s->topic_count + 1, sizeof(*all));

	if (s->topic_count)
		memcpy(all, s->topics, s->topic_count * sizeof(*all));
	s->topics = all;
	t = &all[s->topic_count++];
	t->name = arena_strdup(&s->arena, name);
	t->count = count;
	t->partitions = arena_alloc(&s->arena, count, sizeof(*t->partitions));
	for (size_t i = 0; i < count; i++)
		t->partitions[i] = (struct partition){.leader = 1,
			.preferred = 1,
			.replicas = 1,
			.in_sync = 1,
			.has_offsets = true,
			.fresh = true};
	return t;
}

static inline struct group *add_group(struct snapshot *s, const char *name, size_t members)
{
	struct group *g, *all = arena_alloc(&s->arena, s->group_count + 1, sizeof(*all));

	if (s->group_count)
		memcpy(all, s->groups, s->group_count * sizeof(*all));
	s->groups = all;
	g = &all[s->group_count++];
	*g = (struct group){.name = arena_strdup(&s->arena, name),
		.member_count = members,
		.members_known = true,
		.state = members ? GROUP_STABLE : GROUP_EMPTY,
		.listed = true,
		.asked = true,
		.answered = true};
	g->members = arena_alloc(&s->arena, members, sizeof(*g->members));
	return g;
}

/* Commits by partition, NONE where there is none. Lag as the collector computes it. */
static inline struct group_partition *add_commits(
	struct snapshot *s, struct group *g, const char *topic, const int64_t *commits)
{
	size_t t = snapshot_find_topic(s, topic);
	struct group_topic *gt, *all = arena_alloc(&s->arena, g->topic_count + 1, sizeof(*all));

	if (g->topic_count)
		memcpy(all, g->topics, g->topic_count * sizeof(*all));
	g->topics = all;
	gt = &all[g->topic_count++];
	gt->topic = t;
	gt->partitions = arena_alloc(&s->arena, s->topics[t].count, sizeof(*gt->partitions));
	for (size_t i = 0; i < s->topics[t].count; i++) {
		const struct partition *p = &s->topics[t].partitions[i];
		int64_t from = commits[i] < p->start ? p->start : commits[i];

		gt->partitions[i] = (struct group_partition){.answered = true,
			.fresh = true,
			.at_ms = s->mono_ms,
			.has_committed = commits[i] != NONE,
			.has_lag = commits[i] != NONE,
			.committed = commits[i],
			.lag = from < p->end ? p->end - from : 0};
	}
	return gt->partitions;
}

static inline struct snapshot *empty_snapshot(void)
{
	struct snapshot *s = snapshot_new();

	s->seq = 7;
	s->mono_ms = 100000;
	s->good_ms = 100000;
	s->wall_ms = 1700000000250;
	s->metadata_ok = s->full = s->list_ok = true;
	s->cpu_us = 1500;
	s->phase_us[PHASE_METADATA] = 12345;
	s->brokers = arena_alloc(&s->arena, 1, sizeof(*s->brokers));
	s->brokers[0] =
		(struct broker){.id = 1, .address = arena_strdup(&s->arena, "127.0.0.1:19092")};
	s->broker_count = 1;
	return s;
}

#endif
