/* The collector against librdkafka's mock cluster with injected faults. Each test of a fault would crash
 * the process or lose the cycle if kafka.c did not keep to the rules that kafka.h tells. */
#include <malloc.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/mock/kafkabench.h"
#include "tests/tap.h"

#define BROKERS 3
#define TOPIC "orders"
#define GROUP "billing"
#define PARTITIONS 6
#define TIMEOUT_MS 500

/* A fault and its end take the library a while, most of all until it connects again. */
#define RECOVERY_MS 20000

static const struct kafka_watch watch = {GROUP, TOPIC};

/* Where the group is coordinated, and what metadata says of that. */
static void coordinate(struct kafkabench *b, int32_t really, int32_t by_metadata)
{
	rd_kafka_mock_coordinator_set(b->cluster, "group", GROUP, really);
	rd_kafka_mock_partition_set_leader(b->cluster, "__consumer_offsets", 0, by_metadata);
}

static void open_with_topics(struct kafkabench *b)
{
	kafkabench_open(b, BROKERS);
	rd_kafka_mock_topic_create(b->cluster, TOPIC, PARTITIONS, 1);
	for (int32_t p = 0; p < PARTITIONS; p++)
		rd_kafka_mock_partition_set_leader(b->cluster, TOPIC, p, p % BROKERS + 1);
	coordinate(b, 1, 1);
	kafkabench_collect(b,
		(struct collector_options){
			.kafka = {.timeout_ms = TIMEOUT_MS}, .watches = &watch, .watch_count = 1});
	kafkabench_produce(b, TOPIC, PARTITIONS, 10);
	TAP_TRUE("the group commits", kafkabench_commit(b, GROUP, TOPIC, PARTITIONS, 4));
}

static struct lag_total cycle(struct kafkabench *b)
{
	kafkabench_cycle(b, false);
	return snapshot_lag_total(b->s, GROUP, TOPIC, OFFSET_RESET_LATEST);
}

/* Cycles until the quality is as wanted; returns the total then. */
static struct lag_total cycle_until(struct kafkabench *b, enum quality quality)
{
	int64_t deadline = clock_mono_ms() + RECOVERY_MS;
	struct lag_total total = cycle(b);

	while (total.quality != quality && clock_mono_ms() < deadline)
		total = cycle(b);
	return total;
}

static void test_healthy(struct kafkabench *b)
{
	struct lag_total total = cycle_until(b, QUALITY_COMPLETE);

	TAP_STR("all partitions answer", quality_name(total.quality), "complete");
	TAP_INT("lag is end minus committed", total.lag, 36);
	TAP_INT("the coordinator is computed, not asked for", b->s->groups[0].coordinator, 1);
}

/* A leader that is away fails its own partitions and no others (rule 3), within one time-out. */
static void test_leader_down(struct kafkabench *b)
{
	struct lag_total total;
	int64_t began;

	rd_kafka_mock_broker_set_down(b->cluster, 3);
	began = clock_mono_ms();
	total = cycle(b);
	TAP_TRUE("a dead leader costs a bounded time", clock_mono_ms() - began < 6 * TIMEOUT_MS);
	TAP_STR("the rest is a lower bound", quality_name(total.quality), "partial");
	TAP_INT("of the partitions that answered", total.fresh, 4);
	TAP_INT("whose lag counts", total.lag, 24);
	kafkabench_produce(b, TOPIC, PARTITIONS, 0);
	(void)cycle(b);
	TAP_TRUE("the age of the others grows",
		snapshot_lag_total(b->s, GROUP, TOPIC, OFFSET_RESET_LATEST).age_ms > 0);
	TAP_TRUE("their lag stays", b->s->groups[0].topics[0].partitions[2].has_lag &&
					    b->s->groups[0].topics[0].partitions[2].lag == 6);
	rd_kafka_mock_broker_set_up(b->cluster, 3);
	total = cycle_until(b, QUALITY_COMPLETE);
	TAP_INT("when it is back all is known again", total.lag, 36);
}

/* Rule 1: the coordinator goes away, a request to it times out, it comes back. With the library's own
 * look-up of the coordinator this aborts the process. */
