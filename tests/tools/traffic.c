/* Makes traffic on a Kafka cluster for tests and benchmarks:
 *
 *   traffic -b BOOTSTRAP create TOPIC PARTITIONS REPLICATION [NAME=VALUE]...
 *   traffic -b BOOTSTRAP delete TOPIC
 *   traffic -b BOOTSTRAP produce TOPIC COUNT [PARTITION]  acknowledged by all replicas on return;
 *                                                    spread evenly without a partition
 *   traffic -b BOOTSTRAP commit GROUP TOPIC OFFSET...     one offset a partition from 0, "-": none
 *   traffic -b BOOTSTRAP consume GROUP TOPIC RATE         a member that handles RATE records/s and
 *                                                    commits each second, until SIGTERM; a RATE
 *                                                    with a slash is a file that has it, and may
 *                                                    change
 *   traffic -b BOOTSTRAP burst TOPIC     for each COUNT read from stdin: so many records are produced,
 *                                   and two times printed, in microseconds of the wall clock: before
 *                                   the first record and at the last acknowledgement
 *   traffic -b BOOTSTRAP fill TOPICS PARTITIONS GROUPS EACH    topics topic-0000 and so on with a record
 *                                   in each partition, of which groups group-0000 and so on have read
 *                                   none: each has commits of 0 on EACH topics
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "tests/tools/client.h"

#define TIMEOUT_MS 15000
#define RATE_AGE_MS 10 /* a member soon sees that its rate is another */
#define FILL_NAME_MAX 32
#define FILL_BATCH 50

static volatile sig_atomic_t stopped;
static long delivered, refused;
static int64_t delivered_us; /* when the latest was */

static int64_t wall_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk, (void)opaque;
	if (m->err)
		refused++;
	else
		delivered++;
	delivered_us = wall_us();
}

static rd_kafka_t *client(const char *bootstrap, const char *group)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "reconnect.backoff.max.ms", "500");
	if (group) {
		set(conf, "group.id", group);
		set(conf, "enable.auto.commit", "false");
		set(conf, "auto.offset.reset", "earliest");
		set(conf, "session.timeout.ms", "6000");
	} else {
		set(conf, "linger.ms", "5");
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	}
	return start(group ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, bootstrap);
}

/* Waits for the one result of an admin call and checks each topic's outcome. */
static void await_topics(rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *event = await_admin(queue, "topics");
	const rd_kafka_topic_result_t **results = NULL;
	size_t count = 0;

	if (rd_kafka_event_CreateTopics_result(event))
		results = rd_kafka_CreateTopics_result_topics(
			rd_kafka_event_CreateTopics_result(event), &count);
	else
		results = rd_kafka_DeleteTopics_result_topics(
			rd_kafka_event_DeleteTopics_result(event), &count);
	check_topics(results, count);
	rd_kafka_event_destroy(event);
}

static int finish_admin(rd_kafka_t *rk, rd_kafka_queue_t *queue)
{
	await_topics(queue);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	return 0;
}

static void configure(rd_kafka_NewTopic_t *t, char *setting)
{
	char *equals = strchr(setting, '=');

	if (!equals)
		die(setting, "want NAME=VALUE");
	*equals = '\0';
	rd_kafka_NewTopic_set_config(t, setting, equals + 1);
}

