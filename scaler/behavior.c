#include "scaler/behavior.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DOWN_WINDOW_S 300

const char *const behavior_select_names[] = {"Max", "Min", "Disabled", NULL};
const char *const behavior_unit_names[] = {"Pods", "Percent", NULL};

const char *behavior_able_name(enum behavior_able able)
{
	static const char *const names[] = {
		[BEHAVIOR_READY] = "ReadyForNewScale",
		[BEHAVIOR_UP_STABILIZED] = "ScaleUpStabilized",
		[BEHAVIOR_DOWN_STABILIZED] = "ScaleDownStabilized",
	};

	return names[able];
}

const char *behavior_reason_name(enum behavior_reason reason)
{
	static const char *const names[] = {
		[BEHAVIOR_WITHIN_RANGE] = "DesiredWithinRange",
		[BEHAVIOR_UP_LIMIT] = "ScaleUpLimit",
		[BEHAVIOR_TOO_MANY] = "TooManyReplicas",
		[BEHAVIOR_DOWN_LIMIT] = "ScaleDownLimit",
		[BEHAVIOR_TOO_FEW] = "TooFewReplicas",
	};

	return names[reason];
}

/* Validity and defaults */

static int check_policy(
	const struct behavior_policy *p, const char *direction, size_t i, struct err *err)
{
	if ((unsigned)p->type > BEHAVIOR_PERCENT)
		return err_set(err, ERR_CONFIG,
			"%s.policies[%zu].type is %d, neither Pods nor Percent", direction, i,
			(int)p->type);
	if (p->value < 1)
		return err_set(err, ERR_CONFIG,
			"%s.policies[%zu].value is %" PRId32 ", must be at least 1", direction, i,
			p->value);
	if (p->period_s < 1 || p->period_s > BEHAVIOR_PERIOD_MAX_S)
		return err_set(err, ERR_CONFIG,
			"%s.policies[%zu].periodSeconds is %" PRId32 ", must be 1 to %d", direction,
			i, p->period_s, BEHAVIOR_PERIOD_MAX_S);
	return 0;
}

static int check_direction(
	const struct behavior_direction *d, const char *direction, struct err *err)
{
	if (d->has_window && (d->window_s < 0 || d->window_s > BEHAVIOR_WINDOW_MAX_S))
		return err_set(err, ERR_CONFIG,
			"%s.stabilizationWindowSeconds is %" PRId32 ", must be 0 to %d", direction,
			d->window_s, BEHAVIOR_WINDOW_MAX_S);
	if (d->has_select && (unsigned)d->select > BEHAVIOR_DISABLED)
		return err_set(err, ERR_CONFIG,
			"%s.selectPolicy is %d, none of Max, Min and Disabled", direction,
			(int)d->select);
	if (d->has_tolerance && !(d->tolerance >= 0 && isfinite(d->tolerance)))
		return err_set(err, ERR_CONFIG, "%s.tolerance is %g, must be 0 or more", direction,
			d->tolerance);
	if (!d->has_policies)
		return 0;
	if (d->policy_count < 1 || d->policy_count > BEHAVIOR_POLICIES_MAX)
		return err_set(err, ERR_CONFIG, "%s.policies has %zu elements, must have 1 to %d",
			direction, d->policy_count, BEHAVIOR_POLICIES_MAX);
	for (size_t i = 0; i < d->policy_count; i++)
		if (check_policy(&d->policies[i], direction, i, err))
			return -1;
	return 0;
}

int behavior_check(const struct behavior *b, struct err *err)
{
	if (!b->given)
		return 0;
	return check_direction(&b->up, "scaleUp", err) ||
			       check_direction(&b->down, "scaleDown", err)
		       ? -1
		       : 0;
}

static void complete(struct behavior_direction *d, int32_t window_s, double tolerance,
	const struct behavior_policy *policies, size_t policy_count)
{
	if (!d->has_window)
		d->window_s = window_s;
	if (!d->has_select)
		d->select = BEHAVIOR_MAX;
	if (!d->has_tolerance)
		d->tolerance = tolerance;
	if (!d->has_policies) {
		memcpy(d->policies, policies, policy_count * sizeof(*policies));
		d->policy_count = policy_count;
	}
}

