/* Every series that is a function of a snapshot, one row each: what it is called, what it is about,
 * and its value. metrics.c turns rows into text. Pure. */
#ifndef HEXLAG_SERIES_H
#define HEXLAG_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/snapshot.h"

/* What one sample of a family is about. In brackets the labels that it has where its row names none. */
enum series_per {
	SERIES_PER_SNAPSHOT,        /* none */
	SERIES_PER_PHASE,           /* phase */
	SERIES_PER_BROKER,          /* address, id */
	SERIES_PER_TOPIC,           /* topic */
	SERIES_PER_PARTITION,       /* partition, topic */
	SERIES_PER_GROUP,           /* consumergroup */
	SERIES_PER_STATE,           /* consumergroup, state */
	SERIES_PER_GROUP_TOPIC,     /* consumergroup, topic */
	SERIES_PER_GROUP_PARTITION, /* consumergroup, partition, topic */
};

/* Which series of time lag there are. */
enum series_time_lag {
	SERIES_TIME_LAG_GROUP,     /* maxima of groups, and of groups by topic */
	SERIES_TIME_LAG_PARTITION, /* that of every partition, too */
	SERIES_TIME_LAG_OFF,
};

/* Where the value of a label comes from. */
enum label_of {
	LABEL_PHASE,
	LABEL_BROKER_ADDRESS, /* host:port */
	LABEL_BROKER_HOST,
	LABEL_BROKER_PORT,
	LABEL_BROKER_ID,
	LABEL_BROKER_COUNT,
	LABEL_TOPIC,
	LABEL_PARTITION_COUNT,
	LABEL_REPLICAS, /* of the topic's first partition */
	LABEL_PARTITION,
	LABEL_GROUP,
	LABEL_STATE,         /* the state that the sample is about */
	LABEL_GROUP_STATE,   /* the state that the group is in */
	LABEL_COORDINATOR,   /* broker id, "" unknown */
	LABEL_MEMBER_CLIENT, /* of the owner of the partition: client.id, "" nobody */
	LABEL_MEMBER_HOST,
	LABEL_MEMBER_ID,
	LABEL_VERSION, /* of this program */
};

struct series_label {
	const char *name; /* NULL ends a list */
	enum label_of of;
};

/* Where a value is asked for; the fields that `per` does not name are unset. */
struct series_at {
	const struct snapshot *s;
	const struct broker *broker;
	const struct topic *topic;
	const struct partition *partition;
	const struct group *group;
	const struct group_topic *group_topic;
	const struct group_partition *group_partition;
	enum phase phase;
	enum group_state state;
	bool assigned_only, hide_zero_lag; /* as in struct metrics_options */
	enum series_time_lag time_lag;     /* the same */
};

/* False: the sample is absent, since the value is not known. */
typedef bool series_value(const struct series_at *at, int64_t *ret);

struct series {
	const char *name, *type, *help;
	enum series_per per;
	unsigned decimals; /* the value counts units of 10^-decimals */
	series_value *value;
	const struct series_label *labels; /* sorted by name; NULL: those of `per` */
};

extern const struct series series_own[]; /* of every profile; sorted by name */
extern const size_t series_own_count;
extern const struct series series_kafka_exporter[]; /* sorted by name */
extern const size_t series_kafka_exporter_count;

/* Values that other exporters show, too, under names of their own. */
series_value series_one, series_brokers, series_last_success, series_end_offset,
	series_start_offset, series_members, series_coordinator_answered, series_committed_sum,
	series_lag_sum;

/* Lag of a partition that has a commit; absent at 0 where `hide_zero_lag` says so. */
series_value series_known_lag;

/* Time lag in milliseconds of a partition, absent where its lag is hidden, and the largest of a group;
 * neither is there with SERIES_TIME_LAG_OFF. Our own series of partitions asks for
 * SERIES_TIME_LAG_PARTITION besides. */
series_value series_time_lag, series_max_time_lag;

/* Whether the partition takes part in the series of its group and topic. */
bool series_included(const struct series_at *at, const struct group_partition *gp);

/* Whether the group has a commit on the topic, without which kafka_exporter shows nothing of them.
 */
bool series_consumed(const struct series_at *at);

#endif
