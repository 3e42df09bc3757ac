/* A rule: keep this scale target between min and max by the lag of these groups. The field names in
 * the configuration file are those of the custom resource HexServerAutoscaler. Plain data. */
#ifndef HEXLAG_RULE_H
#define HEXLAG_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "scaler/policy.h"
#include "sidecar/snapshot.h"

struct rule_threshold {
	char *topic;
	int64_t lag; /* messages of the group over all partitions of the topic, >= 1 */
};

struct rule_group {
	char *name;
	struct conf_items thresholds; /* struct rule_threshold */
};

struct rule_target {
	char *api_version, *kind, *namespace, *name; /* namespace NULL: that of the credentials */
};

struct rule {
	struct rule_target target;
	int32_t min, max;         /* 1 <= min <= max */
	struct conf_items groups; /* struct rule_group, at least one */
	enum policy_kind policy;
	enum offset_reset reset;
	int64_t cooldown_ms; /* >= 0; nothing is written for so long after a write */
	bool dry_run;        /* decide and say, but do not write */
};

#define RULE_NAME_MAX 600

/* "namespace/kind/name" into `to`, for logs and metrics. Returns `to`. */
const char *rule_name(const struct rule *r, char to[RULE_NAME_MAX]);

/* The i-th threshold of all groups, counted in the order of the file; false past the last. */
bool rule_threshold(const struct rule *r, size_t i, const char **ret_group,
	const struct rule_threshold **ret_threshold);

#endif
