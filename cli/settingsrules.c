/* The scaler section of the configuration file: rules and how to reach the API server. */
#include <stdlib.h>
#include <string.h>

#include "cli/settingstables.h"
#include "common/mem.h"

#define KEY_MAX 1000 /* groups, topics and rules in one list */

static const char *const reset_names[] = {"latest", "earliest", NULL};

static const struct conf_option threshold_options[] = {
	{.key = "topic",
		.type = CONF_STRING,
		.offset = IN(struct rule_threshold, topic),
		.required = true},
	{.key = "lag",
		.type = CONF_INT64,
		.offset = IN(struct rule_threshold, lag),
		.min = 1,
		.max = INT64_MAX,
		.required = true},
	{0},
};

static const struct conf_option group_options[] = {
	{.key = "name",
		.type = CONF_STRING,
		.offset = IN(struct rule_group, name),
		.required = true},
	{.key = "topicsThreshold",
		.type = CONF_LIST,
		.offset = IN(struct rule_group, thresholds),
		.min = 1,
		.max = KEY_MAX,
		.options = threshold_options,
		.size = sizeof(struct rule_threshold),
		.required = true},
	{0},
};

static const struct conf_option target_options[] = {
	{.key = "apiVersion",
		.type = CONF_STRING,
		.offset = IN(struct rule_target, api_version),
		.fallback = "apps/v1"},
	{.key = "kind",
		.type = CONF_STRING,
		.offset = IN(struct rule_target, kind),
		.fallback = "Deployment"},
	{.key = "namespace", .type = CONF_STRING, .offset = IN(struct rule_target, namespace)},
	{.key = "name",
		.type = CONF_STRING,
		.offset = IN(struct rule_target, name),
		.required = true},
	{0},
};

static const struct conf_option rule_options[] = {
	{.key = "scaleTargetRef",
		.type = CONF_GROUP,
		.offset = IN(struct rule, target),
		.options = target_options,
		.required = true},
	{.key = "minReplicas",
		.type = CONF_INT32,
		.offset = IN(struct rule, min),
		.min = 1,
		.max = INT32_MAX,
		.fallback = "1"},
	{.key = "maxReplicas",
		.type = CONF_INT32,
		.offset = IN(struct rule, max),
		.min = 1,
		.max = INT32_MAX,
		.required = true},
	{.key = "consumergroups",
		.type = CONF_LIST,
		.offset = IN(struct rule, groups),
		.min = 1,
		.max = KEY_MAX,
		.options = group_options,
		.size = sizeof(struct rule_group),
		.required = true},
	{.key = "policy",
		.type = CONF_ENUM,
		.offset = IN(struct rule, policy),
		.names = policy_names,
		.fallback = "hex"},
	{.key = "offsetReset",
		.type = CONF_ENUM,
		.offset = IN(struct rule, reset),
		.names = reset_names,
		.fallback = "latest"},
	{.key = "cooldown",
		.type = CONF_DURATION,
		.offset = IN(struct rule, cooldown_ms),
		.min = 0,
		.max = 86400000,
		.fallback = "60s"},
	{.key = "dryRun",
		.type = CONF_BOOL,
		.offset = IN(struct rule, dry_run),
		.fallback = "false"},
	{0},
};

/* What is missing was reported already and equals nothing. */
static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static void check_rule(const void *item, struct conf_scope *scope)
{
	const struct rule *r = item;
	const struct rule_threshold *a, *b;
	const char *group_a, *group_b;

	if (r->max && r->min > r->max)
		conf_reject(scope, "minReplicas", "%d is greater than maxReplicas %d", (int)r->min,
			(int)r->max);
	for (size_t i = 0; rule_threshold(r, i, &group_a, &a); i++)
		for (size_t j = 0; j < i && rule_threshold(r, j, &group_b, &b); j++)
			if (same(group_a, group_b) && same(a->topic, b->topic))
				conf_reject(scope, "consumergroups",
					"group \"%s\" has two thresholds for topic \"%s\"", group_a,
					a->topic);
}

static bool same_api_group(const char *a, const char *b)
{
	const char *slash_a = a ? strchr(a, '/') : NULL, *slash_b = b ? strchr(b, '/') : NULL;
	size_t length_a = slash_a ? (size_t)(slash_a - a) : 0;
	size_t length_b = slash_b ? (size_t)(slash_b - b) : 0;

	return a && b && length_a == length_b && memcmp(a, b, length_a) == 0;
}

static bool same_target(const struct rule_target *a, const struct rule_target *b)
{
	const char *in_a = a->namespace ? a->namespace : "",
		   *in_b = b->namespace ? b->namespace : "";

	/* Two versions of one API group hold the same object. */
	return same_api_group(a->api_version, b->api_version) && same(a->kind, b->kind) &&
	       strcmp(in_a, in_b) == 0 && same(a->name, b->name);
}

void settings_check_scaler(const void *item, struct conf_scope *scope)
{
	const struct settings *s = item;
	const struct rule *rules = s->scaler.rules.items;
	char name[RULE_NAME_MAX];

	settings_check_lease_timeout(s, scope);
	for (size_t i = 0; i < s->scaler.rules.count; i++)
		for (size_t j = 0; j < i; j++)
			if (same_target(&rules[i].target, &rules[j].target)) {
				conf_reject_item(scope, "rules", i,
					"scaleTargetRef %s is also that of rules[%zu]",
					rule_name(&rules[i], name), j);
				break;
			}
}

const struct conf_option settings_scaler_options[] = {
	{.key = "interval",
		.type = CONF_DURATION,
		.offset = IN(struct settings, scaler.interval_ms),
		.min = 100,
		.max = 3600000,
		.fallback = "1s"},
	{.key = "kubeconfig",
		.type = CONF_STRING,
		.offset = IN(struct settings, scaler.kubeconfig)},
	{.key = "context", .type = CONF_STRING, .offset = IN(struct settings, scaler.context)},
	{.key = "timeout",
		.type = CONF_DURATION,
		.offset = IN(struct settings, scaler.timeout_ms),
		.min = 100,
		.max = 60000,
		.fallback = "5s"},
	{.key = "leader_election",
		.type = CONF_GROUP,
		.options = settings_lease_options,
		.check = settings_check_lease},
	{.key = "rules",
		.type = CONF_LIST,
		.offset = IN(struct settings, scaler.rules),
		.min = 1,
		.max = KEY_MAX,
		.options = rule_options,
		.size = sizeof(struct rule),
		.check = check_rule,
		.required = true},
	{0},
};

static bool watched(
	const struct kafka_watch *watches, size_t count, const char *group, const char *topic)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(watches[i].group, group) == 0 && strcmp(watches[i].topic, topic) == 0)
			return true;
	return false;
}

struct kafka_watch *settings_watches(const struct settings *s, size_t *ret_count)
{
	const struct rule *rules = s->scaler.rules.items;
	struct kafka_watch *watches = NULL;
	size_t count = 0;

	for (size_t i = 0; i < s->scaler.rules.count; i++) {
		const struct rule_threshold *threshold;
		const char *group;

		for (size_t t = 0; rule_threshold(&rules[i], t, &group, &threshold); t++) {
			struct kafka_watch *w;

			if (watched(watches, count, group, threshold->topic))
				continue;
			w = mem_append(&watches, count++, sizeof(*w));

			*w = (struct kafka_watch){group, threshold->topic};
		}
	}
	*ret_count = count;
	return watches;
}
