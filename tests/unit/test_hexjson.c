#include "scaler/hexjson.h"

#include <jansson.h>
#include <stdlib.h>

#include "cli/settingstables.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/tap.h"

static const struct hex_fields fields = {settings_rule_options, settings_check_rule};

#define TARGET \
	"\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"d\"}"
#define GROUPS                                                                       \
	"\"consumergroups\":[{\"name\":\"g\",\"topicsThreshold\":[{\"topic\":\"t\"," \
	"\"lag\":10}]}]"
#define SPEC(more) "{\"maxReplicas\":10," TARGET "," GROUPS more "}"

static json_t *document(const char *spec)
{
	char *text CLEANUP(mem_free_at) = mem_printf(
		"{\"apiVersion\":\"autoscaling.hexfuture.net/v1alpha1\",\"kind\":"
		"\"HexServerAutoscaler\",\"metadata\":{\"name\":\"o\",\"namespace\":\"n\","
		"\"uid\":\"u-1\",\"generation\":3,\"resourceVersion\":\"77\","
		"\"creationTimestamp\":\"2026-01-02T03:04:05Z\"},\"spec\":%s}",
		spec);
	json_t *doc = json_loads(text, JSON_ALLOW_NUL, NULL);

	if (!doc)
		doc = json_loads(text, JSON_DECODE_INT_AS_REAL, NULL);
	if (!doc) {
		printf("Bail out! not JSON: %s\n", text);
		exit(1);
	}
	return doc;
}

