#include "sidecar/merge.h"

#include <stdlib.h>
#include <string.h>

#include "sidecar/build.h"
#include "sidecar/watches.h"

void merge_topics(struct snapshot *next, const struct snapshot *prev)
{
	struct arena *a = &next->arena;

	next->broker_count = prev->broker_count;
	next->brokers = arena_alloc(a, prev->broker_count, sizeof(*next->brokers));
	for (size_t i = 0; i < prev->broker_count; i++) {
		next->brokers[i].id = prev->brokers[i].id;
		next->brokers[i].address = arena_strdup(a, prev->brokers[i].address);
	}
	next->topic_count = prev->topic_count;
	next->topics = arena_alloc(a, prev->topic_count, sizeof(*next->topics));
	for (size_t i = 0; i < prev->topic_count; i++) {
		const struct topic *from = &prev->topics[i];
		struct topic *to = &next->topics[i];

		to->name = arena_strdup(a, from->name);
		to->count = from->count;
		to->filtered = from->filtered;
		to->partitions = arena_alloc(a, from->count, sizeof(*to->partitions));
		for (size_t p = 0; p < from->count; p++) {
			to->partitions[p] = from->partitions[p];
			to->partitions[p].fresh = to->partitions[p].asked = false;
			to->partitions[p].ask_start = false;
			to->partitions[p].got_start = to->partitions[p].got_end = false;
			to->partitions[p].has_offsets = false; /* merge_finish() brings them back */
		}
	}
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	/* Of duplicates the first stays: listed now, else listed before, else only watched. */
	if (!order)
		order = (int)y->listed - (int)x->listed;
	return order ? order : (int)x->kept - (int)y->kept;
}

/* `listed` NULL: it is not, or was by an earlier cycle. */
static struct group *add_group(
	struct snapshot *s, const char *name, const struct kafka_group *listed)
{
	struct group *g = &s->groups[s->group_count++];

	g->name = arena_strdup(&s->arena, name);
	g->coordinator = -1;
	g->listed = listed != NULL;
	if (listed) {
		g->state = listed->state;
		g->type = listed->type;
		g->hidden = listed->hidden;
	}
	return g;
}

static void sort_unique(struct snapshot *s)
{
	size_t kept = 0;

	if (s->group_count)
		qsort(s->groups, s->group_count, sizeof(*s->groups), compare_groups);
	for (size_t i = 0; i < s->group_count; i++)
		if (!kept || strcmp(s->groups[kept - 1].name, s->groups[i].name) != 0)
			s->groups[kept++] = s->groups[i];
	s->group_count = kept;
}

static void drop_hidden(struct snapshot *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->group_count; i++)
		if (!s->groups[i].hidden)
			s->groups[kept++] = s->groups[i];
	s->group_count = kept;
}

void merge_groups(struct snapshot *next, const struct snapshot *prev,
	const struct kafka_group *listed, size_t listed_count, const struct watches *watches)
{
	size_t watch_count;
	const struct kafka_watch *w = watches_all(watches, &watch_count);
	size_t room = listed_count + watch_count + (prev ? prev->group_count : 0);

	next->groups = arena_alloc(&next->arena, room, sizeof(*next->groups));
	for (size_t i = 0; i < listed_count; i++)
		(void)add_group(next, listed[i].name, &listed[i]);
	for (size_t i = 0; prev && i < prev->group_count; i++) {
		struct group *g = add_group(next, prev->groups[i].name, NULL);

		g->listed = prev->groups[i].listed;
		g->state = prev->groups[i].state;
		g->type = prev->groups[i].type;
		g->kept = true;
	}
	for (size_t i = 0; i < watch_count; i++)
		if (!i || strcmp(w[i - 1].group, w[i].group) != 0)
			(void)add_group(next, w[i].group, NULL);
	sort_unique(next);
	drop_hidden(next);
}

static void keep_offsets(struct topic *to, const struct topic *from)
{
	for (size_t i = 0; i < to->count; i++) {
		struct partition *p = &to->partitions[i];

		if (p->fresh || i >= from->count || !from->partitions[i].has_offsets)
			continue;
		p->start_at_ms = from->partitions[i].start_at_ms;
		p->start = from->partitions[i].start;
		p->end = from->partitions[i].end;
		p->at_ms = from->partitions[i].at_ms;
		p->has_offsets = true;
		p->fresh = !p->asked && from->partitions[i].fresh;
	}
}

static void copy_members(struct snapshot *next, struct group *to, const struct group *from)
{
	to->members_known = from->members_known;
	to->member_count = from->member_count;
	to->members = arena_alloc(&next->arena, from->member_count, sizeof(*to->members));
	for (size_t i = 0; i < from->member_count; i++)
		to->members[i] = (struct member){
			arena_strdup(&next->arena, from->members[i].id),
			arena_strdup(&next->arena, from->members[i].client_id),
			arena_strdup(&next->arena, from->members[i].host),
		};
}

/* The last good value of one partition for a group. It stays fresh only where nobody asked anew (`asked`),
 * and its owner stays only where the members are those of before (not `described`). */
static void keep_partition(
	struct group_partition *to, const struct group_partition *from, bool asked, bool described)
{
	uint32_t member = described ? to->member : from->member;

	if (!to->answered && from->answered) {
		*to = *from;
		to->fresh = from->fresh && !asked;
	}
	to->member = member;
}

