/* What the collector watches, changed while it runs, against librdkafka's mock cluster. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "tests/mock/kafkabench.h"
#include "tests/tap.h"

#define GROUP "billing"
#define OTHER "audit"
#define MANY 500

static const struct kafka_watch first = {GROUP, "orders"}, second = {OTHER, "refunds"};

/* `exporter`: full cycles too, of groups that a filter lets through. */
static void open_with_topics(struct kafkabench *b, const struct kafka_watch *watches, size_t count,
	const struct pattern *exporter)
{
	kafkabench_open(b, 1);
	rd_kafka_mock_topic_create(b->cluster, "orders", 1, 1);
	rd_kafka_mock_topic_create(b->cluster, "refunds", 1, 1);
	kafkabench_collect(b, (struct collector_options){.kafka = {.timeout_ms = 2000,
								 .group_filter = exporter,
								 .topic_filter = exporter},
				      .full_ms = exporter ? 10000 : 0,
				      .watch_ms = 10,
				      .watches = watches,
				      .watch_count = count});
	kafkabench_produce(b, "orders", 1, 10);
	kafkabench_produce(b, "refunds", 1, 20);
	TAP_TRUE("a group commits", kafkabench_commit(b, GROUP, "orders", 1, 4));
	TAP_TRUE("and another", kafkabench_commit(b, OTHER, "refunds", 1, 5));
}

static struct lag_total lag(const struct kafkabench *b, const struct kafka_watch *pair)
{
	return snapshot_lag_total(b->s, pair->group, pair->topic, OFFSET_RESET_LATEST);
}

/* The first cycles of a handle may be spent on connecting. */
static int64_t lag_when_complete(struct kafkabench *b, const struct kafka_watch *pair)
{
	int64_t deadline = clock_mono_ms() + 10000;

	do
		kafkabench_cycle(b, false);
	while (lag(b, pair).quality != QUALITY_COMPLETE && clock_mono_ms() < deadline);
	return lag(b, pair).lag;
}

static int64_t calls(struct kafkabench *b, const char *api)
{
	CLEANUP(strbuf_release) struct strbuf want = STRBUF_INIT;
	struct exposition x = {0};
	const char *at;
	int64_t count = -1;

	strbuf_addf(&want, "hexlag_kafka_calls_total{api=\"%s\"} ", api);
	collector_metrics(b->collector, &x);
	at = strstr(strbuf_str(&x.text), want.data);
	if (at)
		count = strtoll(at + want.len, NULL, 10);
	strbuf_release(&x.text);
	return count;
}

static void test_exchange(void)
{
	struct kafka_watch pair = second;
	struct kafkabench b;
	uint64_t seq;

	open_with_topics(&b, &first, 1, NULL);
	TAP_INT("a pair is watched from the start", lag_when_complete(&b, &first), 6);
	TAP_STR("another is not", quality_name(lag(&b, &second).quality), "unknown");
	pair.group = mem_strdup(second.group);
	seq = collector_set_watches(b.collector, &pair, 1);
	mem_free_at(&pair.group);
	TAP_INT("what is new is in the next snapshot", seq, b.s->seq + 1);
	kafkabench_cycle(&b, false);
	TAP_INT("which the next cycle makes", b.s->seq, seq);
	TAP_INT("with its lag", lag_when_complete(&b, &second), 15);
	TAP_TRUE("the group of before is gone", !snapshot_group(b.s, GROUP));
	TAP_INT("what is watched already is in snapshots since then",
		collector_set_watches(b.collector, &second, 1), seq);
	(void)collector_set_watches(b.collector, NULL, 0);
	kafkabench_cycle(&b, false);
	TAP_INT("nothing can be watched", b.s->group_count, 0);
	TAP_TRUE("and the cluster is known all the same", b.s->metadata_ok);
	(void)collector_set_watches(b.collector, &second, 1);
	(void)collector_set_watches(b.collector, &first, 1);
	TAP_INT("of two changes before a cycle the last one counts", lag_when_complete(&b, &first),
		6);
	TAP_INT("alone", b.s->group_count, 1);
	kafkabench_close(&b);
}

static void test_from_nothing(void)
{
	struct kafkabench b;

	open_with_topics(&b, NULL, 0, NULL);
	kafkabench_cycle(&b, false);
	TAP_INT("without rules nothing is watched", b.s->group_count, 0);
	(void)collector_set_watches(b.collector, &first, 1);
	TAP_INT("until there is one", lag_when_complete(&b, &first), 6);
	kafkabench_close(&b);
}

/* What only a rule made visible disappears with it from an exporter. */
static void test_filtered(void)
{
	struct err err = {0};
	struct pattern *none = pattern_new("^nothing$", &err);
	struct kafkabench b;

	open_with_topics(&b, &first, 1, none);
	kafkabench_cycle(&b, true);
	TAP_INT("a watched group passes no filter and is there", lag_when_complete(&b, &first), 6);
	(void)collector_set_watches(b.collector, NULL, 0);
	kafkabench_cycle(&b, true);
	TAP_TRUE("and is not once nobody watches it", !snapshot_group(b.s, GROUP));
	TAP_INT("nor is its topic", b.s->topic_count, 0);
	kafkabench_close(&b);
	pattern_free(none);
}

static void test_one_question(void)
{
	static struct kafka_watch many[MANY];
	static char topics[MANY][16];
	struct kafkabench b;
	int64_t commits, describes;

	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(topics[i], sizeof(topics[i]), "t%zu", i);
		many[i] = (struct kafka_watch){GROUP, i ? topics[i] : "orders"};
	}
	open_with_topics(&b, many, MANY, NULL);
	TAP_INT("500 rules on one group", lag_when_complete(&b, &first), 6);
	commits = calls(&b, "OffsetFetch");
	describes = calls(&b, "DescribeGroups");
	kafkabench_cycle(&b, false);
	TAP_TRUE("questions are counted", commits > 0 && describes > 0);
	TAP_INT("ask once for its commits", calls(&b, "OffsetFetch"), commits + 1);
	TAP_TRUE("and at most once for its members", calls(&b, "DescribeGroups") <= describes + 1);
	kafkabench_close(&b);
}

/* Other pairs with every other cycle of the running loop, and none in between. */
static void test_while_running(void)
{
	static const struct kafka_watch *const turns[] = {&first, NULL, &second};
	struct err err = {0};
	struct kafkabench b;
	uint64_t seq = 0;

	open_with_topics(&b, &first, 1, NULL);
	TAP_INT("the loop runs", collector_start(b.collector, &err), 0);
	for (size_t i = 0; i < 60; i++) {
		const struct kafka_watch *pair = turns[i % ARRAY_LEN(turns)];

		seq = collector_set_watches(b.collector, pair, pair ? 1 : 0);
		snapshot_unref(b.s);
		b.s = publish_wait(b.publish, seq - 1, clock_mono_ms() + 10000);
	}
	TAP_TRUE("each change is in the snapshot that was promised", b.s && b.s->seq >= seq);
	TAP_TRUE("  the last one, too",
		b.s && snapshot_group(b.s, OTHER) && !snapshot_group(b.s, GROUP));
	collector_stop(b.collector);
	TAP_TRUE("and it stops", collector_join(b.collector, clock_mono_ms() + 10000));
	kafkabench_close(&b);
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