static const struct {
	const char *name, *spec, *problem;
} wrong[] = {
	{"no spec", "null", "spec: is not an object"},
	{"a spec that is a list", "[]", "spec: is not an object"},
	{"an empty spec names what is missing first", "{}", "spec.scaleTargetRef: missing"},
	{"no target", "{\"maxReplicas\":10," GROUPS "}", "spec.scaleTargetRef: missing"},
	{"a target without a name", "{\"maxReplicas\":10,\"scaleTargetRef\":{}," GROUPS "}",
		"spec.scaleTargetRef.name: missing"},
	{"a target in another namespace",
		"{\"maxReplicas\":1,\"scaleTargetRef\":{\"name\":\"d\",\"namespace\":\"kube-"
		"system\"}," GROUPS "}",
		"spec.scaleTargetRef.namespace: \"kube-system\" is not the namespace of the "
		"object"},
	{"a null target is none", "{\"maxReplicas\":10,\"scaleTargetRef\":null," GROUPS "}",
		"spec.scaleTargetRef: missing"},
	{"no maximum", "{" TARGET "," GROUPS "}", "spec.maxReplicas: missing"},
	{"a maximum of 0", SPEC(",\"maxReplicas\":0"),
		"spec.maxReplicas: 0 is outside 1 to 2147483647"},
	{"a maximum beyond int32", SPEC(",\"maxReplicas\":2147483648"),
		"spec.maxReplicas: 2147483648 is outside 1 to 2147483647"},
	{"a minimum above the maximum", SPEC(",\"minReplicas\":11"),
		"spec.minReplicas: 11 is greater than maxReplicas 10"},
	{"a negative minimum", SPEC(",\"minReplicas\":-1"),
		"spec.minReplicas: -1 is outside 0 to 2147483647"},
	{"half a replica", SPEC(",\"minReplicas\":1.5"),
		"spec.minReplicas: got 1.5, want a whole number"},
	{"a number in quotes", SPEC(",\"minReplicas\":\"2\""),
		"spec.minReplicas: got \"2\", want a whole number"},
	{"an unknown policy", SPEC(",\"policy\":\"magic\""),
		"spec.policy: got \"magic\", want one of"},
	{"a policy that is no text", SPEC(",\"policy\":{\"a\":1}"), "spec.policy: got a group { }"},
	{"a duration without its unit", SPEC(",\"cooldown\":\"60\""),
		"spec.cooldown: got \"60\", want a"},
	{"a duration that is a number", SPEC(",\"cooldown\":60"), "spec.cooldown: got 60, want a"},
	{"a negative duration", SPEC(",\"cooldown\":\"-5s\""),
		"spec.cooldown: got \"-5s\", want a"},
	{"an unknown field", SPEC(",\"maxReplica\":5"), "spec.maxReplica: unknown key"},
	{"a target that only the file knows", SPEC(",\"target\":\"self\""),
		"spec.target: unknown key"},
	{"a field that has no name", SPEC(",\"\":5"), "spec.: unknown key"},
	{"a field with a name of its own", SPEC(",\"a = 1; }\":5"), "spec.a = 1; }: unknown key"},
	{"true that is text", SPEC(",\"dryRun\":\"true\""),
		"spec.dryRun: got \"true\", want true or false"},
	{"no groups", "{\"maxReplicas\":10," TARGET ",\"consumergroups\":[]}",
		"spec.consumergroups: has 0 elements, want 1 to 1000"},
	{"groups that are no list", "{\"maxReplicas\":10," TARGET ",\"consumergroups\":{}}",
		"spec.consumergroups: got a group { }"},
	{"a group that is null", "{\"maxReplicas\":10," TARGET ",\"consumergroups\":[null]}",
		"spec.consumergroups[0]: got null"},
	{"a group that is text", "{\"maxReplicas\":10," TARGET ",\"consumergroups\":[\"g\"]}",
		"spec.consumergroups[0]: got \"g\", want a group"},
	{"a group without a name",
		"{\"maxReplicas\":10," TARGET
		",\"consumergroups\":[{\"topicsThreshold\":[{\"topic\":\"t\",\"lag\":1}]}]}",
		"spec.consumergroups[0].name: missing"},
	{"an empty name",
		"{\"maxReplicas\":10," TARGET ",\"consumergroups\":[{\"name\":\"\","
		"\"topicsThreshold\":[{\"topic\":\"t\",\"lag\":1}]}]}",
		"spec.consumergroups[0].name: must not be empty"},
	{"a name with a NUL",
		"{\"maxReplicas\":10," TARGET ",\"consumergroups\":[{\"name\":\"a\\u0000b\","
		"\"topicsThreshold\":[{\"topic\":\"t\",\"lag\":1}]}]}",
		"spec.consumergroups[0].name: has a NUL character"},
	{"a negative threshold",
		"{\"maxReplicas\":10," TARGET ",\"consumergroups\":[{\"name\":\"g\","
		"\"topicsThreshold\":[{\"topic\":\"t\",\"lag\":-5}]}]}",
		"spec.consumergroups[0].topicsThreshold[0].lag: -5 is outside 1 to "
		"9223372036854775807"},
	{"a threshold beyond int64",
		"{\"maxReplicas\":10," TARGET ",\"consumergroups\":[{\"name\":\"g\","
		"\"topicsThreshold\":[{\"topic\":\"t\",\"lag\":99999999999999999999}]}]}",
		"spec.consumergroups[0].topicsThreshold[0].lag: got 1e+20, want a whole number"},
	{"one topic twice",
		"{\"maxReplicas\":10," TARGET ",\"consumergroups\":[{\"name\":\"g\","
		"\"topicsThreshold\":[{\"topic\":\"t\",\"lag\":1},{\"topic\":\"t\",\"lag\":2}]}]}",
		"spec.consumergroups: group \"g\" has two thresholds for topic \"t\""},
	{"too many levels", SPEC(",\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"),
		"too many levels"},
};

static void check_wrong(void)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		json_t *doc = document(wrong[i].spec);
		struct hexobject o;
		struct err err = {0};

		TAP_INT("an object", hexjson_read(doc, &fields, &o, &err), 0);
		TAP_HAS(wrong[i].name, o.problem ? o.problem : "no problem", wrong[i].problem);
		TAP_TRUE("is not valid", !o.valid);
		TAP_STR("but named", o.name, "o");
		hexobject_release(&o);
		json_decref(doc);
	}
}

