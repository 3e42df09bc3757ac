#include "cli/demokafka.h"

#include <librdkafka/rdkafka.h> /* the mock needs its types */
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/runloop.h"

#define TICK_MS 50
#define COMMIT_MS 500
#define FIRST_BURST_MS 5000

struct consumer {
	struct runloop loop;
	rd_kafka_t *rk;
};

struct demokafka {
	rd_kafka_t *producer;
	rd_kafka_mock_cluster_t *cluster;
	struct runloop loop;
	atomic_bool bursting;
	struct consumer consumers[DEMO_CONSUMERS_MAX];
	size_t running;
};

static void quiet(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk, (void)level, (void)facility, (void)text;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *const (*settings)[2], struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256] = "";
	rd_kafka_t *rk = NULL;

	rd_kafka_conf_set_log_cb(conf, quiet);
	for (; (*settings)[0]; settings++)
		if (rd_kafka_conf_set(conf, (*settings)[0], (*settings)[1], why, sizeof(why)))
			goto fail;
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (rk)
		return rk;
fail:
	rd_kafka_conf_destroy(conf);
	(void)err_set(err, ERR_RETRY, "Kafka client of the demo: %s", why);
	return NULL;
}

static int make_topics(struct demokafka *d, struct err *err)
{
	/* The mock has no topic of committed offsets, by which a group's coordinator is found. */
	if (rd_kafka_mock_topic_create(d->cluster, DEMO_TOPIC, DEMO_PARTITIONS, 1) ||
		rd_kafka_mock_topic_create(d->cluster, "__consumer_offsets", 1, 1) ||
		rd_kafka_mock_partition_set_leader(d->cluster, "__consumer_offsets", 0, 1) ||
		rd_kafka_mock_coordinator_set(d->cluster, "group", DEMO_GROUP, 1))
		return err_set(err, ERR_RETRY, "cannot prepare the mock cluster");
	return 0;
}

static void produce_tick(struct demokafka *d, int64_t began_ms, double *owed)
{
	static char payload[100];
	int64_t t = clock_mono_ms() - began_ms - FIRST_BURST_MS;
	bool burst = t >= 0 && t % (DEMO_PERIOD_S * 1000) < DEMO_BURST_S * 1000;

	atomic_store(&d->bursting, burst);
	*owed += (burst ? DEMO_BURST : DEMO_QUIET) * TICK_MS / 1000.0;
	for (; *owed >= 1; *owed -= 1)
		(void)rd_kafka_producev(d->producer, RD_KAFKA_V_TOPIC(DEMO_TOPIC),
			RD_KAFKA_V_VALUE(payload, sizeof(payload)), RD_KAFKA_V_END);
	(void)rd_kafka_poll(d->producer, 0);
}

static void produce(void *ctx)
{
	struct demokafka *d = ctx;
	int64_t began = clock_mono_ms(), due = began;
	double owed = 0;

	while (runloop_wait_until(&d->loop, due)) {
		produce_tick(d, began, &owed);
		due += TICK_MS;
	}
}

struct demokafka *demokafka_start(struct err *err)
{
	/* Random partitions for each record: the sticky default leaves most of them empty for long. */
	static const char *const settings[][2] = {{"test.mock.num.brokers", "1"},
		{"partitioner", "random"}, {"sticky.partitioning.linger.ms", "0"}, {NULL, NULL}};
	struct demokafka *d = mem_zalloc(1, sizeof(*d));

	d->producer = client(RD_KAFKA_PRODUCER, settings, err);
	d->cluster = d->producer ? rd_kafka_handle_mock_cluster(d->producer) : NULL;
	if (!d->cluster || make_topics(d, err) < 0 ||
		runloop_start(&d->loop, "producer", produce, d, err) < 0) {
		demokafka_stop(d);
		return NULL;
	}
	return d;
}

void demokafka_stop(struct demokafka *d)
{
	if (!d)
		return;
	demokafka_scale(d, 0);
	runloop_stop(&d->loop);
	(void)runloop_join(&d->loop, INT64_MAX / 2000);
	if (d->producer) {
		(void)rd_kafka_purge(d->producer, RD_KAFKA_PURGE_F_QUEUE);
		rd_kafka_destroy(d->producer);
	}
	free(d);
}

const char *demokafka_bootstrap(const struct demokafka *d)
{
	return rd_kafka_mock_cluster_bootstraps(d->cluster);
}

bool demokafka_bursting(const struct demokafka *d)
{
	return atomic_load(&d->bursting);
}

/* Handles what one tick allows. */
static void consume_tick(struct consumer *c, double *budget)
{
	while (*budget >= 1) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, 0);

		if (!m) {
			*budget = 0; /* time without work is not saved up */
			return;
		}
		*budget -= !m->err;
		rd_kafka_message_destroy(m);
	}
}

static void consume(void *ctx)
{
	struct consumer *c = ctx;
	int64_t due = clock_mono_ms(), commit = due + COMMIT_MS;
	double budget = 0;

	while (runloop_wait_until(&c->loop, due)) {
		budget += DEMO_RATE * TICK_MS / 1000.0;
		consume_tick(c, &budget);
		due += TICK_MS;
		if (due >= commit) {
			(void)rd_kafka_commit(c->rk, NULL, 1);
			commit = due + COMMIT_MS;
		}
	}
	(void)rd_kafka_commit(c->rk, NULL, 0);
	(void)rd_kafka_consumer_close(c->rk);
}

static int start_consumer(struct demokafka *d, struct consumer *c)
{
	const char *const settings[][2] = {{"bootstrap.servers", demokafka_bootstrap(d)},
		{"group.id", DEMO_GROUP}, {"enable.auto.commit", "false"},
		{"auto.offset.reset", "earliest"}, {"session.timeout.ms", "6000"},
		{"fetch.wait.max.ms", "50"}, {NULL, NULL}};
	rd_kafka_topic_partition_list_t *topics;

	c->rk = client(RD_KAFKA_CONSUMER, settings, NULL);
	if (!c->rk)
		return -1;
	rd_kafka_poll_set_consumer(c->rk);
	topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, DEMO_TOPIC, RD_KAFKA_PARTITION_UA);
	(void)rd_kafka_subscribe(c->rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	if (runloop_start(&c->loop, "consumer", consume, c, NULL) == 0)
		return 0;
	rd_kafka_destroy(c->rk);
	return -1;
}

static void stop_consumers(struct demokafka *d, size_t keep)
{
	for (size_t i = keep; i < d->running; i++)
		runloop_stop(&d->consumers[i].loop);
	for (size_t i = keep; i < d->running; i++) {
		(void)runloop_join(&d->consumers[i].loop, INT64_MAX / 2000);
		rd_kafka_destroy(d->consumers[i].rk);
	}
	d->running = keep;
}

void demokafka_scale(struct demokafka *d, size_t count)
{
	if (count > DEMO_CONSUMERS_MAX)
		count = DEMO_CONSUMERS_MAX;
	if (count < d->running)
		stop_consumers(d, count);
	while (d->running < count && start_consumer(d, &d->consumers[d->running]) == 0)
		d->running++;
}
