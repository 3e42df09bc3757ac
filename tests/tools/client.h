/* What the tools share that drive a Kafka cluster: whatever fails ends the program with a line that says
 * what. */
#ifndef HEXLAG_CLIENT_H
#define HEXLAG_CLIENT_H

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ADMIN_TIMEOUT_MS 40000
#define METADATA_TIMEOUT_MS 15000

static inline _Noreturn void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	exit(1);
}

static inline void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[200];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		die(name, why);
}

/* Takes `conf`; the caller destroys the client. */
static inline rd_kafka_t *start(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *bootstrap)
{
	char why[200];
	rd_kafka_t *rk;

	set(conf, "bootstrap.servers", bootstrap);
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk)
		die("client", why);
	return rk;
}

/* The answer to an admin call about `what`; the caller destroys it. */
static inline rd_kafka_event_t *await_admin(rd_kafka_queue_t *queue, const char *what)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_TIMEOUT_MS);

	if (!event || rd_kafka_event_error(event))
		die(what, event ? rd_kafka_event_error_string(event) : "no answer");
	return event;
}

/* Partitions of a topic that exists. */
static inline int partition_count(rd_kafka_t *rk, const char *topic)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, t, &md, METADATA_TIMEOUT_MS);
	int count;

	if (code)
		die(topic, rd_kafka_err2str(code));
	count = md->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(md);
	rd_kafka_topic_destroy(t);
	if (!count)
		die(topic, "has no partitions");
	return count;
}

static inline void check_topics(const rd_kafka_topic_result_t **results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rd_kafka_topic_result_error(results[i]))
			die(rd_kafka_topic_result_name(results[i]),
				rd_kafka_topic_result_error_string(results[i]));
}

/* Deletes the records of a partition before the offset `to`. */
static inline void trim_partition(
	rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *topic, int32_t partition, int64_t to)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_topic_partition_list_t *done;
	rd_kafka_DeleteRecords_t *ask;
	rd_kafka_event_t *event;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = to;
	ask = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(rk, &ask, 1, NULL, queue);
	event = await_admin(queue, topic);
	done = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
	if (done->elems[0].err)
		die(topic, rd_kafka_err2str(done->elems[0].err));
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteRecords_destroy(ask);
	rd_kafka_topic_partition_list_destroy(list);
}

#endif