static int create(const char *bootstrap, const char *topic, int partitions, int replication,
	char **settings, int count)
{
	rd_kafka_t *rk = client(bootstrap, NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	char why[200];
	rd_kafka_NewTopic_t *t =
		rd_kafka_NewTopic_new(topic, partitions, replication, why, sizeof(why));

	if (!t)
		die(topic, why);
	for (int i = 0; i < count; i++)
		configure(t, settings[i]);
	rd_kafka_CreateTopics(rk, &t, 1, NULL, queue);
	rd_kafka_NewTopic_destroy(t);
	return finish_admin(rk, queue);
}

static int drop(const char *bootstrap, const char *topic)
{
	rd_kafka_t *rk = client(bootstrap, NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *t = rd_kafka_DeleteTopic_new(topic);

	rd_kafka_DeleteTopics(rk, &t, 1, NULL, queue);
	rd_kafka_DeleteTopic_destroy(t);
	return finish_admin(rk, queue);
}

static void send_record(rd_kafka_t *rk, const char *topic, int32_t partition)
{
	static char payload[100];
	static int64_t key; /* each its own: a compacted topic takes none without, and drops none */
	rd_kafka_resp_err_t code;

	key++;
	while ((code = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
			RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(&key, sizeof(key)),
			RD_KAFKA_V_VALUE(payload, sizeof(payload)), RD_KAFKA_V_END)) ==
		RD_KAFKA_RESP_ERR__QUEUE_FULL)
		rd_kafka_poll(rk, 50);
	if (code)
		die(topic, rd_kafka_err2str(code));
	rd_kafka_poll(rk, 0);
}

/* Waits until all that was sent so far is acknowledged; `sent` is how many those are. */
static void flush_records(rd_kafka_t *rk, const char *topic, long sent)
{
	(void)rd_kafka_flush(rk, 4 * TIMEOUT_MS);
	if (delivered != sent)
		die(topic, "not all records were acknowledged");
}

static int produce(const char *bootstrap, const char *topic, long count, int32_t only)
{
	rd_kafka_t *rk = client(bootstrap, NULL);
	int partitions = partition_count(rk, topic);

	for (long i = 0; i < count; i++)
		send_record(rk, topic, only >= 0 ? only : (int32_t)(i % partitions));
	flush_records(rk, topic, count);
	rd_kafka_destroy(rk);
	return 0;
}

/* One producer for all bursts, so that none of them waits for a connection. */
static int burst(const char *bootstrap, const char *topic)
{
	rd_kafka_t *rk = client(bootstrap, NULL);
	int partitions = partition_count(rk, topic);
	char line[32];
	long sent = 0;

	while (fgets(line, sizeof(line), stdin)) {
		long count = strtol(line, NULL, 10);
		int64_t began = wall_us();

		for (long i = 0; i < count; i++)
			send_record(rk, topic, (int32_t)(i % partitions));
		sent += count;
		flush_records(rk, topic, sent);
		(void)printf("%lld %lld\n", (long long)began, (long long)delivered_us);
		(void)fflush(stdout);
	}
	rd_kafka_destroy(rk);
	return 0;
}

static int commit(
	const char *bootstrap, const char *group, const char *topic, char **offsets, int n)
{
	rd_kafka_t *rk = client(bootstrap, group);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	int64_t deadline = clock_mono_ms() + TIMEOUT_MS;

	for (int i = 0; i < n; i++)
		if (strcmp(offsets[i], "-") != 0)
			rd_kafka_topic_partition_list_add(list, topic, i)->offset =
				strtoll(offsets[i], NULL, 10);
	/* Just after the cluster's start the coordinator may still be loading. */
	while (code && clock_mono_ms() < deadline)
		code = rd_kafka_commit(rk, list, 0);
	if (code)
		die(group, rd_kafka_err2str(code));
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(rk);
	return 0;
}

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static long rate_now(const char *rate)
{
	char line[32];
	FILE *file;

	if (!strchr(rate, '/'))
		return atol(rate);
	file = fopen(rate, "re");
	if (!file || !fgets(line, sizeof(line), file))
		die(rate, "no rate in it");
	(void)fclose(file);
	return atol(line);
}

static int consume(const char *bootstrap, const char *group, const char *topic, const char *rate)
{
	rd_kafka_t *rk = client(bootstrap, group);
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	int64_t second = clock_mono_ms(), asked = second;
	long each = rate_now(rate), budget = each;

	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
	(void)rd_kafka_subscribe(rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	while (!stopped) {
		rd_kafka_message_t *m = budget > 0 ? rd_kafka_consumer_poll(rk, 50) : NULL;
		int64_t now = clock_mono_ms();

		if (now - asked >= RATE_AGE_MS) {
			long told = rate_now(rate);

			if (told != each)
				budget = each = told;
			asked = now;
		}
		if (m && !m->err)
			budget--;
		if (m)
			rd_kafka_message_destroy(m);
		else if (budget <= 0)
			(void)poll(NULL, 0, 10);
		if (now - second >= 1000) {
			(void)rd_kafka_commit(rk, NULL, 1);
			second = now;
			budget = each;
		}
	}
	(void)rd_kafka_commit(rk, NULL, 0);
	(void)rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return 0;
}

static const char *fill_name(char *room, const char *kind, int number)
{
	(void)snprintf(room, FILL_NAME_MAX, "%s-%04d", kind, number);
	return room;
}

/* Topics from `first` on, and a record in each partition. */
static void fill_topics(rd_kafka_t *rk, int first, int count, int partitions)
{
	rd_kafka_NewTopic_t *batch[FILL_BATCH];
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	char name[FILL_NAME_MAX], why[200];

	for (int t = 0; t < count; t++) {
		batch[t] = rd_kafka_NewTopic_new(
			fill_name(name, "topic", first + t), partitions, 1, why, sizeof(why));
		if (!batch[t])
			die(name, why);
	}
	rd_kafka_CreateTopics(rk, batch, (size_t)count, NULL, queue);
	rd_kafka_NewTopic_destroy_array(batch, (size_t)count);
	await_topics(queue);
	rd_kafka_queue_destroy(queue);
	for (int t = 0; t < count; t++)
		for (int32_t p = 0; p < partitions; p++)
			send_record(rk, fill_name(name, "topic", first + t), p);
	flush_records(rk, name, (long)(first + count) * partitions);
}

/* What went wrong with the one group of the answer, NULL nothing. */
static const char *commit_error(const rd_kafka_AlterConsumerGroupOffsets_result_t *result)
{
	size_t count;
	const rd_kafka_group_result_t **groups =
		rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &count);
	const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(groups[0]);

	if (rd_kafka_group_result_error(groups[0]))
		return rd_kafka_error_string(rd_kafka_group_result_error(groups[0]));
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err)
			return rd_kafka_err2str(list->elems[i].err);
	return NULL;
}

