/* One decision for one rule: what size the target should have now, and why. Pure: (rule, snapshot,
 * scale, history, now) -> decision. Only what is written by the caller changes the world. */
#ifndef HEXLAG_DECIDE_H
#define HEXLAG_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "scaler/rule.h"
#include "sidecar/snapshot.h"

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

struct decision {
	int32_t current, want; /* replicas */
	bool write;            /* want differs from current and is to be written */
	enum reason reason;
	enum quality quality;   /* of the worst threshold */
	int64_t lag, threshold; /* of the threshold that decided; threshold 0: none did */
	char detail[320];       /* one sentence with the figures */
};

/* What the caller remembers of a rule between decisions. Zeroed at start. */
struct decide_history {
	bool has_written;
	int64_t written_ms; /* monotonic time of the last write that changed the size */
};

/* `snapshot` may be NULL (nothing observed yet). `current` is spec.replicas, >= 0. `now_ms` is the
 * monotonic clock. Steps, in order:
 *   1. current = 0 with min >= 1: switched off by hand, as the HPA sees it; nothing is written.
 *   2. current outside [min, max]: the nearest bound, without any lag.
 *   3. quality: a threshold whose lag is unknown or stale adds nothing, and while there is one, or one
 *      whose lag is partial (a lower bound), nothing is lowered: what is known may only raise.
 *   4. policy per threshold; hex: the largest wins; hexOperator: the first that changes something.
 *   5. cooldown since the last write (the first reaction is immediate).
 *   6. clamp to [min, max], last. */
void decide(const struct rule *rule, const struct snapshot *snapshot, int32_t current,
	const struct decide_history *history, int64_t now_ms, struct decision *ret);

const char *reason_name(enum reason reason); /* "ScaleUp", ... */

#endif
