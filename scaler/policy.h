/* From one threshold's lag to a number of replicas. Pure. */
#ifndef HEXLAG_POLICY_H
#define HEXLAG_POLICY_H

#include <stdbool.h>
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
 * hex and hexOperator:
 *   raw    = current * (lag / threshold)          hex: float64; hexOperator: the quotient cut to int
 *   result = current + ceil((raw - current) * 0.8)       where raw > current
 *          = current - floor((current - raw) * 0.5)      elsewhere
 * perReplica:
 *   result = ceil(lag / threshold)                in float64; current does not enter
 *
 * Source: the HexServerAutoscaler operator, calculateDesiredReplicas(); Kubernetes 1.34,
 * GetExternalPerPodMetricReplicas(). Golden answers of both are in tests/cases/vectors. */
int32_t policy_propose(enum policy_kind kind, int64_t lag, int64_t threshold, int32_t current);

/* How far the lag is from what `replicas` (>= 0) should have: 1 is right, above asks for more.
 * perReplica: lag / (threshold * replicas), which at 0 replicas is infinite, or NaN without lag; an HPA
 * takes status.replicas here. hex and hexOperator: lag / threshold, as their threshold is for the group. */
double policy_ratio(enum policy_kind kind, int64_t lag, int64_t threshold, int32_t replicas);

/* Whether the ratio is near enough to 1 to change nothing: 1 - down <= ratio <= 1 + up, in float64, both
 * ends included. NaN is not. `up` and `down` are tolerances >= 0, as from quantity_parse(). */
bool policy_tolerates(double ratio, double up, double down);

#endif
