/* The scaler section of the configuration file: rules and how to reach the API server. */
#include <stdlib.h>
#include <string.h>

#include "cli/settingstables.h"
#include "common/mem.h"
#include "scaler/ruleset.h"

#define RULES_MAX 10000

/* NULL: missing, which was reported already. */
static const char *name_of(const struct rule *r)
{
	return r->self ? "" : r->target.name;
}

static int by_name(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	int order = strcmp(name_of(x), name_of(y));

	return order ? order : (x > y) - (x < y);
}

/* The rules that have a name, by it and then as in the file; the caller frees the array. */
static const struct rule **sort_by_name(const struct rule *rules, size_t count, size_t *ret_count)
{
	const struct rule **sorted = mem_zalloc(count, sizeof(*sorted));

	*ret_count = 0;
	for (size_t i = 0; i < count; i++)
		if (name_of(&rules[i]))
			sorted[(*ret_count)++] = &rules[i];
	if (*ret_count)
		qsort(sorted, *ret_count, sizeof(*sorted), by_name);
	return sorted;
}

/* Of the rules before sorted[i] the first with its target; NULL: none. */
static const struct rule *same_target_before(const struct rule *const *sorted, size_t i)
{
	const struct rule *found = NULL;

	for (size_t j = i; j-- && strcmp(name_of(sorted[j]), name_of(sorted[i])) == 0;)
		if (rule_same_target(sorted[j], sorted[i]))
			found = sorted[j];
	return found;
}

void settings_check_scaler(const void *item, struct conf_scope *scope)
{
	const struct settings *s = item;
	const struct rule *rules = s->scaler.rules.items;
	size_t count;
	const struct rule **sorted = sort_by_name(rules, s->scaler.rules.count, &count);
	char name[RULE_NAME_MAX], place[512];

	settings_check_lease_timeout(s, scope);
	if (!s->scaler.rules.count && !s->scaler.objects.enabled)
		conf_reject(
			scope, "rules", "missing, and objects are not enabled: nothing to scale");
	for (size_t i = 0; i < count; i++) {
		const struct rule *first = same_target_before(sorted, i);

		if (!first)
			continue;
		(void)conf_place_item(
			scope, "rules", (size_t)(first - rules), place, sizeof(place));
		conf_reject_item(scope, "rules", (size_t)(sorted[i] - rules),
			"%s %s is also that of rules[%td] (%s)",
			sorted[i]->self ? "target" : "scaleTargetRef", rule_name(sorted[i], name),
			first - rules, place);
	}
	free(sorted);
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

bool settings_scales_self(const struct settings *s)
{
	const struct rule *rules = s->scaler.rules.items;

	for (size_t i = 0; i < s->scaler.rules.count; i++)
		if (rules[i].self)
			return true;
	return false;
}

bool settings_standby_rests(const struct settings *s)
{
	if (s->exporter.present && s->exporter.group_series != SERIES_AUTO)
		return s->exporter.group_series == SERIES_LEADER;
	return settings_scales_self(s) || !s->exporter.present;
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
