/* A collector on librdkafka's mock cluster. */
#ifndef HEXLAG_KAFKABENCH_H
#define HEXLAG_KAFKABENCH_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>

#include "common/attr.h"
#include "sidecar/collector.h"
#include "sidecar/publish.h"
#include "sidecar/snapshot.h"

struct kafkabench {
	rd_kafka_t *producer;
	rd_kafka_mock_cluster_t *cluster; /* the producer's */
	struct publish *publish;
	struct collector *collector;
	struct snapshot *s; /* of the last cycle */
};

/* So many brokers, without any topic but __consumer_offsets. */
void kafkabench_open(struct kafkabench *b, int brokers);
void kafkabench_close(struct kafkabench *b);

/* Where to find Kafka, and where to publish, is filled in. */
void kafkabench_collect(struct kafkabench *b, struct collector_options options);

/* So many records to each of the first `partitions` partitions. */
void kafkabench_produce(struct kafkabench *b, const char *topic, int32_t partitions, int records);

/* The same committed offset in each of the first `partitions` partitions. False: it failed. */
bool kafkabench_commit(struct kafkabench *b, const char *group, const char *topic,
	int32_t partitions, int64_t offset) MUSTCHECK;

/* One cycle; its snapshot is `b->s` then. */
void kafkabench_cycle(struct kafkabench *b, bool full);

#endif
