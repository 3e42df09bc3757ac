#include "scaler/decide.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"

/* One group per threshold, each with a topic of two partitions: the row's lag is in the first, and the
 * second says how good the data is. */
enum data { NO_SNAPSHOT, ABSENT, STALE, PARTIAL, COMPLETE };

#define UNTOUCHED (-1) /* never written */

static const struct {
	const char *name;
	enum data a, b; /* b: of a second threshold, 0 (NO_SNAPSHOT): there is none */
	int64_t lag_a, lag_b;
	int32_t min, max, current;
	int64_t since_write_ms; /* UNTOUCHED or age of the last write */
	enum policy_kind policy;
	int32_t want;
	bool write;
	enum reason why;
} rows[] = {
	{"lag above the threshold raises", COMPLETE, 0, 2000, 0, 1, 10, 2, UNTOUCHED, POLICY_HEX, 4,
		true, REASON_SCALE_UP},
	{"lag below it lowers by half the way", COMPLETE, 0, 500, 0, 1, 10, 8, UNTOUCHED,
		POLICY_HEX, 6, true, REASON_SCALE_DOWN},
	{"lag at the threshold stays", COMPLETE, 0, 1000, 0, 1, 10, 4, UNTOUCHED, POLICY_HEX, 4,
		false, REASON_WITHIN_RANGE},
	{"the maximum is reached and not passed", COMPLETE, 0, 90000, 0, 1, 10, 4, UNTOUCHED,
		POLICY_HEX, 10, true, REASON_TOO_MANY_REPLICAS},
	{"at the maximum nothing is written", COMPLETE, 0, 90000, 0, 1, 10, 10, UNTOUCHED,
		POLICY_HEX, 10, false, REASON_TOO_MANY_REPLICAS},
	{"no lag lowers to the minimum and not below", COMPLETE, 0, 0, 0, 3, 10, 4, UNTOUCHED,
		POLICY_HEX, 3, true, REASON_TOO_FEW_REPLICAS},
	{"enormous lag saturates", COMPLETE, 0, INT64_MAX, 0, 1, INT32_MAX, 4, UNTOUCHED,
		POLICY_HEX, INT32_MAX, true, REASON_SCALE_UP},
	{"the largest of two thresholds wins", COMPLETE, COMPLETE, 500, 3000, 1, 20, 4, UNTOUCHED,
		POLICY_HEX, 11, true, REASON_SCALE_UP},
	{"hexOperator: the first that changes wins", COMPLETE, COMPLETE, 500, 3000, 1, 20, 4,
		UNTOUCHED, POLICY_HEX_OPERATOR, 2, true, REASON_SCALE_DOWN},
	{"hexOperator: one that changes nothing is passed over", COMPLETE, COMPLETE, 1500, 3000, 1,
		20, 4, UNTOUCHED, POLICY_HEX_OPERATOR, 11, true, REASON_SCALE_UP},
	{"hexOperator: nothing happens between 1x and 2x", COMPLETE, 0, 1999, 0, 1, 20, 4,
		UNTOUCHED, POLICY_HEX_OPERATOR, 4, false, REASON_WITHIN_RANGE},

	{"before the first observation nothing happens", NO_SNAPSHOT, 0, 0, 0, 1, 10, 4, UNTOUCHED,
		POLICY_HEX, 4, false, REASON_LAG_UNKNOWN},
	{"unknown lag is not zero lag", ABSENT, 0, 0, 0, 1, 10, 4, UNTOUCHED, POLICY_HEX, 4, false,
		REASON_LAG_UNKNOWN},
	{"stale lag never lowers", STALE, 0, 0, 0, 1, 10, 4, UNTOUCHED, POLICY_HEX, 4, false,
		REASON_LAG_STALE},
	{"stale lag never raises", STALE, 0, 90000, 0, 1, 10, 4, UNTOUCHED, POLICY_HEX, 4, false,
		REASON_LAG_STALE},
	{"partial lag raises", PARTIAL, 0, 3000, 0, 1, 20, 4, UNTOUCHED, POLICY_HEX, 11, true,
		REASON_SCALE_UP},
	{"partial lag never lowers", PARTIAL, 0, 0, 0, 1, 20, 4, UNTOUCHED, POLICY_HEX, 4, false,
		REASON_LAG_PARTIAL},
	{"what is known raises beside what is not", ABSENT, COMPLETE, 0, 3000, 1, 20, 4, UNTOUCHED,
		POLICY_HEX, 11, true, REASON_SCALE_UP},
	{"and does not lower beside it", ABSENT, COMPLETE, 0, 0, 1, 20, 4, UNTOUCHED, POLICY_HEX, 4,
		false, REASON_LAG_UNKNOWN},
	{"a stale threshold holds a lowering one", STALE, COMPLETE, 0, 0, 1, 20, 4, UNTOUCHED,
		POLICY_HEX, 4, false, REASON_LAG_STALE},

	{"too few replicas are corrected without data", NO_SNAPSHOT, 0, 0, 0, 3, 10, 1, UNTOUCHED,
		POLICY_HEX, 3, true, REASON_TOO_FEW_REPLICAS},
	{"too many as well", STALE, 0, 0, 0, 1, 10, 40, UNTOUCHED, POLICY_HEX, 10, true,
		REASON_TOO_MANY_REPLICAS},
	{"the correction does not wait for the cooldown", NO_SNAPSHOT, 0, 0, 0, 3, 10, 1, 10,
		POLICY_HEX, 3, true, REASON_TOO_FEW_REPLICAS},
	{"a target switched off stays off", COMPLETE, 0, 90000, 0, 1, 10, 0, UNTOUCHED, POLICY_HEX,
		0, false, REASON_SCALING_DISABLED},

	{"within the cooldown nothing is written", COMPLETE, 0, 3000, 0, 1, 20, 4, 59999,
		POLICY_HEX, 4, false, REASON_COOLDOWN},
	{"when it is over, it is", COMPLETE, 0, 3000, 0, 1, 20, 4, 60000, POLICY_HEX, 11, true,
		REASON_SCALE_UP},
	{"staying is not called a cooldown", COMPLETE, 0, 1000, 0, 1, 20, 4, 10, POLICY_HEX, 4,
		false, REASON_WITHIN_RANGE},
};

