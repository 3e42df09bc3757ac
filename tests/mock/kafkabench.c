#include "tests/mock/kafkabench.h"

#include <stdio.h>

#include "common/err.h"

/* `group` NULL: a producer, with a cluster of its own of so many brokers where `bootstrap` is NULL, too. */
static rd_kafka_t *client(const char *bootstrap, int brokers, const char *group)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200], number[12];

	(void)snprintf(number, sizeof(number), "%d", brokers);
	if (bootstrap)
		rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why));
	else
		rd_kafka_conf_set(conf, "test.mock.num.brokers", number, why, sizeof(why));
	if (group)
		rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why));
	rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
	return rd_kafka_new(group ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why, sizeof(why));
}

void kafkabench_open(struct kafkabench *b, int brokers)
{
	*b = (struct kafkabench){.producer = client(NULL, brokers, NULL), .publish = publish_new()};
	b->cluster = rd_kafka_handle_mock_cluster(b->producer);
	rd_kafka_mock_topic_create(b->cluster, "__consumer_offsets", 1, 1);
}

void kafkabench_close(struct kafkabench *b)
{
	snapshot_unref(b->s);
	collector_free(b->collector);
	publish_free(b->publish);
	rd_kafka_destroy(b->producer);
}

void kafkabench_collect(struct kafkabench *b, struct collector_options options)
{
	struct err err = {0};

	options.kafka.bootstrap = rd_kafka_mock_cluster_bootstraps(b->cluster);
	options.publish = b->publish;
	b->collector = collector_new(&options, &err);
}

void kafkabench_produce(struct kafkabench *b, const char *topic, int32_t partitions, int records)
{
	for (int32_t p = 0; p < partitions; p++)
		for (int i = 0; i < records; i++)
			(void)rd_kafka_producev(b->producer, RD_KAFKA_V_TOPIC(topic),
				RD_KAFKA_V_PARTITION(p), RD_KAFKA_V_VALUE((void *)"x", 1),
				RD_KAFKA_V_END);
	(void)rd_kafka_flush(b->producer, 10000);
}

bool kafkabench_commit(struct kafkabench *b, const char *group, const char *topic,
	int32_t partitions, int64_t offset)
{
	rd_kafka_t *rk = client(rd_kafka_mock_cluster_bootstraps(b->cluster), 0, group);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
	bool done;

	for (int32_t p = 0; p < partitions; p++)
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = offset;
	done = rd_kafka_commit(rk, list, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(rk);
	return done;
}

void kafkabench_cycle(struct kafkabench *b, bool full)
{
	snapshot_unref(b->s);
	(void)collector_cycle(b->collector, full);
	b->s = publish_get(b->publish);
}
