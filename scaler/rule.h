/* A rule: keep this scale target between min and max by the lag of these groups. The field names in
 * the configuration file are those of the custom resource HexServerAutoscaler. Plain data. */
#ifndef HEXLAG_RULE_H
#define HEXLAG_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/conf.h"
#include "common/err.h"
#include "scaler/behavior.h"
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

/* What to do when the lag has not been known for long. The names are KEDA's. */
enum rule_fallback_behavior {
	FALLBACK_STATIC,            /* `replicas` */
	FALLBACK_CURRENT,           /* the size at present */
	FALLBACK_CURRENT_IF_HIGHER, /* the larger of the two */
	FALLBACK_CURRENT_IF_LOWER,  /* the smaller of the two */
};

extern const char *const rule_fallback_names[]; /* by value, NULL-terminated */

struct rule_fallback {
	bool present;     /* false: hold for as long as it takes */
	int64_t after_ms; /* without usable data for so long */
	int behavior;     /* enum rule_fallback_behavior */
	int32_t replicas; /* >= 0 */
};

/* Whether only sizes are used that spread the partitions better than the size below. */
enum rule_steps { STEPS_BY_POLICY, STEPS_ON, STEPS_OFF };

extern const char *const rule_steps_names[]; /* "auto", "on", "off" */
extern const char *const rule_self_names[];  /* "self" */

struct rule {
	struct rule_target target; /* of `self`: without a name until it is found */
	bool has_target;           /* the file has a scaleTargetRef */
	bool self;                 /* the workload that this process is a pod of: scaler/owner.h */
	int self_word;             /* index in rule_self_names, which has one word */
	int32_t min, max;          /* 0 <= min <= max, max >= 1 */
	struct conf_items groups;  /* struct rule_group, at least one */
	int policy;                /* enum policy_kind */
	int reset;                 /* enum offset_reset */
	double tolerance;          /* share of the target value, >= 0; behavior may have its own */
	/* >= 0; nothing is written for so long after a write, and lag has to be zero for so long before the
	 * target goes to zero. */
	int64_t cooldown_ms;
	struct behavior behavior; /* as given: completed by who decides, with the tolerance */
	int64_t hold_limit_ms; /* an unsettled group holds a change for so long at most; 0: not at all */
	struct rule_fallback fallback;
	bool limit_to_partitions; /* never more replicas than partitions */
	int partition_steps;      /* enum rule_steps */
	int64_t drain_time_ms;    /* drain: a backlog is to be gone in so long, >= 1000 */
	int64_t rate_per_replica; /* records per second that one replica carries; 0: to be learned */
	bool paused;              /* decide and say, but leave the size alone */
	bool dry_run;             /* decide and say as if it were written, but do not write */
};

#define RULE_NAME_MAX 600

/* Limits of what a rule may say, in the file and in objects. */
#define RULE_GROUPS_MAX 1000
#define RULE_THRESHOLDS_MAX 200 /* over all groups; each costs some KiB of memory */
#define RULE_LAG_MAX INT64_MAX
#define RULE_COOLDOWN_MAX_MS 86400000
#define RULE_HOLD_LIMIT_MAX_MS 3600000
#define RULE_FALLBACK_AFTER_MAX_MS 86400000
#define RULE_DRAIN_TIME_MIN_MS 1000
#define RULE_DRAIN_TIME_MAX_MS 86400000
#define RULE_RATE_MAX 1000000000
#define RULE_TOLERANCE_MAX 10.0

/* "namespace/kind/name" into `to`, for logs and metrics; "self" where that is not known yet. Returns
 * `to`. */
const char *rule_name(const struct rule *r, char to[RULE_NAME_MAX]);

/* The i-th threshold of all groups, counted in the order of the file; false past the last. */
bool rule_threshold(const struct rule *r, size_t i, const char **ret_group,
	const struct rule_threshold **ret_threshold);
size_t rule_threshold_count(const struct rule *r);

/* Its index for this group and topic, SIZE_MAX where there is none. */
size_t rule_find_threshold(const struct rule *r, const char *group, const char *topic);

/* What the limits of single fields cannot say: min and max, a group and topic twice, what a policy
 * needs, lengths of names. -1: `err` says what is wrong, and `ret_field` which field ("minReplicas").
 * A string that is NULL is not looked at: its absence is told by who read it. */
int rule_check(const struct rule *r, const char **ret_field, struct err *err) MUSTCHECK;

/* How much of an apiVersion is the API group: 4 bytes of "apps/v1", none of "v1", the core group. */
size_t rule_group_length(const char *api_version);

/* Whether `r` has no target yet: it must not come to the scaler. */
bool rule_is_open(const struct rule *r);

/* Whether both name the same object: two versions of one API group hold the same. A namespace that is
 * NULL equals only another such. Two that are open are the same. */
bool rule_same_target(const struct rule *a, const struct rule *b);

/* The same where a target without a namespace is in `namespace`, and an open one is like no other. */
bool rule_same_target_in(const struct rule *a, const struct rule *b, const char *namespace);

/* Whether all of both is the same. */
bool rule_equal(const struct rule *a, const struct rule *b);

/* A deep copy into `to`, which is to be released by rule_release(). */
void rule_copy(struct rule *to, const struct rule *from);
void rule_release(struct rule *r);

void rule_target_release(struct rule_target *t); /* empties it */

#endif
