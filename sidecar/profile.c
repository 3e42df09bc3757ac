#include "sidecar/profile.h"

#include <string.h>

#include "common/mem.h"
#include "sidecar/serieslabels.h"

static bool put(int64_t *ret, int64_t value)
{
	*ret = value;
	return true;
}

/* --- kminion --- */

static bool all_well(const struct snapshot *s)
{
	if (!s->metadata_ok || !s->list_ok)
		return false;
	for (size_t i = 0; i < s->group_count; i++)
		if (s->groups[i].error)
			return false;
	return true;
}

static bool exporter_up(const struct series_at *at, int64_t *ret)
{
	return put(ret, all_well(at->s));
}

static bool cluster_info(const struct series_at *at, int64_t *ret)
{
	return at->s->good_ms && put(ret, 1);
}

/* A sum of which a part was never read is absent. */
static bool offset_sum(const struct topic *t, bool end, int64_t *ret)
{
	int64_t sum = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct partition *p = &t->partitions[i];

		if (!p->has_offsets)
			return false;
		lag_add(&sum, end ? p->end : p->start);
	}
	return put(ret, sum);
}

static bool high_water_sum(const struct series_at *at, int64_t *ret)
{
	return offset_sum(at->topic, true, ret);
}

static bool low_water_sum(const struct series_at *at, int64_t *ret)
{
	return offset_sum(at->topic, false, ret);
}

static bool group_stable(const struct series_at *at, int64_t *ret)
{
	return put(ret, at->group->state == GROUP_STABLE);
}

static bool assigned_partitions(const struct series_at *at, int64_t *ret)
{
	int64_t count = 0;

	for (size_t i = 0; i < at->topic->count; i++)
		count += at->group_topic->partitions[i].member != 0;
	return at->group->members_known && count && put(ret, count);
}

static bool topic_members(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_topic->partitions;
	size_t members = at->group->member_count;
	CLEANUP(mem_free_at) bool *seen = mem_zalloc(members, sizeof(*seen));
	int64_t count = 0;

	for (size_t i = 0; i < at->topic->count; i++) {
		size_t m = gp[i].member; /* from 1 */

		if (m == 0 || m > members || seen[m - 1])
			continue;
		seen[m - 1] = true;
		count++;
	}
	return at->group->members_known && count && put(ret, count);
}

/* clang-format off */
static const struct series_label
	version[] = {{"version", LABEL_VERSION}, {0}},
	cluster[] = {{"broker_count", LABEL_BROKER_COUNT}, {0}},
	broker[] = {{"address", LABEL_BROKER_HOST}, {"broker_id", LABEL_BROKER_ID},
		{"port", LABEL_BROKER_PORT}, {0}},
	topic_name[] = {{"topic_name", LABEL_TOPIC}, {0}},
	topic_info[] = {{"partition_count", LABEL_PARTITION_COUNT},
		{"replication_factor", LABEL_REPLICAS}, {"topic_name", LABEL_TOPIC}, {0}},
	partition_id[] = {{"partition_id", LABEL_PARTITION}, {"topic_name", LABEL_TOPIC}, {0}},
	group_id[] = {{"group_id", LABEL_GROUP}, {0}},
	group_info[] = {{"coordinator_id", LABEL_COORDINATOR}, {"group_id", LABEL_GROUP},
		{"state", LABEL_GROUP_STATE}, {0}},
	group_topic_name[] = {{"group_id", LABEL_GROUP}, {"topic_name", LABEL_TOPIC}, {0}},
	group_partition_id[] = {{"group_id", LABEL_GROUP}, {"partition_id", LABEL_PARTITION},
		{"topic_name", LABEL_TOPIC}, {0}};

