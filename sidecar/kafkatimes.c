#include "sidecar/kafkatimes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "common/runloop.h"
#include "sidecar/kafkasession.h"

#define NOTED_MAX 20000
#define ROUND_MAX 100
#define LOOK_MS 100 /* between two looks for what is to be read */

/* The library takes seconds to find the leader of a topic that is new to it, and begins anew where it is
 * cut off. */
#define LEADER_MS 4000

/* One batch of the usual size; a limit below that makes a broker serve one partition per request. */
#define BATCH_BYTES "70000"

enum state { STATE_WANTED, STATE_KNOWN, STATE_UNREADABLE };

/* The first record at or behind an offset. */
struct record {
	const char *topic;
	int64_t offset, end; /* of the partition when it was noted */
	int64_t written_ms;  /* timestamp; valid where known */
	int32_t partition;
	enum state state;
};

/* What one cycle noted, sorted by compare_records(). */
struct notes {
	struct arena arena;
	struct record *records;
	size_t count;
};

struct kafkatimes {
	rd_kafka_t *rk;
	const struct pattern *topics;
	int64_t timeout_ms;
	struct runloop loop;
	bool complained;      /* that records cannot be read */
	size_t turn;          /* where the next round begins to look */
	pthread_mutex_t lock; /* guards `notes` */
	struct notes notes;
};

