/* What the collector watches, changed while it runs, against librdkafka's mock cluster. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "sidecar/collector.h"
#include "sidecar/publish.h"
#include "sidecar/snapshot.h"
#include "tests/tap.h"

#define GROUP "billing"
#define OTHER "audit"
#define MANY 500

struct world {
	rd_kafka_t *producer;
	rd_kafka_mock_cluster_t *cluster;
	struct publish *publish;
	struct collector *collector;
	struct snapshot *s; /* of the last cycle */
};

static const struct kafka_watch first = {GROUP, "orders"}, second = {OTHER, "refunds"};

static rd_kafka_t *client(const char *bootstrap, const char *group)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200];

	if (bootstrap)
		rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why));
	else
		rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", why, sizeof(why));
	if (group)
		rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why));
	rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
	return rd_kafka_new(group ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why, sizeof(why));
}

static void produce(struct world *w, const char *topic, int count)
{
	for (int i = 0; i < count; i++)
		(void)rd_kafka_producev(w->producer, RD_KAFKA_V_TOPIC(topic),
			RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE((void *)"x", 1), RD_KAFKA_V_END);
	(void)rd_kafka_flush(w->producer, 10000);
}

static void commit(struct world *w, const char *group, const char *topic, int64_t offset)
{
	rd_kafka_t *rk = client(rd_kafka_mock_cluster_bootstraps(w->cluster), group);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = offset;
	TAP_INT("a group commits", rd_kafka_commit(rk, list, 0), 0);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(rk);
}

/* `exporter`: full cycles too, of groups that a filter lets through. */
static void world_open(struct world *w, const struct kafka_watch *watches, size_t count,
	const struct pattern *exporter)
{
	struct collector_options options = {
		.kafka = {.timeout_ms = 2000, .group_filter = exporter, .topic_filter = exporter},
		.full_ms = exporter ? 10000 : 0,
		.watch_ms = 10,
		.watches = watches,
		.watch_count = count};
	struct err err = {0};

	*w = (struct world){.producer = client(NULL, NULL), .publish = publish_new()};
	w->cluster = rd_kafka_handle_mock_cluster(w->producer);
	rd_kafka_mock_topic_create(w->cluster, "orders", 1, 1);
	rd_kafka_mock_topic_create(w->cluster, "refunds", 1, 1);
	rd_kafka_mock_topic_create(w->cluster, "__consumer_offsets", 1, 1);
	options.kafka.bootstrap = rd_kafka_mock_cluster_bootstraps(w->cluster);
	options.publish = w->publish;
	w->collector = collector_new(&options, &err);
	produce(w, "orders", 10);
	produce(w, "refunds", 20);
	commit(w, GROUP, "orders", 4);
	commit(w, OTHER, "refunds", 5);
}

static void world_close(struct world *w)
{
	snapshot_unref(w->s);
	collector_free(w->collector);
	publish_free(w->publish);
	rd_kafka_destroy(w->producer);
}

static void cycle(struct world *w, bool full)
{
	snapshot_unref(w->s);
	(void)collector_cycle(w->collector, full);
	w->s = publish_get(w->publish);
}

static struct lag_total lag(const struct world *w, const struct kafka_watch *pair)
{
	return snapshot_lag_total(w->s, pair->group, pair->topic, OFFSET_RESET_LATEST);
}

/* The first cycles of a handle may be spent on connecting. */
static int64_t lag_when_complete(struct world *w, const struct kafka_watch *pair)
{
	int64_t deadline = clock_mono_ms() + 10000;

	do
		cycle(w, false);
	while (lag(w, pair).quality != QUALITY_COMPLETE && clock_mono_ms() < deadline);
	return lag(w, pair).lag;
}

static int64_t calls(struct world *w, const char *api)
{
	CLEANUP(strbuf_release) struct strbuf want = STRBUF_INIT;
	struct exposition x = {0};
	const char *at;
	int64_t count = -1;

	strbuf_addf(&want, "hexlag_kafka_calls_total{api=\"%s\"} ", api);
	collector_metrics(w->collector, &x);
	at = strstr(strbuf_str(&x.text), want.data);
	if (at)
		count = strtoll(at + want.len, NULL, 10);
	strbuf_release(&x.text);
	return count;
}

