#include "scaler/decide.h"

#include <inttypes.h>

#include "common/attr.h"
#include "scaler/cap.h"
#include "scaler/explain.h"
#include "scaler/propose.h"

/* Decisions further apart than this, and than so many times those before, leave a gap. */
#define GAP_INTERVALS 3
#define IDLE_GAP_MS 5000
#define USABLE_GAP_MS 30000

/* A raise is judged by what is committed and produced over these spans. */
#define COMMITTED_MS 15000
#define PRODUCED_MS 60000

/* What one decision works with. */
struct work {
	const struct rule *rule;
	const struct decide_input *in;
	struct control *control;
	struct decision *d;
	struct behavior behavior; /* completed */
	struct proposal p;
};

/* Notes what a step made of the size. */
static void note(struct work *w, enum step step, enum reason reason, int32_t replicas)
{
	struct decision *d = w->d;

	if (d->step_count < ARRAY_LEN(d->steps))
		d->steps[d->step_count++] = (struct decision_step){step, reason, replicas};
	d->want = replicas;
	d->reason = reason;
}

static void stay(struct work *w, enum step step, enum reason reason)
{
	note(w, step, reason, w->d->current);
	w->d->write = false;
}

static enum reason direction(int32_t current, int32_t want)
{
	return want > current   ? REASON_SCALE_UP
	       : want < current ? REASON_SCALE_DOWN
				: REASON_WITHIN_RANGE;
}

static int32_t within(int32_t low, int32_t high, int32_t n)
{
	return n > high ? high : n < low ? low : n;
}

/* Whether the size itself decides, without any lag. */
static bool correct_size(struct work *w)
{
	const struct rule *r = w->rule;
	struct decision *d = w->d;
	int32_t want = within(r->min, r->max, d->current);

	if (d->current == 0 && r->min > 0) {
		stay(w, STEP_BOUNDS, REASON_SCALING_DISABLED);
		explain(d, "the target is switched off (0 replicas)");
		return true;
	}
	if (want == d->current)
		return false;
	note(w, STEP_BOUNDS, want > d->current ? REASON_TOO_FEW_REPLICAS : REASON_TOO_MANY_REPLICAS,
		want);
	d->write = true;
	explain(d, "%" PRId32 " replicas are outside %" PRId32 " to %" PRId32, d->current, r->min,
		r->max);
	return true;
}

/* Since when the lag has been zero, and for how long it has to be for the target to sleep. */
static void note_idle(struct work *w)
{
	struct control *c = w->control;

	if (!w->p.no_lag) {
		c->has_idle = false;
		return;
	}
	if (!c->has_idle)
		c->idle_ms = w->in->now_ms;
	c->has_idle = true;
}

static bool may_sleep(const struct work *w)
{
	const struct control *c = w->control;

	return w->rule->min == 0 && c->has_idle &&
	       w->in->now_ms - c->idle_ms >= w->rule->cooldown_ms << c->wakes;
}

/* What is wrong with lag of this quality; `complete`: the reason where nothing is. */
static enum reason reason_of_quality(enum quality quality, enum reason complete)
{
	switch (quality) {
	case QUALITY_UNKNOWN:
		return REASON_LAG_UNKNOWN;
	case QUALITY_STALE:
		return REASON_LAG_STALE;
	case QUALITY_PARTIAL:
		return REASON_LAG_PARTIAL;
	default:
		return complete;
	}
}

/* The policy's size, within what makes sense for the partitions. */
static void cap(struct work *w)
{
	const struct rule *r = w->rule;
	int32_t current = w->d->current, want = w->p.want;
	size_t partitions = w->control->watches[w->p.by].partitions;

	note(w, STEP_POLICY, direction(current, w->p.asked), w->p.asked);
	if (w->p.asked != want)
		note(w, STEP_TOLERANCE, REASON_WITHIN_RANGE, want);
	if ((r->policy == POLICY_HEX || r->policy == POLICY_HEX_OPERATOR) && want < current &&
		want < w->p.floor) {
		want = w->p.floor < current ? w->p.floor : current;
		if (w->p.remember < want)
			w->p.remember = want;
		note(w, STEP_CAP, REASON_RATE_NEEDED, want);
	}
	if (propose_steps(r) && want != current && cap_step(want, partitions) != want) {
		want = cap_step(want, partitions);
		note(w, STEP_CAP, direction(current, want), want);
	}
	if (w->p.cap && want > w->p.cap) {
		want = w->p.cap;
		note(w, STEP_CAP, REASON_PARTITION_LIMIT, want);
		explain_more(w->d, "; capped at %" PRId32 " partitions", want);
	}
	if (r->min > 0)
		return;
	if (may_sleep(w))
		note(w, STEP_CAP, REASON_IDLE, 0);
	else if (want < 1)
		note(w, STEP_CAP, REASON_WITHIN_RANGE, 1);
	if (w->p.no_lag && w->p.remember <= 1)
		w->p.remember = 0;
}

