/* Runs golden cases through the code that runs in production:  vectors DIR
 *
 * Every *.jsonl in DIR whose kind is known is read; its format is in tests/cases/vectors/README.md. TAP on
 * stdout, one line a file and a comment for each mismatch. A file of an unknown kind is said, not counted.
 *
 * A sequence of steps is run as it is, then with a restart before each of its steps in turn, and with a
 * restart before every step: what is saved and loaded must give the same answers. */
#include <dirent.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

#include "scaler/behavior.h"
#include "scaler/policy.h"
#include "scaler/quantity.h"
#include "tests/tap.h"

/* One case; false: `why` says what differs. */
struct why {
	char text[300];
};
typedef bool run_case(const json_t *c, struct why *why);

PRINTF_LIKE(2, 3) static bool differs(struct why *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return false;
}

static int64_t get(const json_t *c, const char *key)
{
	return json_integer_value(json_object_get(c, key));
}

/* The answer. */
static bool expected(const json_t *c, const char *key, int64_t got, struct why *why)
{
	const json_t *want = json_object_get(c, key);

	if (!json_is_integer(want) || json_integer_value(want) != got)
		return differs(why, "%s: got %" PRId64 ", want %" PRId64, key, got, get(c, key));
	return true;
}

/* What else a case tells of the way there; what it does not tell is not compared. */
static bool same(const json_t *c, const char *key, int64_t got, struct why *why)
{
	const json_t *want = json_object_get(c, key);

	return !want || expected(c, key, got, why);
}

static bool same_text(const json_t *c, const char *key, const char *got, struct why *why)
{
	const json_t *want = json_object_get(c, key);

	if (want && (!json_is_string(want) || strcmp(json_string_value(want), got) != 0))
		return differs(why, "%s: got %s, want %s", key, got, json_string_value(want));
	return true;
}

static bool same_truth(const json_t *c, const char *key, bool got, struct why *why)
{
	const json_t *want = json_object_get(c, key);

	if (want && (!json_is_boolean(want) || json_is_true(want) != got))
		return differs(why, "%s: got %d", key, (int)got);
	return true;
}

/* Policies */

static bool run_hex(const json_t *c, enum policy_kind kind, struct why *why)
{
	int64_t min = get(c, "min"), max = get(c, "max");
	int64_t want = policy_propose(
		kind, get(c, "metric"), get(c, "threshold"), (int32_t)get(c, "current"));

	want = want < min ? min : want;
	want = want > max ? max : want;
	/* Where the operator's int32 wrapped, the recorded answer is not one to follow. */
	return expected(c, json_object_get(c, "expect_saturated") ? "expect_saturated" : "expect",
		want, why);
}

static bool run_exact(const json_t *c, struct why *why)
{
	return run_hex(c, POLICY_HEX, why);
}

static bool run_operator(const json_t *c, struct why *why)
{
	return run_hex(c, POLICY_HEX_OPERATOR, why);
}

static int32_t per_replica(
	int64_t usage_milli, int64_t target_milli, int32_t replicas, double up, double down)
{
	double ratio = policy_ratio(POLICY_PER_REPLICA, usage_milli, target_milli, replicas);

	return policy_tolerates(ratio, up, down)
		       ? replicas
		       : policy_propose(POLICY_PER_REPLICA, usage_milli, target_milli, replicas);
}

static bool tolerance(const json_t *text, double *ret, struct why *why)
{
	struct err err = {0};

	*ret = BEHAVIOR_TOLERANCE_DEFAULT;
	if (text && !json_is_null(text) && quantity_parse(json_string_value(text), ret, &err))
		return differs(why, "%s", err.msg);
	return true;
}

static bool run_external(const json_t *c, struct why *why)
{
	const json_t *value;
	int64_t sum = 0;
	size_t i;
	double up, down;

	json_array_foreach(json_object_get(c, "metric_values_milli"), i, value)
	{
		sum = (int64_t)((uint64_t)sum + (uint64_t)json_integer_value(value));
		if (sum < 0) {
			sum = INT64_MAX;
			break;
		}
	}
	if (!tolerance(json_object_get(c, "tolerance_up_quantity"), &up, why) ||
		!tolerance(json_object_get(c, "tolerance_down_quantity"), &down, why))
		return false;
	if (up != json_number_value(json_object_get(c, "tolerance_up")) ||
		down != json_number_value(json_object_get(c, "tolerance_down")))
		return differs(why, "tolerances: got %.17g and %.17g", up, down);
	return expected(c, "expect",
		per_replica(
			sum, get(c, "target_milli"), (int32_t)get(c, "status_replicas"), up, down),
		why);
}

/* Sequences */

