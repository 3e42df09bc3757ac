#include "sidecar/series.h"

#include "common/attr.h"

/* In all of these: false where the value was never read, since a zero would be a lie. */

static bool put(int64_t *ret, int64_t value)
{
	*ret = value;
	return true;
}

/* --- the cycle --- */

bool series_brokers(const struct series_at *at, int64_t *ret)
{
	return at->s->good_ms && put(ret, (int64_t)at->s->broker_count);
}

bool series_one(const struct series_at *at, int64_t *ret)
{
	(void)at;
	return put(ret, 1);
}

static bool broker_failed(const struct series_at *at, int64_t *ret)
{
	/* Without metadata nobody has been asked. */
	return at->s->metadata_ok && put(ret, at->broker->error != NULL);
}

static bool cycle_cpu(const struct series_at *at, int64_t *ret)
{
	return put(ret, at->s->cpu_us);
}

static bool cycle_phase(const struct series_at *at, int64_t *ret)
{
	return put(ret, at->s->phase_us[at->phase]);
}

static bool cycles(const struct series_at *at, int64_t *ret)
{
	return put(ret, (int64_t)at->s->seq);
}

static bool list_ok(const struct series_at *at, int64_t *ret)
{
	return put(ret, at->s->list_ok);
}

static bool metadata_ok(const struct series_at *at, int64_t *ret)
{
	return put(ret, at->s->metadata_ok);
}

bool series_last_success(const struct series_at *at, int64_t *ret)
{
	const struct snapshot *s = at->s;

	return s->good_ms && put(ret, s->wall_ms - (s->mono_ms - s->good_ms));
}

static bool snapshot_time(const struct series_at *at, int64_t *ret)
{
	return put(ret, at->s->wall_ms);
}

/* --- topics --- */

static bool topic_partitions(const struct series_at *at, int64_t *ret)
{
	return put(ret, (int64_t)at->topic->count);
}

bool series_end_offset(const struct series_at *at, int64_t *ret)
{
	return at->partition->has_offsets && put(ret, at->partition->end);
}

bool series_start_offset(const struct series_at *at, int64_t *ret)
{
	return at->partition->has_offsets && put(ret, at->partition->start);
}

/* kafka_exporter has no leader series either for a partition without one. */
static bool leader(const struct series_at *at, int64_t *ret)
{
	return at->partition->leader >= 0 && put(ret, at->partition->leader);
}

static bool leader_is_preferred(const struct series_at *at, int64_t *ret)
{
	const struct partition *p = at->partition;

	return p->preferred >= 0 && put(ret, p->leader == p->preferred);
}

/* No partition has zero replicas: where the count is zero, metadata did not say. */
static bool replicas(const struct series_at *at, int64_t *ret)
{
	return at->partition->replicas > 0 && put(ret, at->partition->replicas);
}

static bool in_sync(const struct series_at *at, int64_t *ret)
{
	return at->partition->replicas > 0 && put(ret, at->partition->in_sync);
}

static bool under_replicated(const struct series_at *at, int64_t *ret)
{
	const struct partition *p = at->partition;

	return p->replicas > 0 && put(ret, p->in_sync < p->replicas);
}

static bool offset_age(const struct series_at *at, int64_t *ret)
{
	const struct partition *p = at->partition;

	return p->has_offsets && !p->fresh && put(ret, at->s->mono_ms - p->at_ms);
}

/* --- groups --- */

/* A group that does not exist is described as dead and without members; it is not shown. */
bool series_members(const struct series_at *at, int64_t *ret)
{
	const struct group *g = at->group;

	return g->members_known && g->state != GROUP_DEAD && put(ret, (int64_t)g->member_count);
}

static bool state(const struct series_at *at, int64_t *ret)
{
	return put(ret, at->group->state == at->state);
}

bool series_coordinator_answered(const struct series_at *at, int64_t *ret)
{
	return put(ret, snapshot_group_answered(at->group));
}

/* --- groups by topic --- */

bool series_included(const struct series_at *at, const struct group_partition *gp)
{
	if (!at->assigned_only)
		return true;
	return at->group->member_count ? gp->member != 0 : gp->has_committed;
}