static void test_coordinator_down(struct kafkabench *b)
{
	struct lag_total total;

	rd_kafka_mock_broker_set_down(b->cluster, 1);
	for (int i = 0; i < 3; i++)
		total = cycle(b);
	TAP_STR("without its coordinator a group's lag is stale", quality_name(total.quality),
		"stale");
	TAP_INT("and stays what it was", total.lag, 36);
	TAP_HAS("the group says why", b->s->groups[0].error, "coordinator 1");
	rd_kafka_mock_broker_set_up(b->cluster, 1);
	total = cycle_until(b, QUALITY_COMPLETE);
	TAP_INT("and is fresh when it is back", total.lag, 36);
	TAP_STR("without an error", b->s->groups[0].error ? b->s->groups[0].error : "", "");
}

/* A group moves to another coordinator, which metadata shows. (That NOT_COORDINATOR does not crash the
 * handle, rule 2, is a row of test_errors().) */
static void test_coordinator_moves(struct kafkabench *b)
{
	struct lag_total total;

	coordinate(b, 2, 2);
	total = cycle_until(b, QUALITY_COMPLETE);
	TAP_INT("a moved group is as fresh as before", total.lag, 36);
	TAP_INT("from its new coordinator", b->s->groups[0].coordinator, 2);
	coordinate(b, 1, 1);
	(void)cycle_until(b, QUALITY_COMPLETE);
}

static void test_no_leader(struct kafkabench *b)
{
	struct lag_total total;

	rd_kafka_mock_partition_set_leader(b->cluster, TOPIC, 0, -1);
	total = cycle_until(b, QUALITY_PARTIAL);
	TAP_INT("a partition without a leader is not asked", total.fresh, 5);
	rd_kafka_mock_partition_set_leader(b->cluster, TOPIC, 0, 2);
	total = cycle_until(b, QUALITY_COMPLETE);
	TAP_INT("a new leader answers", total.lag, 36);
	TAP_INT("and is shown", b->s->topics[snapshot_find_topic(b->s, TOPIC)].partitions[0].leader,
		2);
	rd_kafka_mock_partition_set_leader(b->cluster, TOPIC, 0, 1);
	(void)cycle_until(b, QUALITY_COMPLETE);
}

static void test_slow_broker(struct kafkabench *b)
{
	struct lag_total total;

	rd_kafka_mock_broker_set_rtt(b->cluster, 2, 10 * TIMEOUT_MS);
	total = cycle_until(b, QUALITY_PARTIAL);
	TAP_STR("a broker too slow to answer counts as away", quality_name(total.quality),
		"partial");
	rd_kafka_mock_broker_set_rtt(b->cluster, 2, 0);
	total = cycle_until(b, QUALITY_COMPLETE);
	TAP_INT("until it is fast again", total.lag, 36);
}

