/* Brokers, topics and coordinators: all metadata, read in a thread, so that a broker that hangs delays a
 * cycle by no more than its patience. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/kafkasession.h"

#define CONSUMER_OFFSETS "__consumer_offsets"
#define PARTITION_ID_MAX 1000000 /* a larger id in metadata is not believed */

static void fill_partitions(struct topic *t, const rd_kafka_metadata_topic_t *md)
{
	for (size_t i = 0; i < t->count; i++)
		t->partitions[i].leader = t->partitions[i].preferred = -1;
	for (int i = 0; i < md->partition_cnt; i++) {
		const rd_kafka_metadata_partition_t *from = &md->partitions[i];
		struct partition *p = &t->partitions[from->id];

		p->leader = from->leader;
		p->preferred = from->replica_cnt ? from->replicas[0] : -1;
		p->replicas = from->replica_cnt;
		p->in_sync = from->isr_cnt;
	}
}

static size_t partition_count(const rd_kafka_metadata_topic_t *md)
{
	int32_t count = 0;

	for (int i = 0; i < md->partition_cnt; i++) {
		if (md->partitions[i].id < 0 || md->partitions[i].id > PARTITION_ID_MAX)
			return 0;
		if (md->partitions[i].id >= count)
			count = md->partitions[i].id + 1;
	}
	return (size_t)count;
}

static int compare_topics(const void *a, const void *b)
{
	return strcmp(((const struct topic *)a)->name, ((const struct topic *)b)->name);
}

static void fill_topics(struct kafka *k, struct snapshot *s, const struct rd_kafka_metadata *md)
{
	s->topics = arena_alloc(&s->arena, (size_t)md->topic_cnt, sizeof(*s->topics));
	for (int i = 0; i < md->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *from = &md->topics[i];
		struct topic *t = &s->topics[s->topic_count];

		t->count = partition_count(from);
		t->filtered = !kafka_wants_topic(&k->options, from->topic);
		if (!t->count || (t->filtered && !k->options.keep_filtered))
			continue;
		t->name = arena_strdup(&s->arena, from->topic);
		t->partitions = arena_alloc(&s->arena, t->count, sizeof(*t->partitions));
		fill_partitions(t, from);
		s->topic_count++;
	}
	if (s->topic_count)
		qsort(s->topics, s->topic_count, sizeof(*s->topics), compare_topics);
}

static void learn_coordinators(struct kafka *k, const struct rd_kafka_metadata *md)
{
	k->coordinator_count = 0;
	for (int i = 0; i < md->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *t = &md->topics[i];
		size_t count;

		if (strcmp(t->topic, CONSUMER_OFFSETS) != 0 || (count = partition_count(t)) == 0)
			continue;
		k->coordinators = mem_resize(k->coordinators, count, sizeof(*k->coordinators));
		k->coordinator_count = count;
		for (size_t p = 0; p < count; p++)
			k->coordinators[p] = -1;
		for (int p = 0; p < t->partition_cnt; p++)
			k->coordinators[t->partitions[p].id] = t->partitions[p].leader;
	}
}

static void fill_brokers(struct snapshot *s, const struct rd_kafka_metadata *md)
{
	s->broker_count = (size_t)md->broker_cnt;
	s->brokers = arena_alloc(&s->arena, s->broker_count, sizeof(*s->brokers));
	for (size_t i = 0; i < s->broker_count; i++) {
		char address[300];

		(void)snprintf(address, sizeof(address), "%.255s:%d", md->brokers[i].host,
			md->brokers[i].port);
		s->brokers[i].id = md->brokers[i].id;
		s->brokers[i].address = arena_strdup(&s->arena, address);
	}
}

/* A stopped broker may have been the one that was asked; the library takes another then. */
static void read_metadata(struct kafka_job *job)
{
	struct kafka *k = job->k;
	struct kafka_metadata_job *m = (struct kafka_metadata_job *)job;
	int timeout = (int)k->options.timeout_ms;

	m->code = rd_kafka_metadata(k->rk, 1, NULL, &m->metadata, timeout);
	kafka_count(k, CALL_METADATA, m->code != RD_KAFKA_RESP_ERR_NO_ERROR);
	if (m->code != RD_KAFKA_RESP_ERR__TIMED_OUT || kafka_stopping(k))
		return;
	m->code = rd_kafka_metadata(k->rk, 1, NULL, &m->metadata, timeout);
	kafka_count(k, CALL_METADATA, m->code != RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void drop_metadata(struct kafka_metadata_job *m)
{
	if (m->metadata)
		rd_kafka_metadata_destroy(m->metadata);
	m->metadata = NULL;
}

void kafkametadata_close(struct kafka *k)
{
	kafkajob_join(&k->metadata.job);
	drop_metadata(&k->metadata);
}

static int fail(struct kafka *k, struct err *err)
{
	char cause[sizeof(k->cause)];

	pthread_mutex_lock(&k->lock);
	memcpy(cause, k->cause, sizeof(cause));
	pthread_mutex_unlock(&k->lock);
	return err_set(err, ERR_RETRY, "no metadata from %s: %s%s%s", k->options.bootstrap,
		rd_kafka_err2str(k->metadata.code), *cause ? ": " : "", cause);
}

static void take(struct kafka *k, struct snapshot *s)
{
	fill_brokers(s, k->metadata.metadata);
	fill_topics(k, s, k->metadata.metadata);
	learn_coordinators(k, k->metadata.metadata);
	pthread_mutex_lock(&k->lock);
	k->cause[0] = '\0';
	pthread_mutex_unlock(&k->lock);
}

int kafka_metadata(
	struct kafka *k, struct snapshot *s, int64_t wait_ms, bool *ret_late, struct err *err)
{
	struct kafka_metadata_job *m = &k->metadata;
	bool ended;
	int rc = 0;

	*ret_late = false;
	if (!k->rk && kafka_reopen(k, err) < 0)
		return -1;
	/* An answer that came after its cycle is older than one asked for now. */
	if (m->job.started && kafkajob_wait(&m->job, 0))
		drop_metadata(m);
	if (!m->job.started)
		kafkajob_start(&m->job, k, read_metadata);
	ended = kafkajob_wait(&m->job, clock_mono_ms() + wait_ms);
	while (rd_kafka_poll(k->rk, 0) > 0)
		; /* error and statistics callbacks */
	if (!ended) {
		*ret_late = true;
		return err_set(err, ERR_RETRY,
			"metadata is late: a broker has not answered within "
			"%d ms",
			(int)wait_ms);
	}
	if (m->code)
		rc = fail(k, err);
	else
		take(k, s);
	drop_metadata(m);
	return rc;
}
