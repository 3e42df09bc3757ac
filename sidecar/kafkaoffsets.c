/* End and start offsets of partitions, asked of all leaders in parallel. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/kafkasession.h"

/* Partitions of one request. The library matches the answer in quadratic time, so more would cost more
 * CPU; fewer, more requests. */
#define BATCH_MAX 1500

/* One call of the library: end or start offsets of partitions of one leader. */
struct batch {
	rd_kafka_topic_partition_list_t *list; /* asked; holds the answer once `code` is 0 */
	struct partition **partitions; /* of the snapshot under construction, in the same order */
	bool starts;
	bool asked;
	rd_kafka_resp_err_t code;
};

/* The work of one leader, done by one thread. It outlives its cycle where the leader does not answer;
 * `partitions` point nowhere then, and nobody follows them. */
struct kafka_leader {
	struct kafka_job job;
	struct kafka_leader *next;
	int32_t id;
	struct batch *batches;
	size_t count;
	_Atomic int64_t progress_ms; /* when the last answer came */
	int64_t slowest_ms;          /* of the answers */
	char error[160];             /* "": all calls succeeded */
};

struct target {
	struct partition *partition;
	const char *topic;
	int32_t id;
	bool start;
};

static void free_leader(struct kafka_leader *l)
{
	for (size_t i = 0; i < l->count; i++) {
		rd_kafka_topic_partition_list_destroy(l->batches[i].list);
		free(l->batches[i].partitions);
	}
	free(l->batches);
	free(l);
}

static void ask_leader(struct kafka_job *job)
{
	struct kafka_leader *l = (struct kafka_leader *)job;
	struct kafka *k = job->k;

	for (size_t i = 0; i < l->count && !kafka_stopping(k); i++) {
		struct batch *b = &l->batches[i];
		int64_t began = clock_mono_ms(), now;

		b->code = rd_kafka_offsets_for_times(k->rk, b->list, (int)k->options.timeout_ms);
		b->asked = true;
		now = clock_mono_ms();
		kafka_count(k, CALL_OFFSETS, b->code != RD_KAFKA_RESP_ERR_NO_ERROR);
		if (kafka_unreachable(b->code))
			break;
		if (now - began > l->slowest_ms)
			l->slowest_ms = now - began;
		atomic_store(&l->progress_ms, now);
	}
}

/* --- what to ask --- */

static int compare_targets(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	if (x->partition->leader != y->partition->leader)
		return x->partition->leader < y->partition->leader ? -1 : 1;
	return (int)x->start - (int)y->start;
}

static void add_target(struct target **targets, size_t *count, struct partition *p,
	const char *topic, size_t id, bool start)
{
	struct target *t = mem_append(targets, (*count)++, sizeof(*t));

	*t = (struct target){p, topic, (int32_t)id, start};
}

/* What is asked in the first round, and in the second: the start of partitions whose end lies before it,
 * or before where it was: the topic has been made anew, or cut. */
static bool wants_end(const struct partition *p)
{
	return p->asked && p->leader >= 0;
}

static bool wants_start_anew(const struct partition *p)
{
	return p->fresh && !p->ask_start && (p->end < p->start || p->end < p->end_before);
}

static struct target *collect_targets(struct snapshot *s, bool second, size_t *ret_count)
{
	struct target *targets = NULL;
	size_t count = 0;

	for (size_t t = 0; t < s->topic_count; t++) {
		const struct topic *topic = &s->topics[t];

		for (size_t i = 0; i < topic->count; i++) {
			struct partition *p = &topic->partitions[i];

			if (!second && wants_end(p))
				add_target(&targets, &count, p, topic->name, i, false);
			if (second ? wants_start_anew(p) : wants_end(p) && p->ask_start)
				add_target(&targets, &count, p, topic->name, i, true);
		}
	}
	if (count)
		qsort(targets, count, sizeof(*targets), compare_targets);
	*ret_count = count;
	return targets;
}

