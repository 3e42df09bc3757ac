#include "scaler/conditions.h"

#include <stdio.h>

#include "common/attr.h"

const char *const condition_types[] = {"AbleToScale", "ScalingActive", "ScalingLimited"};

_Static_assert(ARRAY_LEN(condition_types) == CONDITIONS, "a name for each type");

static struct condition able(const struct target_view *v, struct conditions *c)
{
	const struct decision *d = &v->decision;

	if (*v->problem)
		return (struct condition){"False", "FailedGetScale", v->problem};
	if (!v->has_decision)
		return (struct condition){"Unknown", NULL, NULL};
	if (d->reason == REASON_COOLDOWN)
		return (struct condition){"False", "BackoffBoth", d->detail};
	if (d->reason == REASON_UP_STABILIZED || d->reason == REASON_DOWN_STABILIZED)
		return (struct condition){"True", reason_name(d->reason), d->detail};
	if (!v->write.has || v->write.dry_run || v->write.at_ms != v->decided_ms)
		return (struct condition){"True", "ReadyForNewScale", "the scale was read"};
	(void)snprintf(c->rescaled, sizeof(c->rescaled), "scaled from %d to %d replicas",
		(int)v->write.from, (int)v->write.to);
	return (struct condition){"True", "SucceededRescale", c->rescaled};
}

static struct condition active(const struct decision *d)
{
	switch (d->reason) {
	case REASON_SCALING_DISABLED:
	case REASON_PAUSED:
	case REASON_CONTENDED:
		return (struct condition){"False", reason_name(d->reason), d->detail};
	case REASON_LAG_UNKNOWN:
	case REASON_LAG_STALE:
		return (struct condition){"False", "FailedGetExternalMetric", d->detail};
	default:
		if (d->fallen_back)
			return (struct condition){"False", "FailedGetExternalMetric", d->detail};
		return (struct condition){"True", "ValidMetricFound", d->detail};
	}
}

static struct condition limited(const struct decision *d)
{
	switch (d->reason) {
	case REASON_TOO_FEW_REPLICAS:
	case REASON_TOO_MANY_REPLICAS:
	case REASON_PARTITION_LIMIT:
	case REASON_UP_LIMIT:
	case REASON_DOWN_LIMIT:
		return (struct condition){"True", reason_name(d->reason), d->detail};
	default:
		return (struct condition){"False", "DesiredWithinRange",
			"the desired replicas are within the acceptable range"};
	}
}

void conditions_of(const struct target_view *v, struct conditions *ret)
{
	static const struct condition unknown = {"Unknown", NULL, NULL};

	ret->by_type[CONDITION_ABLE_TO_SCALE] = able(v, ret);
	ret->by_type[CONDITION_SCALING_ACTIVE] = v->has_decision ? active(&v->decision) : unknown;
	ret->by_type[CONDITION_SCALING_LIMITED] = v->has_decision ? limited(&v->decision) : unknown;
}
