#include "sidecar/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct snapshot *snapshot_new(void)
{
	struct snapshot *s = mem_zalloc(1, sizeof(*s));

	atomic_init(&s->refs, 1);
	return s;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void snapshot_unref(struct snapshot *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena_release(&s->arena);
	free(s);
}

void snapshot_unref_at(struct snapshot **s)
{
	snapshot_unref(*s);
}

/* Both arrays begin their elements with the name they are sorted by. */
static int compare_name(const void *key, const void *element)
{
	return strcmp(key, *(char *const *)element);
}

static size_t find_name(const char *name, const void *items, size_t count, size_t size)
{
	const char *found = count ? bsearch(name, items, count, size, compare_name) : NULL;

	return found ? (size_t)(found - (const char *)items) / size : SNAPSHOT_NONE;
}

_Static_assert(offsetof(struct topic, name) == 0, "compare_name() reads the first field");
_Static_assert(offsetof(struct group, name) == 0, "compare_name() reads the first field");

size_t snapshot_find_topic(const struct snapshot *s, const char *name)
{
	return find_name(name, s->topics, s->topic_count, sizeof(*s->topics));
}

size_t snapshot_find_group(const struct snapshot *s, const char *name)
{
	return find_name(name, s->groups, s->group_count, sizeof(*s->groups));
}

const struct group *snapshot_group(const struct snapshot *s, const char *name)
{
	size_t i = s ? snapshot_find_group(s, name) : SNAPSHOT_NONE;

	return i == SNAPSHOT_NONE ? NULL : &s->groups[i];
}

struct group_topic *snapshot_group_topic(const struct group *g, size_t topic)
{
	for (size_t i = 0; i < g->topic_count; i++)
		if (g->topics[i].topic == topic)
			return &g->topics[i];
	return NULL;
}

int64_t snapshot_age_ms(const struct snapshot *s, const struct group_partition *p)
{
	return p->fresh || p->at_ms >= s->mono_ms ? 0 : s->mono_ms - p->at_ms;
}

void lag_add(int64_t *sum, int64_t messages)
{
	if (__builtin_add_overflow(*sum, messages, sum))
		*sum = INT64_MAX;
}

bool snapshot_group_answered(const struct group *g)
{
	return g->asked ? g->answered : g->error == NULL;
}

bool snapshot_group_lag(const struct snapshot *s, const struct group *g, int64_t *ret)
{
	bool any = false;
	int64_t sum = 0;

	for (size_t i = 0; i < g->topic_count; i++) {
		const struct group_topic *gt = &g->topics[i];

		for (size_t p = 0; p < s->topics[gt->topic].count; p++) {
			const struct group_partition *gp = &gt->partitions[p];

			if (gp->answered && !gp->has_committed)
				continue;
			if (!gp->has_lag)
				return false;
			any = true;
			lag_add(&sum, gp->lag);
		}
	}
	*ret = sum;
	return any;
}

/* Raises *max by the time lags of the topic; *any: there was one. False: one is not known. */
static bool raise_time_lag(
	const struct snapshot *s, const struct group_topic *gt, uint32_t *max, bool *any)
{
	for (size_t p = 0; p < s->topics[gt->topic].count; p++) {
		const struct group_partition *gp = &gt->partitions[p];

		if (!gp->has_committed)
			continue;
		if (!gp->has_time_lag && !(gp->has_lag && gp->lag == 0))
			return false;
		*any |= gp->has_time_lag;
		if (gp->has_time_lag && gp->time_lag_ms > *max)
			*max = gp->time_lag_ms;
	}
	return true;
}

bool snapshot_topic_time_lag(
	const struct snapshot *s, const struct group_topic *gt, uint32_t *ret_ms)
{
	bool any = false;

	*ret_ms = 0;
	return raise_time_lag(s, gt, ret_ms, &any) && any;
}

bool snapshot_group_time_lag(const struct snapshot *s, const struct group *g, uint32_t *ret_ms)
{
	bool any = false;

	*ret_ms = 0;
	for (size_t i = 0; i < g->topic_count; i++)
		if (!raise_time_lag(s, &g->topics[i], ret_ms, &any))
			return false;
	return any;
}

/* What the partition adds to a decision's lag; at least one offset of each kind has been read. */
static int64_t partition_lag(
	const struct group_partition *gp, const struct partition *p, enum offset_reset reset)
{
	bool usable = gp->has_committed && !(gp->fresh && gp->committed > p->end);

	if (usable)
		return gp->lag;
	return reset == OFFSET_RESET_EARLIEST && p->end > p->start ? p->end - p->start : 0;
}

bool lag_tally_add(struct lag_tally *t, const struct group_partition *gp, const struct partition *p)
{
	bool known = gp->answered && (gp->has_committed ? gp->has_lag : p->has_offsets);

	t->partitions++;
	t->known += known;
	t->fresh += known && gp->fresh;
	return known;
}

enum quality lag_tally_quality(const struct lag_tally *t)
{
	if (t->known == 0)
		return QUALITY_UNKNOWN;
	if (t->fresh == 0)
		return QUALITY_STALE;
	return t->fresh < t->partitions ? QUALITY_PARTIAL : QUALITY_COMPLETE;
}

/* Counts a partition with `lag` messages into the total. */
static void total_add(struct lag_total *total, const struct partition *p, int64_t lag)
{
	lag_add(&total->lag, lag);
	lag_add(&total->end, p->end);
	total->with_lag += lag > 0;
	if (lag > total->max_lag)
		total->max_lag = lag;
}

static struct lag_total total_of(const struct snapshot *s, const struct group *g,
	const struct group_topic *gt, enum offset_reset reset)
{
	static const char *const whys[] = {
		[QUALITY_UNKNOWN] = "not read yet",
		[QUALITY_STALE] = "no partition answered",
		[QUALITY_PARTIAL] = "some partitions did not answer",
		[QUALITY_COMPLETE] = NULL,
	};
	const struct topic *t = &s->topics[gt->topic];
	struct lag_total total = {.partitions = t->count};
	struct lag_tally tally = {0};
	struct lag_total last = {0};

	for (size_t i = 0; i < t->count; i++) {
		const struct group_partition *gp = &gt->partitions[i];
		int64_t lag, age;

		if (!lag_tally_add(&tally, gp, &t->partitions[i]))
			continue;
		total.without_commit += !gp->has_committed;
		lag = partition_lag(gp, &t->partitions[i], reset);
		age = snapshot_age_ms(s, gp);
		if (age > total.age_ms)
			total.age_ms = age;
		total_add(&last, &t->partitions[i], lag);
		if (gp->fresh)
			total_add(&total, &t->partitions[i], lag);
	}
	total.fresh = tally.fresh;
	total.quality = lag_tally_quality(&tally);
	total.why = whys[total.quality];
	if (total.quality == QUALITY_STALE) {
		total.lag = last.lag;
		total.end = last.end;
		total.with_lag = last.with_lag;
		total.max_lag = last.max_lag;
	}
	if (tally.known && total.without_commit == tally.known && g->member_count == 0) {
		total.quality = QUALITY_UNKNOWN;
		total.why = "the group has no commit on the topic";
	}
	return total;
}

struct lag_total snapshot_lag_total(
	const struct snapshot *s, const char *group, const char *topic, enum offset_reset reset)
{
	struct lag_total unknown = {.quality = QUALITY_UNKNOWN};
	size_t g = snapshot_find_group(s, group), t = snapshot_find_topic(s, topic);
	const struct group_topic *gt;

	if (t == SNAPSHOT_NONE || s->topics[t].count == 0) {
		unknown.why =
			s->good_ms ? "the topic does not exist" : "Kafka has not answered yet";
		return unknown;
	}
	gt = g == SNAPSHOT_NONE ? NULL : snapshot_group_topic(&s->groups[g], t);
	if (!gt) {
		unknown.why = "the group is not known";
		return unknown;
	}
	return total_of(s, &s->groups[g], gt, reset);
}

const char *group_state_name(enum group_state state)
{
	static const char *const names[] = {
		[GROUP_UNKNOWN] = "Unknown",
		[GROUP_STABLE] = "Stable",
		[GROUP_PREPARING_REBALANCE] = "PreparingRebalance",
		[GROUP_COMPLETING_REBALANCE] = "CompletingRebalance",
		[GROUP_EMPTY] = "Empty",
		[GROUP_DEAD] = "Dead",
	};

	return names[state];
}

const char *quality_name(enum quality quality)
{
	static const char *const names[] = {"unknown", "stale", "partial", "complete"};

	return names[quality];
}

const char *phase_name(enum phase phase)
{
	static const char *const names[] = {"metadata", "list", "groups", "offsets", "merge"};

	return names[phase];
}