static int compare_records(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = strcmp(x->topic, y->topic);

	if (!order)
		order = (x->partition > y->partition) - (x->partition < y->partition);
	return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

static struct record *find(const struct notes *n, const struct record *like)
{
	return n->count ? bsearch(like, n->records, n->count, sizeof(*like), compare_records)
			: NULL;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk, (void)level;
	log_debug("librdkafka: %s: %s", facility, text);
}

static rd_kafka_t *make_client(const struct kafka_options *options, struct err *err)
{
	static const char *const ours[][2] = {
		{"auto.offset.reset",
			"earliest"}, /* what was deleted meanwhile: the first record left */
		{"enable.partition.eof", "true"},
		{"enable.auto.offset.store", "false"},
		{"fetch.message.max.bytes", BATCH_BYTES},
		{"queued.min.messages", "1"},
		{"statistics.interval.ms", "0"},
	};
	rd_kafka_conf_t *conf = kafkaconf_new(options, err);
	char why[256] = "";
	rd_kafka_t *rk;

	for (size_t i = 0; conf && i < ARRAY_LEN(ours); i++)
		if (rd_kafka_conf_set(conf, ours[i][0], ours[i][1], why, sizeof(why)) !=
			RD_KAFKA_CONF_OK) {
			(void)err_set(err, ERR_CONFIG, "Kafka client: %s", why);
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	if (!conf)
		return NULL;
	rd_kafka_conf_set_log_cb(conf, on_log);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		(void)err_set(err, ERR_CONFIG, "Kafka client: %s", why);
		return NULL;
	}
	(void)rd_kafka_poll_set_consumer(rk);
	return rk;
}

struct kafkatimes *kafkatimes_open(
	const struct kafka_options *options, const struct pattern *topics, struct err *err)
{
	rd_kafka_t *rk = make_client(options, err);
	struct kafkatimes *k;

	if (!rk)
		return NULL;
	k = mem_zalloc(1, sizeof(*k));
	k->rk = rk;
	k->topics = topics;
	k->timeout_ms = options->timeout_ms;
	pthread_mutex_init(&k->lock, NULL);
	return k;
}

void kafkatimes_close(struct kafkatimes *k)
{
	if (!k)
		return;
	/* It never joined the group, so there is nothing to leave. */
	rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(k->notes.records);
	arena_release(&k->notes.arena);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* --- in the collector's thread --- */

/* The commit was read in the cycle of `s`, and records wait behind it. */
static bool waits(
	const struct snapshot *s, const struct group_partition *gp, const struct partition *p)
{
	return gp->fresh && gp->at_ms == s->mono_ms && gp->has_committed && gp->has_lag &&
	       gp->lag > 0 && gp->committed < p->end;
}

static struct record record_of(
	const struct topic *t, size_t partition, const struct group_partition *gp)
{
	const struct partition *p = &t->partitions[partition];

	return (struct record){.topic = t->name,
		.partition = (int32_t)partition,
		.offset = gp->committed > p->start ? gp->committed : p->start,
		.end = p->end};
}

/* The records that the commits of the group on the topic wait for. */
static void note_topic(struct notes *n, size_t *room, const char *name, const struct snapshot *s,
	const struct group_topic *gt)
{
	const struct topic *t = &s->topics[gt->topic];

	for (size_t p = 0; p < t->count && n->count < NOTED_MAX; p++) {
		const struct group_partition *gp = &gt->partitions[p];
		struct record *r;

		if (!gp->has_committed || !gp->has_lag || gp->lag == 0)
			continue;
		if (n->count == *room) {
			*room = *room ? *room * 2 : 64;
			n->records = mem_resize(n->records, *room, sizeof(*n->records));
		}
		r = &n->records[n->count++];
		*r = record_of(t, p, gp);
		r->topic = name;
	}
}

static void sort_unique(struct notes *n)
{
	size_t kept = 0;

	if (n->count)
		qsort(n->records, n->count, sizeof(*n->records), compare_records);
	for (size_t i = 0; i < n->count; i++)
		if (!kept || compare_records(&n->records[kept - 1], &n->records[i]) != 0)
			n->records[kept++] = n->records[i];
	n->count = kept;
}

static struct notes take_notes(const struct snapshot *s, const char *const *names)
{
	struct notes n = {0};
	size_t room = 0;

	for (size_t g = 0; g < s->group_count; g++)
		for (size_t i = 0; i < s->groups[g].topic_count; i++) {
			const struct group_topic *gt = &s->groups[g].topics[i];

			if (names[gt->topic])
				note_topic(&n, &room, names[gt->topic], s, gt);
		}
	sort_unique(&n);
	return n;
}

/* What was read stays. A record that could not be is tried again once there are more. */
static void keep_known(struct notes *n, const struct notes *before)
{
	for (size_t i = 0; i < n->count; i++) {
		struct record *r = &n->records[i];
		const struct record *old = find(before, r);

		if (old && (old->state == STATE_KNOWN || old->end == r->end)) {
			r->state = old->state;
			r->written_ms = old->written_ms;
		}
	}
}

static void fill_topic(const struct notes *n, const struct snapshot *s, struct group_topic *gt)
{
	const struct topic *t = &s->topics[gt->topic];

	for (size_t p = 0; p < t->count; p++) {
		struct group_partition *gp = &gt->partitions[p];
		const struct record *r;
		struct record like;
		int64_t ms;

		if (!waits(s, gp, &t->partitions[p]))
			continue;
		like = record_of(t, p, gp);
		r = find(n, &like);
		if (!r || r->state != STATE_KNOWN)
			continue;
		/* A producer's clock may be ahead of ours. */
		ms = s->wall_ms > r->written_ms ? s->wall_ms - r->written_ms : 0;
		gp->time_lag_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
		gp->has_time_lag = true;
	}
}

void kafkatimes_apply(struct kafkatimes *k, struct snapshot *s)
{
	struct arena arena = {0};
	const char **names = mem_zalloc(s->topic_count, sizeof(*names));
	struct notes next, before;

	for (size_t t = 0; t < s->topic_count; t++)
		if (pattern_matches(k->topics, s->topics[t].name))
			names[t] = arena_strdup(&arena, s->topics[t].name);
	next = take_notes(s, names);
	next.arena = arena;
	pthread_mutex_lock(&k->lock);
	before = k->notes;
	keep_known(&next, &before);
	k->notes = next;
	for (size_t g = 0; g < s->group_count; g++)
		for (size_t i = 0; i < s->groups[g].topic_count; i++)
			if (names[s->groups[g].topics[i].topic])
				fill_topic(&next, s, &s->groups[g].topics[i]);
	pthread_mutex_unlock(&k->lock);
	free(before.records);
	arena_release(&before.arena);
	free(names);
}

/* --- in its own thread --- */

static bool same_partition(const struct record *a, const struct record *b)
{
	return a->partition == b->partition && strcmp(a->topic, b->topic) == 0;
}

/* Up to ROUND_MAX wanted records of as many partitions; the topics' names are copied to `arena`. Those of one
 * partition stand together, also around the end of the notes. */
static size_t choose(struct kafkatimes *k, struct arena *arena, struct record *round)
{
	size_t count = 0;

	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->notes.count && count < ROUND_MAX; i++) {
		const struct record *r = &k->notes.records[(k->turn + i) % k->notes.count];

		if (r->state != STATE_WANTED ||
			(count && (same_partition(r, &round[0]) ||
					  same_partition(r, &round[count - 1]))))
			continue;
		round[count] = *r;
		round[count++].topic = arena_strdup(arena, r->topic);
	}
	k->turn += ROUND_MAX;
	pthread_mutex_unlock(&k->lock);
	return count;
}

/* The record of the round that an answer is about; NULL: none that is still wanted. */
static struct record *match(struct record *round, size_t count, const rd_kafka_message_t *m)
{
	const char *topic = m->rkt ? rd_kafka_topic_name(m->rkt) : "";

	for (size_t i = 0; i < count; i++)
		if (round[i].state == STATE_WANTED && round[i].partition == m->partition &&
			strcmp(round[i].topic, topic) == 0)
			return &round[i];
	return NULL;
}

static void complain(struct kafkatimes *k, const struct record *r, const char *why)
{
	if (!k->complained)
		log_warn("the record at offset %" PRId64
			 " of %s[%d] cannot be read: %s; its time lag is that of history. Others "
			 "are not reported",
			r->offset, r->topic, (int)r->partition, why);
	k->complained = true;
}

/* Whether the answer settles a record of the round. */
static bool settle(
	struct kafkatimes *k, struct record *round, size_t count, const rd_kafka_message_t *m)
{
	struct record *r = match(round, count, m);
	rd_kafka_timestamp_type_t type;
	int64_t written_ms;

	/* An end that is not that of the commit's cycle is of an older answer. */
	if (!r || (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && m->offset < r->end))
		return false;
	r->state = STATE_UNREADABLE;
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return true; /* only markers of transactions, or records that were compacted away */
	if (m->err) {
		complain(k, r, rd_kafka_err2str(m->err));
		return true;
	}
	written_ms = rd_kafka_message_timestamp(m, &type);
	/* A lower offset: the topic was cut, and what came is the first record of another time. */
	if (m->offset >= r->offset && type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && written_ms >= 0) {
		r->written_ms = written_ms;
		r->state = STATE_KNOWN;
	}
	return true;
}

static void read_round(struct kafkatimes *k, struct record *round, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	int64_t deadline = clock_mono_ms() + LEADER_MS + k->timeout_ms;
	size_t left = count;

	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, round[i].topic, round[i].partition)
			->offset = round[i].offset;
	(void)rd_kafka_assign(k->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	while (left && clock_mono_ms() < deadline && !atomic_load(&k->loop.stop)) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, LOOK_MS);

		if (!m)
			continue;
		left -= settle(k, round, count, m);
		rd_kafka_message_destroy(m);
	}
	(void)rd_kafka_assign(k->rk, NULL);
}

