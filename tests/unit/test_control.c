/* What is remembered between decisions, over gaps in time and changes of the rule. */
#include "scaler/control.h"

#include "scaler/decide.h"
#include "tests/tap.h"

#define SECOND 1000
#define HOUR (3600 * SECOND)

static struct rule_threshold old_topic = {(char *)"old", 1000}, new_topic = {(char *)"new", 1000};
static struct rule_group old_group = {(char *)"g", {&old_topic, 1}};
static struct rule_group new_group = {(char *)"g", {&new_topic, 1}};

static struct rule rule_of(enum policy_kind policy, struct rule_group *group)
{
	return (struct rule){.min = 0,
		.max = 24,
		.groups = {group, 1},
		.policy = (int)policy,
		.cooldown_ms = 60 * SECOND,
		.rate_per_replica = 1000,
		.drain_time_ms = 20 * SECOND,
		.fallback = {.present = true, .after_ms = 180 * SECOND, .replicas = 10}};
}

static void decide_at(const struct rule *r, struct control *c, enum quality quality, int64_t lag,
	int64_t end, int64_t now_ms, int32_t replicas, struct decision *ret)
{
	const struct observation seen = {.quality = quality,
		.why = "the test says so",
		.at_ms = now_ms - 20,
		.has_end = true,
		.lag = lag,
		.end = end,
		.partitions = 24,
		.known = 24,
		.with_lag = lag ? 24 : 0,
		.max_lag = lag / 24,
		.state = GROUP_STABLE};

	decide(r,
		&(struct decide_input){.now_ms = now_ms,
			.replicas = replicas,
			.ready = replicas,
			.observations = &seen},
		c, ret);
}

static void test_fallback_counts_from_the_loss(void)
{
	struct rule r = rule_of(POLICY_DRAIN, &old_group);
	struct control c = {0};
	struct decision d;
	int64_t now_ms = 0;

	r.min = 1;
	r.rate_per_replica = 0;
	for (; now_ms < HOUR; now_ms += SECOND)
		decide_at(&r, &c, QUALITY_COMPLETE, 0, 1000, now_ms, 2, &d);
	decide_at(&r, &c, QUALITY_UNKNOWN, 0, 0, now_ms, 2, &d);
	TAP_TRUE("one sample without data after an hour with nothing to do is no fallback",
		!d.write);
	for (int64_t until = now_ms + 181 * SECOND; now_ms < until; now_ms += SECOND)
		decide_at(&r, &c, QUALITY_UNKNOWN, 0, 0, now_ms, 2, &d);
	TAP_TRUE("three minutes without are", d.write && d.want == 10);
	control_release(&c);
	c = (struct control){0};
	for (now_ms = 0; now_ms < 60 * SECOND; now_ms += SECOND)
		decide_at(&r, &c, QUALITY_COMPLETE, 0, 1000, now_ms, 2, &d);
	decide_at(&r, &c, QUALITY_UNKNOWN, 0, 0, now_ms + HOUR, 2, &d);
	TAP_TRUE("nor is one after an hour in which nobody looked", !d.write);
	control_release(&c);
}

static void test_idle_needs_eyes(void)
{
	struct rule r = rule_of(POLICY_PER_REPLICA, &old_group);
	struct control c = {0};
	struct decision d;
	int64_t now_ms = 0;

	for (; now_ms < 30 * SECOND; now_ms += SECOND)
		decide_at(&r, &c, QUALITY_COMPLETE, 0, 1000, now_ms, 1, &d);
	decide_at(&r, &c, QUALITY_COMPLETE, 0, 500000, now_ms + 300 * SECOND, 1, &d);
	TAP_TRUE("what was in a gap is not idle time", !d.write);
	control_release(&c);
}

static void test_deciding_twice(void)
{
	struct rule r = rule_of(POLICY_PER_REPLICA, &old_group);
	struct control c = {.has_slept = true, .slept_ms = 0};
	struct decision d;

	for (int i = 0; i < 3; i++)
		decide_at(&r, &c, QUALITY_COMPLETE, 5, 1000, 60 * SECOND, 0, &d);
	TAP_INT("deciding again is no second waking", c.wakes, 0);
	control_wrote(&c, &r, 0, d.want, 60 * SECOND);
	TAP_INT("the write is", c.wakes, 2);
	control_release(&c);
}

static void test_rule_changed(void)
{
	struct rule before = rule_of(POLICY_RATE, &old_group), after = before;
	struct control c = {0};
	struct decision d;
	int64_t now_ms = 0;

	before.min = after.min = 1;
	for (; now_ms < 120 * SECOND; now_ms += SECOND)
		decide_at(&before, &c, QUALITY_COMPLETE, 500, 2 * now_ms, now_ms, 2, &d);
	TAP_INT("2,000 a second need two replicas", d.want, 2);
	after.max = 12;
	control_rule_changed(&c, &before, &after);
	decide_at(&after, &c, QUALITY_COMPLETE, 500, 2 * now_ms, now_ms, 2, &d);
	TAP_INT("what was measured stays with the topic", d.reason, REASON_WITHIN_RANGE);
	before = after;
	after.groups.items = &new_group;
	control_rule_changed(&c, &before, &after);
	decide_at(&after, &c, QUALITY_COMPLETE, 500, 90000000, now_ms + SECOND, 2, &d);
	TAP_TRUE("and does not count for another", !d.write);
	TAP_STR("which begins anew", reason_name(d.reason), reason_name(REASON_LEARNING));
	control_release(&c);
}

int main(void)
{
	test_fallback_counts_from_the_loss();
	test_idle_needs_eyes();
	test_deciding_twice();
	test_rule_changed();
	return tap_done();
}
