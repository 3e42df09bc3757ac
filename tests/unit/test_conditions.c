#include "scaler/conditions.h"

#include <stdio.h>

#include "tests/tap.h"

/* "True Reason", without a reason "Unknown". */
static const char *text_of(const struct condition *c, char to[80])
{
	(void)snprintf(
		to, 80, "%s%s%s", c->status, c->reason ? " " : "", c->reason ? c->reason : "");
	return to;
}

static const struct {
	const char *name;
	enum reason reason;
	const char *problem, *able, *active, *limited;
} rows[] = {
	{"a change", REASON_SCALE_UP, "", "True ReadyForNewScale", "True ValidMetricFound",
		"False DesiredWithinRange"},
	{"a target that cannot be read", REASON_SCALE_UP, "connection refused",
		"False FailedGetScale", "True ValidMetricFound", "False DesiredWithinRange"},
	{"a cooldown", REASON_COOLDOWN, "", "False BackoffBoth", "True ValidMetricFound",
		"False DesiredWithinRange"},
	{"a window", REASON_DOWN_STABILIZED, "", "True ScaleDownStabilized",
		"True ValidMetricFound", "False DesiredWithinRange"},
	{"lag that is not known", REASON_LAG_UNKNOWN, "", "True ReadyForNewScale",
		"False FailedGetExternalMetric", "False DesiredWithinRange"},
	{"a target that is switched off", REASON_SCALING_DISABLED, "", "True ReadyForNewScale",
		"False ScalingDisabled", "False DesiredWithinRange"},
	{"a rule that is paused", REASON_PAUSED, "", "True ReadyForNewScale", "False Paused",
		"False DesiredWithinRange"},
	{"a bound", REASON_TOO_MANY_REPLICAS, "", "True ReadyForNewScale", "True ValidMetricFound",
		"True TooManyReplicas"},
	{"a rate", REASON_DOWN_LIMIT, "", "True ReadyForNewScale", "True ValidMetricFound",
		"True ScaleDownLimit"},
};

static void check(const char *name, const struct target_view *view, const char *able,
	const char *active, const char *limited)
{
	struct conditions c;
	char text[80];

	conditions_of(view, &c);
	TAP_STR(name, text_of(&c.by_type[CONDITION_ABLE_TO_SCALE], text), able);
	TAP_STR("active", text_of(&c.by_type[CONDITION_SCALING_ACTIVE], text), active);
	TAP_STR("limited", text_of(&c.by_type[CONDITION_SCALING_LIMITED], text), limited);
}

int main(void)
{
	struct target_view view = {0};
	struct conditions c;

	check("before the first decision", &view, "Unknown", "Unknown", "Unknown");
	(void)snprintf(view.problem, sizeof(view.problem), "no such thing");
	check("of a target that is not there", &view, "False FailedGetScale", "Unknown", "Unknown");
	view.has_decision = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		view.decision.reason = rows[i].reason;
		(void)snprintf(view.problem, sizeof(view.problem), "%s", rows[i].problem);
		check(rows[i].name, &view, rows[i].able, rows[i].active, rows[i].limited);
	}
	view.decision.reason = REASON_SCALE_UP;
	view.decided_ms = 700;
	view.write = (struct target_write){true, false, 4, 7, 700};
	check("a write", &view, "True SucceededRescale", "True ValidMetricFound",
		"False DesiredWithinRange");
	conditions_of(&view, &c);
	TAP_STR("is told", c.by_type[CONDITION_ABLE_TO_SCALE].message,
		"scaled from 4 to 7 replicas");
	view.write.dry_run = true;
	check("one that was not done is not", &view, "True ReadyForNewScale",
		"True ValidMetricFound", "False DesiredWithinRange");
	view.decision.fallen_back = true;
	view.decision.reason = REASON_TOO_MANY_REPLICAS;
	check("a fallback, even one that meets a bound", &view, "True ReadyForNewScale",
		"False FailedGetExternalMetric", "True TooManyReplicas");
	view.decision.reason = REASON_PAUSED;
	check("but not what holds it", &view, "True ReadyForNewScale", "False Paused",
		"False DesiredWithinRange");
	return tap_done();
}
