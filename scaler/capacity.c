#include "scaler/capacity.h"

#include <math.h>

#include "scaler/cap.h"

/* Commits are looked at over this span, which has to lie in a quiet time as a whole, some seconds after the
 * change: the first commits after one tell of the work before it. */
#define SPAN_MS 10000
#define AFTER_MS 7000

/* Replicas that have just started may be slow (cold caches, compilers): for so long they do not show
 * that one carries less than was known. */
#define WARM_MS 100000

#define TAU_MS 5000.0         /* of what is measured */
#define BEST_TAU_MS 1800000.0 /* of forgetting the best */

void capacity_learn(struct capacity *c, const struct estimate *e, const struct capacity_look *look)
{
	double committed, seen, share;
	int64_t since = look->now_ms - c->at_ms;
	bool busy = look->late > 0;

	if (look->ready <= 0 || look->quiet_ms < SPAN_MS + AFTER_MS ||
		!estimate_committed(e, SPAN_MS, &committed) || since <= 0)
		return;
	/* Where observations are far apart the span is longer, and may reach into a change. */
	if (e->latest.at_ms != look->now_ms)
		return;
	c->at_ms = look->now_ms;
	seen = committed / cap_effective(look->ready, e->partitions);
	if (since > 60000)
		since = 60000;
	if (!c->known) {
		c->known = seen > 0;
		c->per = seen;
		c->saturated = busy && seen > 0;
		c->best = seen;
		return;
	}
	share = 1 - exp(-(double)since / TAU_MS);
	if (seen > c->per)
		c->per += share * (seen - c->per) * (busy ? 1 : 0.5);
	else if (busy && !c->saturated)
		c->per = seen;
	else if (busy && look->downward && look->grown_ms >= WARM_MS)
		c->per += share * (seen - c->per);
	c->saturated = c->saturated || busy;
	c->best += (1 - exp(-(double)since / BEST_TAU_MS)) * (c->per - c->best);
	if (c->per > c->best)
		c->best = c->per;
}