void behavior_complete(struct behavior *b, double tolerance)
{
	static const struct behavior_policy up[] = {
		{.type = BEHAVIOR_PODS, .value = 4, .period_s = 15},
		{.type = BEHAVIOR_PERCENT, .value = 100, .period_s = 15},
	};
	static const struct behavior_policy down[] = {
		{.type = BEHAVIOR_PERCENT, .value = 100, .period_s = 15},
	};

	/* Without the block there is no policy, and that is no limit. */
	complete(&b->up, 0, tolerance, up, b->given ? ARRAY_LEN(up) : 0);
	complete(&b->down, DOWN_WINDOW_S, tolerance, down, b->given ? ARRAY_LEN(down) : 0);
}

/* Windows */

static int64_t window_ms(const struct behavior_direction *d)
{
	return d->window_s * INT64_C(1000);
}

static int64_t longer_window_ms(const struct behavior *b)
{
	return window_ms(b->up.window_s > b->down.window_s ? &b->up : &b->down);
}

void behavior_note_initial(struct behavior_state *s, int32_t current, int64_t now_ms)
{
	if (s->count == 0)
		behavior_state_recommend(s, current, INT64_MIN, now_ms);
}

static bool like_hpa(const struct behavior *b)
{
	return !b->given && b->like_hpa;
}

/* Into [floor, ceiling], and only as far as needed. */
static int32_t moved(int32_t replicas, const struct behavior_stable *within)
{
	if (replicas < within->floor)
		replicas = within->floor;
	return replicas > within->ceiling ? within->ceiling : replicas;
}

void behavior_stabilize(const struct behavior *b, const struct behavior_state *s, int32_t current,
	int32_t desired, int64_t now_ms, struct behavior_stable *ret)
{
	int64_t up_ms = now_ms - window_ms(&b->up), down_ms = now_ms - window_ms(&b->down);

	*ret = (struct behavior_stable){.floor = desired, .ceiling = desired};
	/* The edge of the window counts for an HPA without behavior, and only there. */
	if (like_hpa(b))
		down_ms--;
	for (size_t i = 0; i < s->count; i++) {
		const struct behavior_recommendation *r = &s->recommendations[i];

		if (r->at_ms > up_ms && r->replicas < ret->floor)
			ret->floor = r->replicas;
		if (r->at_ms > down_ms && r->replicas > ret->ceiling)
			ret->ceiling = r->replicas;
	}
	ret->replicas = like_hpa(b) ? ret->ceiling : moved(current, ret);
	ret->able = ret->replicas == desired             ? BEHAVIOR_READY
		    : desired >= current && !like_hpa(b) ? BEHAVIOR_UP_STABILIZED
							 : BEHAVIOR_DOWN_STABILIZED;
}

void behavior_remember(
	const struct behavior *b, struct behavior_state *s, int32_t desired, int64_t now_ms)
{
	behavior_state_recommend(s, desired, now_ms - longer_window_ms(b), now_ms);
}

/* Rates */

static int32_t saturate(double replicas)
{
	return replicas >= INT32_MAX   ? INT32_MAX
	       : replicas <= INT32_MIN ? INT32_MIN
				       : (int32_t)replicas;
}

/* Where a policy ends that starts with `start` replicas (which may be negative: others removed what
 * was added). The order of the operations in float64 is the HPA's, and decides: 10 % more than 50 are
 * 56, since 1 + 10 / 100 is a little more than 1.1. */
static int32_t policy_end(const struct behavior_policy *p, bool up, int64_t start)
{
	double from = (double)start, part = p->value / 100.0;

	if (p->type == BEHAVIOR_PODS)
		return saturate(up ? from + p->value : from - p->value);
	return saturate(up ? ceil(from * (1 + part)) : trunc(from * (1 - part)));
}

