#include "sidecar/collector.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "common/strbuf.h"
#include "sidecar/history.h"
#include "sidecar/kafkatimes.h"
#include "sidecar/merge.h"
#include "sidecar/news.h"
#include "sidecar/publish.h"
#include "sidecar/trend.h"

/* How long a full cycle waits for the list of groups when an earlier list is there to go on with. */
#define LIST_WAIT_MS 300

/* A broker that says nothing for so much of an interval is given up in that cycle, so that the others
 * are read within the interval. */
#define PATIENCE_SHARE 4
#define PATIENCE_LEAST_MS 50

/* Log start offsets move when segments are deleted, which brokers do every few minutes. A full cycle
 * reads those of every fifth topic, and what is older than this; a watch cycle all of its few. */
#define START_SHARE 5
#define START_AGE_MAX_MS 60000

/* So many cycles in a row in which metadata came but no end offset did: the handle is taken to be at
 * fault (seen after topics were created in numbers) and is opened anew. */
#define BARREN_MAX 5

/* Of the groups that are idle one in so many is asked in a full cycle. */
#define IDLE_EVERY 10

/* While paused a sign of life is shown this often. */
#define REST_MS 5000

struct collector {
	struct collector_options options;
	struct kafka *kafka;
	struct runloop loop;
	struct snapshot *last; /* the one published last; NULL before the first */
	uint64_t seq, full_count;
	bool listed;            /* the groups have been listed at least once */
	bool slow[2];           /* by full: its cycles take longer than their interval */
	int barren, barren_max; /* cycles in a row; how many until the handle is opened anew */
	_Atomic int64_t heartbeat_ms;
	atomic_bool paused;

	pthread_mutex_t lock;    /* of what is below, and of `seq` */
	struct watches *watches; /* of the cycle under way; changed by its thread only */
	uint64_t watches_seq;    /* the first snapshot with them */
	struct watches *others;  /* that take their place with the next cycle */
	bool has_others;
};

/* 0 for one-shot commands, which have all the time that a call may take. */
static int64_t patience_of(const struct collector_options *o)
{
	int64_t interval =
		o->watch_ms && (!o->full_ms || o->watch_ms < o->full_ms) ? o->watch_ms : o->full_ms;
	int64_t patience = interval / PATIENCE_SHARE;

	return interval && patience < PATIENCE_LEAST_MS ? PATIENCE_LEAST_MS : patience;
}

struct collector *collector_new(const struct collector_options *options, struct err *err)
{
	struct collector *c = mem_zalloc(1, sizeof(*c));

	c->options = *options;
	c->options.kafka.stop = &c->loop.stop;
	c->options.kafka.patience_ms = patience_of(options);
	c->watches = watches_new(options->watches, options->watch_count);
	c->watches_seq = 1;
	c->options.kafka.watches = c->watches;
	pthread_mutex_init(&c->lock, NULL);
	c->heartbeat_ms = clock_mono_ms();
	c->barren_max = BARREN_MAX;
	c->kafka = kafka_open(&c->options.kafka, err);
	if (!c->kafka) {
		collector_free(c);
		return NULL;
	}
	return c;
}

