/* Makes what a truth test needs and plain traffic does not have:
 *
 *   transact -b BOOTSTRAP commit TOPIC PARTITION COUNT   one transaction of COUNT records, committed
 *   transact -b BOOTSTRAP abort TOPIC PARTITION COUNT    the same, aborted
 *   transact -b BOOTSTRAP open TOPIC PARTITION COUNT     left open, then prints "open"; aborted at SIGTERM
 *   transact -b BOOTSTRAP topic TOPIC PARTITIONS NAME=VALUE...    creates a topic with a configuration
 *   transact -b BOOTSTRAP grow TOPIC PARTITIONS          adds partitions up to this number
 *   transact -b BOOTSTRAP trim TOPIC PARTITION OFFSET    deletes the records before OFFSET
 *   transact -b BOOTSTRAP place GROUP TOPIC OFFSET       commits for partition 0, not as a member, whatever
 *                                                        the name: a client trims that of its own group
 *   transact -b BOOTSTRAP forget GROUP                   deletes a group without members
 *   transact -b BOOTSTRAP settle TOPIC                   waits for the topic to be gone for this broker
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/tools/client.h"

#define TIMEOUT_MS 30000

/* A producer; with an id, one of transactions. */
static rd_kafka_t *client(const char *bootstrap, const char *transactional_id)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (transactional_id) {
		set(conf, "transactional.id", transactional_id);
		set(conf, "linger.ms", "0");
	}
	return start(RD_KAFKA_PRODUCER, conf, bootstrap);
}

static void check(const char *what, rd_kafka_error_t *error)
{
	if (error)
		die(what, rd_kafka_error_string(error));
}

static void await_sigterm(void)
{
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigwait(&set, &sig);
}

static int transaction(
	const char *bootstrap, const char *verb, const char *topic, int32_t partition, long count)
{
	static char payload[100];
	char id[64];
	rd_kafka_t *rk;

	(void)snprintf(id, sizeof(id), "transact-%d", (int)getpid());
	rk = client(bootstrap, id);
	check("initializing", rd_kafka_init_transactions(rk, TIMEOUT_MS));
	check("beginning", rd_kafka_begin_transaction(rk));
	for (long i = 0; i < count; i++) {
		rd_kafka_resp_err_t code = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
			RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_VALUE(payload, sizeof(payload)),
			RD_KAFKA_V_END);

		if (code)
			die(topic, rd_kafka_err2str(code));
	}
	if (rd_kafka_flush(rk, TIMEOUT_MS))
		die(topic, "not all records were acknowledged");
	if (strcmp(verb, "open") == 0) {
		(void)puts("open");
		(void)fflush(stdout);
		await_sigterm();
	}
	check(verb, strcmp(verb, "commit") == 0 ? rd_kafka_commit_transaction(rk, TIMEOUT_MS)
						: rd_kafka_abort_transaction(rk, TIMEOUT_MS));
	rd_kafka_destroy(rk);
	return 0;
}

static void create_topic(
	rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *topic, int partitions, char **config)
{
	char why[200];
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof(why));
	const rd_kafka_topic_result_t **results;
	rd_kafka_event_t *event;
	size_t count;

	if (!t)
		die(topic, why);
	for (; *config; config++) {
		char *value = strchr(*config, '=');

		if (!value)
			die(*config, "is not NAME=VALUE");
		*value++ = '\0';
		(void)rd_kafka_NewTopic_set_config(t, *config, value);
	}
	rd_kafka_CreateTopics(rk, &t, 1, NULL, queue);
	event = await_admin(queue, topic);
	results = rd_kafka_CreateTopics_result_topics(
		rd_kafka_event_CreateTopics_result(event), &count);
	check_topics(results, count);
	rd_kafka_event_destroy(event);
	rd_kafka_NewTopic_destroy(t);
}

static void grow_topic(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *topic, size_t total)
{
	char why[200];
	rd_kafka_NewPartitions_t *p = rd_kafka_NewPartitions_new(topic, total, why, sizeof(why));
	const rd_kafka_topic_result_t **results;
	rd_kafka_event_t *event;
	size_t count;

	if (!p)
		die(topic, why);
	rd_kafka_CreatePartitions(rk, &p, 1, NULL, queue);
	event = await_admin(queue, topic);
	results = rd_kafka_CreatePartitions_result_topics(
		rd_kafka_event_CreatePartitions_result(event), &count);
	check_topics(results, count);
	rd_kafka_event_destroy(event);
	rd_kafka_NewPartitions_destroy(p);
}