static void keep_group(struct snapshot *next, const struct snapshot *prev, struct build_index *ix,
	struct group *to, const struct group *from)
{
	if (!to->asked)
		to->coordinator = from->coordinator;
	if (!to->described) {
		if (!to->asked || to->state == GROUP_UNKNOWN)
			to->state = from->state;
		copy_members(next, to, from);
	}
	for (size_t i = 0; i < from->topic_count; i++) {
		const struct group_topic *old = &from->topics[i];
		const struct topic *topic = &prev->topics[old->topic];
		size_t t = snapshot_find_topic(next, topic->name);
		struct group_topic *gt = t == SNAPSHOT_NONE ? NULL : build_find(ix, to, t);

		if (t == SNAPSHOT_NONE)
			continue; /* deleted */
		if (!gt && to->answered && to->everything)
			continue; /* its commits are gone */
		if (!gt)
			gt = build_group_topic(ix, next, to, topic->name);
		for (size_t p = 0; p < next->topics[t].count && p < topic->count; p++)
			keep_partition(&gt->partitions[p], &old->partitions[p],
				to->asked && (to->everything || gt->asked), to->described);
	}
}

/* A coordinator that answered for all commits has said that the rest has none. */
static void note_missing_commits(struct snapshot *next, struct group *g)
{
	for (size_t i = 0; i < g->topic_count; i++) {
		struct group_topic *gt = &g->topics[i];

		for (size_t p = 0; p < next->topics[gt->topic].count; p++) {
			struct group_partition *gp = &gt->partitions[p];

			if (!gp->answered && !gp->failed)
				gp->answered = gp->fresh = true;
		}
	}
}

static void add_watched(
	struct snapshot *next, struct build_index *ix, const struct watches *watches)
{
	size_t count;
	const struct kafka_watch *w = watches_all(watches, &count);

	for (size_t i = 0; i < count; i++) {
		size_t g = snapshot_find_group(next, w[i].group);
		struct group_topic *gt;

		if (g == SNAPSHOT_NONE || !next->groups[g].asked)
			continue;
		gt = build_group_topic(ix, next, &next->groups[g], w[i].topic);
		if (gt)
			gt->asked = true;
	}
}

static void compute_lag(
	const struct snapshot *next, struct group_partition *gp, const struct partition *p)
{
	int64_t from = gp->committed > p->start ? gp->committed : p->start;

	gp->at_ms = next->mono_ms;
	gp->has_lag = gp->has_committed;
	gp->lag = gp->has_committed && p->end > from ? p->end - from : 0;
}

/* A commit of this cycle beside an end offset that is not: the lag of `old`, if any, stays. */
static void keep_lag(
	const struct snapshot *next, struct group_partition *gp, const struct group_partition *old)
{
	gp->fresh = false;
	gp->has_lag = old && old->has_lag && gp->has_committed;
	gp->lag = gp->has_lag ? old->lag : 0;
	gp->has_time_lag = gp->has_lag && old->has_time_lag;
	gp->time_lag_ms = gp->has_time_lag ? old->time_lag_ms : 0;
	gp->at_ms = old && old->answered ? old->at_ms : next->mono_ms;
}

/* `old_ix` is an index of `prev`, unused without one. */
static void finish_group(const struct snapshot *next, const struct snapshot *prev,
	struct build_index *old_ix, struct group *g, const struct group *old)
{
	for (size_t i = 0; i < g->topic_count; i++) {
		const struct topic *t = &next->topics[g->topics[i].topic];
		size_t old_topic = prev ? snapshot_find_topic(prev, t->name) : SNAPSHOT_NONE;
		const struct group_topic *before = old && old_topic != SNAPSHOT_NONE
							   ? build_find(old_ix, old, old_topic)
							   : NULL;

		/* A commit that was not asked for is older than the end. */
		if (!g->everything && !g->topics[i].asked)
			continue;
		for (size_t p = 0; p < t->count; p++) {
			struct group_partition *gp = &g->topics[i].partitions[p];

			if (!gp->fresh || !t->partitions[p].asked)
				continue; /* kept as it was */
			if (t->partitions[p].fresh)
				compute_lag(next, gp, &t->partitions[p]);
			else
				keep_lag(next, gp,
					before && p < prev->topics[old_topic].count
						? &before->partitions[p]
						: NULL);
		}
	}
}

/* A group that is no longer listed is gone only when its coordinator, asked for all commits, has none: a
 * broker that shuts down lists nothing, without an error. */
static void drop_gone(struct snapshot *next, const struct watches *watches)
{
	size_t kept = 0;

	for (size_t i = 0; i < next->group_count; i++) {
		const struct group *g = &next->groups[i];
		bool alive = g->described && g->members_known && g->state != GROUP_DEAD;
		bool gone =
			!alive && g->kept && g->answered && g->everything && g->topic_count == 0;

		if (!gone || watches_group(watches, g->name))
			next->groups[kept++] = *g;
	}
	next->group_count = kept;
}

void merge_finish(struct snapshot *next, const struct snapshot *prev, const struct watches *watches)
{
	struct build_index ix, old_ix = {0};

	build_index_init(&ix, next);
	if (prev)
		build_index_init(&old_ix, prev);
	for (size_t i = 0; prev && i < next->topic_count; i++) {
		size_t old = snapshot_find_topic(prev, next->topics[i].name);

		if (old != SNAPSHOT_NONE)
			keep_offsets(&next->topics[i], &prev->topics[old]);
	}
	add_watched(next, &ix, watches);
	for (size_t i = 0; i < next->group_count; i++) {
		struct group *g = &next->groups[i];
		size_t o = prev ? snapshot_find_group(prev, g->name) : SNAPSHOT_NONE;
		const struct group *old = o == SNAPSHOT_NONE ? NULL : &prev->groups[o];

		if (g->asked && g->answered && g->everything)
			note_missing_commits(next, g);
		if (old)
			keep_group(next, prev, &ix, g, old);
		if (g->asked)
			finish_group(next, prev, &old_ix, g, old);
	}
	build_index_release(&ix);
	build_index_release(&old_ix);
	drop_gone(next, watches);
}
