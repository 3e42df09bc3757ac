#include "scaler/propose.h"

#include "common/attr.h"
#include "scaler/cap.h"

/* Commits of a moment ago count as well: the lowest lag of so long is nearest to what really waits. */
#define FLOOR_MS 3000

/* A backlog so soon after replicas were taken away to try tells that they were needed. */
#define TRIED_MS 180000

bool propose_steps(const struct rule *rule)
{
	return rule->partition_steps == STEPS_ON ||
	       (rule->partition_steps == STEPS_BY_POLICY &&
		       (rule->policy == POLICY_DRAIN || rule->policy == POLICY_RATE));
}

/* So much of a time without changes as this process has seen itself. */
static int64_t seen_ms(const struct control *c, int64_t quiet_ms, int64_t now_ms)
{
	int64_t resumed_ms = now_ms - c->resumed_ms;

	return c->has_resumed && resumed_ms < quiet_ms ? resumed_ms : quiet_ms;
}

static void learn(struct threshold_watch *w, const struct control *c, int64_t now_ms)
{
	const struct settle *s = &c->settle;
	struct capacity_look look = {.now_ms = now_ms,
		.late = estimate_late(&w->estimate, w->estimate.lag),
		.ready = s->ready,
		.quiet_ms = seen_ms(c, settle_quiet_ms(s, now_ms), now_ms),
		.grown_ms = now_ms - s->grown_ms,
		.downward = !c->efficacy.not_effective,
		.tried =
			c->has_lowered && c->lowered_to_probe && now_ms - c->lowered_ms < TRIED_MS};

	capacity_learn(&w->capacity, &w->estimate, &look);
	estimate_learn_delay(&w->estimate, look.quiet_ms >= 60000);
}

void propose_watch(const struct rule *rule, const struct decide_input *in, struct control *control)
{
	size_t count = rule_threshold_count(rule);

	settle_update(
		&control->settle, in->observations, count, in->replicas, in->ready, in->now_ms);
	for (size_t i = 0; i < count; i++) {
		const struct observation *o = &in->observations[i];
		struct threshold_watch *w = &control->watches[i];

		if (o->partitions && o->quality != QUALITY_UNKNOWN)
			w->partitions = o->partitions;
		estimate_add(&w->estimate, o);
		if (o->quality == QUALITY_COMPLETE && o->lag == 0 && o->has_topic_end) {
			w->has_quiet_end = true;
			w->quiet_end = o->topic_end;
		}
		if (o->quality == QUALITY_COMPLETE && o->has_end)
			learn(w, control, in->now_ms);
	}
}

static struct drain_look look_of(const struct decide_input *in, const struct control *c, size_t i)
{
	const struct observation *o = &in->observations[i];
	const struct threshold_watch *w = &c->watches[i];
	bool complete = o->quality == QUALITY_COMPLETE && o->has_end;

	return (struct drain_look){.estimate = &w->estimate,
		.capacity = &w->capacity,
		.lag = complete ? estimate_floor(&w->estimate, FLOOR_MS) : o->lag,
		.partitions = w->partitions,
		.has_spread = o->has_spread,
		.max_lag = o->max_lag,
		.replicas = in->replicas,
		.ready = in->ready,
		.quiet_ms = settle_quiet_ms(&c->settle, in->now_ms),
		.stopped_ms = c->settle.stopped_ms,
		.start_ms = c->settle.start_ms,
		.calm_ms = seen_ms(c, in->now_ms - c->settle.ready_ms, in->now_ms),
		.grown_ms = in->now_ms - c->settle.grown_ms};
}

/* Not by tolerance: what reaches a bound is to get there. */
static bool reaches(const struct rule *rule, int32_t cap, int32_t current, int32_t want)
{
	int32_t top = cap && cap < rule->max ? cap : rule->max;

	return (want >= top && current < top) || (want <= rule->min && current > rule->min);
}