static void add_data(
	struct snapshot *s, const char *topic, const char *group, enum data data, int64_t lag)
{
	struct topic *t;
	struct group_partition *gp;

	if (data == ABSENT)
		return;
	t = add_topic(s, topic, 2);
	t->partitions[0].end = lag;
	gp = add_commits(s, add_group(s, group, 1), topic, (int64_t[]){0, 0});
	if (data == STALE)
		gp[0].fresh = false;
	if (data != COMPLETE) {
		gp[1].fresh = false;
		gp[1].at_ms = s->mono_ms - 45000;
	}
}

static void decide_on(const struct rule *rule, const struct snapshot *s, int32_t replicas,
	struct control *control, int64_t now_ms, struct decision *ret)
{
	struct observation seen[2];
	const struct decide_input in = {
		.now_ms = now_ms, .replicas = replicas, .ready = replicas, .observations = seen};
	const struct rule_threshold *threshold;
	const char *group;

	for (size_t i = 0; rule_threshold(rule, i, &group, &threshold); i++)
		observation_of(
			s, group, threshold->topic, (enum offset_reset)rule->reset, &seen[i]);
	decide(rule, &in, control, ret);
}

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_threshold ta = {"ta", 1000}, tb = {"tb", 1000};
		struct rule_group groups[] = {{"ga", {&ta, 1}}, {"gb", {&tb, 1}}};
		struct rule rule = {
			.min = rows[i].min,
			.max = rows[i].max,
			.groups = {groups, rows[i].b ? 2 : 1},
			.policy = (int)rows[i].policy,
			.cooldown_ms = 60000,
			.behavior = {.down = {.has_window = true}}, /* of 0 s */
		};
		struct control control = {.has_written = rows[i].since_write_ms != UNTOUCHED,
			.written_ms = 500000 - rows[i].since_write_ms};
		struct snapshot *s = rows[i].a == NO_SNAPSHOT ? NULL : empty_snapshot();
		struct decision d;

		if (s) {
			add_data(s, "ta", "ga", rows[i].a, rows[i].lag_a);
			add_data(s, "tb", "gb", rows[i].b ? rows[i].b : ABSENT, rows[i].lag_b);
		}
		decide_on(&rule, s, rows[i].current, &control, 500000, &d);
		control_release(&control);
		TAP_INT(rows[i].name, d.want, rows[i].want);
		TAP_INT(rows[i].name, d.write, rows[i].write);
		TAP_STR(rows[i].name, reason_name(d.reason), reason_name(rows[i].why));
		TAP_TRUE("every decision says why", *d.detail);
		snapshot_unref(s);
		control_release(&control);
	}
}

/* From every size the bound is reached by repeated decisions: damping never gets stuck short of it. */
static void test_reaches_bounds(void)
{
	struct rule_threshold threshold = {"ta", 1000};
	struct rule_group group = {"ga", {&threshold, 1}};
	struct rule rule = {.min = 1,
		.max = 24,
		.groups = {&group, 1},
		.behavior = {.down = {.has_window = true}}};
	struct control control = {0};
	struct decision d;

	for (int high = 0; high < 2; high++) {
		struct snapshot *s = empty_snapshot();
		int32_t size = high ? 1 : 24;

		add_data(s, "ta", "ga", COMPLETE, high ? 1000000 : 0);
		for (int step = 0; step < 20; step++) {
			decide_on(&rule, s, size, &control, 0, &d);
			size = d.want;
		}
		/* The operator's arithmetic leaves 2 replicas at 1: floor(0.5 * 2) = 1; and 1 at 1. */
		TAP_INT(high ? "high lag ends at the maximum" : "no lag ends at the minimum", size,
			high ? 24 : 1);
		snapshot_unref(s);
	}
	control_release(&control);
}

int main(void)
{
	test_rows();
	test_reaches_bounds();
	return tap_done();
}
