#include "scaler/estimate.h"

#include <math.h>
#include <string.h>

#define SPACING_MS 900 /* a little under the usual second, so that none of its samples is lost */

/* Half of the time between two commits is the mean of what a healthy group shows; Kafka's default for
 * auto.commit.interval.ms is 5000. */
#define DELAY_DEFAULT_S 2.5
#define DELAY_MIN_S 0.2
#define DELAY_MAX_S 60.0
#define DELAY_UP_TAU_MS 900000.0 /* slowly: a backlog that stays is no delay of commits */
#define DELAY_DOWN_TAU_MS 60000.0

/* Spans that rates are taken over. */
#define MINUTE_MS 60000
#define SHORTLY_MS 15000
#define BEGINNING_MS 10000

static const struct estimate_point *point(const struct estimate *e, size_t i)
{
	return &e->points[(e->first + i) % ESTIMATE_POINTS];
}

static void push(struct estimate *e, const struct estimate_point *p)
{
	if (e->count == ESTIMATE_POINTS) {
		e->first = (e->first + 1) % ESTIMATE_POINTS;
		e->count--;
	}
	e->points[(e->first + e->count++) % ESTIMATE_POINTS] = *p;
}

void estimate_add(struct estimate *e, const struct observation *o)
{
	struct estimate_point p = {o->at_ms, o->end, o->end - o->lag};

	if (o->quality != QUALITY_COMPLETE || !o->has_end)
		return;
	if (e->count && p.at_ms == e->latest.at_ms)
		return;
	if (e->count &&
		(p.at_ms < e->latest.at_ms || p.end < e->latest.end ||
			p.committed < e->latest.committed || o->partitions != e->partitions))
		e->count = 0;
	e->partitions = o->partitions;
	e->lag = o->lag;
	e->latest = p;
	if (e->count == 0 || p.at_ms - point(e, e->count - 1)->at_ms >= SPACING_MS)
		push(e, &p);
}

/* The newest point that is `span_ms` older than the latest; else the oldest, if half as old. */
static const struct estimate_point *past(const struct estimate *e, int64_t span_ms)
{
	const struct estimate_point *oldest;

	if (e->count == 0)
		return NULL;
	for (size_t i = e->count; i-- > 0;)
		if (e->latest.at_ms - point(e, i)->at_ms >= span_ms)
			return point(e, i);
	oldest = point(e, 0);
	return (e->latest.at_ms - oldest->at_ms) * 2 >= span_ms && e->latest.at_ms > oldest->at_ms
		       ? oldest
		       : NULL;
}

bool estimate_produced(const struct estimate *e, int64_t span_ms, double *ret_rate)
{
	const struct estimate_point *p = past(e, span_ms);

	if (!p)
		return false;
	*ret_rate =
		(double)(e->latest.end - p->end) * 1000.0 / (double)(e->latest.at_ms - p->at_ms);
	return true;
}

bool estimate_committed(const struct estimate *e, int64_t span_ms, double *ret_rate)
{
	const struct estimate_point *p = past(e, span_ms);

	if (!p)
		return false;
	*ret_rate = (double)(e->latest.committed - p->committed) * 1000.0 /
		    (double)(e->latest.at_ms - p->at_ms);
	return true;
}

int64_t estimate_floor(const struct estimate *e, int64_t span_ms)
{
	int64_t least = e->lag;

	for (size_t i = e->count; i-- > 0;) {
		const struct estimate_point *p = point(e, i);

		if (e->latest.at_ms - p->at_ms > span_ms)
			break;
		if (p->end - p->committed < least)
			least = p->end - p->committed;
	}
	return least;
}

double estimate_late(const struct estimate *e, int64_t lag)
{
	double delay_s = e->has_delay ? e->delay_s : DELAY_DEFAULT_S;
	double shortly = 0, longer = 0, produced = 0, throughput, late;

	(void)estimate_committed(e, SHORTLY_MS, &shortly);
	/* In the beginning the commits of the time before are missing. */
	if (!estimate_committed(e, MINUTE_MS, &longer))
		(void)estimate_produced(e, BEGINNING_MS, &produced);
	throughput = fmax(shortly, fmax(longer, produced));
	/* One consumer shows up to twice the mean, just before it commits; a second is for chance, and so is
	 * the root: a single record is no backlog. */
	late = (double)lag - throughput * fmax(1.5 * delay_s + 2.0, 2.0 * delay_s + 0.5) -
	       3 * sqrt((double)lag);
	return late > 0 ? late : 0;
}

static double mean_lag(const struct estimate *e, int64_t span_ms)
{
	double sum = 0;
	size_t count = 0;

	for (size_t i = e->count; i-- > 0; count++) {
		const struct estimate_point *p = point(e, i);

		if (e->latest.at_ms - p->at_ms > span_ms)
			break;
		sum += (double)(p->end - p->committed);
	}
	return count ? sum / (double)count : 0;
}

void estimate_learn_delay(struct estimate *e, bool quiet)
{
	double in, out, seen, share;
	int64_t since = e->latest.at_ms - e->delay_ms;

	if (e->count == 0)
		return;
	e->delay_ms = e->latest.at_ms;
	/* Healthy: over a minute as much was committed as arrived, so that no backlog came or went. */
	if (!quiet || !estimate_produced(e, MINUTE_MS, &in) ||
		!estimate_committed(e, MINUTE_MS, &out) || in <= 0 || fabs(in - out) > 0.02 * in ||
		in * 60 < 100)
		return;
	seen = mean_lag(e, MINUTE_MS) / in;
	seen = seen < DELAY_MIN_S ? DELAY_MIN_S : seen > DELAY_MAX_S ? DELAY_MAX_S : seen;
	if (!e->has_delay) {
		e->has_delay = true;
		e->delay_s = DELAY_DEFAULT_S;
	}
	since = since < 0 ? 0 : since > MINUTE_MS ? MINUTE_MS : since;
	share = 1 - exp(-(double)since / (seen > e->delay_s ? DELAY_UP_TAU_MS : DELAY_DOWN_TAU_MS));
	e->delay_s += share * (seen - e->delay_s);
}

size_t estimate_save(const struct estimate *e, struct estimate_point ret[ESTIMATE_SAVED])
{
	static const int64_t spans[ESTIMATE_SAVED] = {120000, 60000, 30000, 10000, 3000, 0};
	size_t count = 0;

	for (size_t i = 0; i < ESTIMATE_SAVED && e->count; i++) {
		const struct estimate_point *p = spans[i] ? past(e, spans[i]) : &e->latest;

		if (p && (count == 0 || p->at_ms > ret[count - 1].at_ms))
			ret[count++] = *p;
	}
	return count;
}

void estimate_load(
	struct estimate *e, const struct estimate_point *points, size_t count, size_t partitions)
{
	e->first = e->count = 0;
	e->partitions = partitions;
	for (size_t i = 0; i < count; i++) {
		push(e, &points[i]);
		e->latest = points[i];
		e->lag = points[i].end - points[i].committed;
	}
}
