#include "scaler/rule.h"

#include <stdio.h>

const char *rule_name(const struct rule *r, char to[RULE_NAME_MAX])
{
	(void)snprintf(to, RULE_NAME_MAX, "%s%s%s/%s",
		r->target.namespace ? r->target.namespace : "", r->target.namespace ? "/" : "",
		r->target.kind, r->target.name);
	return to;
}

bool rule_threshold(const struct rule *r, size_t i, const char **ret_group,
	const struct rule_threshold **ret_threshold)
{
	const struct rule_group *groups = r->groups.items;

	for (size_t g = 0; g < r->groups.count; i -= groups[g++].thresholds.count) {
		const struct rule_threshold *thresholds = groups[g].thresholds.items;

		if (i < groups[g].thresholds.count) {
			*ret_group = groups[g].name;
			*ret_threshold = &thresholds[i];
			return true;
		}
	}
	return false;
}
