#include "scaler/decide.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

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

/* What the thresholds together ask for. */
struct proposal {
	int32_t want;
	bool known;           /* a threshold has usable data */
	size_t by;            /* the threshold that decided */
	size_t worst;         /* the one with the worst data */
	enum quality quality; /* of that */
};

/* Whether `want` takes the place of the proposal so far. */
static bool replaces(
	const struct rule *rule, const struct proposal *p, int32_t want, int32_t current)
{
	if (!p->known)
		return true;
	if (rule->policy == POLICY_HEX_OPERATOR)
		return p->want == current; /* nothing before this one changed anything */
	return want > p->want;
}

static struct proposal propose(
	const struct rule *rule, const struct decide_input *in, struct control *control)
{
	struct proposal p = {.want = in->replicas};
	const struct rule_threshold *threshold;
	const char *group;

	for (size_t i = 0; rule_threshold(rule, i, &group, &threshold); i++) {
		const struct observation *o = &in->observations[i];
		struct threshold_look *look = &control->looks[i];

		*look = (struct threshold_look){.seen = *o};
		if (i == 0 || o->quality < p.quality) {
			p.quality = o->quality;
			p.worst = i;
		}
		if (o->quality < QUALITY_PARTIAL)
			continue;
		look->has_proposal = true;
		look->proposal = policy_propose(
			(enum policy_kind)rule->policy, o->lag, threshold->lag, in->replicas);
		if (replaces(rule, &p, look->proposal, in->replicas)) {
			p.want = look->proposal;
			p.known = true;
			p.by = i;
		}
	}
	return p;
}

static int32_t clamp(const struct rule *rule, int32_t want)
{
	return want > rule->max ? rule->max : want < rule->min ? rule->min : want;
}

static void say_lag(const struct rule *rule, const struct decide_input *in, struct decision *d,
	const struct proposal *p)
{
	const struct observation *o = &in->observations[p->by];
	const struct rule_threshold *threshold = NULL;
	const char *group = NULL;

	(void)rule_threshold(rule, p->by, &group, &threshold);
	d->has_lag = true;
	d->decided_by = p->by;
	d->lag = o->lag;
	d->threshold = threshold->lag;
	(void)snprintf(d->detail, sizeof(d->detail),
		"lag of group '%.80s' on topic '%.80s' is %s%" PRId64 ", threshold %" PRId64
		", policy asks for %" PRId32,
		group, threshold->topic, o->quality == QUALITY_PARTIAL ? "at least " : "", o->lag,
		threshold->lag, p->want);
}

static void say_worst(const struct rule *rule, const struct decide_input *in, struct decision *d,
	const struct proposal *p)
{
	const struct observation *o = &in->observations[p->worst];
	const struct rule_threshold *threshold = NULL;
	const char *group = NULL;
	size_t used;

	(void)rule_threshold(rule, p->worst, &group, &threshold);
	(void)snprintf(d->detail, sizeof(d->detail),
		"lag of group '%.80s' on topic '%.80s' is %s: %s", group, threshold->topic,
		quality_name(o->quality), o->why);
	if (o->quality != QUALITY_STALE)
		return;
	used = strlen(d->detail);
	(void)snprintf(d->detail + used, sizeof(d->detail) - used,
		", last known %" PRId64 " %" PRId64 "s ago", o->lag, o->age_ms / 1000);
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

static bool cooling(const struct rule *rule, const struct control *c, int64_t now_ms)
{
	return c->has_written && now_ms - c->written_ms < rule->cooldown_ms;
}

/* Makes room for what is shown of each threshold. */
static void fit(struct control *c, size_t thresholds)
{
	if (c->look_count == thresholds)
		return;
	free(c->looks);
	c->looks = mem_zalloc(thresholds, sizeof(*c->looks));
	c->look_count = thresholds;
}

void decide(const struct rule *rule, const struct decide_input *in, struct control *control,
	struct decision *ret)
{
	int32_t current = in->replicas;
	struct proposal p;

	*ret = (struct decision){.current = current, .want = current};
	fit(control, rule_threshold_count(rule));
	if (correct_size(rule, ret))
		return;
	p = propose(rule, in, control);
	ret->quality = p.quality;
	ret->want = clamp(rule, p.want);
	/* What is known may raise even where the rest is not: more data could only raise further. */
	if (!p.known || (p.quality < QUALITY_COMPLETE && ret->want <= current)) {
		hold(ret, p.quality == QUALITY_UNKNOWN ? REASON_LAG_UNKNOWN
			  : p.quality == QUALITY_STALE ? REASON_LAG_STALE
						       : REASON_LAG_PARTIAL);
		say_worst(rule, in, ret, &p);
		return;
	}
	ret->reason = reason_of(&p, ret);
	ret->write = ret->want != current;
	say_lag(rule, in, ret, &p);
	if (ret->write && cooling(rule, control, in->now_ms)) {
		int64_t left = rule->cooldown_ms - (in->now_ms - control->written_ms);
		size_t used = strlen(ret->detail);

		hold(ret, REASON_COOLDOWN);
		(void)snprintf(ret->detail + used, sizeof(ret->detail) - used,
			"; cooling down for %" PRId64 "s more", (left + 999) / 1000);
	}
}

void decide_wrote(
	const struct rule *rule, struct control *control, int32_t from, int32_t to, int64_t now_ms)
{
	(void)rule;
	(void)from;
	(void)to;
	control->has_written = true;
	control->written_ms = now_ms;
}