/* Without usable data: what the rule says for that, or hold. False: decided. */
static bool fall_back(struct work *w)
{
	const struct rule_fallback *f = &w->rule->fallback;
	struct decision *d = w->d;
	int32_t current = d->current, want = f->replicas;
	int64_t without_ms = w->in->now_ms - w->control->usable_ms;

	stay(w, STEP_QUALITY, reason_of_quality(w->p.quality, REASON_LEARNING));
	explain_worst(w->rule, w->in, &w->p, d);
	if (d->reason == REASON_LEARNING)
		explain(d, "too little has been seen for the policy to tell");
	if (!f->present || without_ms < f->after_ms || d->reason == REASON_LEARNING)
		return false;
	if (f->behavior == FALLBACK_CURRENT ||
		(f->behavior == FALLBACK_CURRENT_IF_HIGHER && current > want) ||
		(f->behavior == FALLBACK_CURRENT_IF_LOWER && current < want))
		want = current;
	/* Partial data is a lower bound: it cannot tell that less would do. */
	if (want < current && w->p.quality == QUALITY_PARTIAL)
		want = current;
	w->p.remember = want;
	d->fallen_back = true;
	note(w, STEP_FALLBACK, REASON_FALLBACK, want);
	explain_more(d, "; not known for %" PRId64 "s, falling back to %" PRId32, without_ms / 1000,
		want);
	return true;
}

/* What is held, and why; REASON_COUNT: nothing. */
static enum reason held(const struct work *w)
{
	const struct control *c = w->control;
	int32_t current = w->d->current, want = w->d->want;
	int64_t now_ms = w->in->now_ms;

	if (want == current)
		return REASON_COUNT;
	if (!w->d->fallen_back) {
		int64_t limit_ms = w->rule->hold_limit_ms;

		if (settle_rebalancing(&c->settle, limit_ms, now_ms))
			return REASON_REBALANCING;
		if (settle_starting(&c->settle, limit_ms, now_ms))
			return REASON_STARTING;
		if (c->efficacy.not_effective && want > current)
			return REASON_NOT_EFFECTIVE;
		if (want < current && want > 0 && control_regrets(c, w->rule, now_ms))
			return REASON_REGRET;
	}
	if (c->has_written && now_ms - c->written_ms < w->rule->cooldown_ms)
		return REASON_COOLDOWN;
	return REASON_COUNT;
}

static void explain_hold(struct work *w, enum reason why)
{
	const struct control *c = w->control;
	int64_t left_ms = w->rule->cooldown_ms - (w->in->now_ms - c->written_ms);

	if (why == REASON_COOLDOWN)
		explain_more(w->d, "; cooling down for %" PRId64 "s more", (left_ms + 999) / 1000);
	else if (why == REASON_REBALANCING)
		explain_more(w->d, "; the group is being rebalanced");
	else if (why == REASON_STARTING)
		explain_more(w->d, "; %" PRId32 " of %" PRId32 " pods are ready", w->in->ready,
			w->d->current);
	else if (why == REASON_REGRET)
		explain_more(w->d, "; lowering was taken back soon before, so it waits");
	else
		explain_more(w->d,
			"; the raise from %" PRId32 " to %" PRId32
			" did not help: %.0f/s are committed",
			c->efficacy.from, c->efficacy.to, c->efficacy.committed);
}

static enum reason reason_of_limit(const struct behavior_limited *l, enum reason reason)
{
	switch (l->reason) {
	case BEHAVIOR_UP_LIMIT:
		return REASON_UP_LIMIT;
	case BEHAVIOR_TOO_MANY:
		return REASON_TOO_MANY_REPLICAS;
	case BEHAVIOR_DOWN_LIMIT:
		return REASON_DOWN_LIMIT;
	case BEHAVIOR_TOO_FEW:
		return REASON_TOO_FEW_REPLICAS;
	case BEHAVIOR_WITHIN_RANGE:
		break;
	}
	return reason;
}

