#include "scaler/objectstatus.h"

#include <jansson.h>
#include <stdlib.h>

#include "common/mem.h"
#include "tests/tap.h"

#define SECOND 1000
#define WALL INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

static struct rule_threshold threshold = {(char *)"t", 10};
static struct rule_group group = {(char *)"g", {&threshold, 1}};
static struct threshold_look look = {
	.seen = {.quality = QUALITY_COMPLETE, .lag = 40}, .has_proposal = true, .proposal = 4};
static struct hexobject object = {.namespace = (char *)"n",
	.name = (char *)"o",
	.uid = (char *)"u\"1",
	.generation = 3,
	.valid = true,
	.rule = {.groups = {&group, 1}}};

static struct target_view view = {.has_decision = true,
	.decision = {.current = 2,
		.want = 4,
		.reason = REASON_SCALE_UP,
		.quality = QUALITY_COMPLETE,
		.has_lag = true,
		.lag = 40,
		.threshold = 10,
		.detail = "lag 40"},
	.looks = &look,
	.look_count = 1};

static struct objectstatus_input at(int64_t ms)
{
	return (struct objectstatus_input){.object = &object,
		.view = &view,
		.now_ms = 1000000 + ms,
		.now_wall_ms = WALL + ms,
		.figures_ms = OBJECTSTATUS_FIGURES_MS,
		.may_be_urgent = true};
}

/* Writes if it is due, and keeps what was written. NULL where it is not. The caller unrefs. */
static json_t *write_at(
	struct objectstatus_told *told, const struct objectstatus_input *in, char **ret_news)
{
	struct objectstatus s;
	json_t *doc, *status;

	if (!objectstatus_due(told, in, &s))
		return NULL;
	if (ret_news)
		*ret_news = s.news ? mem_printf("%s: %s", s.news, s.note) : NULL;
	*told = s.told;
	doc = json_loadb(strbuf_str(&s.body), s.body.len, 0, NULL);
	TAP_STR("the uid is a precondition",
		json_string_value(json_object_get(json_object_get(doc, "metadata"), "uid")),
		"u\"1");
	status = json_incref(json_object_get(doc, "status"));
	json_decref(doc);
	objectstatus_release(&s);
	return status;
}

/* "status reason since" of a condition. */
static const char *condition(json_t *status, size_t i, char to[200])
{
	json_t *c = json_array_get(json_object_get(status, "conditions"), i);

	(void)snprintf(to, 200, "%s %s %s", json_string_value(json_object_get(c, "status")),
		json_string_value(json_object_get(c, "reason")),
		json_string_value(json_object_get(c, "lastTransitionTime")));
	return to;
}

static int64_t number(json_t *status, const char *key)
{
	return json_integer_value(json_object_get(status, key));
}

static void check_contents(void)
{
	struct objectstatus_told told = {0};
	struct objectstatus_input in = at(0);
	json_t *s = write_at(&told, &in, NULL), *t;
	char text[200];

	TAP_INT("generation", number(s, "observedGeneration"), 3);
	TAP_INT("current", number(s, "currentReplicas"), 2);
	TAP_INT("desired", number(s, "desiredReplicas"), 4);
	TAP_INT("lag", number(s, "lag"), 40);
	TAP_TRUE("never scaled", json_is_null(json_object_get(s, "lastScaleTime")));
	t = json_array_get(json_object_get(s, "thresholds"), 0);
	TAP_INT("lag of a threshold", number(t, "lag"), 40);
	TAP_STR("its quality", json_string_value(json_object_get(t, "quality")), "complete");
	TAP_STR("able", condition(s, 0, text), "True ReadyForNewScale 2026-01-01T00:00:00Z");
	TAP_STR("active", condition(s, 1, text), "True ValidMetricFound 2026-01-01T00:00:00Z");
	TAP_STR("not limited", condition(s, 2, text),
		"False DesiredWithinRange 2026-01-01T00:00:00Z");
	json_decref(s);
}

static void check_times(void)
{
	struct objectstatus_told told = {0};
	struct objectstatus_input in = at(0);
	char text[200];
	json_t *s;

	json_decref(write_at(&told, &in, NULL));
	in = at(20 * SECOND);
	TAP_TRUE("without a change nothing is written", !write_at(&told, &in, NULL));
	view.decision.lag = look.seen.lag = 50;
	in = at(14 * SECOND);
	TAP_TRUE("figures wait", !write_at(&told, &in, NULL));
	in = at(15 * SECOND);
	s = write_at(&told, &in, NULL);
	TAP_INT("for 15 s", number(s, "lag"), 50);
	json_decref(s);
	view.decision.reason = REASON_LAG_UNKNOWN;
	in = at(17 * SECOND);
	TAP_TRUE("two writes are apart", !write_at(&told, &in, NULL));
	in = at(18 * SECOND);
	s = write_at(&told, &in, NULL);
	TAP_STR("a condition is told at once", condition(s, 1, text),
		"False FailedGetExternalMetric 2026-01-01T00:00:18Z");
	TAP_STR("the others stay as old as they are", condition(s, 0, text),
		"True ReadyForNewScale 2026-01-01T00:00:00Z");
	json_decref(s);
	view.decision.reason = REASON_PAUSED;
	in = at(30 * SECOND);
	s = write_at(&told, &in, NULL);
	TAP_STR("another reason is no transition", condition(s, 1, text),
		"False Paused 2026-01-01T00:00:18Z");
	json_decref(s);
	in = at(630 * SECOND);
	s = write_at(&told, &in, NULL);
	TAP_TRUE("once in ten minutes it is written anyway", s);
	json_decref(s);
	view.decision.reason = REASON_SCALE_UP;
	view.decision.lag = look.seen.lag = 40;
}

