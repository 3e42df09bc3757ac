/* What the kafka*.c files share; nobody else includes this, or librdkafka. */
#ifndef HEXLAG_KAFKASESSION_H
#define HEXLAG_KAFKASESSION_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "sidecar/kafka.h"

/* The calls that are counted for metrics. */
enum kafka_call {
	CALL_METADATA,
	CALL_LIST_GROUPS,
	CALL_DESCRIBE_GROUP,
	CALL_COMMITTED_OFFSETS,
	CALL_OFFSETS,
	CALL_KINDS,
};

#define KAFKA_DEAD_MAX 256 /* brokers remembered as failed within one cycle */

/* Requests sent and bytes moved, as the library reports them once a second. */
struct kafka_traffic {
	int64_t requests, bytes_sent, bytes_received;
};

struct kafka {
	struct kafka_options options;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;      /* answers about groups */
	rd_kafka_queue_t *list_queue; /* answers to listings, which may outlive a cycle */
	bool listing;                 /* one is under way */
	uint32_t generation;          /* of the questions about groups; old answers are dropped */

	int32_t *coordinators; /* leader of each partition of __consumer_offsets, -1 none */
	size_t coordinator_count;

	/* Brokers that failed in this cycle, so that each costs one time-out and not one per call. */
	int32_t dead[KAFKA_DEAD_MAX];
	size_t dead_count;

	pthread_mutex_t lock; /* guards what is below */
	char cause[256];      /* what the library said last of why a connection failed */
	int64_t calls[CALL_KINDS], failures[CALL_KINDS];
	struct kafka_traffic traffic, earlier; /* of this handle; of the ones before it */
};

void kafka_count(struct kafka *k, enum kafka_call call, bool failed);

/* Notes that broker `id` failed. Thread: any. */
void kafka_mark_dead(struct kafka *k, int32_t id);
bool kafka_is_dead(struct kafka *k, int32_t id);

/* Whether the error says that the broker itself did not answer, rather than that it said no. */
bool kafka_unreachable(rd_kafka_resp_err_t code);

bool kafka_stopping(const struct kafka *k);

/* The library's group state as ours; GROUP_UNKNOWN for those that are newer than this code. */
enum group_state kafka_group_state(int state);

/* The consumer configuration of options->properties and our own settings; NULL and ERR_CONFIG. */
rd_kafka_conf_t *kafkaconf_new(const struct kafka_options *options, struct err *err) MUSTCHECK;

#endif
