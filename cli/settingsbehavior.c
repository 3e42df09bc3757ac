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

/* Offsets count from the beginning of struct behavior. */
#define DIRECTION(d)                                                      \
	{.key = "stabilizationWindowSeconds",                             \
		.type = CONF_INT32,                                       \
		.offset = IN(struct behavior, d.window_s),                \
		.min = 0,                                                 \
		.max = BEHAVIOR_WINDOW_MAX_S,                             \
		.present = IN(struct behavior, d.has_window)},            \
		{.key = "selectPolicy",                                   \
			.type = CONF_ENUM,                                \
			.offset = IN(struct behavior, d.select),          \
			.names = behavior_select_names,                   \
			.present = IN(struct behavior, d.has_select)},    \
		{.key = "tolerance",                                      \
			.type = CONF_QUANTITY,                            \
			.offset = IN(struct behavior, d.tolerance),       \
			.min = 0,                                         \
			.max = (int64_t)RULE_TOLERANCE_MAX,               \
			.parse = quantity_parse,                          \
			.present = IN(struct behavior, d.has_tolerance)}, \
		{.key = "policies",                                       \
			.type = CONF_ARRAY,                               \
			.offset = IN(struct behavior, d.policies),        \
			.min = 1,                                         \
			.max = BEHAVIOR_POLICIES_MAX,                     \
			.options = policy_options,                        \
			.size = sizeof(struct behavior_policy),           \
			.count_at = IN(struct behavior, d.policy_count),  \
			.present = IN(struct behavior, d.has_policies)},  \
	{                                                                 \
		0                                                         \
	}

static const struct conf_option up_options[] = {DIRECTION(up)};
static const struct conf_option down_options[] = {DIRECTION(down)};

const struct conf_option settings_behavior_options[] = {
	{.key = "scaleUp", .type = CONF_GROUP, .options = up_options},
	{.key = "scaleDown", .type = CONF_GROUP, .options = down_options},
	{0},
};