static void add_batch(struct kafka_leader *l, const struct target *targets, size_t count)
{
	struct batch *b = mem_append(&l->batches, l->count++, sizeof(*b));

	*b = (struct batch){.list = rd_kafka_topic_partition_list_new((int)count),
		.partitions = mem_zalloc(count, sizeof(struct partition *)),
		.starts = targets->start};
	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_list_add(b->list, targets[i].topic, targets[i].id)
			->offset = targets->start ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
		b->partitions[i] = targets[i].partition;
	}
}

/* `targets` are those of one leader. A silent leader is asked one batch, to see whether it is back. */
static struct kafka_leader *make_leader(struct kafka *k, const struct target *targets, size_t count)
{
	struct kafka_leader *l = mem_zalloc(1, sizeof(*l));
	bool silent;

	l->id = targets->partition->leader;
	silent = kafkapeer_silent(k, l->id);
	for (size_t i = 0; i < count && !(silent && l->count);) {
		size_t n = 1;

		while (i + n < count && n < BATCH_MAX && targets[i + n].start == targets[i].start)
			n++;
		add_batch(l, targets + i, n);
		i += n;
	}
	return l;
}

static bool still_asked(const struct kafka *k, int32_t id)
{
	for (const struct kafka_leader *l = k->late; l; l = l->next)
		if (l->id == id)
			return true;
	return false;
}

static void start_leader(
	struct kafka *k, struct kafka_leader **all, const struct target *targets, size_t count)
{
	struct kafka_leader *l = make_leader(k, targets, count);

	l->next = *all;
	*all = l;
	atomic_store(&l->progress_ms, clock_mono_ms());
	kafkajob_start(&l->job, k, ask_leader);
}

/* Starts the work of every leader that is not busy with that of an earlier cycle; a list. Much work is
 * done in two halves, so that the broker works on one request while the library reads the answer to
 * another. */
static struct kafka_leader *start_leaders(
	struct kafka *k, const struct target *targets, size_t count)
{
	struct kafka_leader *all = NULL;

	for (size_t i = 0, n; i < count; i += n) {
		int32_t id = targets[i].partition->leader;
		size_t half;

		for (n = 1; i + n < count && targets[i + n].partition->leader == id;)
			n++;
		if (still_asked(k, id))
			continue;
		half = n > 2 * BATCH_MAX && !kafkapeer_silent(k, id) ? n / 2 : n;
		start_leader(k, &all, targets + i, half);
		if (half < n)
			start_leader(k, &all, targets + i + half, n - half);
	}
	return all;
}

/* --- answers --- */

static void note(
	struct kafka_leader *l, const char *topic, int32_t partition, rd_kafka_resp_err_t code)
{
	if (!*l->error)
		(void)snprintf(l->error, sizeof(l->error), "offsets%s%.60s[%d]: %s",
			topic ? " of " : "", topic ? topic : "", (int)partition,
			rd_kafka_err2str(code));
}

static void take_offset(struct partition *p, bool start, int64_t offset, int64_t now_ms)
{
	if (start) {
		p->start = offset;
		p->start_at_ms = now_ms;
		p->got_start = true;
	} else {
		p->end = offset;
		p->got_end = true;
	}
}

static void take_batch(struct kafka_leader *l, const struct batch *b, int64_t now_ms)
{
	if (b->code) {
		/* The list means nothing then: its offsets are -1 without an error. */
		if (!*l->error)
			(void)snprintf(l->error, sizeof(l->error), "offsets: %s",
				rd_kafka_err2str(b->code));
		return;
	}
	for (int i = 0; i < b->list->cnt; i++) {
		const rd_kafka_topic_partition_t *tp = &b->list->elems[i];

		if (tp->err)
			note(l, tp->topic, tp->partition, tp->err);
		else if (tp->offset >= 0)
			take_offset(b->partitions[i], b->starts, tp->offset, now_ms);
	}
}