void collector_free(struct collector *c)
{
	if (!c)
		return;
	kafka_close(c->kafka);
	snapshot_unref(c->last);
	watches_free(c->watches);
	watches_free(c->others);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

uint64_t collector_set_watches(struct collector *c, const struct kafka_watch *watches, size_t count)
{
	struct watches *others = watches_new(watches, count), *never_used;
	uint64_t seq;

	pthread_mutex_lock(&c->lock);
	seq = watches_include(c->watches, others) ? c->watches_seq : c->seq + 1;
	never_used = c->others;
	c->others = others;
	c->has_others = true;
	pthread_mutex_unlock(&c->lock);
	watches_free(never_used);
	return seq;
}

/* Begins a cycle: the number of its snapshot, and what it watches. *ret_before: what was watched up to
 * now, where that is something else; the caller frees it. */
static uint64_t begin_cycle(struct collector *c, struct watches **ret_before)
{
	uint64_t seq;

	pthread_mutex_lock(&c->lock);
	seq = ++c->seq;
	if (c->has_others) {
		*ret_before = c->watches;
		c->watches = c->others;
		c->watches_seq = seq;
		c->others = NULL;
		c->has_others = false;
	}
	pthread_mutex_unlock(&c->lock);
	c->options.kafka.watches = c->watches;
	kafka_set_watches(c->kafka, c->watches);
	return seq;
}

/* Ends phase `p`, begun at *from, and begins the next. */
static void lap(struct snapshot *s, enum phase p, int64_t *from)
{
	int64_t now = clock_mono_us();

	s->phase_us[p] = now - *from;
	*from = now;
}

static void set_error(struct snapshot *s, const struct err *err)
{
	if (!s->error)
		s->error = arena_strdup(&s->arena, err->msg);
}

static void list_groups(struct collector *c, struct snapshot *next)
{
	const struct kafka_options *o = &c->options.kafka;
	struct kafka_group *groups = NULL;
	size_t count = 0;
	struct err err = {0};
	bool listed = false, complete = false, late = false;

	if (next->full && next->metadata_ok) {
		int64_t wait = c->listed ? LIST_WAIT_MS : o->timeout_ms + LIST_WAIT_MS;

		if (c->listed && o->patience_ms && o->patience_ms < wait)
			wait = o->patience_ms;
		listed = kafka_list_groups(c->kafka, next, wait, &groups, &count, &complete, &late,
				 &err) == 0;
		c->listed |= listed;
		if (listed && !complete)
			(void)err_set(
				&err, ERR_RETRY, "a broker has not answered the listing of groups");
		if (late) /* as it always is where brokers are far away: no news */
			complete = c->last && c->last->list_ok;
		if (!complete)
			set_error(next, &err);
	}
	/* What the last full cycle found stays true until the next one. */
	next->list_ok = next->full ? complete : c->last && c->last->list_ok;
	merge_groups(next, c->last, groups, count, o->watches);
}

/* Groups that were there only because they were watched `before`. */
static void drop_unwatched(struct collector *c, struct snapshot *next, const struct watches *before)
{
	const struct kafka_options *o = &c->options.kafka;
	size_t kept = 0;

	if (!before)
		return;
	for (size_t i = 0; i < next->group_count; i++) {
		const struct group *g = &next->groups[i];
		bool wanted = c->options.full_ms ? kafka_wants_group(o, g->name)
						 : watches_group(o->watches, g->name);

		if (wanted || !watches_group(before, g->name))
			next->groups[kept++] = *g;
	}
	next->group_count = kept;
}

/* Asked for its end; for its start when `start`, or where the last one known is missing or old. */
static void ask_topic(struct collector *c, struct snapshot *next, struct topic *t, bool start)
{
	size_t at = c->last ? snapshot_find_topic(c->last, t->name) : SNAPSHOT_NONE;
	const struct topic *old = at == SNAPSHOT_NONE ? NULL : &c->last->topics[at];

	for (size_t i = 0; i < t->count; i++) {
		struct partition *p = &t->partitions[i];
		const struct partition *before = old && i < old->count ? &old->partitions[i] : NULL;

		p->asked = true;
		p->ask_start = start || !before || !before->has_offsets || !before->fresh ||
			       next->mono_ms - before->start_at_ms > START_AGE_MAX_MS;
		if (p->ask_start)
			continue;
		p->start = before->start;
		p->start_at_ms = before->start_at_ms;
		p->end_before = before->end;
	}
}

/* Nobody is shown an idle group, and the listing tells when members come back. */
static bool may_skip(const struct collector *c, const struct group *g, size_t index)
{
	const struct group *old = snapshot_group(c->last, g->name);

	return old && old->idle && g->listed && g->state == GROUP_EMPTY &&
	       (c->full_count + index) % IDLE_EVERY != 0;
}

static void choose_questions(struct collector *c, struct snapshot *next)
{
	const struct kafka_options *o = &c->options.kafka;

	c->full_count += next->full;
	for (size_t t = 0; t < next->topic_count; t++) {
		struct topic *topic = &next->topics[t];
		bool watched = watches_topic(o->watches, topic->name);

		if ((next->full && !topic->filtered) || watched)
			ask_topic(
				c, next, topic, watched || (t + c->full_count) % START_SHARE == 0);
	}
	for (size_t i = 0; i < next->group_count; i++) {
		struct group *g = &next->groups[i];

		g->asked = (next->full && !may_skip(c, g, i)) || watches_group(o->watches, g->name);
		g->everything = next->full && g->listed;
	}
}

/* Of filtered topics only what a group has read: there may be many of them, and few with a group. */
static void ask_filtered(struct collector *c, struct snapshot *next)
{
	for (size_t i = 0; i < next->group_count; i++) {
		const struct group *g = &next->groups[i];

		for (size_t t = 0; t < g->topic_count && g->asked; t++) {
			struct topic *topic = &next->topics[g->topics[t].topic];

			if (topic->filtered && topic->count && !topic->partitions[0].asked)
				ask_topic(c, next, topic, false);
		}
	}
}

/* Metadata came, leaders were asked, and not one offset was had, time after time. */
static void mind_barren_handle(struct collector *c, const struct snapshot *s)
{
	size_t asked = 0, fresh = 0;
	struct err err = {0};

	for (size_t t = 0; t < s->topic_count; t++)
		for (size_t p = 0; p < s->topics[t].count; p++) {
			const struct partition *part = &s->topics[t].partitions[p];

			asked += part->asked && part->leader >= 0;
			fresh += part->asked && part->fresh;
		}
	c->barren = s->metadata_ok && asked && !fresh ? c->barren + 1 : 0;
	if (fresh)
		c->barren_max = BARREN_MAX;
	if (c->barren < c->barren_max)
		return;
	log_warn("no end offset of %zu partitions for %d cycles though metadata is there; "
		 "opening the Kafka client anew",
		asked, c->barren);
	if (kafka_reopen(c->kafka, &err) < 0)
		log_warn("%s; trying again with the next cycle", err.msg);
	c->barren = 0;
	c->barren_max *= 2; /* where it does not help, the handle was not at fault */
}

/* A group error stays until the group is asked again, so that it is reported once and not per cycle. */
static void keep_errors(struct snapshot *next, const struct snapshot *last)
{
	for (size_t i = 0; i < next->group_count; i++) {
		struct group *g = &next->groups[i];
		const struct group *old = snapshot_group(last, g->name);

		if (old && old->error && (!g->asked || !next->metadata_ok))
			g->error = arena_strdup(&next->arena, old->error);
	}
	if (!next->error && !next->full && last && last->error && last->metadata_ok)
		next->error = arena_strdup(&next->arena, last->error);
}

/* The topics of the cycle: those of Kafka, or those of the snapshot before where Kafka does not say. */
static void read_metadata(struct collector *c, struct snapshot *next)
{
	const struct kafka_options *o = &c->options.kafka;
	bool known = c->last && c->last->metadata_ok, late = false;
	/* The library asks a second broker when the first one does not answer. */
	int64_t wait = known && o->patience_ms ? o->patience_ms : 2 * o->timeout_ms + LIST_WAIT_MS;
	struct err err = {0};

	next->good_ms = c->last ? c->last->good_ms : 0;
	if (kafka_metadata(c->kafka, next, wait, &late, &err) == 0) {
		next->metadata_ok = true;
		next->good_ms = next->mono_ms;
		next->cluster_id = kafka_cluster_id(c->kafka, &next->arena);
		return;
	}
	/* An answer that is merely late is no failure: what it will say was known a moment ago. */
	next->metadata_ok = late && known;
	if (!next->metadata_ok)
		set_error(next, &err);
	if (!c->last)
		return;
	merge_topics(next, c->last);
	next->cluster_id = arena_strdup(&next->arena, c->last->cluster_id);
}

static void ask_kafka(struct collector *c, struct snapshot *next, const struct watches *before)
{
	int64_t from = clock_mono_us();

	read_metadata(c, next);
	lap(next, PHASE_METADATA, &from);
	list_groups(c, next);
	drop_unwatched(c, next, before);
	choose_questions(c, next);
	lap(next, PHASE_LIST, &from);
	if (next->metadata_ok)
		kafka_ask_groups(c->kafka, next);
	ask_filtered(c, next);
	lap(next, PHASE_GROUPS, &from);
	if (next->metadata_ok)
		kafka_ask_offsets(c->kafka, next);
	lap(next, PHASE_OFFSETS, &from);
	merge_finish(next, c->last, c->options.kafka.watches);
	keep_errors(next, c->last);
	lap(next, PHASE_MERGE, &from);
}

bool collector_cycle(struct collector *c, bool full)
{
	struct snapshot *next = snapshot_new();
	struct watches *CLEANUP(watches_free_at) before = NULL;
	int64_t cpu = clock_cpu_us();

	next->seq = begin_cycle(c, &before);
	next->full = full;
	next->mono_ms = clock_mono_ms();
	next->wall_ms = clock_wall_ms();
	atomic_store(&c->heartbeat_ms, next->mono_ms);
	ask_kafka(c, next, before);
	if (atomic_load(&c->loop.stop) || atomic_load(&c->paused)) {
		snapshot_unref(next); /* cut short: what it lacks is nobody's fault */
		return false;
	}
	if (c->options.history && !history_apply(c->options.history, next))
		log_warn("the saved state is of another cluster than %s; going on without it",
			next->cluster_id);
	if (c->options.times)
		kafkatimes_apply(c->options.times, next);
	next->cpu_us = clock_cpu_us() - cpu;
	mind_barren_handle(c, next);
	news_say(c->last, next, c->options.kafka.bootstrap);
	if (c->options.trend)
		trend_add(c->options.trend, next);
	snapshot_unref(c->last);
	c->last = snapshot_ref(next);
	publish_set(c->options.publish, next);
	atomic_store(&c->heartbeat_ms, clock_mono_ms());
	return true;
}

static enum phase longest_phase(const struct snapshot *s)
{
	enum phase longest = 0;

	for (enum phase p = 0; p < PHASE_COUNT; p++)
		if (s->phase_us[p] > s->phase_us[longest])
			longest = p;
	return longest;
}

/* Tells once that cycles take longer than they may. While Kafka does not answer that is no news. */
static void mind_slowness(struct collector *c, bool full, int64_t took_ms, int64_t interval_ms)
{
	if (!c->last->metadata_ok)
		return;
	if (took_ms > interval_ms && !c->slow[full])
		log_warn("a cycle took %" PRId64
			 "ms, most of it for %s, longer than its interval of %" PRId64
			 "ms: values are older than asked for",
			took_ms, phase_name(longest_phase(c->last)), interval_ms);
	if (took_ms > interval_ms)
		c->slow[full] = true;
	else if (took_ms < interval_ms / 2)
		c->slow[full] = false;
}

/* One interval later, or at once where that is over. */
static int64_t next_due(int64_t due, int64_t interval, int64_t now)
{
	return due + interval > now ? due + interval : now;
}

/* Paused: what was read is told no more, and not built on. */
static void rest(struct collector *c)
{
	publish_clear(c->options.publish);
	snapshot_unref(c->last);
	c->last = NULL;
	do
		atomic_store(&c->heartbeat_ms, clock_mono_ms());
	while (runloop_wait_until(&c->loop, clock_mono_ms() + REST_MS) && atomic_load(&c->paused));
}

/* Cycles until paused, or asked to stop. */
static void watch(struct collector *c)
{
	int64_t full_ms = c->options.full_ms, watch_ms = c->options.watch_ms;
	int64_t full_due = full_ms ? clock_mono_ms() : INT64_MAX;
	int64_t watch_due = watch_ms ? clock_mono_ms() : INT64_MAX;
	int64_t due = full_due < watch_due ? full_due : watch_due;

	while (runloop_wait_until(&c->loop, due) && !atomic_load(&c->paused)) {
		bool full = full_due <= due;
		int64_t began = clock_mono_ms(), now;

		if (!collector_cycle(c, full))
			break;
		now = clock_mono_ms();
		mind_slowness(c, full, now - began, full ? full_ms : watch_ms);
		if (full)
			full_due = next_due(full_due, full_ms, now);
		/* A full cycle asks for what is watched, too. */
		if (watch_ms && watch_due <= due)
			watch_due = next_due(watch_due, watch_ms, now);
		due = full_due < watch_due ? full_due : watch_due;
	}
}

static void run(void *ctx)
{
	struct collector *c = ctx;

	for (watch(c); !atomic_load(&c->loop.stop); watch(c))
		rest(c);
}

void collector_pause(struct collector *c, bool paused)
{
	if (atomic_exchange(&c->paused, paused) != paused)
		runloop_wake(&c->loop);
}

int collector_start(struct collector *c, struct err *err)
{
	return runloop_start(&c->loop, "collector", run, c, err);
}

void collector_stop(struct collector *c)
{
	runloop_stop(&c->loop);
}

bool collector_join(struct collector *c, int64_t deadline_ms)
{
	return runloop_join(&c->loop, deadline_ms) && kafka_settle(c->kafka, deadline_ms);
}

int64_t collector_heartbeat_ms(const struct collector *c)
{
	return atomic_load(&c->heartbeat_ms);
}

void collector_metrics(struct collector *c, struct exposition *x)
{
	kafka_metrics(c->kafka, x);
}