static void check_long_names(void)
{
	static const char *const places[] = {"{\"maxReplicas\":10," TARGET
					     ",\"consumergroups\":[{\"name\":\"%s\","
					     "\"topicsThreshold\":[{\"topic\":\"t\",\"lag\":1}]}]}",
		"{\"maxReplicas\":10," TARGET ",\"consumergroups\":[{\"name\":\"g\","
		"\"topicsThreshold\":[{\"topic\":\"%s\",\"lag\":1}]}]}",
		"{\"maxReplicas\":10,\"scaleTargetRef\":{\"name\":\"%s\"}," GROUPS "}",
		"{\"maxReplicas\":10,\"scaleTargetRef\":{\"name\":\"d\",\"kind\":\"%s\"}," GROUPS
		"}",
		SPEC(",\"%s\":1"), SPEC(",\"policy\":\"%s\""), SPEC(",\"cooldown\":\"%s\"")};
	char name[5001];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct strbuf spec CLEANUP(strbuf_release) = STRBUF_INIT;
		const char *cut = strstr(places[i], "%s");
		struct hexobject o;
		json_t *doc;

		strbuf_add(&spec, places[i], (size_t)(cut - places[i]));
		strbuf_adds(&spec, name);
		strbuf_adds(&spec, cut + 2);
		doc = document(strbuf_str(&spec));
		TAP_INT("5,000 characters", hexjson_read(doc, &fields, &o, NULL), 0);
		TAP_TRUE("are a problem", !o.valid && o.problem && strlen(o.problem) < 1100);
		hexobject_release(&o);
		json_decref(doc);
	}
}

static void check_right(void)
{
	json_t *doc =
		document("{\"maxReplicas\":10.0,\"minReplicas\":2,\"cooldown\":\"90s\",\"policy\":"
			 "\"perReplica\",\"dryRun\":true,\"paused\":null,\"consumergroups\":["
			 "{\"name\":\"a \\\"quoted\\\\\\n name; }\",\"topicsThreshold\":["
			 "{\"topic\":\"t\",\"lag\":9223372036854775807},"
			 "{\"topic\":\"u\",\"lag\":5000000000}]}],"
			 "\"scaleTargetRef\":{\"name\":\"d\"}}");
	const struct rule_threshold *t;
	struct hexobject o;
	const char *group;

	TAP_INT("an object", hexjson_read(doc, &fields, &o, NULL), 0);
	TAP_STR("without a problem", o.problem, NULL);
	TAP_TRUE("is valid", o.valid);
	TAP_STR("uid", o.uid, "u-1");
	TAP_STR("version", o.version, "77");
	TAP_STR("age", o.created, "2026-01-02T03:04:05Z");
	TAP_INT("generation", o.generation, 3);
	TAP_TRUE("stays", !o.deleting);
	TAP_STR("the namespace is its own", o.rule.target.namespace, "n");
	TAP_STR("the kind by default", o.rule.target.kind, "Deployment");
	TAP_INT("min", o.rule.min, 2);
	TAP_INT("max, written as 10.0", o.rule.max, 10);
	TAP_INT("cooldown", o.rule.cooldown_ms, 90000);
	TAP_INT("policy", o.rule.policy, POLICY_PER_REPLICA);
	TAP_TRUE("dryRun", o.rule.dry_run);
	TAP_TRUE("null is the default", !o.rule.paused && o.rule.limit_to_partitions);
	TAP_TRUE("a threshold", rule_threshold(&o.rule, 0, &group, &t));
	TAP_STR("of a group of any name", group, "a \"quoted\\\n name; }");
	TAP_INT("the largest lag", t->lag, INT64_MAX);
	TAP_TRUE("another", rule_threshold(&o.rule, 1, &group, &t));
	TAP_INT("beyond int32", t->lag, 5000000000);
	TAP_STR("no status", o.conditions[0].status, "");
	hexobject_release(&o);
	json_decref(doc);
}