/* Waits for the leader as long as it goes on answering. False: it has become silent. */
static bool wait_for(struct kafka *k, struct kafka_leader *l)
{
	int64_t patience = kafkapeer_patience_ms(k, l->id);

	for (;;) {
		int64_t deadline = atomic_load(&l->progress_ms) + patience;

		if (kafkajob_wait(&l->job, deadline))
			return true;
		if (kafka_stopping(k) || atomic_load(&l->progress_ms) + patience <= deadline)
			return false;
	}
}

static bool any_unreachable(const struct kafka_leader *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (kafka_unreachable(l->batches[i].code))
			return true;
	return false;
}

/* An error for the whole call may be the library's own and says nothing of the leader. */
static bool any_answer(const struct kafka_leader *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->batches[i].asked && !l->batches[i].code)
			return true;
	return false;
}

static void say_error(struct snapshot *s, const struct kafka_leader *l)
{
	for (size_t i = 0; i < s->broker_count; i++)
		if (s->brokers[i].id == l->id && *l->error)
			s->brokers[i].error = arena_strdup(&s->arena, l->error);
}

static void finish_leader(struct kafka *k, struct snapshot *s, struct kafka_leader *l)
{
	if (!wait_for(k, l)) {
		/* The thread still writes to it; what is said goes round it. */
		struct kafka_leader late = {.id = l->id, .error = "offsets: no answer in time"};

		say_error(s, &late);
		if (!kafka_stopping(k))
			kafkapeer_failed(k, l->id, 0);
		l->next = k->late;
		k->late = l;
		return;
	}
	for (size_t i = 0; i < l->count; i++)
		if (l->batches[i].asked)
			take_batch(l, &l->batches[i], s->mono_ms);
	if (any_unreachable(l))
		kafkapeer_failed(k, l->id, 0);
	else if (any_answer(l))
		kafkapeer_answered(k, l->id, l->slowest_ms);
	say_error(s, l);
	free_leader(l);
}

bool kafkaoffsets_settle(struct kafka *k, int64_t deadline_ms)
{
	for (struct kafka_leader *l = k->late; l; l = l->next)
		if (l->job.started && !kafkajob_wait(&l->job, deadline_ms))
			return false;
	return true;
}

void kafkaoffsets_reap(struct kafka *k, bool wait)
{
	struct kafka_leader **at = &k->late;

	while (*at) {
		struct kafka_leader *l = *at;

		if (wait)
			kafkajob_join(&l->job);
		else if (l->job.started && !kafkajob_wait(&l->job, 0)) {
			at = &l->next;
			continue;
		}
		if (any_answer(l) && !any_unreachable(l))
			kafkapeer_answered_late(k, l->id);
		*at = l->next;
		free_leader(l);
	}
}

/* Asks in one round, and says which partitions have been read whole. */
static void ask(struct kafka *k, struct snapshot *s, bool second)
{
	size_t count;
	struct target *targets = collect_targets(s, second, &count);
	struct kafka_leader *all = start_leaders(k, targets, count), *next;

	for (; all; all = next) {
		next = all->next;
		finish_leader(k, s, all);
	}
	for (size_t i = 0; i < count; i++) {
		struct partition *p = targets[i].partition;

		p->fresh = p->got_end && (p->got_start || !(p->ask_start || second));
		p->has_offsets |= p->fresh;
		p->at_ms = p->fresh ? s->mono_ms : p->at_ms;
	}
	free(targets);
}

/* A broker stays failed until it answers, also while nobody has a question for it. */
static void say_silence(struct kafka *k, struct snapshot *s)
{
	for (size_t i = 0; i < s->broker_count; i++)
		if (!s->brokers[i].error && kafkapeer_silent(k, s->brokers[i].id))
			s->brokers[i].error = arena_strdup(&s->arena, "no answer in time");
}

void kafka_ask_offsets(struct kafka *k, struct snapshot *s)
{
	kafkaoffsets_reap(k, false);
	ask(k, s, false);
	ask(k, s, true);
	say_silence(k, s);
}
