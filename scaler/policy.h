/* From one threshold's lag to a number of replicas. Pure. */
#ifndef HEXLAG_POLICY_H
#define HEXLAG_POLICY_H

#include <stdint.h>

enum policy_kind {
	POLICY_HEX,          /* exact ratio; the largest proposal of all thresholds wins */
	POLICY_HEX_OPERATOR, /* whole-number ratio; the first threshold that changes something wins */
	POLICY_PER_REPLICA, /* lag divided by a threshold for each replica, as the HPA's AverageValue */
	POLICY_RATE,        /* the produce rate divided by what one replica carries */
	POLICY_DRAIN,       /* as many as carry the produce rate and drain the backlog in time */
};

extern const char *const policy_names[]; /* by kind, NULL-terminated: "hex", ... */

/* Replicas that the policy asks for at `lag` messages (>= 0), `threshold` (>= 1) and `current`
 * replicas (>= 0). At least 0, not yet cut to the rule's bounds, saturated at INT32_MAX.
 *
 *   raw    = current * (lag / threshold)          hex: float64; hexOperator: the quotient cut to int
 *   result = current + ceil((raw - current) * 0.8)       where raw > current
 *          = current - floor((current - raw) * 0.5)      elsewhere
 *
 * Source: the HexServerAutoscaler operator, calculateDesiredReplicas(); golden answers of that
 * function are in tests/cases/vectors/hex-*.jsonl. */
int32_t policy_propose(enum policy_kind kind, int64_t lag, int64_t threshold, int32_t current);

#endif