/* The help texts are kminion's own. */
static const struct series kminion[] = {
	{"kminion_exporter_up", "gauge",
		"Build info about this Prometheus Exporter. Gauge value is 0 if one or more "
		"scrapes have failed.",
		SERIES_PER_SNAPSHOT, 0, exporter_up, version},
	{"kminion_kafka_broker_info", "gauge", "Kafka broker information",
		SERIES_PER_BROKER, 0, series_one, broker},
	{"kminion_kafka_cluster_info", "gauge", "Kafka cluster information",
		SERIES_PER_SNAPSHOT, 0, cluster_info, cluster},
	{"kminion_kafka_consumer_group_info", "gauge",
		"Consumer Group info metrics. It will report 1 if the group is in the stable "
		"state, otherwise 0.",
		SERIES_PER_GROUP, 0, group_stable, group_info},
	{"kminion_kafka_consumer_group_members", "gauge",
		"Consumer Group member count metrics. It will report the number of members in the "
		"consumer group",
		SERIES_PER_GROUP, 0, series_members, group_id},
	{"kminion_kafka_consumer_group_topic_assigned_partitions", "gauge",
		"It will report the number of partitions assigned in the consumer group for a "
		"given topic",
		SERIES_PER_GROUP_TOPIC, 0, assigned_partitions, group_topic_name},
	{"kminion_kafka_consumer_group_topic_lag", "gauge",
		"The number of messages a consumer group is lagging behind across all partitions "
		"in a topic",
		SERIES_PER_GROUP_TOPIC, 0, series_lag_sum, group_topic_name},
	{"kminion_kafka_consumer_group_topic_members", "gauge",
		"It will report the number of members in the consumer group assigned on a given "
		"topic",
		SERIES_PER_GROUP_TOPIC, 0, topic_members, group_topic_name},
	{"kminion_kafka_consumer_group_topic_offset_sum", "gauge",
		"The sum of all committed group offsets across all partitions in a topic",
		SERIES_PER_GROUP_TOPIC, 0, series_committed_sum, group_topic_name},
	{"kminion_kafka_consumer_group_topic_partition_lag", "gauge",
		"The number of messages a consumer group is lagging behind the latest offset of a "
		"partition",
		SERIES_PER_GROUP_PARTITION, 0, series_known_lag, group_partition_id},
	{"kminion_kafka_topic_high_water_mark_sum", "gauge",
		"Sum of all the topic's partition high water marks",
		SERIES_PER_TOPIC, 0, high_water_sum, topic_name},
	{"kminion_kafka_topic_info", "gauge", "Info labels for a given topic",
		SERIES_PER_TOPIC, 0, series_one, topic_info},
	{"kminion_kafka_topic_low_water_mark_sum", "gauge",
		"Sum of all the topic's partition low water marks",
		SERIES_PER_TOPIC, 0, low_water_sum, topic_name},
	{"kminion_kafka_topic_partition_high_water_mark", "gauge", "Partition High Water Mark",
		SERIES_PER_PARTITION, 0, series_end_offset, partition_id},
	{"kminion_kafka_topic_partition_low_water_mark", "gauge", "Partition Low Water Mark",
		SERIES_PER_PARTITION, 0, series_start_offset, partition_id},
};
/* clang-format on */

/* --- kafka-lag-exporter and klag-exporter --- */

static bool group_offset(const struct series_at *at, int64_t *ret)
{
	return at->group_partition->has_committed && put(ret, at->group_partition->committed);
}

static bool has_margin(const struct series_at *at)
{
	return at->group_partition->has_committed && at->partition->has_offsets;
}

static bool retention_margin(const struct series_at *at, int64_t *ret)
{
	return has_margin(at) && put(ret, at->group_partition->committed - at->partition->start);
}

static bool messages_lost(const struct series_at *at, int64_t *ret)
{
	int64_t margin;

	return retention_margin(at, &margin) && put(ret, margin < 0 ? -margin : 0);
}

/* Percent, in thousandths. More than 100: records are lost. */
static bool lag_retention_ratio(const struct series_at *at, int64_t *ret)
{
	const struct partition *p = at->partition;
	double window, behind;

	if (!has_margin(at))
		return false;
	window = (double)(p->end - p->start);
	behind = (double)p->end - (double)at->group_partition->committed;
	return put(ret, window > 0 && behind > 0 ? (int64_t)(behind / window * 100000) : 0);
}

/* Asks `value` at each topic of the group that shows one. -1 where one of the topics that the group
 * consumes has none: the whole is not known then. */
static int fold_topics(const struct series_at *at, int64_t *ret, series_value *value,
	void (*fold)(int64_t *total, int64_t value))
{
	struct series_at inner = *at;
	int count = 0;

	*ret = 0;
	for (size_t i = 0; i < at->group->topic_count; i++) {
		int64_t v;

		inner.group_topic = &at->group->topics[i];
		inner.topic = &at->s->topics[inner.group_topic->topic];
		if (!series_consumed(&inner))
			continue;
		if (!value(&inner, &v))
			return -1;
		fold(ret, v);
		count++;
	}
	return count;
}