/* What is asked for during a rebalance or with pods on their way says nothing of the load. */
static void remember(struct work *w)
{
	const struct settle *s = &w->control->settle;
	int64_t limit_ms = w->rule->hold_limit_ms, now_ms = w->in->now_ms;

	if (settle_rebalancing(s, limit_ms, now_ms) || settle_starting(s, limit_ms, now_ms))
		return;
	/* A window that waits before it raises has to see what is asked for now. */
	behavior_remember(&w->behavior, &w->control->behavior,
		w->behavior.up.window_s > 0 && !w->d->fallen_back ? w->p.want : w->p.remember,
		w->in->now_ms);
}

/* Windows, rates and bounds. */
static void settle_size(struct work *w)
{
	struct behavior_state *s = &w->control->behavior;
	struct behavior_stable stable;
	struct behavior_limited limited;
	struct decision *d = w->d;
	int32_t asked = d->want;
	enum reason why = d->reason;

	behavior_stabilize(&w->behavior, s, d->current, asked, w->in->now_ms, &stable);
	/* From one to none the cooldown is the window, unless one is configured. */
	if (asked == 0 && d->current == 1 && !w->rule->behavior.given)
		stable.replicas = 0;
	if (stable.replicas != asked) {
		why = stable.able == BEHAVIOR_UP_STABILIZED     ? REASON_UP_STABILIZED
		      : stable.able == BEHAVIOR_DOWN_STABILIZED ? REASON_DOWN_STABILIZED
								: why;
		note(w, STEP_STABILIZE, why, stable.replicas);
		explain_more(d, "; the window keeps it at %" PRId32, stable.replicas);
	}
	remember(w);
	behavior_limit(&w->behavior, s, d->current, stable.replicas, w->rule->min, w->rule->max,
		w->in->now_ms, &limited);
	if (limited.replicas != stable.replicas || limited.limited) {
		why = reason_of_limit(&limited, why);
		note(w,
			why == REASON_UP_LIMIT || why == REASON_DOWN_LIMIT ? STEP_LIMIT
									   : STEP_CLAMP,
			why, limited.replicas);
	}
	d->want = limited.replicas;
	d->reason = why;
	d->write = d->want != d->current;
	if (d->write && (why == REASON_WITHIN_RANGE || why == REASON_UP_STABILIZED ||
				why == REASON_DOWN_STABILIZED))
		d->reason = direction(d->current, d->want);
}

/* What the log tells of a group whose commits expired, by its end when last there was no lag. */
enum rest { REST_UNKNOWN, REST_QUIET, REST_MOVED };

static enum rest look_at_log(const struct work *w)
{
	enum rest rest = REST_QUIET;

	for (size_t i = 0; i < w->control->look_count; i++) {
		const struct observation *o = &w->in->observations[i];
		const struct threshold_watch *t = &w->control->watches[i];

		if (o->quality == QUALITY_COMPLETE)
			continue;
		if (o->quality != QUALITY_UNKNOWN || !o->has_topic_end || !t->has_quiet_end)
			rest = REST_UNKNOWN;
		else if (o->topic_end != t->quiet_end)
			return REST_MOVED;
	}
	return rest;
}

/* The target is at zero, and no lag is known of. */
static void decide_at_rest(struct work *w)
{
	switch (look_at_log(w)) {
	case REST_UNKNOWN:
		if (fall_back(w))
			settle_size(w);
		break;
	case REST_QUIET:
		w->control->usable_ms = w->in->now_ms;
		stay(w, STEP_POLICY, REASON_WITHIN_RANGE);
		explain(w->d, w->p.no_lag ? "no lag, and no replicas"
					  : "no replicas, and no records since there was no lag");
		break;
	case REST_MOVED:
		w->p.moved = true;
		note(w, STEP_POLICY, REASON_ACTIVATED, 1);
		explain(w->d, "records have come to a group whose commits expired");
		w->d->write = true;
		break;
	}
}

/* The target is at zero, and may be. */
static void decide_asleep(struct work *w)
{
	struct decision *d = w->d;
	int32_t want = w->p.known ? w->p.want : 1;

	if (!w->p.lag) {
		decide_at_rest(w);
		return;
	}
	explain_lag(w->rule, w->in, &w->p, d);
	if (w->p.cap)
		want = within(1, w->p.cap, want);
	note(w, STEP_POLICY, REASON_ACTIVATED, within(1, w->rule->max, want));
	d->write = true;
}