/* Every field that the definition of the resource knows. */
static void check_whole(void)
{
	json_t *doc = document(SPEC(
		",\"policy\":\"drain\",\"drainTime\":\"30s\",\"ratePerReplica\":1000,"
		"\"offsetReset\":\"earliest\",\"limitToPartitions\":false,\"partitionSteps\":"
		"\"on\","
		"\"tolerance\":\"0.2\",\"cooldown\":\"5m\",\"paused\":true,\"dryRun\":true,"
		"\"fallback\":{\"after\":\"3m\",\"behavior\":\"currentReplicas\",\"replicas\":4},"
		"\"behavior\":{\"scaleUp\":{\"stabilizationWindowSeconds\":0,\"selectPolicy\":"
		"\"Max\","
		"\"tolerance\":\"50m\",\"policies\":[{\"type\":\"Percent\",\"value\":100,"
		"\"periodSeconds\":15}]},\"scaleDown\":{\"selectPolicy\":\"Disabled\"}}"));
	struct hexobject o;

	TAP_INT("an object with all fields", hexjson_read(doc, &fields, &o, NULL), 0);
	TAP_STR("is right", o.problem, NULL);
	TAP_INT("policy", o.rule.policy, POLICY_DRAIN);
	TAP_INT("drainTime", o.rule.drain_time_ms, 30000);
	TAP_TRUE("tolerance", o.rule.tolerance > 0.199 && o.rule.tolerance < 0.201);
	TAP_INT("fallback", o.rule.fallback.after_ms, 180000);
	TAP_TRUE("behavior", o.rule.behavior.given);
	TAP_INT("selectPolicy", o.rule.behavior.down.select, BEHAVIOR_DISABLED);
	TAP_INT("policies", o.rule.behavior.up.policy_count, 1);
	hexobject_release(&o);
	json_decref(doc);
}

static void check_status(void)
{
	json_t *doc = document(SPEC("")), *status;
	struct hexobject o;

	status = json_loads("{\"lastScaleTime\":\"2026-01-01T00:00:00Z\",\"conditions\":[null,"
			    "{\"type\":\"ScalingActive\",\"status\":\"True\",\"reason\":\"R\","
			    "\"message\":\"m\",\"lastTransitionTime\":\"2025-01-01T00:00:00Z\"},"
			    "{\"type\":\"Other\",\"status\":\"True\"}]}",
		0, NULL);
	json_object_set_new(doc, "status", status);
	json_object_set_new(
		json_object_get(doc, "metadata"), "deletionTimestamp", json_string("x"));
	TAP_INT("an object with a status", hexjson_read(doc, &fields, &o, NULL), 0);
	TAP_STR("when it was scaled", o.scaled, "2026-01-01T00:00:00Z");
	TAP_STR("a condition", o.conditions[1].status, "True");
	TAP_STR("since", o.conditions[1].since, "2025-01-01T00:00:00Z");
	TAP_STR("not the others", o.conditions[0].status, "");
	TAP_TRUE("on its way out", o.deleting);
	hexobject_release(&o);
	json_decref(doc);
}

static void check_generation(void)
{
	static const struct {
		const char *text;
		int64_t want;
	} rows[] = {
		{"7", 7},
		{"7.0", 7},
		{"9007199254740993", 9007199254740993},
		{"1e300", 0},
		{"-1e300", 0},
		{"9223372036854775808.0", 0},
		{"\"7\"", 0},
		{"null", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *doc = document(SPEC(""));
		struct hexobject o;

		json_object_set_new(json_object_get(doc, "metadata"), "generation",
			json_loads(rows[i].text, JSON_DECODE_ANY, NULL));
		TAP_INT("a generation", hexjson_read(doc, &fields, &o, NULL), 0);
		TAP_INT(rows[i].text, o.generation, rows[i].want);
		hexobject_release(&o);
		json_decref(doc);
	}
}

static void check_nameless(void)
{
	static const char *const texts[] = {"{}", "[]", "{\"metadata\":[]}",
		"{\"metadata\":{\"namespace\":\"n\",\"name\":\"o\"}}",
		"{\"metadata\":{\"namespace\":\"n\",\"name\":\"../o\",\"uid\":\"u\"}}",
		"{\"metadata\":{\"namespace\":\"\",\"name\":\"o\",\"uid\":\"u\"}}"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		json_t *doc = json_loads(texts[i], 0, NULL);
		struct hexobject o;
		struct err err = {0};

		TAP_INT(texts[i], hexjson_read(doc, &fields, &o, &err), -1);
		TAP_HAS("says so", err.msg, "without metadata");
		json_decref(doc);
	}
}

int main(void)
{
	check_wrong();
	check_long_names();
	check_right();
	check_whole();
	check_status();
	check_generation();
	check_nameless();
	return tap_done();
}