static bool tolerated(const struct rule *rule, const struct behavior *b, const struct proposal *p,
	int64_t lag, int64_t threshold, int32_t current, int32_t want)
{
	bool strict = rule->policy == POLICY_HEX_OPERATOR;
	double up = strict && !rule->behavior.up.has_tolerance ? 0 : b->up.tolerance;
	double down = strict && !rule->behavior.down.has_tolerance ? 0 : b->down.tolerance;

	if (want == current || reaches(rule, p->cap, current, want))
		return false;
	return policy_tolerates(
		policy_ratio((enum policy_kind)rule->policy, lag, threshold, current), up, down);
}

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

static int32_t largest_topic(const struct control *c)
{
	size_t most = 0;

	for (size_t i = 0; i < c->look_count; i++) {
		if (c->watches[i].partitions == 0)
			return 0;
		if (c->watches[i].partitions > most)
			most = c->watches[i].partitions;
	}
	return most > INT32_MAX ? INT32_MAX : (int32_t)most;
}

/* What one threshold with usable data asks for, into look->proposal. False: it cannot tell. */
static bool ask(const struct rule *rule, const struct rule_threshold *threshold,
	const struct decide_input *in, const struct drain_look *drain, struct threshold_look *look,
	struct drain_answer *ret_answer)
{
	if (rule->policy == POLICY_RATE) {
		drain_propose_rate(rule, drain, ret_answer);
	} else {
		drain_propose(rule, drain, ret_answer);
		if (rule->policy != POLICY_DRAIN) {
			look->has_proposal = true;
			look->proposal = policy_propose((enum policy_kind)rule->policy,
				look->seen.lag, threshold->lag, in->replicas);
			ret_answer->want = ret_answer->steady = look->proposal;
			return true;
		}
	}
	look->has_proposal = ret_answer->known;
	look->proposal = ret_answer->want;
	return ret_answer->known;
}

static void add_threshold(const struct rule *rule, const struct behavior *b,
	const struct decide_input *in, struct control *control, size_t i,
	const struct rule_threshold *threshold, struct proposal *p)
{
	const struct observation *o = &in->observations[i];
	struct threshold_look *look = &control->looks[i];
	struct drain_look drain = look_of(in, control, i);
	struct drain_answer answer;
	int32_t want, remember, floor = drain_floor(&drain);

	if (o->quality != QUALITY_COMPLETE || o->lag > 0)
		p->no_lag = false;
	if (o->quality < QUALITY_PARTIAL)
		return;
	p->lag = p->lag || o->lag > 0;
	if (floor > p->floor)
		p->floor = floor;
	if (!ask(rule, threshold, in, &drain, look, &answer)) {
		p->learning = true;
		return;
	}
	want = look->proposal;
	look->tolerated = rule->policy != POLICY_RATE && rule->policy != POLICY_DRAIN &&
			  tolerated(rule, b, p, o->lag, threshold->lag, in->replicas, want);
	if (look->tolerated)
		want = in->replicas;
	remember = look->tolerated ? want : answer.steady;
	if (!p->known || remember > p->remember)
		p->remember = remember;
	if (!replaces(rule, p, want, in->replicas))
		return;
	p->known = true;
	p->want = want;
	p->asked = look->proposal;
	p->by = i;
	p->answer = answer;
}

void propose(const struct rule *rule, const struct behavior *b, const struct decide_input *in,
	struct control *control, struct proposal *ret)
{
	const struct rule_threshold *threshold;
	const char *group;

	*ret = (struct proposal){.want = in->replicas,
		.asked = in->replicas,
		.remember = in->replicas,
		.no_lag = true,
		.cap = rule->limit_to_partitions ? largest_topic(control) : 0};
	for (size_t i = 0; rule_threshold(rule, i, &group, &threshold); i++) {
		const struct observation *o = &in->observations[i];

		control->looks[i] = (struct threshold_look){.seen = *o};
		if (i == 0 || o->quality < ret->quality) {
			ret->quality = o->quality;
			ret->worst = i;
		}
		add_threshold(rule, b, in, control, i, threshold, ret);
	}
	if (rule->policy == POLICY_HEX_OPERATOR)
		ret->remember = ret->want;
}