static void forget_group(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *group)
{
	rd_kafka_DeleteGroup_t *ask = rd_kafka_DeleteGroup_new(group);
	const rd_kafka_group_result_t **groups;
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_DeleteGroups(rk, &ask, 1, NULL, queue);
	event = await_admin(queue, group);
	groups = rd_kafka_DeleteGroups_result_groups(
		rd_kafka_event_DeleteGroups_result(event), &count);
	if (count != 1 || rd_kafka_group_result_error(groups[0]))
		die(group, count == 1
				   ? rd_kafka_error_string(rd_kafka_group_result_error(groups[0]))
				   : "no answer");
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteGroup_destroy(ask);
}

static void place_group(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *group,
	const char *topic, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_AlterConsumerGroupOffsets_t *ask;
	const rd_kafka_group_result_t **groups;
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = offset;
	ask = rd_kafka_AlterConsumerGroupOffsets_new(group, list);
	rd_kafka_AlterConsumerGroupOffsets(rk, &ask, 1, NULL, queue);
	event = await_admin(queue, group);
	groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
		rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
	if (count != 1 || rd_kafka_group_result_error(groups[0]) ||
		rd_kafka_group_result_partitions(groups[0])->elems[0].err)
		die(group, "its offset was not taken");
	rd_kafka_event_destroy(event);
	rd_kafka_AlterConsumerGroupOffsets_destroy(ask);
	rd_kafka_topic_partition_list_destroy(list);
}

/* Asks for all topics: naming one would create it anew where the broker may do that. */
static bool has_topic(rd_kafka_t *rk, const char *topic)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 1, NULL, &md, TIMEOUT_MS);
	bool found = false;

	if (code)
		die(topic, rd_kafka_err2str(code));
	for (int i = 0; i < md->topic_cnt; i++)
		found |= strcmp(md->topics[i].topic, topic) == 0;
	rd_kafka_metadata_destroy(md);
	return found;
}

static void await_absence(rd_kafka_t *rk, const char *topic)
{
	int64_t deadline = clock_mono_ms() + TIMEOUT_MS;

	while (has_topic(rk, topic))
		if (clock_mono_ms() > deadline)
			die(topic, "is still there");
}

static int administrate(const char *bootstrap, const char *verb, int argc, char **argv)
{
	rd_kafka_t *rk = client(bootstrap, NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);

	if (argc >= 2 && strcmp(verb, "topic") == 0)
		create_topic(rk, queue, argv[0], atoi(argv[1]), argv + 2);
	else if (argc == 2 && strcmp(verb, "grow") == 0)
		grow_topic(rk, queue, argv[0], strtoul(argv[1], NULL, 10));
	else if (argc == 3 && strcmp(verb, "trim") == 0)
		trim_partition(rk, queue, argv[0], atoi(argv[1]), strtoll(argv[2], NULL, 10));
	else if (argc == 3 && strcmp(verb, "place") == 0)
		place_group(rk, queue, argv[0], argv[1], strtoll(argv[2], NULL, 10));
	else if (argc == 1 && strcmp(verb, "forget") == 0)
		forget_group(rk, queue, argv[0]);
	else if (argc == 1 && strcmp(verb, "settle") == 0)
		await_absence(rk, argv[0]);
	else
		die("usage", "see the head of tests/tools/transact.c");
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	return 0;
}

int main(int argc, char **argv)
{
	const char *bootstrap = argc > 2 ? argv[2] : NULL, *verb = argc > 3 ? argv[3] : "";
	sigset_t set;

	/* Before the library starts threads, so that none of them takes the signal. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (argc == 7 && (strcmp(verb, "commit") == 0 || strcmp(verb, "abort") == 0 ||
				 strcmp(verb, "open") == 0))
		return transaction(bootstrap, verb, argv[4], atoi(argv[5]), atol(argv[6]));
	if (argc < 5) {
		(void)fprintf(stderr, "usage: see the head of tests/tools/transact.c\n");
		return 2;
	}
	return administrate(bootstrap, verb, argc - 4, argv + 4);
}