bool series_consumed(const struct series_at *at)
{
	const struct group_partition *gp = at->group_topic->partitions;

	for (size_t i = 0; i < at->topic->count; i++)
		if (gp[i].has_committed && series_included(at, &gp[i]))
			return true;
	return false;
}

/* What kafka_exporter counts as nothing (-1): the group has said that it has no commit here. */
static bool without_commit(const struct group_partition *gp)
{
	return gp->answered && !gp->has_committed;
}

/* Sums skip partitions without a commit. A sum of which a part is unknown is absent: as a number it
 * would pass for the whole, and look like a consumer that caught up. */
bool series_committed_sum(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_topic->partitions;
	int64_t sum = 0;

	for (size_t i = 0; i < at->topic->count; i++) {
		if (!series_included(at, &gp[i]) || without_commit(&gp[i]))
			continue;
		if (!gp[i].has_committed)
			return false;
		lag_add(&sum, gp[i].committed);
	}
	return series_consumed(at) && put(ret, sum);
}

bool series_lag_sum(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_topic->partitions;
	int64_t sum = 0;

	for (size_t i = 0; i < at->topic->count; i++) {
		if (!series_included(at, &gp[i]) || without_commit(&gp[i]))
			continue;
		if (!gp[i].has_committed || !gp[i].has_lag)
			return false;
		lag_add(&sum, gp[i].lag);
	}
	return series_consumed(at) && put(ret, sum);
}

/* Also for a topic of which the coordinator has never told anything (unknown), but not for one on
 * which the group is known to have no commit: it has no other series either. */
static bool lag_quality(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_topic->partitions;
	struct lag_tally tally = {0};
	bool answered = false;

	for (size_t i = 0; i < at->topic->count; i++) {
		if (!series_included(at, &gp[i]))
			continue;
		answered |= gp[i].answered;
		(void)lag_tally_add(&tally, &gp[i], &at->topic->partitions[i]);
	}
	if (tally.partitions == 0 || (answered && !series_consumed(at)))
		return false;
	return put(ret, lag_tally_quality(&tally));
}

/* --- groups by partition; the topic is consumed and the partition included --- */

static bool committed(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_partition;

	return gp->answered && put(ret, gp->has_committed ? gp->committed : -1);
}

static bool hidden(const struct series_at *at)
{
	const struct group_partition *gp = at->group_partition;

	return at->hide_zero_lag && gp->has_lag && gp->lag == 0;
}

bool series_known_lag(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_partition;

	return gp->has_committed && gp->has_lag && !hidden(at) && put(ret, gp->lag);
}

static bool lag(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_partition;

	if (without_commit(gp))
		return put(ret, -1);
	return series_known_lag(at, ret);
}

static bool lag_age(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_partition;

	return gp->answered && !gp->fresh && put(ret, snapshot_age_ms(at->s, gp));
}

static bool lost_messages(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_partition;
	const struct partition *p = at->partition;

	return gp->has_committed && p->has_offsets && gp->committed < p->start &&
	       put(ret, p->start - gp->committed);
}

/* Only from readings of one cycle: a commit is beyond an old end offset whenever the group moves.
 */
static bool commit_beyond_end(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_partition;
	const struct partition *p = at->partition;

	return gp->has_committed && gp->fresh && p->has_offsets && p->fresh &&
	       gp->committed > p->end && put(ret, gp->committed - p->end);
}

/* --- time and movement, from history; the series of a group by topic are those it consumes --- */

bool series_time_lag(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_partition;

	return at->time_lag != SERIES_TIME_LAG_OFF && gp->has_committed && gp->has_time_lag &&
	       !hidden(at) && put(ret, gp->time_lag_ms);
}

static bool lag_seconds(const struct series_at *at, int64_t *ret)
{
	return at->time_lag == SERIES_TIME_LAG_PARTITION && series_time_lag(at, ret);
}

static bool topic_max_lag_seconds(const struct series_at *at, int64_t *ret)
{
	uint32_t ms;

	return at->time_lag != SERIES_TIME_LAG_OFF && series_consumed(at) &&
	       snapshot_topic_time_lag(at->s, at->group_topic, &ms) && put(ret, ms);
}

bool series_max_time_lag(const struct series_at *at, int64_t *ret)
{
	uint32_t ms;

	return at->time_lag != SERIES_TIME_LAG_OFF &&
	       snapshot_group_time_lag(at->s, at->group, &ms) && put(ret, ms);
}