/* How far `current` may go in one direction. */
static int32_t rate_limit(const struct behavior_direction *d, const struct behavior_state *s,
	bool up, int32_t current, int64_t now_ms)
{
	bool highest = up == (d->select == BEHAVIOR_MAX);
	int32_t limit = current;

	if (d->select == BEHAVIOR_DISABLED)
		return current;
	for (size_t i = 0; i < d->policy_count; i++) {
		int64_t begin_ms = now_ms - d->policies[i].period_s * INT64_C(1000);
		int64_t start = current - behavior_state_changed(&s->ups, begin_ms) +
				behavior_state_changed(&s->downs, begin_ms);
		int32_t end = policy_end(&d->policies[i], up, start);

		if (i == 0 || (highest ? end > limit : end < limit))
			limit = end;
	}
	return (limit > current) == up ? limit : current;
}

static bool has_rates(const struct behavior_direction *d)
{
	return d->policy_count > 0 || d->select == BEHAVIOR_DISABLED;
}

static void limit_up(int32_t stabilized, int32_t max, struct behavior_limited *ret)
{
	bool rate = ret->has_limit && ret->limit < max;
	int32_t top = rate ? ret->limit : max;

	ret->replicas = stabilized;
	if (stabilized <= top)
		return;
	ret->replicas = top;
	ret->limited = true;
	ret->reason = rate ? BEHAVIOR_UP_LIMIT : BEHAVIOR_TOO_MANY;
}

static void limit_down(int32_t stabilized, int32_t min, struct behavior_limited *ret)
{
	bool rate = ret->has_limit && ret->limit > min;
	int32_t bottom = rate ? ret->limit : min;

	ret->replicas = stabilized;
	if (stabilized >= bottom)
		return;
	ret->replicas = bottom;
	ret->limited = true;
	ret->reason = rate ? BEHAVIOR_DOWN_LIMIT : BEHAVIOR_TOO_FEW;
}

static void limit_like_hpa(
	int32_t current, int32_t stabilized, int32_t min, int32_t max, struct behavior_limited *ret)
{
	limit_down(stabilized, min, ret);
	if (ret->limited)
		return;
	ret->has_limit = true;
	ret->limit = current < 2 ? 4 : saturate(2.0 * current);
	limit_up(stabilized, max, ret);
}

void behavior_limit(const struct behavior *b, const struct behavior_state *s, int32_t current,
	int32_t stabilized, int32_t min, int32_t max, int64_t now_ms, struct behavior_limited *ret)
{
	*ret = (struct behavior_limited){.replicas = stabilized};
	if (like_hpa(b)) {
		limit_like_hpa(current, stabilized, min, max, ret);
		return;
	}
	if (stabilized > current) {
		ret->has_limit = has_rates(&b->up);
		ret->limit = rate_limit(&b->up, s, true, current, now_ms);
		limit_up(stabilized, max, ret);
	} else if (stabilized < current) {
		ret->has_limit = has_rates(&b->down);
		ret->limit = rate_limit(&b->down, s, false, current, now_ms);
		limit_down(stabilized, min, ret);
	}
}

static int64_t longest_period_ms(const struct behavior_direction *d)
{
	int32_t longest_s = 0;

	for (size_t i = 0; i < d->policy_count; i++)
		if (d->policies[i].period_s > longest_s)
			longest_s = d->policies[i].period_s;
	return longest_s * INT64_C(1000);
}

void behavior_scaled(const struct behavior *b, struct behavior_state *s, int32_t from, int32_t to,
	int64_t now_ms)
{
	/* Without the block nothing would ever use them. */
	if (!b->given)
		return;
	if (to > from)
		behavior_state_event(&s->ups, to - from, longest_period_ms(&b->up), now_ms);
	else if (to < from)
		behavior_state_event(&s->downs, from - to, longest_period_ms(&b->down), now_ms);
}

void behavior_save(const struct behavior *b, const struct behavior_state *s, int64_t now_ms,
	struct behavior_saved *ret)
{
	int64_t up_ms = longest_period_ms(&b->up), down_ms = longest_period_ms(&b->down);

	behavior_state_save(s, longer_window_ms(b), up_ms > down_ms ? up_ms : down_ms, now_ms, ret);
}
