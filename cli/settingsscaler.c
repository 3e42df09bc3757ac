/* The scaler section of the configuration file: rules and how to reach the API server. */
#include <stdlib.h>
#include <string.h>

#include "cli/settingstables.h"
#include "common/mem.h"
#include "scaler/ruleset.h"

#define RULES_MAX 10000

void settings_check_scaler(const void *item, struct conf_scope *scope)
{
	const struct settings *s = item;
	const struct rule *rules = s->scaler.rules.items;
	char name[RULE_NAME_MAX];

	settings_check_lease_timeout(s, scope);
	if (!s->scaler.rules.count && !s->scaler.objects.enabled)
		conf_reject(
			scope, "rules", "missing, and objects are not enabled: nothing to scale");
	for (size_t i = 0; i < s->scaler.rules.count; i++)
		for (size_t j = 0; j < i; j++)
			if (rule_same_target(&rules[i], &rules[j])) {
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
	{.key = "objects",
		.type = CONF_GROUP,
		.options = settings_objects_options,
		.check = settings_check_objects},
	{.key = "rules",
		.type = CONF_LIST,
		.offset = IN(struct settings, scaler.rules),
		.max = RULES_MAX,
		.options = settings_rule_options,
		.size = sizeof(struct rule),
		.check = settings_check_rule},
	{0},
};

struct ruleset *settings_rules(const struct settings *s)
{
	const struct rule *rules = s->scaler.rules.items;
	struct ruleset *set = ruleset_new();

	for (size_t i = 0; i < s->scaler.rules.count; i++)
		ruleset_add(set, &rules[i], NULL);
	return set;
}

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
