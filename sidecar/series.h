/* Every series that is a function of a snapshot, one row each: what it is called, what it is about,
 * and its value. metrics.c turns rows into text. Pure. */
#ifndef HEXLAG_SERIES_H
#define HEXLAG_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/snapshot.h"

/* What one sample of a family is about, which also decides its labels. */
enum series_per {
	SERIES_PER_SNAPSHOT,        /* no label */
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
	bool assigned_only;            /* as in struct metrics_options */
	enum series_time_lag time_lag; /* the same */
};

struct series {
	const char *name, *type, *help;
	enum series_per per;
	unsigned decimals; /* the value counts units of 10^-decimals */
	bool (*value)(const struct series_at *at, int64_t *ret); /* false: the sample is absent */
};

extern const struct series series_all[]; /* sorted by name */
extern const size_t series_count;

/* Whether the partition takes part in the series of its group and topic. */
bool series_included(const struct series_at *at, const struct group_partition *gp);

/* Whether the group has a commit on the topic, without which kafka_exporter shows nothing of them.
 */
bool series_consumed(const struct series_at *at);

#endif