static void test_exchange(void)
{
	struct kafka_watch pair = second;
	struct world w;
	uint64_t seq;

	world_open(&w, &first, 1, NULL);
	TAP_INT("a pair is watched from the start", lag_when_complete(&w, &first), 6);
	TAP_STR("another is not", quality_name(lag(&w, &second).quality), "unknown");
	pair.group = mem_strdup(second.group);
	seq = collector_set_watches(w.collector, &pair, 1);
	mem_free_at(&pair.group);
	TAP_INT("what is new is in the next snapshot", seq, w.s->seq + 1);
	cycle(&w, false);
	TAP_INT("which the next cycle makes", w.s->seq, seq);
	TAP_INT("with its lag", lag_when_complete(&w, &second), 15);
	TAP_TRUE("the group of before is gone", !snapshot_group(w.s, GROUP));
	TAP_INT("what is watched already is in snapshots since then",
		collector_set_watches(w.collector, &second, 1), seq);
	(void)collector_set_watches(w.collector, NULL, 0);
	cycle(&w, false);
	TAP_INT("nothing can be watched", w.s->group_count, 0);
	TAP_TRUE("and the cluster is known all the same", w.s->metadata_ok);
	(void)collector_set_watches(w.collector, &second, 1);
	(void)collector_set_watches(w.collector, &first, 1);
	TAP_INT("of two changes before a cycle the last one counts", lag_when_complete(&w, &first),
		6);
	TAP_INT("alone", w.s->group_count, 1);
	world_close(&w);
}

static void test_from_nothing(void)
{
	struct world w;

	world_open(&w, NULL, 0, NULL);
	cycle(&w, false);
	TAP_INT("without rules nothing is watched", w.s->group_count, 0);
	(void)collector_set_watches(w.collector, &first, 1);
	TAP_INT("until there is one", lag_when_complete(&w, &first), 6);
	world_close(&w);
}

/* What only a rule made visible disappears with it from an exporter. */
static void test_filtered(void)
{
	struct err err = {0};
	struct pattern *none = pattern_new("^nothing$", &err);
	struct world w;

	world_open(&w, &first, 1, none);
	cycle(&w, true);
	TAP_INT("a watched group passes no filter and is there", lag_when_complete(&w, &first), 6);
	(void)collector_set_watches(w.collector, NULL, 0);
	cycle(&w, true);
	TAP_TRUE("and is not once nobody watches it", !snapshot_group(w.s, GROUP));
	TAP_INT("nor is its topic", w.s->topic_count, 0);
	world_close(&w);
	pattern_free(none);
}

static void test_one_question(void)
{
	static struct kafka_watch many[MANY];
	static char topics[MANY][16];
	struct world w;
	int64_t commits, describes;

	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(topics[i], sizeof(topics[i]), "t%zu", i);
		many[i] = (struct kafka_watch){GROUP, i ? topics[i] : "orders"};
	}
	world_open(&w, many, MANY, NULL);
	TAP_INT("500 rules on one group", lag_when_complete(&w, &first), 6);
	commits = calls(&w, "OffsetFetch");
	describes = calls(&w, "DescribeGroups");
	cycle(&w, false);
	TAP_TRUE("questions are counted", commits > 0 && describes > 0);
	TAP_INT("ask once for its commits", calls(&w, "OffsetFetch"), commits + 1);
	TAP_TRUE("and at most once for its members", calls(&w, "DescribeGroups") <= describes + 1);
	world_close(&w);
}

/* Other pairs with every other cycle of the running loop, and none in between. */
static void test_while_running(void)
{
	static const struct kafka_watch *const turns[] = {&first, NULL, &second};
	struct err err = {0};
	struct world w;
	uint64_t seq = 0;

	world_open(&w, &first, 1, NULL);
	TAP_INT("the loop runs", collector_start(w.collector, &err), 0);
	for (size_t i = 0; i < 60; i++) {
		const struct kafka_watch *pair = turns[i % ARRAY_LEN(turns)];

		seq = collector_set_watches(w.collector, pair, pair ? 1 : 0);
		snapshot_unref(w.s);
		w.s = publish_wait(w.publish, seq - 1, clock_mono_ms() + 10000);
	}
	TAP_TRUE("each change is in the snapshot that was promised", w.s && w.s->seq >= seq);
	TAP_TRUE("  the last one, too",
		w.s && snapshot_group(w.s, OTHER) && !snapshot_group(w.s, GROUP));
	collector_stop(w.collector);
	TAP_TRUE("and it stops", collector_join(w.collector, clock_mono_ms() + 10000));
	world_close(&w);
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	test_exchange();
	test_from_nothing();
	test_filtered();
	test_one_question();
	test_while_running();
	return tap_done();
}
