#include "scaler/policy.h"

#include <math.h>

const char *const policy_names[] = {
	"hex", "hexOperator", "perReplica", "rate", "drain", (const char *)0};

static int32_t saturate(double replicas)
{
	return replicas >= INT32_MAX ? INT32_MAX : replicas <= 0 ? 0 : (int32_t)replicas;
}

/* `current` times the quotient. The order of the operations is the operator's: the quotient is
 * rounded to a float64 before it is multiplied, which decides the last replica in rare cases. */
static double raw_replicas(enum policy_kind kind, int64_t lag, int64_t threshold, int32_t current)
{
	if (kind == POLICY_HEX_OPERATOR)
		/* Where the operator's int32 product would wrap, it is held at the largest int32. */
		return saturate((double)current * (double)(lag / threshold));
	return (double)current * ((double)lag / (double)threshold);
}

int32_t policy_propose(enum policy_kind kind, int64_t lag, int64_t threshold, int32_t current)
{
	double now = current, raw;

	if (kind == POLICY_PER_REPLICA)
		return saturate(ceil((double)lag / (double)threshold));
	raw = raw_replicas(kind, lag, threshold, current);
	if (raw > now)
		return saturate(now + ceil((raw - now) * 0.8));
	return saturate(now - floor((now - raw) * 0.5));
}

double policy_ratio(enum policy_kind kind, int64_t lag, int64_t threshold, int32_t replicas)
{
	double target = (double)threshold;

	return (double)lag / (kind == POLICY_PER_REPLICA ? target * (double)replicas : target);
}

bool policy_tolerates(double ratio, double up, double down)
{
	return ratio >= 1.0 - down && ratio <= 1.0 + up;
}