static void fold_max(int64_t *total, int64_t value)
{
	if (value > *total)
		*total = value;
}

static bool topic_max_lag(const struct series_at *at, int64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < at->topic->count; i++) {
		const struct group_partition *gp = &at->group_topic->partitions[i];

		if (!series_included(at, gp) || (gp->answered && !gp->has_committed))
			continue;
		if (!gp->has_committed || !gp->has_lag)
			return false;
		fold_max(ret, gp->lag);
	}
	return true;
}

static bool group_max_lag(const struct series_at *at, int64_t *ret)
{
	return fold_topics(at, ret, topic_max_lag, fold_max) > 0;
}

static bool group_sum_lag(const struct series_at *at, int64_t *ret)
{
	return fold_topics(at, ret, series_lag_sum, lag_add) > 0;
}

static bool group_state(const struct series_at *at, int64_t *ret)
{
	static const int64_t numbers[] = {
		[GROUP_UNKNOWN] = 0,
		[GROUP_PREPARING_REBALANCE] = 1,
		[GROUP_COMPLETING_REBALANCE] = 2,
		[GROUP_STABLE] = 3,
		[GROUP_DEAD] = 4,
		[GROUP_EMPTY] = 5,
	};

	return put(ret, numbers[at->group->state]);
}

static bool cycle_duration(const struct series_at *at, int64_t *ret)
{
	*ret = 0;
	for (enum phase p = 0; p < PHASE_COUNT; p++)
		*ret += at->s->phase_us[p];
	return true;
}

static bool data_loss_partitions(const struct series_at *at, int64_t *ret)
{
	const struct snapshot *s = at->s;

	*ret = 0;
	for (size_t g = 0; g < s->group_count; g++)
		for (size_t i = 0; i < s->groups[g].topic_count; i++) {
			const struct group_topic *gt = &s->groups[g].topics[i];
			const struct topic *t = &s->topics[gt->topic];

			for (size_t p = 0; p < t->count; p++)
				*ret += gt->partitions[p].has_committed &&
					t->partitions[p].has_offsets &&
					gt->partitions[p].committed < t->partitions[p].start;
		}
	return s->good_ms != 0;
}

/* clang-format off */
static const struct series_label
	partition[] = {{"partition", LABEL_PARTITION}, {"topic", LABEL_TOPIC}, {0}},
	group[] = {{"group", LABEL_GROUP}, {0}},
	group_topic[] = {{"group", LABEL_GROUP}, {"topic", LABEL_TOPIC}, {0}},
	owned_partition[] = {{"client_id", LABEL_MEMBER_CLIENT}, {"consumer_id", LABEL_MEMBER_ID},
		{"group", LABEL_GROUP}, {"member_host", LABEL_MEMBER_HOST},
		{"partition", LABEL_PARTITION}, {"topic", LABEL_TOPIC}, {0}},
	group_partition[] = {{"group", LABEL_GROUP}, {"partition", LABEL_PARTITION},
		{"topic", LABEL_TOPIC}, {0}};

/* kafka-lag-exporter's series, then those that klag-exporter has besides. Both always have the time
 * lag of every partition, so it does not wait for `time_lag` to ask for that of partitions. */