/* With the lag, as far as it is known, and a size within the bounds and above zero. */
static void decide_by_lag(struct work *w)
{
	struct decision *d = w->d;
	enum reason hold;
	bool usable = w->p.known;

	if (usable) {
		explain_lag(w->rule, w->in, &w->p, d);
		cap(w);
		/* What is known may raise even where the rest is not: more could only raise further. */
		usable = w->p.quality == QUALITY_COMPLETE || d->want > d->current;
	}
	if (usable && !w->p.learning)
		w->control->usable_ms = w->in->now_ms;
	else if (!usable && !fall_back(w))
		return;
	hold = held(w);
	if (hold != REASON_COUNT) {
		remember(w);
		explain_hold(w, hold);
		stay(w, STEP_HOLD, hold);
		return;
	}
	settle_size(w);
}

static void look_at_efficacy(struct work *w)
{
	struct control *c = w->control;
	const struct observation *o = &w->in->observations[w->p.by];
	const struct threshold_watch *t = &c->watches[w->p.by];
	struct efficacy_look look = {.now_ms = w->in->now_ms,
		.late = estimate_late(&t->estimate, t->estimate.lag),
		.spread = !o->has_spread || o->max_lag < o->lag / 3 || o->partitions < 4,
		.partitions = t->partitions,
		.ready = w->in->ready,
		.quiet_ms = settle_quiet_ms(&c->settle, w->in->now_ms),
		.grown_ms = w->in->now_ms - c->settle.grown_ms};

	if (o->quality != QUALITY_COMPLETE || !o->has_end ||
		!estimate_committed(&t->estimate, COMMITTED_MS, &look.committed) ||
		!estimate_produced(&t->estimate, PRODUCED_MS, &look.produced))
		return;
	efficacy_update(&c->efficacy, &look);
	c->efficacy_look = look;
}

static bool all_known(const struct work *w)
{
	for (size_t i = 0; i < w->control->look_count; i++)
		if (w->in->observations[i].quality != QUALITY_COMPLETE)
			return false;
	return true;
}

/* What was in a gap between two decisions nobody has seen: no idle time goes on over it, nor does the time
 * without data, which is for a fallback that follows it closely. */
static void note_time(struct work *w)
{
	struct control *c = w->control;
	int64_t now_ms = w->in->now_ms, since = now_ms - c->decided_ms;
	bool gap = c->has_decided && c->spacing_ms > 0 && since > GAP_INTERVALS * c->spacing_ms;

	if (gap && since > IDLE_GAP_MS)
		c->has_idle = false;
	if (!c->has_usable || all_known(w) || (gap && since > USABLE_GAP_MS))
		c->usable_ms = now_ms;
	c->has_usable = true;
	/* Deciding twice on one observation is no spacing. */
	if (c->has_decided && !gap && since > 0)
		c->spacing_ms = since;
	c->has_decided = true;
	c->decided_ms = now_ms;
	c->efficacy_look = (struct efficacy_look){0};
}

/* Whose hands are on the size. */
static void leave_alone(struct work *w)
{
	struct decision *d = w->d;

	if (!d->write || (!w->rule->paused && !w->in->contended))
		return;
	note(w, STEP_HOLD, w->in->contended ? REASON_CONTENDED : REASON_PAUSED, d->want);
	d->write = false;
	explain_more(d, w->in->contended ? "; somebody else sets the size, too" : "; paused");
}

void decide(const struct rule *rule, const struct decide_input *in, struct control *control,
	struct decision *ret)
{
	struct work w = {.rule = rule, .in = in, .control = control, .d = ret};

	*ret = (struct decision){.current = in->replicas, .want = in->replicas};
	w.behavior = rule->behavior;
	behavior_complete(&w.behavior, rule->tolerance);
	control_fit(control, rule_threshold_count(rule));
	propose_watch(rule, in, control);
	behavior_note_initial(&control->behavior, in->replicas, in->now_ms);
	note_time(&w);
	if (!correct_size(&w)) {
		propose(rule, &w.behavior, in, control, &w.p);
		ret->quality = w.p.quality;
		control->to_drain = w.p.want > w.p.remember;
		control->probing = rule->policy == POLICY_DRAIN && w.p.answer.probing;
		note_idle(&w);
		look_at_efficacy(&w);
		if (in->replicas == 0)
			decide_asleep(&w);
		else
			decide_by_lag(&w);
	}
	leave_alone(&w);
	ret->on_bad_data = ret->write && ret->step_count && ret->steps[0].step != STEP_BOUNDS &&
			   !ret->fallen_back &&
			   ((!w.p.known && !w.p.lag && !w.p.moved) ||
				   (ret->want < ret->current && ret->quality != QUALITY_COMPLETE));
}
