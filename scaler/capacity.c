#include "scaler/capacity.h"

#include <math.h>

#include "common/attr.h"
#include "scaler/cap.h"

/* Commits are looked at over this span, which has to lie in a quiet time as a whole, some seconds after the
 * change: the first commits after one tell of the work before it. */
#define SPAN_MS 10000
#define LONG_SPAN_MS 60000
#define RECORDS_MIN 20
#define AFTER_MS 7000

/* Replicas that have just started may be slow (cold caches, compilers): for so long they do not show
 * that one carries less than was known. */
#define WARM_MS 60000

#define SINCE_MAX_MS 60000 /* a gap between two looks counts for no more */

#define TAU_MS 5000.0         /* of what is measured */
#define BEST_TAU_MS 1800000.0 /* of forgetting the best */

/* Over the shorter span, or the longer one where that has too few records to tell. */
static bool get_throughput(const struct estimate *e, int64_t quiet_ms, double *ret)
{
	static const int64_t spans[] = {SPAN_MS, LONG_SPAN_MS};

	for (size_t i = 0; i < ARRAY_LEN(spans); i++)
		if (quiet_ms >= spans[i] + AFTER_MS && estimate_committed(e, spans[i], ret) &&
			*ret * (double)spans[i] / 1000 >= RECORDS_MIN)
			return true;
	return false;
}

void capacity_learn(struct capacity *c, const struct estimate *e, const struct capacity_look *look)
{
	double committed, seen, share;
	int64_t since = e->latest.at_ms - c->at_ms;
	bool busy;

	if (look->late <= 0)
		c->busy = false;
	else if (!c->busy) {
		c->busy = true;
		c->busy_ms = look->now_ms;
	}
	/* The backlog has to have been there at all times that the span covers. */
	busy = c->busy && look->now_ms - c->busy_ms >= SPAN_MS + 2000;
	if (look->ready <= 0 || since <= 0 || !get_throughput(e, look->quiet_ms, &committed))
		return;
	c->at_ms = e->latest.at_ms;
	seen = committed / cap_effective(look->ready, e->partitions);
	if (since > SINCE_MAX_MS)
		since = SINCE_MAX_MS;
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
	c->saturated = c->saturated || busy || (c->busy && look->tried);
	c->best += (1 - exp(-(double)since / BEST_TAU_MS)) * (c->per - c->best);
	if (c->per > c->best)
		c->best = c->per;
}