/* Rule 5: an answer with an error leaves -1 in its offset, which is no offset. */
static void test_errors(struct kafkabench *b)
{
	static const struct {
		const char *name;
		int16_t api;
		rd_kafka_resp_err_t code;
	} rows[] = {
		{"end offsets: not leader", 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
		{"end offsets: unknown topic", 2, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART},
		{"commits: loading", 9, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
		{"commits: not authorized", 9, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED},
		{"commits: not coordinator", 9, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lag_total total;

		for (int n = 0; n < 8; n++)
			rd_kafka_mock_push_request_errors(b->cluster, rows[i].api, 1, rows[i].code);
		total = cycle(b);
		TAP_TRUE(rows[i].name, total.quality != QUALITY_UNKNOWN);
		TAP_TRUE("nothing becomes zero", total.lag > 0 || total.quality == QUALITY_PARTIAL);
		for (size_t p = 0; p < PARTITIONS; p++)
			if (b->s->groups[0].topics[0].partitions[p].lag != 6)
				TAP_TRUE("each partition keeps its lag", false);
		rd_kafka_mock_clear_request_errors(b->cluster, rows[i].api);
		total = cycle_until(b, QUALITY_COMPLETE);
		TAP_INT("and all is fresh again", total.lag, 36);
	}
}

/* The whole cluster goes and comes back. */
static void test_all_down(struct kafkabench *b)
{
	struct lag_total total;

	for (int32_t id = 1; id <= BROKERS; id++)
		rd_kafka_mock_broker_set_down(b->cluster, id);
	total = cycle(b);
	TAP_TRUE("without brokers there is no metadata", !b->s->metadata_ok);
	TAP_HAS("which says whom it asked", b->s->error, "127.0.0.1:");
	TAP_STR("the lag is stale", quality_name(total.quality), "stale");
	TAP_INT("and is the last one", total.lag, 36);
	for (int32_t id = 1; id <= BROKERS; id++)
		rd_kafka_mock_broker_set_up(b->cluster, id);
	total = cycle_until(b, QUALITY_COMPLETE);
	TAP_INT("it recovers by itself", total.lag, 36);
}

/* Suppressions hide what the library itself leaks once (tests/lsan.supp), so growth is measured. Under a
 * sanitizer's allocator the figure is 0 and says nothing; the plain build is what counts. */
static void test_no_growth(struct kafkabench *b)
{
	enum { WARM_UP = 200, CYCLES = 2000 };
	size_t before = 0, after;

	for (int i = 0; i < WARM_UP + CYCLES; i++) {
		if (i == WARM_UP)
			before = mallinfo2().uordblks;
		(void)cycle(b);
	}
	after = mallinfo2().uordblks;
	/* The smallest object that malloc makes; the mock cluster's own books grow by less. */
	TAP_TRUE("two thousand cycles leave nothing behind", after < before + 24 * CYCLES);
}

/* The caller frees `publish`. */
static struct collector_options without_kafka(void)
{
	return (struct collector_options){
		.kafka = {.bootstrap = "127.0.0.1:1", .timeout_ms = TIMEOUT_MS},
		.watches = &watch,
		.watch_count = 1,
		.full_ms = 100,
		.publish = publish_new()};
}

static void test_no_kafka(void)
{
	struct collector_options options = without_kafka();
	struct err err = {0};
	struct collector *c = collector_new(&options, &err);
	struct snapshot *s;

	TAP_INT("a collector starts without Kafka", collector_start(c, &err), 0);
	s = publish_wait(options.publish, 0, clock_mono_ms() + 10000);
	TAP_TRUE("and publishes that it knows nothing", s && !s->metadata_ok && s->good_ms == 0);
	TAP_HAS("with the cause", s->error, "Connection refused");
	TAP_STR("a watched group is unknown, not zero",
		quality_name(snapshot_lag_total(s, GROUP, TOPIC, OFFSET_RESET_LATEST).quality),
		"unknown");
	snapshot_unref(s);
	collector_stop(c);
	TAP_TRUE("it stops within a call's limit",
		collector_join(c, clock_mono_ms() + 4 * TIMEOUT_MS));
	collector_free(c);
	publish_free(options.publish);
}

/* Nothing has been published then, and nothing is left to look at. */
static void test_stop_in_first_cycle(void)
{
	struct collector_options options = without_kafka();
	struct err err = {0};

	for (int i = 0; i < 3; i++) {
		struct collector *c = collector_new(&options, &err);

		TAP_INT("a collector starts", collector_start(c, &err), 0);
		collector_stop(c);
		TAP_TRUE("and is stopped in its first cycle",
			collector_join(c, clock_mono_ms() + 4 * TIMEOUT_MS));
		collector_free(c);
	}
	publish_free(options.publish);
}

int main(void)
{
	struct kafkabench b;

	log_init(LOG_LEVEL_ERROR, false);
	open_with_topics(&b);
	test_healthy(&b);
	test_leader_down(&b);
	test_coordinator_down(&b);
	test_coordinator_moves(&b);
	test_no_leader(&b);
	test_slow_broker(&b);
	test_errors(&b);
	test_all_down(&b);
	test_no_growth(&b);
	kafkabench_close(&b);
	test_no_kafka();
	test_stop_in_first_cycle();
	return tap_done();
}
