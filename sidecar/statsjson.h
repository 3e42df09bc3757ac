/* The statistics document of librdkafka (its STATISTICS.md). Pure. */
#ifndef HEXLAG_STATSJSON_H
#define HEXLAG_STATSJSON_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

/* The protocol requests that are told apart. */
enum stats_api {
	STATS_METADATA,
	STATS_LIST_GROUPS,
	STATS_DESCRIBE_GROUPS,
	STATS_CONSUMER_GROUP_DESCRIBE,
	STATS_OFFSET_FETCH,
	STATS_LIST_OFFSETS,
	STATS_FETCH,
	STATS_OTHER, /* what opens and keeps connections, mostly */
	STATS_APIS,
};

/* Requests sent by kind, and bytes moved. */
struct stats_traffic {
	int64_t requests[STATS_APIS];
	int64_t sent, received;
};

/* Adds up all brokers, since the handle was made. -1: not such a document. */
int statsjson_traffic(const char *json, size_t len, struct stats_traffic *ret) MUSTCHECK;

void stats_traffic_add(struct stats_traffic *to, const struct stats_traffic *from);

const char *stats_api_name(enum stats_api api); /* as Kafka's protocol calls it; "other" */

#endif
