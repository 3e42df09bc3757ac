#include "scaler/decisionsjson.h"

#include "common/jsonout.h"
#include "scaler/scaler.h"
#include "tests/tap.h"

static struct rule_threshold thresholds[] = {{(char *)"orders", 1000}};
static struct rule_group groups[] = {{(char *)"group1", {thresholds, 1}}};

static const struct rule rule = {
	.target = {(char *)"apps/v1", (char *)"Deployment", (char *)"shop", (char *)"orders"},
	.min = 2,
	.max = 10,
	.groups = {groups, 1},
};

#define HEAD                                                                                     \
	"{\"target\":\"shop/Deployment/orders\",\"namespace\":\"shop\",\"kind\":\"Deployment\"," \
	"\"name\":\"orders\",\"min\":2,\"max\":10,\"policy\":\"hex\",\"paused\":false,\"dry_"    \
	"run\":false,"                                                                           \
	"\"thresholds\":[{\"group\":\"group1\",\"topic\":\"orders\",\"lag\":1000,\"observed\":"  \
	"null,\"proposal\":null}],"

static struct target_view scaled(void)
{
	return (struct target_view){
		.has_decision = true,
		.decision = {.current = 4,
			.want = 7,
			.reason = REASON_SCALE_UP,
			.write = true,
			.step_count = 1,
			.steps = {{STEP_POLICY, REASON_SCALE_UP, 7}},
			.quality = QUALITY_COMPLETE,
			.has_lag = true,
			.lag = 5120,
			.threshold = 1000,
			.detail = "much \"lag\""},
		.decided_ms = 900,
		.write = {true, false, 4, 7, 700},
		.writes = 3,
	};
}

static void check(const char *name, const struct target_view *view, const char *want)
{
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;
	struct jsonout j = {.to = &out};

	decisionsjson_rule(&j, &rule, view, 1000);
	TAP_STR(name, strbuf_str(&out), want);
}

static void test_rule(void)
{
	struct target_view view = {0};

	check("before the first decision all is unknown", &view,
		HEAD
		"\"replicas\":null,\"wanted\":null,\"reason\":null,\"write\":false,\"detail\":null,"
		"\"quality\":null,\"lag\":null,\"threshold\":null,\"age_ms\":null,\"steps\":[],"
		"\"conditions\":["
		"{\"type\":\"AbleToScale\",\"status\":\"Unknown\",\"reason\":null,\"message\":null}"
		","
		"{\"type\":\"ScalingActive\",\"status\":\"Unknown\",\"reason\":null,\"message\":"
		"null},"
		"{\"type\":\"ScalingLimited\",\"status\":\"Unknown\",\"reason\":null,\"message\":"
		"null}"
		"],\"last_write\":null,\"writes\":0,\"errors\":0,\"problem\":null,\"contended\":"
		"null}");
	view = scaled();
	check("a decision, and the write that followed", &view,
		HEAD
		"\"replicas\":4,\"wanted\":7,\"reason\":\"ScaleUp\",\"write\":true,"
		"\"detail\":\"much \\\"lag\\\"\",\"quality\":\"complete\",\"lag\":5120,"
		"\"threshold\":1000,\"age_ms\":100,\"steps\":[{\"step\":\"policy\","
		"\"replicas\":7,\"reason\":\"ScaleUp\"}],\"conditions\":["
		"{\"type\":\"AbleToScale\",\"status\":\"True\",\"reason\":\"ReadyForNewScale\","
		"\"message\":\"the scale was read\"},"
		"{\"type\":\"ScalingActive\",\"status\":\"True\",\"reason\":\"ValidMetricFound\","
		"\"message\":\"much \\\"lag\\\"\"},"
		"{\"type\":\"ScalingLimited\",\"status\":\"False\",\"reason\":"
		"\"DesiredWithinRange\","
		"\"message\":\"the desired replicas are within the acceptable range\"}],"
		"\"last_write\":{\"from\":4,\"to\":7,\"age_ms\":300,\"dry_run\":false},"
		"\"writes\":3,\"errors\":0,\"problem\":null,\"contended\":null}");
}

int main(void)
{
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;

	decisionsjson(NULL, 0, &out);
	TAP_STR("without a scaler there are no rules", strbuf_str(&out),
		"{\"running\":false,\"leads\":false,\"rules\":[]}\n");
	test_rule();
	return tap_done();
}