static bool commit_rate(const struct series_at *at, int64_t *ret)
{
	const struct group_topic *gt = at->group_topic;

	return gt->has_commit_rate && series_consumed(at) && put(ret, gt->commit_rate_milli);
}

static bool last_commit(const struct series_at *at, int64_t *ret)
{
	const struct group_topic *gt = at->group_topic;

	return gt->commit_wall_ms && series_consumed(at) && put(ret, gt->commit_wall_ms);
}

/* Without lag of any partition known it is not known either. */
static bool stuck(const struct series_at *at, int64_t *ret)
{
	const struct group_partition *gp = at->group_topic->partitions;
	bool known = false;

	for (size_t i = 0; i < at->topic->count; i++)
		known |= gp[i].has_lag;
	return known && series_consumed(at) && put(ret, at->group_topic->stuck);
}

/* Rows end before `labels`: theirs are those of what they are about. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* clang-format off */
const struct series series_own[] = {
	{"hexlag_broker_failed", "gauge",
		"1 if the broker did not answer a question of the last cycle.",
		SERIES_PER_BROKER, 0, broker_failed},
	{"hexlag_consumergroup_commit_beyond_end", "gauge",
		"Messages by which a committed offset is beyond the log end offset: the topic was "
		"recreated or truncated. Present only where it is so.",
		SERIES_PER_GROUP_PARTITION, 0, commit_beyond_end},
	{"hexlag_consumergroup_commit_rate", "gauge",
		"Records per second by which the committed offsets moved on during the last one to two "
		"minutes.",
		SERIES_PER_GROUP_TOPIC, 3, commit_rate},
	{"hexlag_consumergroup_coordinator_answered", "gauge",
		"1 if the coordinator of the group gave its committed offsets when last asked.",
		SERIES_PER_GROUP, 0, series_coordinator_answered},
	{"hexlag_consumergroup_lag_age_seconds", "gauge",
		"Age of the last good reading. Present only for partitions that could not be read anew.",
		SERIES_PER_GROUP_PARTITION, 3, lag_age},
	{"hexlag_consumergroup_lag_quality", "gauge",
		"3 all partitions read, 2 some (the others show their last lag), 1 none (all do), "
		"0 never read.",
		SERIES_PER_GROUP_TOPIC, 0, lag_quality},
	{"hexlag_consumergroup_lag_seconds", "gauge",
		"Age of the first record that the group has not committed, 0 where there is none. Absent "
		"where it was written before the history begins.",
		SERIES_PER_GROUP_PARTITION, 3, lag_seconds},
	{"hexlag_consumergroup_last_commit_timestamp_seconds", "gauge",
		"When a committed offset was last seen to move. Absent until one does.",
		SERIES_PER_GROUP_TOPIC, 3, last_commit},
	{"hexlag_consumergroup_lost_messages", "gauge",
		"Messages between the committed offset and the log start offset, which nobody can read "
		"any more. Present only where there are any.",
		SERIES_PER_GROUP_PARTITION, 0, lost_messages},
	{"hexlag_consumergroup_max_lag_seconds", "gauge",
		"The largest time lag of the group. Absent where that of a partition with lag is not known.",
		SERIES_PER_GROUP, 3, series_max_time_lag},
	{"hexlag_consumergroup_state", "gauge",
		"1 for the state that the group is in, 0 for the others.",
		SERIES_PER_STATE, 0, state},
	{"hexlag_consumergroup_stuck", "gauge",
		"1 if a partition has lag and its committed offset has not moved for stuck_after.",
		SERIES_PER_GROUP_TOPIC, 0, stuck},
	{"hexlag_consumergroup_topic_max_lag_seconds", "gauge",
		"The largest time lag of the group on the topic. Absent where that of a partition with lag "
		"is not known.",
		SERIES_PER_GROUP_TOPIC, 3, topic_max_lag_seconds},
	{"hexlag_cycle_cpu_seconds", "gauge",
		"CPU time of the process during the last cycle.",
		SERIES_PER_SNAPSHOT, 6, cycle_cpu},
	{"hexlag_cycle_phase_seconds", "gauge",
		"Duration of the phases of the last cycle.",
		SERIES_PER_PHASE, 6, cycle_phase},
	{"hexlag_cycles_total", "counter",
		"Cycles of asking Kafka since the start of the process.",
		SERIES_PER_SNAPSHOT, 0, cycles},
	{"hexlag_group_list_ok", "gauge",
		"1 if every broker answered the listing of groups. As of the latest cycle that listed.",
		SERIES_PER_SNAPSHOT, 0, list_ok},
	{"hexlag_last_success_timestamp_seconds", "gauge",
		"When the last cycle began in which Kafka answered for its metadata.",
		SERIES_PER_SNAPSHOT, 3, series_last_success},
	{"hexlag_metadata_ok", "gauge",
		"1 if Kafka answered for its metadata in the last cycle.",
		SERIES_PER_SNAPSHOT, 0, metadata_ok},
	{"hexlag_snapshot_timestamp_seconds", "gauge",
		"When the cycle began whose values are shown.",
		SERIES_PER_SNAPSHOT, 3, snapshot_time},
	{"hexlag_topic_partition_offset_age_seconds", "gauge",
		"Age of the log offsets. Present only for partitions that could not be read anew.",
		SERIES_PER_PARTITION, 3, offset_age},
};

