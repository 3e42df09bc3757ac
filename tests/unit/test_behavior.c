/* What the recorded sequences of tests/cases/vectors do not reach: invalid input, saturation, no block at
 * all, lists that are full, and what is saved. */
#include <stdlib.h>

#include "scaler/behavior.h"
#include "tests/tap.h"

#define PODS(n, s)                                                   \
	{                                                            \
		.type = BEHAVIOR_PODS, .value = (n), .period_s = (s) \
	}
#define PERCENT(n, s)                                                   \
	{                                                               \
		.type = BEHAVIOR_PERCENT, .value = (n), .period_s = (s) \
	}
#define POLICIES(...) .has_policies = true, .policy_count = 1, .policies = {__VA_ARGS__}
#define WINDOW(s) .has_window = true, .window_s = (s)

static void test_invalid(void)
{
	static const struct {
		const char *name, *says;
		struct behavior_direction up, down;
	} rows[] = {
		{"a negative window", "scaleUp.stabilizationWindowSeconds is -1, must be 0 to 3600",
			.up = {WINDOW(-1)}},
		{"a window over an hour",
			"scaleDown.stabilizationWindowSeconds is 3601, must be 0 to 3600",
			.down = {WINDOW(3601)}},
		{"an unknown selectPolicy", "scaleDown.selectPolicy is 3",
			.down = {.has_select = true, .select = 3}},
		{"no policy in the list", "scaleUp.policies has 0 elements, must have 1 to 16",
			.up = {.has_policies = true}},
		{"too many policies", "scaleUp.policies has 17 elements, must have 1 to 16",
			.up = {.has_policies = true, .policy_count = 17}},
		{"a value of 0", "scaleUp.policies[0].value is 0, must be at least 1",
			.up = {POLICIES(PODS(0, 15))}},
		{"a negative value", "scaleDown.policies[0].value is -5, must be at least 1",
			.down = {POLICIES(PERCENT(-5, 15))}},
		{"a period of 0", "scaleUp.policies[0].periodSeconds is 0, must be 1 to 1800",
			.up = {POLICIES(PODS(1, 0))}},
		{"a period over half an hour",
			"scaleUp.policies[0].periodSeconds is 1801, must be 1 to 1800",
			.up = {POLICIES(PODS(1, 1801))}},
		{"an unknown type", "scaleUp.policies[0].type is 2, neither Pods nor Percent",
			.up = {POLICIES({.type = 2, .value = 1, .period_s = 1})}},
		{"a negative tolerance", "scaleDown.tolerance is -0.1, must be 0 or more",
			.down = {.has_tolerance = true, .tolerance = -0.1}},
		{"a tolerance that is no number", "scaleUp.tolerance is",
			.up = {.has_tolerance = true, .tolerance = 0.0 / 0.0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct behavior b = {.given = true, .up = rows[i].up, .down = rows[i].down};
		struct err err = {0};

		TAP_INT(rows[i].name, behavior_check(&b, &err), -1);
		TAP_HAS("the message says where and what", err.msg, rows[i].says);
	}
}

static void test_valid(void)
{
	struct behavior edges = {
		.given = true,
		.up = {WINDOW(3600), POLICIES(PODS(INT32_MAX, 1800))},
		.down = {WINDOW(0), POLICIES(PERCENT(1, 1)), .has_tolerance = true},
	};
	struct behavior empty = {.given = true};

	TAP_INT("the ends of the ranges are valid", behavior_check(&edges, NULL), 0);
	TAP_INT("so is an empty block", behavior_check(&empty, NULL), 0);
}

static void test_defaults(void)
{
	struct behavior absent = {0}, empty = {.given = true},
			some = {
				.given = true,
				.up = {WINDOW(0), POLICIES(PODS(7, 60)), .has_tolerance = true,
					.tolerance = 0},
				.down = {.has_select = true, .select = BEHAVIOR_DISABLED},
			};

	behavior_complete(&absent, BEHAVIOR_TOLERANCE_DEFAULT);
	TAP_INT("without the block: window down", absent.down.window_s, 300);
	TAP_INT("window up", absent.up.window_s, 0);
	TAP_INT("no policies up", absent.up.policy_count, 0);
	TAP_INT("no policies down", absent.down.policy_count, 0);
	TAP_TRUE("tolerance", absent.up.tolerance == 0.1 && absent.down.tolerance == 0.1);

	behavior_complete(&empty, 0.25);
	TAP_INT("an empty block: window down", empty.down.window_s, 300);
	TAP_INT("two policies up", empty.up.policy_count, 2);
	TAP_INT("one down", empty.down.policy_count, 1);
	TAP_TRUE("the tolerance of the rule", empty.up.tolerance == 0.25);

	behavior_complete(&some, 0.25);
	TAP_INT("what is given stays: policies", some.up.policy_count, 1);
	TAP_INT("their value", some.up.policies[0].value, 7);
	TAP_TRUE("a tolerance of 0", some.up.tolerance == 0);
	TAP_INT("Disabled", some.down.select, BEHAVIOR_DISABLED);
	TAP_INT("and what is beside it is filled in", some.down.policies[0].value, 100);
}

static void test_limits(void)
{
	static const struct {
		const char *name;
		bool given;
		struct behavior_direction up, down;
		int32_t current, stabilized, min, max;
		int32_t want;
		enum behavior_reason reason;
	} rows[] = {
		{"without the block the first reaction is not limited", .current = 1,
			.stabilized = 900, .min = 1, .max = 1000, .want = 900},
		{"but by the maximum", .current = 1, .stabilized = 900, .min = 1, .max = 100,
			.want = 100, .reason = BEHAVIOR_TOO_MANY},
		{"and by the minimum", .current = 90, .stabilized = 0, .min = 2, .max = 100,
			.want = 2, .reason = BEHAVIOR_TOO_FEW},
		{"an empty block has the rates of an HPA", true, .current = 1, .stabilized = 900,
			.min = 1, .max = 1000, .want = 5, .reason = BEHAVIOR_UP_LIMIT},
		{"doubling is more than four from five on", true, .current = 5, .stabilized = 900,
			.min = 1, .max = 1000, .want = 10, .reason = BEHAVIOR_UP_LIMIT},
		{"Pods beyond int32 saturate", true, .up = {POLICIES(PODS(INT32_MAX, 15))},
			.current = 10, .stabilized = INT32_MAX, .min = 1, .max = INT32_MAX,
			.want = INT32_MAX},
		{"Percent beyond int32 saturate", true, .up = {POLICIES(PERCENT(INT32_MAX, 15))},
			.current = INT32_MAX - 1, .stabilized = INT32_MAX, .min = 1,
			.max = INT32_MAX, .want = INT32_MAX},
		{"Pods below zero stop at the minimum", true,
			.down = {POLICIES(PODS(INT32_MAX, 15))}, .current = 3, .stabilized = 0,
			.min = 1, .max = 9, .want = 1, .reason = BEHAVIOR_TOO_FEW},
		{"Percent over 100 down, too", true, .down = {POLICIES(PERCENT(900, 15))},
			.current = 3, .stabilized = 0, .min = 0, .max = 9, .want = 0},
		{"10 % more than 50 are 56 in float64", true, .up = {POLICIES(PERCENT(10, 15))},
			.current = 50, .stabilized = 90, .min = 1, .max = 99, .want = 56,
			.reason = BEHAVIOR_UP_LIMIT},
		{"Disabled stays", true, .up = {.has_select = true, .select = BEHAVIOR_DISABLED},
			.current = 3, .stabilized = 9, .min = 1, .max = 9, .want = 3,
			.reason = BEHAVIOR_UP_LIMIT},
		{"in a direction only", true,
			.up = {.has_select = true, .select = BEHAVIOR_DISABLED}, .current = 3,
			.stabilized = 1, .min = 1, .max = 9, .want = 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct behavior b = {
			.given = rows[i].given, .up = rows[i].up, .down = rows[i].down};
		struct behavior_state s = {0};
		struct behavior_limited got;

		behavior_complete(&b, BEHAVIOR_TOLERANCE_DEFAULT);
		behavior_limit(&b, &s, rows[i].current, rows[i].stabilized, rows[i].min,
			rows[i].max, 1000, &got);
		TAP_INT(rows[i].name, got.replicas, rows[i].want);
		TAP_STR("reason", behavior_reason_name(got.reason),
			behavior_reason_name(rows[i].reason));
		TAP_INT("limited", got.limited, rows[i].want != rows[i].stabilized);
	}
}

/* A list that forgets nothing, to compare with: what was proposed at each step of the test. */
#define STEPS_MAX 40000
static int32_t proposed[STEPS_MAX];

/* Highest and lowest of the proposals younger than `window_ms` after step `now`, one each `step_ms`. */
static void extremes(
	int now, int64_t step_ms, int64_t window_ms, int32_t *ret_low, int32_t *ret_high)
{
	*ret_low = *ret_high = proposed[now];
	for (int i = now; i >= 0 && (now - i) * step_ms < window_ms; i--) {
		*ret_low = proposed[i] < *ret_low ? proposed[i] : *ret_low;
		*ret_high = proposed[i] > *ret_high ? proposed[i] : *ret_high;
	}
}

static uint32_t drawn(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

/* A restart of the process, whose clock goes on from another time. */
static bool restart(
	const struct behavior *b, struct behavior_state *s, int64_t *clock_ms, int64_t now_ms)
{
	struct behavior_saved saved;

	behavior_save(b, s, *clock_ms + now_ms, &saved);
	if (saved.recommendation_count > ARRAY_LEN(saved.recommendations))
		return false;
	behavior_state_release(s);
	*clock_ms += 123456;
	behavior_state_load(s, &saved, 0, *clock_ms + now_ms);
	return true;
}

/* Runs proposals through a state and compares its windows with the list that forgets nothing: never
 * less careful, and exactly what that list says for a window between the true and `slack` of it more. */
static void compare_windows(
	const char *name, int steps, int64_t step_ms, int32_t window_s, int slack, int restart_each)
{
	struct behavior b = {.given = true, .up = {WINDOW(window_s)}, .down = {WINDOW(window_s)}};
	struct behavior_state s = {0};
	int64_t window_ms = window_s * INT64_C(1000), clock_ms = 0;
	int careless = 0, late = 0, overflows = 0;
	size_t most = 0;

	behavior_complete(&b, BEHAVIOR_TOLERANCE_DEFAULT);
	for (int i = 0; i < steps; i++) {
		int64_t now_ms = i * step_ms;
		int32_t low, high, slow_low, slow_high;
		struct behavior_stable got;

		if (restart_each && i > 0 && i % restart_each == 0)
			overflows += !restart(&b, &s, &clock_ms, now_ms);
		behavior_stabilize(&b, &s, 5, proposed[i], clock_ms + now_ms, &got);
		behavior_remember(&b, &s, proposed[i], clock_ms + now_ms);
		most = s.count > most ? s.count : most;
		if (i % 37 && i < steps - 50)
			continue; /* comparing each step would take long */
		extremes(i, step_ms, window_ms, &low, &high);
		extremes(i, step_ms, slack ? window_ms + window_ms / slack : window_ms, &slow_low,
			&slow_high);
		careless += got.floor > low || got.ceiling < high;
		late += got.floor < slow_low || got.ceiling > slow_high;
	}
	TAP_INT(name, careless, 0);
	TAP_INT("and hardly more careful", late, 0);
	TAP_TRUE("in bounded memory", overflows == 0 && most <= BEHAVIOR_RECOMMENDATIONS_MAX);
	behavior_state_release(&s);
}

static void test_windows(void)
{
	uint32_t seed = 42;

	for (int i = 0; i < STEPS_MAX; i++)
		proposed[i] = (int32_t)drawn(&seed, 9);
	compare_windows("ten small proposals a second, an hour", 40000, 100, 3600, 0, 0);
	compare_windows("with restarts", 40000, 100, 3600, 0, 501);
	compare_windows("one a second", 4000, 1000, 300, 0, 0);

	for (int i = 0; i < STEPS_MAX; i++)
		proposed[i] = (int32_t)drawn(&seed, INT32_MAX);
	compare_windows("ten proposals a second of any size", 40000, 100, 3600, 15, 0);

	for (int i = 0; i < STEPS_MAX; i++)
		proposed[i] = STEPS_MAX - i;
	compare_windows("always falling: each counts", 40000, 100, 300, 15, 0);
	compare_windows("for an hour", 40000, 100, 3600, 15, 0);
	compare_windows("with restarts", 40000, 100, 300, 5, 1001);

	for (int i = 0; i < STEPS_MAX; i++)
		proposed[i] = i;
	compare_windows("always rising", 40000, 100, 300, 15, 0);
	for (int i = 0; i < STEPS_MAX; i++)
		proposed[i] = i % 2 ? 50000 - i : i;
	compare_windows("a funnel turned round: both count", 40000, 100, 300, 15, 0);
	for (int i = 0; i < STEPS_MAX; i++)
		proposed[i] = i % 2 ? 100000 - i : i;
	compare_windows("a funnel: each counts", 40000, 100, 3600, 15, 0);
	compare_windows("with restarts", 40000, 100, 3600, 5, 3001);
}

static void test_shorter_window(void)
{
	struct behavior wide = {.given = true, .down = {WINDOW(3600)}};
	struct behavior narrow = {.given = true, .down = {WINDOW(20)}};
	struct behavior_state s = {0};
	struct behavior_stable got;
	int64_t clock_ms = 0;

	behavior_complete(&wide, BEHAVIOR_TOLERANCE_DEFAULT);
	behavior_complete(&narrow, BEHAVIOR_TOLERANCE_DEFAULT);
	for (int i = 0; i <= 110; i++)
		behavior_remember(&wide, &s, 1000 - i, i * INT64_C(1000));
	TAP_TRUE("a state for a shorter window", restart(&narrow, &s, &clock_ms, 110000));
	TAP_INT("saved is what that reaches", s.count, 21);
	behavior_stabilize(&narrow, &s, 1000, 1, clock_ms + 110000, &got);
	TAP_INT("and nothing of that is merged", got.ceiling, 1000 - 91);
	behavior_state_release(&s);
}

static void test_many_changes(void)
{
	struct behavior b = {.given = true, .up = {POLICIES(PODS(4000, 1800))}};
	struct behavior_state s = {0};
	struct behavior_saved saved;
	int32_t size = 0, limited_to = INT32_MAX;
	int64_t added = 0;

	behavior_complete(&b, BEHAVIOR_TOLERANCE_DEFAULT);
	for (int i = 0; i < 3600; i++) {
		struct behavior_limited got;

		behavior_limit(&b, &s, size, size + 5, 0, INT32_MAX, i * INT64_C(1000), &got);
		behavior_scaled(&b, &s, size, got.replicas, i * INT64_C(1000));
		size = got.replicas;
		if (i == 1799)
			limited_to = size;
	}
	TAP_INT("one change a second: the rate holds", limited_to, 4000);
	TAP_TRUE("over the next period, too", size <= 8000 && size > 7000);
	TAP_TRUE("in bounded memory", s.ups.count <= BEHAVIOR_EVENTS_MAX);
	behavior_save(&b, &s, 3600000, &saved);
	for (size_t i = 0; i < saved.event_count; i++)
		added += saved.events[i].change;
	TAP_INT("what is saved is as much as what is remembered", added,
		behavior_state_changed(&s.ups, 1800000));
	behavior_state_release(&s);
}

static void test_start(void)
{
	struct behavior b = {0};
	struct behavior_state s = {0};
	struct behavior_stable got;

	behavior_complete(&b, BEHAVIOR_TOLERANCE_DEFAULT);
	behavior_note_initial(&s, 7, 1000);
	behavior_note_initial(&s, 9, 2000);
	TAP_INT("only the first size found is noted", s.count, 1);
	behavior_stabilize(&b, &s, 7, 2, 300999, &got);
	TAP_INT("for a full window nothing is lowered", got.replicas, 7);
	TAP_STR("and that has a name", behavior_able_name(got.able), "ScaleDownStabilized");
	behavior_stabilize(&b, &s, 7, 2, 301000, &got);
	TAP_INT("then it is", got.replicas, 2);
	behavior_stabilize(&b, &s, 7, 20, 1000, &got);
	TAP_INT("raised at once", got.replicas, 20);
	behavior_scaled(&b, &s, 7, 20, 1000);
	TAP_INT("without rates no change is remembered", s.ups.count, 0);
	behavior_state_release(&s);
	TAP_TRUE("released: as just started", !s.recommendations && s.count == 0);
	behavior_state_release(&s);
}

static void test_saved(void)
{
	static const struct behavior_saved invalid = {
		.recommendation_count = 3,
		.event_count = 3,
		.recommendations = {{.age_ms = -1, .replicas = 3}, {.age_ms = 1, .replicas = -3},
			{.age_ms = INT64_MAX, .replicas = 5}},
		.events = {{.age_ms = -1, .change = 3}, {.age_ms = 1, .change = INT32_MIN},
			{.age_ms = 1, .change = 0}},
	};
	struct behavior b = {.given = true};
	struct behavior_state s = {0};
	struct behavior_saved saved;
	struct behavior_stable stable;
	struct behavior_limited limited;

	behavior_complete(&b, BEHAVIOR_TOLERANCE_DEFAULT);
	behavior_note_initial(&s, 8, 0);
	behavior_remember(&b, &s, 3, 100000);
	behavior_scaled(&b, &s, 8, 3, 100000);
	behavior_save(&b, &s, 110000, &saved);
	behavior_state_release(&s);
	TAP_INT("two recommendations are saved", saved.recommendation_count, 2);
	TAP_INT("with their ages", saved.recommendations[0].age_ms, 110000);
	TAP_INT("one change", saved.event_count, 1);
	TAP_INT("a decrease is negative", saved.events[0].change, -5);

	behavior_state_load(&s, &saved, 4000, 50);
	behavior_note_initial(&s, 30, 50);
	TAP_INT("loaded: the size found is no recommendation", s.count, 2);
	behavior_stabilize(&b, &s, 3, 1, 50, &stable);
	TAP_INT("the window goes on", stable.ceiling, 8);
	behavior_stabilize(&b, &s, 3, 1, 186049, &stable);
	TAP_INT("to its very end, the time away included", stable.ceiling, 8);
	behavior_stabilize(&b, &s, 3, 1, 186050, &stable);
	TAP_INT("and ends", stable.ceiling, 3);
	behavior_limit(&b, &s, 3, 60, 1, 99, 1049, &limited);
	TAP_INT("the change counts in its period", limited.limit, 16);
	behavior_limit(&b, &s, 3, 60, 1, 99, 1050, &limited);
	TAP_INT("and not behind it", limited.limit, 7);
	behavior_state_release(&s);

	behavior_state_load(&s, &invalid, INT64_MAX, 7);
	TAP_INT("what cannot be is left out", s.count, 1);
	TAP_INT("changes, too", s.ups.count + s.downs.count, 0);
	behavior_stabilize(&b, &s, 3, 1, 7, &stable);
	TAP_INT("what is very old does not count", stable.ceiling, 1);
	behavior_state_release(&s);
}

int main(void)
{
	test_invalid();
	test_valid();
	test_defaults();
	test_limits();
	test_start();
	test_windows();
	test_shorter_window();
	test_many_changes();
	test_saved();
	return tap_done();
}