/* How often the status is written in an hour of steady lag, where the reason is `a` and `b` for one or two
 * seconds each. */
static unsigned writes_of_swing(enum reason a, enum reason b)
{
	struct objectstatus_told told = {0};
	unsigned writes = 0;

	for (int second = 0; second < 3600; second++) {
		struct objectstatus_input in = at(second * SECOND);
		json_t *s;

		view.decision.reason = second * 7 % 10 < 5 ? a : b;
		view.decision.lag = second;
		s = write_at(&told, &in, NULL);
		writes += s != NULL;
		json_decref(s);
	}
	view.decision.reason = REASON_SCALE_UP;
	view.decision.lag = 40;
	return writes;
}

static void check_swings(void)
{
	static const struct {
		const char *name;
		enum reason a, b;
	} rows[] = {
		{"at the partitions", REASON_WITHIN_RANGE, REASON_PARTITION_LIMIT},
		{"in a window", REASON_WITHIN_RANGE, REASON_DOWN_STABILIZED},
		{"at a bound", REASON_TOO_MANY_REPLICAS, REASON_WITHIN_RANGE},
		{"in a rebalance", REASON_REBALANCING, REASON_STARTING},
		{"in a cooldown", REASON_COOLDOWN, REASON_WITHIN_RANGE},
		{"paused", REASON_PAUSED, REASON_WITHIN_RANGE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned writes = writes_of_swing(rows[i].a, rows[i].b);

		TAP_TRUE(rows[i].name, writes >= 200 && writes <= 3600 / 15 + 1);
	}
}

static void check_budget(void)
{
	struct objectstatus_budget budget = {0};
	struct objectstatus_told told = {0};
	struct objectstatus_input in = at(0);
	struct objectstatus s;
	int64_t now = 1000000;
	int most = OBJECTSTATUS_URGENT_PER_SECOND * OBJECTSTATUS_URGENT_SPAN_MS / SECOND, n = 0;

	while (objectstatus_may_be_urgent(&budget, now) && ++n < 1000)
		objectstatus_was_urgent(&budget, now);
	TAP_INT("at once there are so many", n, most + 1);
	for (n = 0; now < 1000000 + 10 * SECOND; now += 10)
		if (objectstatus_may_be_urgent(&budget, now)) {
			objectstatus_was_urgent(&budget, now);
			n++;
		}
	TAP_INT("then so many a second", n, 10 * OBJECTSTATUS_URGENT_PER_SECOND - 1);
	in.may_be_urgent = false;
	TAP_TRUE("a first status waits for its turn", !objectstatus_due(&told, &in, &s));
	in.may_be_urgent = true;
	TAP_TRUE("and has it", objectstatus_due(&told, &in, &s) && s.urgent);
	told = s.told;
	objectstatus_release(&s);
	view.decision.want = 5;
	in = at(14 * SECOND);
	in.may_be_urgent = false;
	TAP_TRUE("so does another size", !objectstatus_due(&told, &in, &s));
	in = at(15 * SECOND);
	in.may_be_urgent = false;
	TAP_TRUE("no longer than figures", objectstatus_due(&told, &in, &s) && !s.urgent);
	objectstatus_release(&s);
	view.decision.want = 4;
}

static void check_reasons(void)
{
	static const struct {
		const char *name;
		enum reason reason;
		const char *problem;
		const char *able, *active;
	} rows[] = {
		{"cooldown", REASON_COOLDOWN, "", "False BackoffBoth", "True ValidMetricFound"},
		{"no lag", REASON_LAG_UNKNOWN, "", "True ReadyForNewScale",
			"False FailedGetExternalMetric"},
		{"old lag", REASON_LAG_STALE, "", "True ReadyForNewScale",
			"False FailedGetExternalMetric"},
		{"part of the lag", REASON_LAG_PARTIAL, "", "True ReadyForNewScale",
			"True ValidMetricFound"},
		{"off", REASON_SCALING_DISABLED, "", "True ReadyForNewScale",
			"False ScalingDisabled"},
		{"no target", REASON_SCALE_UP, "404", "False FailedGetScale",
			"True ValidMetricFound"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct objectstatus_told told = {0};
		struct objectstatus_input in = at(0);
		char text[200];
		json_t *s;

		view.decision.reason = rows[i].reason;
		(void)snprintf(view.problem, sizeof(view.problem), "%s", rows[i].problem);
		s = write_at(&told, &in, NULL);
		TAP_HAS(rows[i].name, condition(s, 0, text), rows[i].able);
		TAP_HAS(rows[i].name, condition(s, 1, text), rows[i].active);
		json_decref(s);
	}
	view.decision.reason = REASON_SCALE_UP;
	view.problem[0] = '\0';
}

static void check_idle(void)
{
	struct objectstatus_told told = {0};
	struct objectstatus_input in = at(0);
	char text[200], *news = NULL;
	json_t *s;

	in.view = NULL;
	TAP_TRUE("before the first decision there is nothing to say", !write_at(&told, &in, NULL));
	object.problem = (char *)"spec.policy: got \"x\"";
	s = write_at(&told, &in, &news);
	TAP_STR("what is wrong is said", condition(s, 1, text),
		"False InvalidSpec 2026-01-01T00:00:00Z");
	TAP_TRUE("sizes are unknown", json_is_null(json_object_get(s, "desiredReplicas")));
	TAP_STR("and an event", news, "InvalidSpec: spec.policy: got \"x\"");
	json_decref(s);
	free(news);
	in = at(700 * SECOND);
	in.view = NULL;
	s = write_at(&told, &in, &news);
	TAP_STR("once", news, NULL);
	json_decref(s);
	object.problem = NULL;
	in = at(710 * SECOND);
	in.rival = "the configuration file";
	s = write_at(&told, &in, &news);
	TAP_STR("a target that is taken", news,
		"AmbiguousTarget: the configuration file has the same scaleTargetRef");
	TAP_TRUE("no lag is shown", json_is_null(json_object_get(s, "lag")));
	json_decref(s);
	free(news);
	in = at(720 * SECOND);
	s = write_at(&told, &in, &news);
	TAP_STR("and one that is free again", condition(s, 1, text),
		"True ValidMetricFound 2026-01-01T00:12:00Z");
	TAP_STR("is no event", news, NULL);
	json_decref(s);
}

static void check_scaled(void)
{
	struct objectstatus_told told = {.scaled = "2025-12-31T00:00:00Z"};
	struct objectstatus_input in = at(0);
	json_t *s = write_at(&told, &in, NULL);

	TAP_STR("an earlier process scaled", json_string_value(json_object_get(s, "lastScaleTime")),
		"2025-12-31T00:00:00Z");
	json_decref(s);
	view.write = (struct target_write){true, false, 2, 4, 1000000 + 3 * SECOND};
	in = at(5 * SECOND);
	s = write_at(&told, &in, NULL);
	TAP_STR("and this one", json_string_value(json_object_get(s, "lastScaleTime")),
		"2026-01-01T00:00:03Z");
	json_decref(s);
	view.write = (struct target_write){0};
}

static void check_outcomes(void)
{
	static const struct {
		const char *name;
		enum err_kind kind;
		int http_status;
		enum objectstatus_outcome want;
	} rows[] = {
		{"written", ERR_NONE, 200, STATUS_DONE},
		{"it has gone", ERR_ABSENT, 404, STATUS_DONE},
		{"a conflict", ERR_CONFLICT, 409, STATUS_LATE},
		{"forbidden", ERR_DENIED, 403, STATUS_REFUSED},
		{"invalid", ERR_RETRY, 422, STATUS_REFUSED},
		{"throttled", ERR_RETRY, 429, STATUS_FAILED},
		{"broken", ERR_RETRY, 500, STATUS_FAILED},
		{"no answer", ERR_RETRY, 0, STATUS_FAILED},
	};
	static const int64_t waits[] = {3, 6, 12, 24, 48, 96, 192, 300, 300};
	struct objectstatus_told told = {0};
	struct objectstatus_input in;
	struct objectstatus s;
	int64_t now = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		TAP_INT(rows[i].name,
			objectstatus_outcome(
				&(struct err){.kind = rows[i].kind}, rows[i].http_status),
			rows[i].want);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		in = at(now * SECOND);
		TAP_TRUE("it is due", objectstatus_due(&told, &in, &s));
		objectstatus_ended(&told, &s, i % 2 ? STATUS_LATE : STATUS_REFUSED, in.now_ms, 0);
		objectstatus_release(&s);
		now += waits[i];
		in = at(now * SECOND - 1);
		TAP_TRUE("not before the wait is over", !objectstatus_due(&told, &in, &s));
	}
	in = at(now * SECOND);
	TAP_TRUE("then it is", objectstatus_due(&told, &in, &s));
	objectstatus_ended(&told, &s, STATUS_DONE, in.now_ms, 0);
	objectstatus_release(&s);
	TAP_INT("what was written ends the waits", told.backoff_ms, 0);
}

int main(void)
{
	check_contents();
	check_times();
	check_swings();
	check_budget();
	check_reasons();
	check_idle();
	check_scaled();
	check_outcomes();
	return tap_done();
}