/* The help texts are kafka_exporter's own, since some tools compare them. */
const struct series series_kafka_exporter[] = {
	{"kafka_broker_info", "gauge", "Information about the Kafka Broker.",
		SERIES_PER_BROKER, 0, series_one},
	{"kafka_brokers", "gauge", "Number of Brokers in the Kafka Cluster.",
		SERIES_PER_SNAPSHOT, 0, series_brokers},
	{"kafka_consumergroup_current_offset", "gauge",
		"Current Offset of a ConsumerGroup at Topic/Partition",
		SERIES_PER_GROUP_PARTITION, 0, committed},
	{"kafka_consumergroup_current_offset_sum", "gauge",
		"Current Offset of a ConsumerGroup at Topic for all partitions",
		SERIES_PER_GROUP_TOPIC, 0, series_committed_sum},
	{"kafka_consumergroup_lag", "gauge",
		"Current Approximate Lag of a ConsumerGroup at Topic/Partition",
		SERIES_PER_GROUP_PARTITION, 0, lag},
	{"kafka_consumergroup_lag_sum", "gauge",
		"Current Approximate Lag of a ConsumerGroup at Topic for all partitions",
		SERIES_PER_GROUP_TOPIC, 0, series_lag_sum},
	{"kafka_consumergroup_members", "gauge", "Amount of members in a consumer group",
		SERIES_PER_GROUP, 0, series_members},
	{"kafka_topic_partition_current_offset", "gauge",
		"Current Offset of a Broker at Topic/Partition",
		SERIES_PER_PARTITION, 0, series_end_offset},
	{"kafka_topic_partition_in_sync_replica", "gauge",
		"Number of In-Sync Replicas for this Topic/Partition",
		SERIES_PER_PARTITION, 0, in_sync},
	{"kafka_topic_partition_leader", "gauge", "Leader Broker ID of this Topic/Partition",
		SERIES_PER_PARTITION, 0, leader},
	{"kafka_topic_partition_leader_is_preferred", "gauge",
		"1 if Topic/Partition is using the Preferred Broker",
		SERIES_PER_PARTITION, 0, leader_is_preferred},
	{"kafka_topic_partition_oldest_offset", "gauge",
		"Oldest Offset of a Broker at Topic/Partition",
		SERIES_PER_PARTITION, 0, series_start_offset},
	{"kafka_topic_partition_replicas", "gauge",
		"Number of Replicas for this Topic/Partition",
		SERIES_PER_PARTITION, 0, replicas},
	{"kafka_topic_partition_under_replicated_partition", "gauge",
		"1 if Topic/Partition is under Replicated",
		SERIES_PER_PARTITION, 0, under_replicated},
	{"kafka_topic_partitions", "gauge", "Number of partitions for this Topic",
		SERIES_PER_TOPIC, 0, topic_partitions},
};
/* clang-format on */

const size_t series_own_count = ARRAY_LEN(series_own);
const size_t series_kafka_exporter_count = ARRAY_LEN(series_kafka_exporter);
