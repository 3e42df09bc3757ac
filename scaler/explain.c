#include "scaler/explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *reason_name(enum reason reason)
{
	static const char *const names[] = {
		[REASON_WITHIN_RANGE] = "DesiredWithinRange",
		[REASON_SCALE_UP] = "ScaleUp",
		[REASON_SCALE_DOWN] = "ScaleDown",
		[REASON_TOO_FEW_REPLICAS] = "TooFewReplicas",
		[REASON_TOO_MANY_REPLICAS] = "TooManyReplicas",
		[REASON_SCALING_DISABLED] = "ScalingDisabled",
		[REASON_COOLDOWN] = "BackoffBoth",
		[REASON_LAG_UNKNOWN] = "LagUnknown",
		[REASON_LAG_STALE] = "LagStale",
		[REASON_LAG_PARTIAL] = "LagPartial",
		[REASON_LEARNING] = "NotYetMeasured",
		[REASON_PARTITION_LIMIT] = "PartitionLimit",
		[REASON_RATE_NEEDED] = "RateNeeded",
		[REASON_FALLBACK] = "Fallback",
		[REASON_REBALANCING] = "Rebalancing",
		[REASON_STARTING] = "PodsNotReady",
		[REASON_NOT_EFFECTIVE] = "NotEffective",
		[REASON_REGRET] = "LoweredTooSoon",
		[REASON_CONTENDED] = "Contended",
		[REASON_PAUSED] = "Paused",
		[REASON_ACTIVATED] = "Activated",
		[REASON_IDLE] = "ScaleToZero",
		[REASON_UP_STABILIZED] = "ScaleUpStabilized",
		[REASON_DOWN_STABILIZED] = "ScaleDownStabilized",
		[REASON_UP_LIMIT] = "ScaleUpLimit",
		[REASON_DOWN_LIMIT] = "ScaleDownLimit",
	};

	_Static_assert(ARRAY_LEN(names) == REASON_COUNT, "a name for each reason");
	return names[reason];
}

bool reason_is_trouble(enum reason reason)
{
	switch (reason) {
	case REASON_SCALING_DISABLED:
	case REASON_LAG_UNKNOWN:
	case REASON_LAG_STALE:
	case REASON_LAG_PARTIAL:
	case REASON_FALLBACK:
	case REASON_NOT_EFFECTIVE:
	case REASON_CONTENDED:
	case REASON_PAUSED:
		return true;
	default:
		return false;
	}
}

const char *step_name(enum step step)
{
	static const char *const names[] = {
		[STEP_BOUNDS] = "bounds",
		[STEP_QUALITY] = "quality",
		[STEP_POLICY] = "policy",
		[STEP_TOLERANCE] = "tolerance",
		[STEP_CAP] = "cap",
		[STEP_FALLBACK] = "fallback",
		[STEP_HOLD] = "hold",
		[STEP_STABILIZE] = "stabilize",
		[STEP_LIMIT] = "limit",
		[STEP_CLAMP] = "clamp",
	};

	_Static_assert(ARRAY_LEN(names) == STEP_COUNT, "a name for each step");
	return names[step];
}

void explain(struct decision *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(d->detail, sizeof(d->detail), fmt, args);
	va_end(args);
}

void explain_more(struct decision *d, const char *fmt, ...)
{
	size_t used = strlen(d->detail);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(d->detail + used, sizeof(d->detail) - used, fmt, args);
	va_end(args);
}

/* Where few partitions hold the lag, replicas beyond their number give nothing. */
static void add_skew(const struct observation *o, const struct proposal *p, struct decision *d)
{
	if (!o->has_spread || o->lag <= 0 || o->partitions < 2 || p->asked <= d->current)
		return;
	if ((size_t)p->asked > o->with_lag && o->with_lag < o->partitions)
		explain_more(d,
			"; the lag sits in %zu of %zu partitions, more replicas give nothing",
			o->with_lag, o->partitions);
	else if (o->max_lag > o->lag / 2)
		explain_more(d, "; %" PRId64 " of it sits in one partition", o->max_lag);
}

void explain_lag(const struct rule *rule, const struct decide_input *in, const struct proposal *p,
	struct decision *d)
{
	const struct observation *o = &in->observations[p->by];
	const struct rule_threshold *threshold = NULL;
	const char *group = NULL;

	(void)rule_threshold(rule, p->by, &group, &threshold);
	d->has_lag = true;
	d->decided_by = p->by;
	d->lag = o->lag;
	d->threshold = threshold->lag;
	d->has_rate = p->answer.known;
	d->rate = p->answer.rate;
	d->late = p->answer.late;
	d->per_replica = p->answer.per;
	explain(d, "lag of group '%.80s' on topic '%.80s' is %s%" PRId64, group, threshold->topic,
		o->quality == QUALITY_PARTIAL ? "at least " : "", o->lag);
	if (rule->policy == POLICY_DRAIN || rule->policy == POLICY_RATE)
		explain_more(d, ", %.0f/s arrive, %.0f wait, a replica carries %.0f/s",
			p->answer.rate, p->answer.late, p->answer.per);
	else
		explain_more(d, ", threshold %" PRId64, threshold->lag);
	explain_more(d, ", policy asks for %" PRId32, p->asked);
	add_skew(o, p, d);
}

void explain_worst(const struct rule *rule, const struct decide_input *in, const struct proposal *p,
	struct decision *d)
{
	const struct observation *o = &in->observations[p->worst];
	const struct rule_threshold *threshold = NULL;
	const char *group = NULL;

	(void)rule_threshold(rule, p->worst, &group, &threshold);
	explain(d, "lag of group '%.80s' on topic '%.80s' is %s: %s", group, threshold->topic,
		quality_name(o->quality), o->why);
	if (o->quality == QUALITY_STALE)
		explain_more(
			d, ", last known %" PRId64 " %" PRId64 "s ago", o->lag, o->age_ms / 1000);
}
