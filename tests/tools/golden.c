/* What tests/golden/compare needs of a Kafka cluster beyond traffic.c:
 *
 *   golden -b BOOTSTRAP cluster            "broker ID ADDRESS" for each broker, then "leader TOPIC
 *                                          PARTITION ID" for each partition that has one
 *   golden -b BOOTSTRAP trim TOPIC PARTITION OFFSET   delete the records before the offset
 *   golden -b BOOTSTRAP wipe topic|group NAME         delete it; that it is not there is fine
 *   golden -b BOOTSTRAP join GROUP TOPIC...           a member that reads and commits nothing, until
 *                                          SIGTERM; prints a line for each assignment
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/tools/client.h"

#define TIMEOUT_MS 20000
#define ATTEMPT_MS 3000

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
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

static int trim(const char *bootstrap, const char *topic, int32_t partition, int64_t offset)
{
	rd_kafka_t *rk = start(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), bootstrap);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);

	trim_partition(rk, queue, topic, partition, offset);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	return 0;
}

/* What became of the deletion of a topic or group, whose answer this is. */
static rd_kafka_resp_err_t outcome(rd_kafka_event_t *event, bool topic)
{
	const rd_kafka_error_t *error;
	size_t count;

	if (!event)
		return RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (rd_kafka_event_error(event))
		return rd_kafka_event_error(event);
	if (topic)
		return rd_kafka_topic_result_error(rd_kafka_DeleteTopics_result_topics(
			rd_kafka_event_DeleteTopics_result(event), &count)[0]);
	error = rd_kafka_group_result_error(rd_kafka_DeleteGroups_result_groups(
		rd_kafka_event_DeleteGroups_result(event), &count)[0]);
	return error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t delete_once(
	rd_kafka_t *rk, rd_kafka_queue_t *queue, bool topic, const char *name)
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(
		rk, topic ? RD_KAFKA_ADMIN_OP_DELETETOPICS : RD_KAFKA_ADMIN_OP_DELETEGROUPS);
	rd_kafka_DeleteTopic_t *ask_topic = rd_kafka_DeleteTopic_new(name);
	rd_kafka_DeleteGroup_t *ask_group = rd_kafka_DeleteGroup_new(name);
	rd_kafka_event_t *event;
	rd_kafka_resp_err_t code;
	char why[200];

	(void)rd_kafka_AdminOptions_set_request_timeout(options, ATTEMPT_MS, why, sizeof(why));
	if (topic)
		rd_kafka_DeleteTopics(rk, &ask_topic, 1, options, queue);
	else
		rd_kafka_DeleteGroups(rk, &ask_group, 1, options, queue);
	event = rd_kafka_queue_poll(queue, 2 * ATTEMPT_MS);
	code = outcome(event, topic);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_DeleteTopic_destroy(ask_topic);
	rd_kafka_DeleteGroup_destroy(ask_group);
	return code;
}

/* Asks until it is gone. The coordinator may be loading, a member may be leaving; and on a new cluster a
 * handle has been seen to wait for its coordinator without end, so that each attempt has its own. */
static int wipe(const char *bootstrap, const char *kind, const char *name)
{
	int64_t deadline = clock_mono_ms() + 2 * TIMEOUT_MS;
	rd_kafka_resp_err_t code;

	do {
		rd_kafka_t *rk = start(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), bootstrap);
		rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);

		code = delete_once(rk, queue, strcmp(kind, "topic") == 0, name);
		rd_kafka_queue_destroy(queue);
		rd_kafka_destroy(rk);
		if (!code || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
			code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
			return 0;
		(void)poll(NULL, 0, 100);
	} while (clock_mono_ms() < deadline);
	die(name, rd_kafka_err2str(code));
	return 1;
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
