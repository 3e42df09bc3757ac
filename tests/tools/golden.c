/* What tests/golden/compare needs of a Kafka cluster beyond traffic.c:
 *
 *   golden -b BOOTSTRAP cluster            "broker ID ADDRESS" for each broker, then "leader TOPIC
 *                                          PARTITION ID" for each partition that has one
 *   golden -b BOOTSTRAP trim TOPIC PARTITION OFFSET   delete the records before the offset
 *   golden -b BOOTSTRAP wipe topic|group NAME         delete it; that it is not there is fine
 *   golden -b BOOTSTRAP join GROUP TOPIC...           a member that reads and commits nothing, until
 *                                          SIGTERM; prints a line for each assignment
 */
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define TIMEOUT_MS 20000

static volatile sig_atomic_t stopped;

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "golden: %s: %s\n", what, why);
	exit(1);
}

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[200];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		die(name, why);
}

static rd_kafka_t *start(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *bootstrap)
{
	char why[200];
	rd_kafka_t *rk;

	set(conf, "bootstrap.servers", bootstrap);
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk)
		die("client", why);
	return rk;
}

static int cluster(const char *bootstrap)
{
	rd_kafka_t *rk = start(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), bootstrap);
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 1, NULL, &md, TIMEOUT_MS);

	if (code)
		die(bootstrap, rd_kafka_err2str(code));
	for (int i = 0; i < md->broker_cnt; i++)
		(void)printf("broker %d %s:%d\n", (int)md->brokers[i].id, md->brokers[i].host,
			md->brokers[i].port);
	for (int t = 0; t < md->topic_cnt; t++)
		for (int p = 0; p < md->topics[t].partition_cnt; p++)
			if (md->topics[t].partitions[p].leader >= 0)
				(void)printf("leader %s %d %d\n", md->topics[t].topic,
					(int)md->topics[t].partitions[p].id,
					(int)md->topics[t].partitions[p].leader);
	rd_kafka_metadata_destroy(md);
	rd_kafka_destroy(rk);
	return 0;
}

/* The answer to an admin call; the caller destroys it. */
static rd_kafka_event_t *await_admin(rd_kafka_queue_t *queue, const char *what)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * TIMEOUT_MS);

	if (!event || rd_kafka_event_error(event))
		die(what, event ? rd_kafka_event_error_string(event) : "no answer");
	return event;
}

static int trim(const char *bootstrap, const char *topic, int32_t partition, int64_t offset)
{
	rd_kafka_t *rk = start(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), bootstrap);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_topic_partition_list_t *done;
	rd_kafka_DeleteRecords_t *ask;
	rd_kafka_event_t *event;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
	ask = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(rk, &ask, 1, NULL, queue);
	event = await_admin(queue, topic);
	done = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
	if (done->elems[0].err)
		die(topic, rd_kafka_err2str(done->elems[0].err));
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteRecords_destroy(ask);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	return 0;
}

static rd_kafka_resp_err_t delete_topic(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *name)
{
	rd_kafka_DeleteTopic_t *ask = rd_kafka_DeleteTopic_new(name);
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t code;
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_DeleteTopics(rk, &ask, 1, NULL, queue);
	event = await_admin(queue, name);
	results = rd_kafka_DeleteTopics_result_topics(
		rd_kafka_event_DeleteTopics_result(event), &count);
	code = rd_kafka_topic_result_error(results[0]);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteTopic_destroy(ask);
	return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? 0 : code;
}

static rd_kafka_resp_err_t delete_group(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *name)
{
	rd_kafka_DeleteGroup_t *ask = rd_kafka_DeleteGroup_new(name);
	const rd_kafka_group_result_t **results;
	const rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_DeleteGroups(rk, &ask, 1, NULL, queue);
	event = await_admin(queue, name);
	results = rd_kafka_DeleteGroups_result_groups(
		rd_kafka_event_DeleteGroups_result(event), &count);
	error = rd_kafka_group_result_error(results[0]);
	code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteGroup_destroy(ask);
	return code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND ? 0 : code;
}

/* Asks until it is gone: the coordinator may be loading, a member may be leaving. */
static int wipe(const char *bootstrap, const char *kind, const char *name)
{
	rd_kafka_t *rk = start(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), bootstrap);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	int64_t deadline = clock_mono_ms() + TIMEOUT_MS;
	rd_kafka_resp_err_t code;

	while ((code = strcmp(kind, "topic") == 0 ? delete_topic(rk, queue, name)
						  : delete_group(rk, queue, name)) &&
		clock_mono_ms() < deadline)
		(void)poll(NULL, 0, 100);
	if (code)
		die(name, rd_kafka_err2str(code));
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	return 0;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
	rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
	(void)opaque;
	if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		(void)rd_kafka_assign(rk, NULL);
		return;
	}
	(void)rd_kafka_assign(rk, partitions);
	(void)rd_kafka_pause_partitions(rk, partitions);
	(void)printf("assigned %d\n", partitions->cnt);
	(void)fflush(stdout);
}

static int join(const char *bootstrap, const char *group, char **topics, int count)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
	rd_kafka_t *rk;

	set(conf, "group.id", group);
	set(conf, "enable.auto.commit", "false");
	set(conf, "session.timeout.ms", "6000");
	set(conf, "partition.assignment.strategy", "range");
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rk = start(RD_KAFKA_CONSUMER, conf, bootstrap);
	rd_kafka_poll_set_consumer(rk);
	for (int i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
	if (rd_kafka_subscribe(rk, list))
		die(group, "cannot subscribe");
	rd_kafka_topic_partition_list_destroy(list);
	while (!stopped) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m)
			rd_kafka_message_destroy(m);
	}
	(void)rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return 0;
}

int main(int argc, char **argv)
{
	const char *bootstrap = argc > 2 ? argv[2] : NULL, *verb = argc > 3 ? argv[3] : "";

	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGINT, on_signal);
	if (argc == 4 && strcmp(verb, "cluster") == 0)
		return cluster(bootstrap);
	if (argc == 7 && strcmp(verb, "trim") == 0)
		return trim(bootstrap, argv[4], atoi(argv[5]), atoll(argv[6]));
	if (argc == 6 && strcmp(verb, "wipe") == 0)
		return wipe(bootstrap, argv[4], argv[5]);
	if (argc > 5 && strcmp(verb, "join") == 0)
		return join(bootstrap, argv[4], argv + 5, argc - 5);
	(void)fprintf(stderr, "usage: see the head of tests/tools/golden.c\n");
	return 2;
}
