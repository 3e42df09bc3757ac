/* How fast a size may change: stabilization windows and rate policies, with the names, ranges, defaults
 * and arithmetic of `spec.behavior` of a HorizontalPodAutoscaler (autoscaling/v2).
 *
 * Without the block (`given` false) only the down window of 300 s holds: the first reaction upwards is
 * immediate and not limited. Of each decision, in this order:
 *   behavior_note_initial()   whatever is decided then
 *   behavior_stabilize()      the windows
 *   behavior_remember()       the proposal, also when nothing will be written. Neither this nor the
 *                             step before where the proposal was not asked for: size outside the
 *                             bounds, switched off, no data to decide by
 *   behavior_limit()          rates, then the rule's bounds
 *   behavior_scaled()         after a write that succeeded, whatever its cause
 *
 * Source: Kubernetes 1.34, pkg/controller/podautoscaler/horizontal.go; recorded answers of it are in
 * tests/cases/vectors/hpa-*.jsonl. Pure: time is an argument, in milliseconds of one monotonic clock. */
#ifndef HEXLAG_BEHAVIOR_H
#define HEXLAG_BEHAVIOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/behaviorstate.h"

enum behavior_select { BEHAVIOR_MAX, BEHAVIOR_MIN, BEHAVIOR_DISABLED };
enum behavior_unit { BEHAVIOR_PODS, BEHAVIOR_PERCENT };

extern const char *const behavior_select_names[]; /* "Max", ...; NULL-terminated */
extern const char *const behavior_unit_names[];   /* "Pods", ...; NULL-terminated */

#define BEHAVIOR_WINDOW_MAX_S 3600
#define BEHAVIOR_PERIOD_MAX_S 1800
#define BEHAVIOR_POLICIES_MAX 16
#define BEHAVIOR_TOLERANCE_DEFAULT 0.1

struct behavior_policy {
	enum behavior_unit type;
	int32_t value;    /* replicas or percent, > 0 */
	int32_t period_s; /* 1 to 1800 */
};

/* What `has_` denies is set by behavior_complete(). */
struct behavior_direction {
	int32_t window_s; /* 0 to 3600 */
	bool has_window, has_select, has_policies, has_tolerance;
	enum behavior_select select;
	double tolerance; /* >= 0, finite; for policy_tolerates() */
	size_t policy_count;
	struct behavior_policy policies[BEHAVIOR_POLICIES_MAX];
};

/* Plain data. */
struct behavior {
	bool given; /* the block is there, be it empty */
	/* Without the block, do what an HPA does without it: never above max(2 * current, 4) in one
	 * step, and the down window works on the proposal alone. */
	bool like_hpa;
	struct behavior_direction up, down;
};

/* ERR_CONFIG with the field and its value: "scaleUp.policies[1].periodSeconds is 1801, ...". Only what
 * is there is looked at. */
int behavior_check(const struct behavior *b, struct err *err) MUSTCHECK;

/* Fills in what is absent: `tolerance` (the rule's own, or BEHAVIOR_TOLERANCE_DEFAULT), windows of 0 s
 * up and 300 s down, and in a block that is given: Max; up 4 Pods or 100 Percent in 15 s; down
 * 100 Percent in 15 s. Everything below needs a completed behavior. */
void behavior_complete(struct behavior *b, double tolerance);

/* The first thing remembered is the size found: a full window has to pass after a start. Does nothing
 * later, or where a state was loaded. */
void behavior_note_initial(struct behavior_state *s, int32_t current, int64_t now_ms);

enum behavior_able { BEHAVIOR_READY, BEHAVIOR_UP_STABILIZED, BEHAVIOR_DOWN_STABILIZED };

struct behavior_stable {
	int32_t replicas; /* current, moved into floor to ceiling */
	int32_t floor,
		ceiling; /* the lowest proposal of the up window, the highest of the down window */
	enum behavior_able able;
};

/* The proposal `desired` (>= 0) after the windows. */
void behavior_stabilize(const struct behavior *b, const struct behavior_state *s, int32_t current,
	int32_t desired, int64_t now_ms, struct behavior_stable *ret);

void behavior_remember(
	const struct behavior *b, struct behavior_state *s, int32_t desired, int64_t now_ms);

enum behavior_reason {
	BEHAVIOR_WITHIN_RANGE,
	BEHAVIOR_UP_LIMIT, /* the rate */
	BEHAVIOR_TOO_MANY, /* the rule's maximum; also where the rate ends at the same size */
	BEHAVIOR_DOWN_LIMIT,
	BEHAVIOR_TOO_FEW,
};

struct behavior_limited {
	int32_t replicas;
	bool has_limit; /* the size changes, in a direction with rates */
	int32_t limit;  /* how far the rates allow it to go */
	bool limited;   /* replicas is not what was asked for */
	enum behavior_reason reason;
};

/* `stabilized` within the rates and `min` to `max`; the caller knows that `current` is inside these. */
void behavior_limit(const struct behavior *b, const struct behavior_state *s, int32_t current,
	int32_t stabilized, int32_t min, int32_t max, int64_t now_ms, struct behavior_limited *ret);

/* The size was written. Changes made by others are not noted. */
void behavior_scaled(const struct behavior *b, struct behavior_state *s, int32_t from, int32_t to,
	int64_t now_ms);

/* behavior_state_save() for the windows and periods of `b`. */
void behavior_save(const struct behavior *b, const struct behavior_state *s, int64_t now_ms,
	struct behavior_saved *ret);

/* The HPA's words: "ScaleUpStabilized", "TooManyReplicas", ... */
const char *behavior_able_name(enum behavior_able able);
const char *behavior_reason_name(enum behavior_reason reason);

#endif
