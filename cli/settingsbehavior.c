/* behavior of a rule: the fields are those of spec.behavior of a HorizontalPodAutoscaler. */
#include "cli/settingstables.h"
#include "scaler/quantity.h"

static const struct conf_option policy_options[] = {
	{.key = "type",
		.type = CONF_ENUM,
		.offset = IN(struct behavior_policy, type),
		.names = behavior_unit_names,
		.required = true},
	{.key = "value",
		.type = CONF_INT32,
		.offset = IN(struct behavior_policy, value),
		.min = 1,
		.max = INT32_MAX,
		.required = true},
	{.key = "periodSeconds",
		.type = CONF_INT32,
		.offset = IN(struct behavior_policy, period_s),
		.min = 1,
		.max = BEHAVIOR_PERIOD_MAX_S,
		.required = true},
	{0},
};

static const struct conf_option direction_options[] = {
	{.key = "stabilizationWindowSeconds",
		.type = CONF_INT32,
		.offset = IN(struct behavior_direction, window_s),
		.min = 0,
		.max = BEHAVIOR_WINDOW_MAX_S,
		.present = IN(struct behavior_direction, has_window)},
	{.key = "selectPolicy",
		.type = CONF_ENUM,
		.offset = IN(struct behavior_direction, select),
		.names = behavior_select_names,
		.present = IN(struct behavior_direction, has_select)},
	{.key = "tolerance",
		.type = CONF_QUANTITY,
		.offset = IN(struct behavior_direction, tolerance),
		.min = 0,
		.max = (int64_t)RULE_TOLERANCE_MAX,
		.parse = quantity_parse,
		.present = IN(struct behavior_direction, has_tolerance)},
	{.key = "policies",
		.type = CONF_ARRAY,
		.offset = IN(struct behavior_direction, policies),
		.min = 1,
		.max = BEHAVIOR_POLICIES_MAX,
		.options = policy_options,
		.size = sizeof(struct behavior_policy),
		.count_at = IN(struct behavior_direction, policy_count),
		.present = IN(struct behavior_direction, has_policies)},
	{0},
};

/* 0 would be none. */
_Static_assert(IN(struct behavior_direction, has_window) > 0, "no bool comes first");

const struct conf_option settings_behavior_options[] = {
	{.key = "scaleUp",
		.type = CONF_GROUP,
		.offset = IN(struct behavior, up),
		.options = direction_options},
	{.key = "scaleDown",
		.type = CONF_GROUP,
		.offset = IN(struct behavior, down),
		.options = direction_options},
	{0},
};
