/* End and start offsets of partitions, asked of all leaders in parallel. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sidecar/kafkasession.h"

/* The library matches answers in quadratic time; measured best between 100 and 500. */
#define BATCH_MAX 500

struct target {
	struct partition *partition;
	const char *topic;
	int32_t id;
};

/* The work of one leader, done by one thread. */
struct leader {
	struct kafka *k;
	int32_t id;
	int64_t now_ms;
	const struct target *targets;
	size_t count;
	pthread_t thread;
	bool threaded;
	char error[160]; /* "": all calls succeeded */
};

/* Partition targets of one kind in; offsets out. 0 or an error of the whole call. */
static rd_kafka_resp_err_t ask(
	struct leader *l, rd_kafka_topic_partition_list_t *list, int64_t which)
{
	rd_kafka_resp_err_t code;

	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = which;
	code = rd_kafka_offsets_for_times(l->k->rk, list, (int)l->k->options.timeout_ms);
	kafka_count(l->k, CALL_OFFSETS, code != RD_KAFKA_RESP_ERR_NO_ERROR);
	return code;
}

static rd_kafka_resp_err_t ask_both(struct leader *l, const struct target *targets,
	rd_kafka_topic_partition_list_t *ends, rd_kafka_topic_partition_list_t *starts)
{
	rd_kafka_resp_err_t code = ask(l, ends, RD_KAFKA_OFFSET_END);

	if (!code)
		code = ask(l, starts, RD_KAFKA_OFFSET_BEGINNING);
	if (code)
		return code; /* the list means nothing then: its offsets are -1 without an error */
	for (int i = 0; i < ends->cnt; i++) {
		const rd_kafka_topic_partition_t *end = &ends->elems[i], *start = &starts->elems[i];
		struct partition *p = targets[i].partition;

		if (end->err || start->err || end->offset < 0 || start->offset < 0) {
			if (end->err || start->err)
				(void)snprintf(l->error, sizeof(l->error), "%.60s[%d]: %s",
					targets[i].topic, (int)targets[i].id,
					rd_kafka_err2str(end->err ? end->err : start->err));
			continue;
		}
		p->end = end->offset;
		p->start = start->offset;
		p->at_ms = l->now_ms;
		p->has_offsets = p->fresh = true;
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t ask_batch(struct leader *l, const struct target *targets, size_t count)
{
	rd_kafka_topic_partition_list_t *ends = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_topic_partition_list_t *starts;
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(ends, targets[i].topic, targets[i].id);
	starts = rd_kafka_topic_partition_list_copy(ends);
	code = ask_both(l, targets, ends, starts);
	rd_kafka_topic_partition_list_destroy(ends);
	rd_kafka_topic_partition_list_destroy(starts);
	return code;
}

static void *ask_leader(void *arg)
{
	struct leader *l = arg;

	for (size_t done = 0; done < l->count && !kafka_stopping(l->k);) {
		size_t count = l->count - done < BATCH_MAX ? l->count - done : BATCH_MAX;
		rd_kafka_resp_err_t code = ask_batch(l, l->targets + done, count);

		done += count;
		if (!code)
			continue;
		(void)snprintf(
			l->error, sizeof(l->error), "end offsets: %s", rd_kafka_err2str(code));
		if (kafka_unreachable(code)) {
			kafka_mark_dead(l->k, l->id);
			break;
		}
	}
	return NULL;
}

static int compare_targets(const void *a, const void *b)
{
	int32_t x = ((const struct target *)a)->partition->leader;
	int32_t y = ((const struct target *)b)->partition->leader;

	return (x > y) - (x < y);
}

/* Everything that is asked for and has a leader that has not failed yet, sorted by leader. */
static struct target *collect_targets(struct kafka *k, struct snapshot *s, size_t *ret_count)
{
	struct target *targets = NULL;
	size_t count = 0;

	for (size_t t = 0; t < s->topic_count; t++) {
		for (size_t i = 0; i < s->topics[t].count; i++) {
			struct partition *p = &s->topics[t].partitions[i];
			struct target *to;

			if (!p->asked || p->leader < 0 || kafka_is_dead(k, p->leader))
				continue;
			to = mem_append(&targets, count++, sizeof(*to));
			*to = (struct target){p, s->topics[t].name, (int32_t)i};
		}
	}
	if (count)
		qsort(targets, count, sizeof(*targets), compare_targets);
	*ret_count = count;
	return targets;
}

static size_t split_by_leader(struct kafka *k, const struct snapshot *s,
	const struct target *targets, size_t count, struct leader **ret_leaders)
{
	struct leader *leaders = NULL;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		int32_t id = targets[i].partition->leader;

		if (n == 0 || leaders[n - 1].id != id) {
			struct leader *l = mem_append(&leaders, n++, sizeof(*l));

			*l = (struct leader){.k = k, .id = id, .now_ms = s->mono_ms};
			l->targets = targets + i;
		}
		leaders[n - 1].count++;
	}
	*ret_leaders = leaders;
	return n;
}

static void note_error(struct snapshot *s, const struct leader *l)
{
	for (size_t i = 0; i < s->broker_count; i++)
		if (s->brokers[i].id == l->id && *l->error)
			s->brokers[i].error = arena_strdup(&s->arena, l->error);
}

void kafka_ask_offsets(struct kafka *k, struct snapshot *s)
{
	struct leader *leaders;
	size_t target_count;
	struct target *targets = collect_targets(k, s, &target_count);
	size_t count = split_by_leader(k, s, targets, target_count, &leaders);

	/* The last leader's work is done here, so a cluster of one broker needs no thread. */
	for (size_t i = 0; i + 1 < count; i++)
		leaders[i].threaded =
			pthread_create(&leaders[i].thread, NULL, ask_leader, &leaders[i]) == 0;
	for (size_t i = 0; i < count; i++)
		if (!leaders[i].threaded)
			(void)ask_leader(&leaders[i]);
	for (size_t i = 0; i < count; i++) {
		if (leaders[i].threaded)
			(void)pthread_join(leaders[i].thread, NULL);
		note_error(s, &leaders[i]);
	}
	free(leaders);
	free(targets);
}
