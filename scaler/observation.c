#include "scaler/observation.h"

void observation_of(const struct snapshot *s, const char *group, const char *topic,
	enum offset_reset reset, struct observation *ret)
{
	struct lag_total total;
	size_t g;

	*ret = (struct observation){.why = "no recent observation of Kafka"};
	if (!s)
		return;
	total = snapshot_lag_total(s, group, topic, reset);
	ret->quality = total.quality;
	ret->why = total.why;
	ret->at_ms = s->mono_ms;
	ret->age_ms = total.age_ms;
	ret->lag = total.lag;
	ret->end = total.end;
	ret->has_end = ret->has_spread = total.quality != QUALITY_UNKNOWN;
	ret->topic_end = total.end;
	ret->has_topic_end = total.partitions && total.fresh == total.partitions;
	ret->partitions = total.partitions;
	ret->known = total.quality == QUALITY_UNKNOWN ? 0
		     : total.quality == QUALITY_STALE ? total.partitions
						      : total.fresh;
	ret->with_lag = total.with_lag;
	ret->max_lag = total.max_lag;
	g = snapshot_find_group(s, group);
	if (g == SNAPSHOT_NONE)
		return;
	ret->state = s->groups[g].state;
	ret->has_members = s->groups[g].members_known;
	ret->members = s->groups[g].member_count;
}