struct sequence {
	struct behavior behavior;
	struct behavior_state state;
	int32_t min, max;
	int64_t target_milli; /* 0: steps have proposals, not usages */
	int64_t clock_ms;     /* what the clock shows at the time 0 of the steps */
};

static int named(const char *const *names, const json_t *name)
{
	const char *text = json_is_string(name) ? json_string_value(name) : "";
	int i = 0;

	while (names[i] && strcmp(names[i], text) != 0)
		i++;
	return i;
}

static bool read_direction(const json_t *from, struct behavior_direction *to, struct why *why)
{
	const json_t *window = json_object_get(from, "stabilizationWindowSeconds"), *policy;
	const json_t *select = json_object_get(from, "selectPolicy");
	const json_t *policies = json_object_get(from, "policies");
	const json_t *quantity = json_object_get(from, "tolerance");
	size_t i;

	to->has_window = window;
	to->window_s = (int32_t)json_integer_value(window);
	to->has_select = select;
	to->select = select ? (enum behavior_select)named(behavior_select_names, select) : 0;
	to->has_policies = policies;
	json_array_foreach(policies, i, policy)
	{
		if (i == ARRAY_LEN(to->policies))
			return differs(why, "more than %zu policies", i);
		to->policies[to->policy_count++] = (struct behavior_policy){
			.type = (enum behavior_unit)named(
				behavior_unit_names, json_object_get(policy, "type")),
			.value = (int32_t)get(policy, "value"),
			.period_s = (int32_t)get(policy, "periodSeconds"),
		};
	}
	to->has_tolerance = quantity;
	return tolerance(quantity, &to->tolerance, why);
}

static bool read_behavior(const json_t *from, struct behavior *to, struct why *why)
{
	struct err err = {0};

	*to = (struct behavior){.given = json_is_object(from), .like_hpa = true};
	if (!read_direction(json_object_get(from, "scaleUp"), &to->up, why) ||
		!read_direction(json_object_get(from, "scaleDown"), &to->down, why))
		return false;
	if (behavior_check(to, &err))
		return differs(why, "%s", err.msg);
	behavior_complete(to, BEHAVIOR_TOLERANCE_DEFAULT);
	return true;
}

static bool same_direction(const struct behavior_direction *a, const struct behavior_direction *b)
{
	return a->window_s == b->window_s && a->select == b->select &&
	       a->policy_count == b->policy_count && a->tolerance == b->tolerance &&
	       memcmp(a->policies, b->policies, a->policy_count * sizeof(*a->policies)) == 0;
}

/* What is given, with the defaults, is what Kubernetes made of it. */
static bool check_defaults(const json_t *c, const struct behavior *got, struct why *why)
{
	struct behavior want;

	if (!json_object_get(c, "effective"))
		return true;
	if (!read_behavior(json_object_get(c, "effective"), &want, why))
		return false;
	return (same_direction(&got->up, &want.up) && same_direction(&got->down, &want.down)) ||
	       differs(why, "the defaults differ from \"effective\"");
}

static bool take_settings(struct sequence *q, const json_t *from, struct why *why)
{
	const json_t *behavior = json_object_get(from, "behavior");

	if (behavior && !read_behavior(behavior, &q->behavior, why))
		return false;
	if (json_object_get(from, "minReplicas"))
		q->min = (int32_t)get(from, "minReplicas");
	if (json_object_get(from, "maxReplicas"))
		q->max = (int32_t)get(from, "maxReplicas");
	return true;
}

/* The proposal of a step; false: the metric could not be read. */
static bool proposal(
	const struct sequence *q, const json_t *step, int32_t current, int32_t *ret_desired)
{
	const struct behavior *b = &q->behavior;

	if (!q->target_milli) {
		*ret_desired = (int32_t)get(step, "desired");
		return json_is_integer(json_object_get(step, "desired"));
	}
	*ret_desired = per_replica(get(step, "usage_milli"), q->target_milli, current,
		b->up.tolerance, b->down.tolerance);
	return json_object_get(step, "usage_milli");
}

static bool metric_step(struct sequence *q, const json_t *step, int32_t current, int32_t desired,
	int64_t now_ms, int32_t *ret_want, struct why *why)
{
	struct behavior_stable stable;
	struct behavior_limited limited;

	behavior_stabilize(&q->behavior, &q->state, current, desired, now_ms, &stable);
	behavior_remember(&q->behavior, &q->state, desired, now_ms);
	behavior_limit(&q->behavior, &q->state, current, stable.replicas, q->min, q->max, now_ms,
		&limited);
	*ret_want = limited.replicas;
	return same(step, "desired", desired, why) &&
	       same(step, "stabilized", stable.replicas, why) &&
	       same_text(step, "able", behavior_able_name(stable.able), why) &&
	       same_text(step, "reason", behavior_reason_name(limited.reason), why) &&
	       same_truth(step, "limited", limited.limited, why);
}

