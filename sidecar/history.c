#include "sidecar/history.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sidecar/historystore.h"
#include "sidecar/snapshot.h"

/* The commit rate is that since the older mark, one to two of these ago. */
#define RATE_TICKS (60000 / TICK_MS)

struct history *history_new(const struct history_options *options)
{
	struct history *h = mem_zalloc(1, sizeof(*h));

	h->options = *options;
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static void free_topic(struct history_topic *t)
{
	history_topic_resize(t, 0);
	free(t->partitions);
	free(t->name);
	free(t);
}

static void release_group(struct history_group *g)
{
	for (size_t i = 0; i < g->count; i++)
		free(g->views[i].commits);
	free(g->views);
	free(g->name);
}

void history_clear(struct history *h)
{
	for (size_t i = 0; i < h->group_count; i++)
		release_group(&h->groups[i]);
	for (size_t i = 0; i < h->topic_count; i++)
		free_topic(h->topics[i]);
	free(h->groups);
	free(h->topics);
	free(h->cluster);
	h->groups = NULL;
	h->topics = NULL;
	h->cluster = NULL;
	h->group_count = h->topic_count = 0;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	history_clear(h);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void history_start(struct history *h, int64_t mono_ms)
{
	if (h->started)
		return;
	h->origin_ms = mono_ms - (int64_t)TICKS_QUARTER * TICK_MS;
	h->started = true;
}

uint32_t history_tick(const struct history *h, int64_t mono_ms)
{
	return (uint32_t)((mono_ms - h->origin_ms) / TICK_MS);
}

void history_topic_resize(struct history_topic *t, size_t count)
{
	for (size_t i = count; i < t->count; i++)
		ends_release(&t->partitions[i]);
	if (count > t->count) {
		t->partitions = mem_resize(t->partitions, count, sizeof(*t->partitions));
		memset(t->partitions + t->count, 0, (count - t->count) * sizeof(*t->partitions));
	}
	t->count = count;
}

void history_view_resize(struct history_view *v, size_t count, uint32_t now)
{
	struct history_view resized = *v;

	resized.count = (uint32_t)count;
	resized.commits = mem_zalloc(count, sizeof(int64_t) + sizeof(uint32_t));
	for (size_t i = 0; i < count; i++) {
		resized.commits[i] = i < v->count ? v->commits[i] : COMMIT_UNSEEN;
		history_since(&resized)[i] = i < v->count ? history_since(v)[i] : now;
	}
	free(v->commits);
	*v = resized;
}

static uint32_t earlier(uint32_t tick, uint32_t by)
{
	return tick > by ? tick - by : 0;
}

/* Moves the origin on once every 248 days. Ends that old are forgotten; what stood still for longer
 * stands still for that long. */
static void rebase(struct history *h, int64_t mono_ms)
{
	if (history_tick(h, mono_ms) < 3 * TICKS_QUARTER)
		return;
	h->origin_ms += (int64_t)2 * TICKS_QUARTER * TICK_MS;
	for (size_t i = 0; i < h->topic_count; i++)
		for (size_t p = 0; p < h->topics[i]->count; p++)
			ends_rebase(&h->topics[i]->partitions[p], 2 * TICKS_QUARTER);
	for (size_t i = 0; i < h->group_count; i++)
		for (size_t t = 0; t < h->groups[i].count; t++) {
			struct history_view *v = &h->groups[i].views[t];

			v->moved_at = earlier(v->moved_at, 2 * TICKS_QUARTER);
			v->read_at = earlier(v->read_at, 2 * TICKS_QUARTER);
			for (size_t p = 0; p < v->count; p++)
				history_since(v)[p] =
					earlier(history_since(v)[p], 2 * TICKS_QUARTER);
			for (size_t m = 0; m < ARRAY_LEN(v->mark_at); m++)
				v->mark_at[m] = earlier(v->mark_at[m], 2 * TICKS_QUARTER);
		}
}

/* --- topics --- */

static struct history_topic *new_topic(const char *name)
{
	struct history_topic *t = mem_zalloc(1, sizeof(*t));

	t->name = mem_strdup(name);
	return t;
}

/* Replaces the topics by those of the snapshot, in its order, keeping what is known of them. Those that
 * are gone are returned: groups still point at them. */
static struct history_topic **match_topics(
	struct history *h, const struct snapshot *s, size_t *ret_gone)
{
	struct history_topic **topics = mem_zalloc(s->topic_count, sizeof(struct history_topic *));
	struct history_topic **before = h->topics;
	size_t old = 0, gone = 0;

	for (size_t i = 0; i < s->topic_count; i++) {
		int order = -1;

		while (old < h->topic_count &&
			(order = strcmp(before[old]->name, s->topics[i].name)) < 0)
			before[gone++] = before[old++];
		topics[i] = old < h->topic_count && order == 0 ? before[old++]
							       : new_topic(s->topics[i].name);
		if (topics[i]->count != s->topics[i].count)
			history_topic_resize(topics[i], s->topics[i].count);
	}
	while (old < h->topic_count)
		before[gone++] = before[old++];
	h->topics = topics;
	h->topic_count = s->topic_count;
	for (size_t i = 0; i < gone; i++)
		before[i]->gone = true;
	*ret_gone = gone;
	return before;
}

static void enter_ends(struct history *h, const struct snapshot *s, uint32_t now)
{
	for (size_t i = 0; i < s->topic_count; i++)
		for (size_t p = 0; p < s->topics[i].count; p++) {
			const struct partition *part = &s->topics[i].partitions[p];

			if (part->fresh && part->at_ms == s->mono_ms)
				ends_add(&h->topics[i]->partitions[p], now, part->start, part->end);
		}
}

/* --- groups --- */

static void drop_view(struct history_group *g, size_t index)
{
	free(g->views[index].commits);
	g->views[index] = g->views[--g->count];
}

static void drop_gone_topics(struct history_group *g)
{
	for (size_t i = g->count; i-- > 0;)
		if (g->views[i].topic->gone)
			drop_view(g, i);
}

static struct history_view *find_view(
	struct history_group *g, struct history_topic *topic, uint32_t now)
{
	struct history_view *v;

	if (topic->slot)
		return &g->views[topic->slot - 1];
	/* Exactly as much as is needed: few are ever added after the first cycle. */
	g->views = mem_resize(g->views, g->count + 1, sizeof(*g->views));
	v = &g->views[g->count];
	*v = (struct history_view){.topic = topic, .moved_at = now};
	topic->slot = ++g->count;
	return v;
}

/* Takes the commit of one partition. True: it moved. */
static bool note_commit(struct history_view *v, size_t p, const struct group_partition *gp)
{
	int64_t before = v->commits[p], commit = gp->has_committed ? gp->committed : COMMIT_NONE;

	v->commits[p] = commit;
	if (before == COMMIT_UNSEEN || before == commit)
		return false;
	if (before >= 0 && commit > before)
		v->advanced += (uint64_t)(commit - before);
	return commit >= 0;
}

static void fill_time_lag(
	struct group_partition *gp, const struct partition *p, const struct ends *e, uint32_t now)
{
	int64_t first = gp->committed > p->start ? gp->committed : p->start;
	uint32_t at;
	uint64_t ms = 0;

	gp->has_time_lag = false;
	if (!gp->has_committed || !gp->has_lag || gp->committed > p->end)
		return;
	if (gp->lag > 0) {
		if (!ends_written(e, first, &at))
			return;
		ms = (uint64_t)(now - at) * TICK_MS;
	}
	gp->time_lag_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
	gp->has_time_lag = true;
}

static bool stands(const struct history *h, const struct history_view *v, size_t p,
	const struct group_partition *gp)
{
	/* As of the last good reading: what nobody could look at since may have moved. */
	return gp->has_lag && gp->lag > 0 && v->commits[p] >= 0 &&
	       gp->at_ms - (h->origin_ms + (int64_t)history_since(v)[p] * TICK_MS) >=
		       h->options.stuck_after_ms;
}

static void fill_rate(struct history_view *v, struct group_topic *gt, bool read, uint32_t now)
{
	uint32_t since;

	if (read)
		v->read_at = now;
	since = v->read_at - v->mark_at[0];

	if (v->mark_at[0] == 0) {
		/* What moved before the first reading, as while the program was down, counts for nothing. */
		v->mark_advanced[0] = v->mark_advanced[1] = v->advanced;
		v->mark_at[0] = v->mark_at[1] = read ? now : 0;
		return;
	}
	if (since >= 1000 / TICK_MS) {
		/* In double, since a thousand times the records may be beyond 64 bits. */
		gt->commit_rate_milli = (int64_t)((double)(v->advanced - v->mark_advanced[0]) *
						  1000 * 1000 / TICK_MS / since);
		gt->has_commit_rate = true;
	}
	if (read && now - v->mark_at[1] >= RATE_TICKS) {
		v->mark_advanced[0] = v->mark_advanced[1];
		v->mark_at[0] = v->mark_at[1];
		v->mark_advanced[1] = v->advanced;
		v->mark_at[1] = now;
	}
}

static void enter_view(const struct history *h, const struct snapshot *s, struct history_view *v,
	struct group_topic *gt, uint32_t now)
{
	const struct topic *t = &s->topics[gt->topic];
	bool moved = false, read = false;

	if (v->count != t->count)
		history_view_resize(v, t->count, now);
	for (size_t p = 0; p < t->count; p++) {
		struct group_partition *gp = &gt->partitions[p];

		if (gp->fresh && gp->at_ms == s->mono_ms) {
			bool moves = note_commit(v, p, gp);

			if (moves || gp->lag == 0)
				history_since(v)[p] = now;
			moved |= moves;
			read = true;
			fill_time_lag(gp, &t->partitions[p], &v->topic->partitions[p], now);
		}
		gt->stuck |= stands(h, v, p, gp);
	}
	if (moved) {
		v->moved_at = now;
		v->moved_ms = s->wall_ms;
	}
	gt->commit_wall_ms = v->moved_ms;
	fill_rate(v, gt, read, now);
}

static bool is_idle(const struct history *h, const struct history_group *hg, const struct group *g,
	uint32_t now)
{
	if (h->options.max_idle_ms == 0 || g->state != GROUP_EMPTY || g->member_count)
		return false;
	for (size_t i = 0; i < hg->count; i++)
		if ((int64_t)(now - hg->views[i].moved_at) * TICK_MS < h->options.max_idle_ms)
			return false;
	return hg->count > 0;
}

static void enter_group(const struct history *h, const struct snapshot *s, struct history_group *hg,
	struct group *g, uint32_t now)
{
	for (size_t i = 0; i < hg->count; i++)
		hg->views[i].topic->slot = i + 1;
	for (size_t i = 0; i < g->topic_count; i++) {
		struct history_topic *topic = h->topics[g->topics[i].topic];

		enter_view(h, s, find_view(hg, topic, now), &g->topics[i], now);
	}
	g->idle = is_idle(h, hg, g, now);
	for (size_t i = 0; i < hg->count; i++)
		hg->views[i].topic->slot = 0;
	/* A coordinator that gave all commits has none for the rest. */
	if (!g->asked || !g->answered || !g->everything || hg->count == g->topic_count)
		return;
	for (size_t i = hg->count; i-- > 0;) {
		size_t t = snapshot_find_topic(s, hg->views[i].topic->name);

		if (!snapshot_group_topic(g, t))
			drop_view(hg, i);
	}
}

/* Both sides are sorted. A group that the snapshot lacks is forgotten once a complete listing says so. */
static void enter_groups(struct history *h, struct snapshot *s, uint32_t now)
{
	size_t room = s->group_count + h->group_count, old = 0, count = 0;
	struct history_group *groups = mem_zalloc(room, sizeof(*groups));
	bool keep = !s->list_ok;

	for (size_t i = 0; i <= s->group_count; i++) {
		const char *name = i < s->group_count ? s->groups[i].name : NULL;
		int order = -1;

		while (old < h->group_count &&
			(!name || (order = strcmp(h->groups[old].name, name)) < 0)) {
			if (keep)
				groups[count++] = h->groups[old++];
			else
				release_group(&h->groups[old++]);
		}
		if (!name)
			break;
		if (old < h->group_count && order == 0)
			groups[count] = h->groups[old++];
		else
			groups[count].name = mem_strdup(name);
		enter_group(h, s, &groups[count++], &s->groups[i], now);
	}
	free(h->groups);
	h->groups = groups;
	h->group_count = count;
}

static bool same_cluster(struct history *h, const struct snapshot *s)
{
	bool same = !h->cluster || !s->cluster_id || strcmp(h->cluster, s->cluster_id) == 0;

	if (!same)
		history_clear(h);
	if (!h->cluster)
		h->cluster = mem_strdup(s->cluster_id);
	return same;
}

static void enter(struct history *h, struct snapshot *s)
{
	size_t gone_count;
	struct history_topic **gone;
	uint32_t now;

	rebase(h, s->mono_ms);
	now = history_tick(h, s->mono_ms);
	gone = match_topics(h, s, &gone_count);
	enter_ends(h, s, now);
	for (size_t i = 0; gone_count && i < h->group_count; i++)
		drop_gone_topics(&h->groups[i]);
	for (size_t i = 0; i < gone_count; i++)
		free_topic(gone[i]);
	free(gone);
	enter_groups(h, s, now);
	h->applied = true;
}

bool history_apply(struct history *h, struct snapshot *s)
{
	bool same = true;

	pthread_mutex_lock(&h->lock);
	history_start(h, s->mono_ms);
	/* Before the first metadata the snapshot knows of no topic, which does not mean that there is none. */
	if (s->good_ms) {
		same = same_cluster(h, s);
		enter(h, s);
	}
	pthread_mutex_unlock(&h->lock);
	return same;
}