/* Commits without being a member, so that a thousand groups need one handle. */
static void fill_group(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *group,
	const rd_kafka_topic_partition_list_t *offsets)
{
	rd_kafka_AlterConsumerGroupOffsets_t *ask =
		rd_kafka_AlterConsumerGroupOffsets_new(group, offsets);
	int64_t deadline = clock_mono_ms() + TIMEOUT_MS;
	const char *why = "";

	/* Just after the cluster's start the coordinator may still be loading. */
	while (why) {
		rd_kafka_event_t *event;

		rd_kafka_AlterConsumerGroupOffsets(rk, &ask, 1, NULL, queue);
		event = await_admin(queue, group);
		why = commit_error(rd_kafka_event_AlterConsumerGroupOffsets_result(event));
		if (why && clock_mono_ms() > deadline)
			die(group, why);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_AlterConsumerGroupOffsets_destroy(ask);
}

static void fill_groups(const char *bootstrap, int topics, int partitions, int groups, int each)
{
	rd_kafka_t *rk = client(bootstrap, "fill");
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	char name[FILL_NAME_MAX];

	for (int g = 0; g < groups; g++) {
		rd_kafka_topic_partition_list_t *list =
			rd_kafka_topic_partition_list_new(each * partitions);

		for (int i = 0; i < each * partitions; i++)
			rd_kafka_topic_partition_list_add(list,
				fill_name(name, "topic", (g * each + i / partitions) % topics),
				i % partitions)
				->offset = 0;
		fill_group(rk, queue, fill_name(name, "group", g), list);
		rd_kafka_topic_partition_list_destroy(list);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
}

static int fill(const char *bootstrap, int topics, int partitions, int groups, int each)
{
	rd_kafka_t *rk = client(bootstrap, NULL);

	for (int t = 0; t < topics; t += FILL_BATCH)
		fill_topics(rk, t, topics - t < FILL_BATCH ? topics - t : FILL_BATCH, partitions);
	rd_kafka_destroy(rk);
	fill_groups(bootstrap, topics, partitions, groups, each);
	return 0;
}

int main(int argc, char **argv)
{
	const char *bootstrap = argc > 2 ? argv[2] : NULL, *verb = argc > 3 ? argv[3] : "";

	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGINT, on_signal);
	if (argc >= 7 && strcmp(verb, "create") == 0)
		return create(bootstrap, argv[4], atoi(argv[5]), atoi(argv[6]), argv + 7, argc - 7);
	if (argc == 5 && strcmp(verb, "delete") == 0)
		return drop(bootstrap, argv[4]);
	if ((argc == 6 || argc == 7) && strcmp(verb, "produce") == 0)
		return produce(bootstrap, argv[4], atol(argv[5]), argc == 7 ? atoi(argv[6]) : -1);
	if (argc > 6 && strcmp(verb, "commit") == 0)
		return commit(bootstrap, argv[4], argv[5], argv + 6, argc - 6);
	if (argc == 7 && strcmp(verb, "consume") == 0)
		return consume(bootstrap, argv[4], argv[5], argv[6]);
	if (argc == 5 && strcmp(verb, "burst") == 0)
		return burst(bootstrap, argv[4]);
	if (argc == 8 && strcmp(verb, "fill") == 0)
		return fill(bootstrap, atoi(argv[4]), atoi(argv[5]), atoi(argv[6]), atoi(argv[7]));
	(void)fprintf(stderr, "usage: see the head of tests/tools/traffic.c\n");
	return 2;
}
