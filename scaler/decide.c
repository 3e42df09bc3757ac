#include "scaler/decide.h"

#include <inttypes.h>
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
	};

	return names[reason];
}

/* What the thresholds together ask for. */
struct proposal {
	int32_t want;
	const char *group;
	const struct rule_threshold *threshold; /* that decided; NULL: none is known */
	struct lag_total total;                 /* of it */
	const char *worst_group;
	const struct rule_threshold *worst_threshold;
	struct lag_total worst; /* the total with the worst quality */
};

/* Whether `want` takes the place of the proposal so far. */
static bool replaces(
	const struct rule *rule, const struct proposal *p, int32_t want, int32_t current)
{
	if (!p->threshold)
		return true;
	if (rule->policy == POLICY_HEX_OPERATOR)
		return p->want == current; /* nothing before this one changed anything */
	return want > p->want;
}

static struct proposal propose(const struct rule *rule, const struct snapshot *s, int32_t current)
{
	struct proposal p = {.want = current, .worst = {.quality = QUALITY_UNKNOWN}};
	const struct rule_threshold *threshold;
	const char *group;

	for (size_t i = 0; rule_threshold(rule, i, &group, &threshold); i++) {
		struct lag_total total =
			snapshot_lag_total(s, group, threshold->topic, rule->reset);
		int32_t want;

		if (!p.worst_threshold || total.quality < p.worst.quality) {
			p.worst = total;
			p.worst_group = group;
			p.worst_threshold = threshold;
		}
		if (total.quality < QUALITY_PARTIAL)
			continue;
		want = policy_propose(rule->policy, total.lag, threshold->lag, current);
		if (replaces(rule, &p, want, current)) {
			p.want = want;
			p.group = group;
			p.threshold = threshold;
			p.total = total;
		}
	}
	return p;
}

static int32_t clamp(const struct rule *rule, int32_t want)
{
	return want > rule->max ? rule->max : want < rule->min ? rule->min : want;
}

static void say_lag(struct decision *d, const struct proposal *p)
{
	d->lag = p->total.lag;
	d->threshold = p->threshold->lag;
	(void)snprintf(d->detail, sizeof(d->detail),
		"lag of group '%.80s' on topic '%.80s' is %s%" PRId64 ", threshold %" PRId64
		", policy asks for %" PRId32,
		p->group, p->threshold->topic,
		p->total.quality == QUALITY_PARTIAL ? "at least " : "", p->total.lag,
		p->threshold->lag, p->want);
}

static void say_worst(struct decision *d, const struct proposal *p)
{
	if (!p->worst_threshold) {
		(void)snprintf(d->detail, sizeof(d->detail), "the rule has no threshold");
		return;
	}
	(void)snprintf(d->detail, sizeof(d->detail),
		"lag of group '%.80s' on topic '%.80s' is %s: %s", p->worst_group,
		p->worst_threshold->topic, quality_name(p->worst.quality), p->worst.why);
	if (p->worst.quality == QUALITY_STALE) {
		size_t used = strlen(d->detail);

		(void)snprintf(d->detail + used, sizeof(d->detail) - used,
			", last known %" PRId64 " %" PRId64 "s ago", p->worst.lag,
			p->worst.age_ms / 1000);
	}
}

static void hold(struct decision *d, enum reason reason)
{
	d->want = d->current;
	d->write = false;
	d->reason = reason;
}

/* Steps 1 and 2. True: decided, the lag does not matter. */
static bool correct_size(const struct rule *rule, struct decision *d)
{
	if (d->current == 0) {
		hold(d, REASON_SCALING_DISABLED);
		(void)snprintf(
			d->detail, sizeof(d->detail), "the target is switched off (0 replicas)");
		return true;
	}
	d->want = clamp(rule, d->current);
	if (d->want == d->current)
		return false;
	d->write = true;
	d->reason = d->want > d->current ? REASON_TOO_FEW_REPLICAS : REASON_TOO_MANY_REPLICAS;
	(void)snprintf(d->detail, sizeof(d->detail),
		"%" PRId32 " replicas are outside %" PRId32 " to %" PRId32, d->current, rule->min,
		rule->max);
	return true;
}

static enum reason reason_of(const struct proposal *p, const struct decision *d)
{
	if (d->want < p->want)
		return REASON_TOO_MANY_REPLICAS;
	if (d->want > p->want)
		return REASON_TOO_FEW_REPLICAS;
	return d->want > d->current   ? REASON_SCALE_UP
	       : d->want < d->current ? REASON_SCALE_DOWN
				      : REASON_WITHIN_RANGE;
}

static bool cooling(const struct rule *rule, const struct decide_history *history, int64_t now_ms)
{
	return history->has_written && now_ms - history->written_ms < rule->cooldown_ms;
}

void decide(const struct rule *rule, const struct snapshot *snapshot, int32_t current,
	const struct decide_history *history, int64_t now_ms, struct decision *ret)
{
	struct proposal p;

	*ret = (struct decision){.current = current, .want = current};
	if (correct_size(rule, ret))
		return;
	if (!snapshot) {
		hold(ret, REASON_LAG_UNKNOWN);
		(void)snprintf(ret->detail, sizeof(ret->detail), "no recent observation of Kafka");
		return;
	}
	p = propose(rule, snapshot, current);
	ret->quality = p.worst.quality;
	ret->want = clamp(rule, p.want);
	/* What is known may raise even where the rest is not: more data could only raise further. */
	if (!p.threshold || (p.worst.quality < QUALITY_COMPLETE && ret->want <= current)) {
		hold(ret, p.worst.quality == QUALITY_UNKNOWN ? REASON_LAG_UNKNOWN
			  : p.worst.quality == QUALITY_STALE ? REASON_LAG_STALE
							     : REASON_LAG_PARTIAL);
		say_worst(ret, &p);
		return;
	}
	ret->reason = reason_of(&p, ret);
	ret->write = ret->want != current;
	say_lag(ret, &p);
	if (ret->write && cooling(rule, history, now_ms)) {
		int64_t left = rule->cooldown_ms - (now_ms - history->written_ms);
		size_t used = strlen(ret->detail);

		hold(ret, REASON_COOLDOWN);
		(void)snprintf(ret->detail + used, sizeof(ret->detail) - used,
			"; cooling down for %" PRId64 "s more", (left + 999) / 1000);
	}
}
