/* The scaler section of the configuration file: rules and how to reach the API server. */

#include "cli/settingstables.h"
#include "common/mem.h"
#include "scaler/ruleset.h"

#define RULES_MAX 10000

void settings_check_scaler(const void *item, struct conf_scope *scope)
{
	const struct settings *s = item;
	const struct rule *rules = s->scaler.rules.items;
	char name[RULE_NAME_MAX];

	for (size_t i = 0; i < s->scaler.rules.count; i++)
		for (size_t j = 0; j < i; j++)
			if (rule_same_target(&rules[i], &rules[j])) {
				conf_reject_item(scope, "rules", i,
					"%s %s is also that of rules[%zu]",
					rules[i].self ? "target" : "scaleTargetRef",
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
	{.key = "check_rivals",
		.type = CONF_BOOL,
		.offset = IN(struct settings, scaler.check_rivals),
		.fallback = "true"},
	{.key = "rules",
		.type = CONF_LIST,
		.offset = IN(struct settings, scaler.rules),
		.min = 1,
		.max = RULES_MAX,
		.options = settings_rule_options,
		.size = sizeof(struct rule),
		.check = settings_check_rule,
		.required = true},
	{0},
};

bool settings_standby_rests(const struct settings *s)
{
	const struct rule *rules = s->scaler.rules.items;

	if (s->exporter.present && s->exporter.group_series != SERIES_AUTO)
		return s->exporter.group_series == SERIES_LEADER;
	for (size_t i = 0; i < s->scaler.rules.count; i++)
		if (rules[i].self)
			return true;
	return !s->exporter.present;
}

struct ruleset *settings_rules(const struct settings *s)
{
	const struct rule *rules = s->scaler.rules.items;
	struct ruleset *set = ruleset_new();

	for (size_t i = 0; i < s->scaler.rules.count; i++)
		ruleset_add(set, &rules[i], NULL);
	return set;
}

struct kafka_watch *settings_watches(const struct ruleset *rules, size_t *ret_count)
{
	struct kafka_watch *watches = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule_threshold *threshold;
		const char *group;

		for (size_t t = 0; rule_threshold(&rules->entries[i].rule, t, &group, &threshold);
			t++) {
			struct kafka_watch *w = mem_append(&watches, *ret_count, sizeof(*w));

			*w = (struct kafka_watch){group, threshold->topic};
			(*ret_count)++;
		}
	}
	return watches;
}