static bool run_step(struct sequence *q, const json_t *step, struct why *why)
{
	int32_t current = (int32_t)get(step, "current"), want = current, desired;
	int64_t now_ms = q->clock_ms + get(step, "t_ms");
	const char *path;

	if (!take_settings(q, json_object_get(step, "set"), why))
		return false;
	behavior_note_initial(&q->state, current, now_ms);
	if (current == 0 && q->min > 0) {
		path = "disabled";
	} else if (current > q->max) {
		path = "above_max";
		want = q->max;
	} else if (current < q->min) {
		path = "below_min";
		want = q->min;
	} else if (!proposal(q, step, current, &desired)) {
		path = "metric_error";
	} else {
		path = "metric";
		if (!metric_step(q, step, current, desired, now_ms, &want, why))
			return false;
	}
	if (!json_is_true(json_object_get(step, "write_fails")))
		behavior_scaled(&q->behavior, &q->state, current, want, now_ms);
	return same_text(step, "path", path, why) && expected(step, "expect", want, why);
}

/* As a new process does it, whose clock shows another time. */
static void restart(struct sequence *q, int64_t saved_ms, int64_t loaded_ms)
{
	struct behavior_saved saved;

	behavior_save(&q->behavior, &q->state, q->clock_ms + saved_ms, &saved);
	behavior_state_release(&q->state);
	q->clock_ms -= 7777777;
	behavior_state_load(&q->state, &saved, loaded_ms - saved_ms, q->clock_ms + loaded_ms);
}

enum { NO_RESTART = -1, RESTART_ALWAYS = -2 };

static bool run_steps(const json_t *c, int restart_before, struct why *why)
{
	struct sequence q = {.target_milli = get(c, "target_milli")};
	struct why step_why = {0};
	const json_t *step;
	size_t i;
	int64_t before_ms = 0;
	bool ok = take_settings(&q, c, why) && check_defaults(c, &q.behavior, why);

	json_array_foreach(json_object_get(c, "steps"), i, step)
	{
		if (!ok)
			break;
		if (i > 0 && (restart_before == RESTART_ALWAYS || restart_before == (int)i))
			restart(&q, before_ms, get(step, "t_ms"));
		before_ms = get(step, "t_ms");
		ok = run_step(&q, step, &step_why) ||
		     differs(why, "step %zu (restart before %d): %.200s", i, restart_before,
			     step_why.text);
	}
	behavior_state_release(&q.state);
	return ok;
}

static bool run_sequence(const json_t *c, struct why *why)
{
	int count = (int)json_array_size(json_object_get(c, "steps"));

	if (count == 0)
		return differs(why, "no steps");
	for (int i = 0; i < count; i++)
		if (!run_steps(c, i == 0 ? NO_RESTART : i, why))
			return false;
	return run_steps(c, RESTART_ALWAYS, why);
}

static const struct {
	const char *prefix; /* of the file's name */
	run_case *run;
} kinds[] = {
	{"hex-exact", run_exact},
	{"hex-operator", run_operator},
	{"hpa-behavior", run_sequence},
	{"hpa-e2e", run_sequence},
	{"hpa-nobehavior", run_sequence},
	{"hpa-external", run_external},
};

static void run_file(const char *path, const char *name, run_case *run)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, title[400];
	size_t room = 0;
	int cases = 0, line_number = 0, bad = 0;

	while (f && getline(&line, &room, f) > 0) {
		json_t *c = json_loads(line, 0, NULL);
		struct why why = {0};

		line_number++;
		cases++;
		if (!json_is_object(c) || !run(c, &why)) {
			const char *case_name = json_string_value(json_object_get(c, "name"));

			printf("# %s:%d: %s: %s\n", path, line_number, case_name ? case_name : "",
				why.text[0] ? why.text : "not a case");
			bad++;
		}
		json_decref(c);
	}
	(void)snprintf(title, sizeof(title), "%s: %d of %d cases", name, cases - bad, cases);
	tap_line(cases > 0 && bad == 0, title);
	free(line);
	if (f)
		(void)fclose(f);
}

static void run_entry(const char *dir, const char *name)
{
	const char *end = strrchr(name, '.');
	char path[4096];

	if (!end || strcmp(end, ".jsonl") != 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) {
			run_file(path, name, kinds[i].run);
			return;
		}
	printf("# %s: unknown kind, not run\n", path);
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;

	if (count < 0) {
		(void)fprintf(stderr, "usage: vectors DIR\n");
		return 2;
	}
	for (int i = 0; i < count; i++) {
		run_entry(argv[1], entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	TAP_TRUE("the folder holds cases of a known kind", tap_count > 0);
	return tap_done();
}
