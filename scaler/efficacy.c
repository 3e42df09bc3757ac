#include "scaler/efficacy.h"

#include <math.h>

#include "scaler/cap.h"

#define EXPECTED 1.25  /* times the throughput that a raise has to promise to be judged */
#define HELPED 0.2     /* share of the promise that counts as help */
#define QUIET_MS 20000 /* settled for so long */
#define WARM_MS 40000  /* and the new replicas ready for so long */
#define GIVE_UP_MS 300000
#define CHANGED 1.25

void efficacy_raised(struct efficacy *e, int32_t from, int32_t to, const struct efficacy_look *look)
{
	if (e->not_effective)
		return;
	*e = (struct efficacy){0};
	if (look->late <= 0 || look->committed <= 0 || look->quiet_ms < QUIET_MS)
		return;
	*e = (struct efficacy){.watching = true,
		.at_ms = look->now_ms,
		.from = from,
		.to = to,
		.committed = look->committed,
		.produced = look->produced};
}

static bool changed(double a, double b)
{
	return a > b * CHANGED || b > a * CHANGED;
}

void efficacy_update(struct efficacy *e, const struct efficacy_look *look)
{
	double gain;

	if (e->not_effective) {
		if (look->now_ms - e->at_ms >= EFFICACY_LIMIT_MS ||
			changed(look->produced, e->produced) ||
			look->committed > e->committed * CHANGED || look->late <= 0)
			*e = (struct efficacy){0};
		return;
	}
	if (!e->watching)
		return;
	if (look->now_ms - e->at_ms >= GIVE_UP_MS || look->late <= 0 || look->ready < e->from) {
		*e = (struct efficacy){0};
		return;
	}
	if (look->ready < e->to || look->quiet_ms < QUIET_MS || look->grown_ms < WARM_MS)
		return;
	gain = cap_effective(look->ready, look->partitions) /
	       cap_effective(e->from, look->partitions);
	e->watching = false;
	if (gain < EXPECTED || !look->spread ||
		look->committed >= e->committed * (1 + HELPED * (gain - 1)))
		return;
	e->not_effective = true;
	e->at_ms = look->now_ms;
	e->committed = look->committed;
	e->produced = look->produced;
}
