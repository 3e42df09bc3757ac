/* One decision for one rule: what size the target should have now, and why. A function of its
 * arguments alone: no clock, no I/O. Only what the caller writes changes the world. */
#ifndef HEXLAG_DECIDE_H
#define HEXLAG_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "scaler/control.h"
#include "scaler/rule.h"

/* Reasons, most with the names that HPA users know. */
enum reason {
	REASON_WITHIN_RANGE, /* the lag asks for the current size */
	REASON_SCALE_UP,
	REASON_SCALE_DOWN,
	REASON_TOO_FEW_REPLICAS,  /* raised or held at minReplicas */
	REASON_TOO_MANY_REPLICAS, /* lowered or held at maxReplicas */
	REASON_SCALING_DISABLED,  /* the target has 0 replicas: somebody switched it off */
	REASON_COOLDOWN,          /* would change, but the last write is too recent */
	REASON_LAG_UNKNOWN,       /* no data to decide by: held */
	REASON_LAG_STALE,         /* only old data: held */
	REASON_LAG_PARTIAL,       /* would lower, but only part of the lag is known: held */
	REASON_COUNT,
};

/* One step of a decision that had a say, for explanations. */
enum step {
	STEP_BOUNDS,
	STEP_QUALITY,
	STEP_POLICY,
	STEP_TOLERANCE,
	STEP_CAP,
	STEP_FALLBACK,
	STEP_HOLD,
	STEP_STABILIZE,
	STEP_LIMIT,
	STEP_CLAMP,
	STEP_COUNT,
};

struct decision_step {
	enum step step;
	enum reason reason;
	int32_t replicas; /* wanted after it */
};

struct decision {
	int32_t current, want; /* replicas */
	bool write;            /* want differs from current and is to be written */
	enum reason reason;
	enum quality quality;   /* of the worst threshold */
	bool has_lag;           /* a threshold decided: the next three are of it */
	size_t decided_by;      /* its index: rule_threshold() */
	int64_t lag, threshold; /* messages */
	size_t step_count;
	struct decision_step steps[STEP_COUNT];
	char detail[320]; /* one sentence with the figures */
};

/* What a decision is made from, besides the rule and what is remembered. */
struct decide_input {
	int64_t now_ms;
	int32_t replicas; /* spec.replicas, >= 0 */
	int32_t ready;    /* pods that work, as far as known: <= replicas unless pods surge */
	const struct observation *observations; /* one for each threshold, in the rule's order */
};

/* Decides, and remembers in `control` what later decisions need. Deciding again at the same time with a
 * newer size is fine. Steps, in order:
 *   1. current = 0 with min >= 1: switched off by hand, as the HPA sees it; nothing is written.
 *   2. current outside [min, max]: the nearest bound, without any lag.
 *   3. quality: a threshold whose lag is unknown or stale adds nothing, and while there is one, or one
 *      whose lag is partial (a lower bound), nothing is lowered: what is known may only raise.
 *   4. policy per threshold; hex: the largest wins; hexOperator: the first that changes something.
 *   5. cooldown since the last write (the first reaction is immediate).
 *   6. clamp to [min, max], last. */
void decide(const struct rule *rule, const struct decide_input *in, struct control *control,
	struct decision *ret);

/* To be told after a write of `to` succeeded, or was left out for dryRun. */
void decide_wrote(
	const struct rule *rule, struct control *control, int32_t from, int32_t to, int64_t now_ms);

const char *reason_name(enum reason reason); /* "ScaleUp", ... */
const char *step_name(enum step step);       /* "policy", ... */

#endif