static const struct series lag_exporter[] = {
	{"kafka_consumergroup_group_lag", "gauge", "Group offset lag of a partition",
		SERIES_PER_GROUP_PARTITION, 0, series_known_lag, owned_partition},
	{"kafka_consumergroup_group_lag_seconds", "gauge", "Group time lag of a partition",
		SERIES_PER_GROUP_PARTITION, 3, series_time_lag, owned_partition},
	{"kafka_consumergroup_group_max_lag", "gauge", "Max group offset lag",
		SERIES_PER_GROUP, 0, group_max_lag, group},
	{"kafka_consumergroup_group_max_lag_seconds", "gauge", "Max group time lag",
		SERIES_PER_GROUP, 3, series_max_time_lag, group},
	{"kafka_consumergroup_group_offset", "gauge", "Last group consumed offset of a partition",
		SERIES_PER_GROUP_PARTITION, 0, group_offset, owned_partition},
	{"kafka_consumergroup_group_sum_lag", "gauge", "Sum of group offset lag",
		SERIES_PER_GROUP, 0, group_sum_lag, group},
	{"kafka_consumergroup_group_topic_sum_lag", "gauge",
		"Sum of group offset lag across topic partitions",
		SERIES_PER_GROUP_TOPIC, 0, series_lag_sum, group_topic},
	{"kafka_consumergroup_poll_time_ms", "gauge", "Group time poll time",
		SERIES_PER_SNAPSHOT, 3, cycle_duration, NULL},
	{"kafka_partition_earliest_offset", "gauge", "Earliest offset of a partition",
		SERIES_PER_PARTITION, 0, series_start_offset, partition},
	{"kafka_partition_latest_offset", "gauge", "Latest offset of a partition",
		SERIES_PER_PARTITION, 0, series_end_offset, partition},
	{"kafka_consumergroup_group_lag_retention_ratio", "gauge",
		"Percentage of retention window occupied by consumer lag (0=caught up, 100=at "
		"boundary, >100=data loss)",
		SERIES_PER_GROUP_PARTITION, 3, lag_retention_ratio, group_partition},
	{"kafka_consumergroup_group_messages_lost", "gauge",
		"Number of messages deleted by retention before consumer processed them",
		SERIES_PER_GROUP_PARTITION, 0, messages_lost, group_partition},
	{"kafka_consumergroup_group_retention_margin", "gauge",
		"Offset distance between consumer position and deletion boundary (committed_offset "
		"- low_watermark, negative means data loss)",
		SERIES_PER_GROUP_PARTITION, 0, retention_margin, group_partition},
	{"kafka_consumergroup_group_state", "gauge",
		"State of the consumer group as an integer (0=Unknown, 1=PreparingRebalance, "
		"2=CompletingRebalance, 3=Stable, 4=Dead, 5=Empty, 6=Assigning, 7=Reconciling)",
		SERIES_PER_GROUP, 0, group_state, group},
	{"kafka_lag_exporter_data_loss_partitions_total", "gauge",
		"Number of partitions where data loss occurred (committed offset < low watermark)",
		SERIES_PER_SNAPSHOT, 0, data_loss_partitions, NULL},
	{"kafka_lag_exporter_last_update_timestamp_seconds", "gauge",
		"Unix timestamp of last successful metrics collection",
		SERIES_PER_SNAPSHOT, 3, series_last_success, NULL},
	{"kafka_lag_exporter_scrape_duration_seconds", "gauge",
		"Duration of metrics collection in seconds",
		SERIES_PER_SNAPSHOT, 6, cycle_duration, NULL},
	{"kafka_lag_exporter_up", "gauge", "1 if the exporter is healthy, 0 otherwise",
		SERIES_PER_SNAPSHOT, 0, exporter_up, NULL},
};
/* clang-format on */

/* --- the profiles --- */

static const size_t kminion_count = ARRAY_LEN(kminion),
		    lag_exporter_count = ARRAY_LEN(lag_exporter);

static const struct {
	const struct series *series;
	const size_t *count;
} profiles[PROFILE_COUNT] = {
	[PROFILE_KAFKA_EXPORTER] = {series_kafka_exporter, &series_kafka_exporter_count},
	[PROFILE_KMINION] = {kminion, &kminion_count},
	[PROFILE_LAG_EXPORTER] = {lag_exporter, &lag_exporter_count},
};

const char *const profile_names[] = {"kafka_exporter", "kminion", "lag-exporter", NULL};

const struct series *profile_series(enum profile_id id, size_t i)
{
	if (i < series_own_count)
		return &series_own[i];
	i -= series_own_count;
	return i < *profiles[id].count ? &profiles[id].series[i] : NULL;
}

int profile_check_labels(enum profile_id id, const struct labels *labels, struct err *err)
{
	const struct series *s;

	for (size_t i = 0; (s = profile_series(id, i)); i++)
		for (const struct series_label *l = series_labels(s); l->name; l++)
			for (size_t j = 0; j < labels->count; j++)
				if (strcmp(l->name, labels->items[j].name) == 0)
					return err_set(err, ERR_CONFIG,
						"label '%s' is a label of the series themselves",
						l->name);
	return 0;
}