static void store(struct kafkatimes *k, const struct record *round, size_t count)
{
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < count; i++) {
		struct record *r = find(&k->notes, &round[i]);

		if (r) {
			r->state = round[i].state;
			r->written_ms = round[i].written_ms;
		}
	}
	pthread_mutex_unlock(&k->lock);
}

static void run(void *ctx)
{
	struct kafkatimes *k = ctx;
	struct record round[ROUND_MAX];

	while (runloop_wait_until(&k->loop, clock_mono_ms() + LOOK_MS)) {
		CLEANUP(arena_release) struct arena arena = {0};
		size_t count = choose(k, &arena, round);
		rd_kafka_message_t *m;

		if (count) {
			read_round(k, round, count);
			store(k, round, count);
		} else if ((m = rd_kafka_consumer_poll(k->rk, 0))) {
			rd_kafka_message_destroy(m);
		}
	}
}

int kafkatimes_start(struct kafkatimes *k, struct err *err)
{
	return runloop_start(&k->loop, "times", run, k, err);
}

void kafkatimes_stop(struct kafkatimes *k)
{
	runloop_stop(&k->loop);
}

bool kafkatimes_join(struct kafkatimes *k, int64_t deadline_ms)
{
	return runloop_join(&k->loop, deadline_ms);
}
