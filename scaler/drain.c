#include "scaler/drain.h"

#include <math.h>

#include "scaler/cap.h"

#define QUICK_MS 3000
#define FAST_MS 10000
#define SLOW_MS 60000

#define HEADROOM 0.95 /* of a measured capacity is used when a size is chosen */
#define BUSY 0.98     /* up to so much of it the present size is left alone */

/* A raise takes about so long to help, besides the rebalance. */
#define START_S 10.0

/* A raise has to be rid of a backlog in this share of the time that it takes without. */
#define WORTH 0.6

/* After a change the first commits tell of the time before. */
#define GRACE_MS 10000

/* So long after a change, and with new replicas ready for so long, what is committed tells what they
 * carry. */
#define SEEN_MS 17000
#define WARM_MS 45000

/* Below what is proven the way is felt: by at most so much more load for each consumer, and more with
 * each such time of calm. */
#define PROBE 1.4
#define PROBE_MS 900000.0
#define PROBE_CALM_MS 240000 /* for so long nothing may have changed before */

/* Records per second that arrive, over spans of several lengths. */
struct rates {
	double quick, fast, slow;
	double soon; /* slow, as it will be if it goes on rising */
};

static bool get_rates(const struct estimate *e, struct rates *ret)
{
	double longer;

	if (!estimate_produced(e, FAST_MS, &ret->fast))
		return false;
	if (!estimate_produced(e, SLOW_MS, &ret->slow))
		ret->slow = ret->fast;
	ret->soon = ret->slow;
	if (estimate_produced(e, 2 * SLOW_MS, &longer) && longer < ret->slow)
		ret->soon += 2 * (ret->slow - longer);
	if (!estimate_produced(e, QUICK_MS, &ret->quick))
		ret->quick = ret->fast;
	return true;
}

static int32_t at_least_one(int32_t replicas)
{
	return replicas < 1 ? 1 : replicas;
}

/* Where no saturation was ever seen: the next size below, as long as nobody is asked to do much more than
 * has been seen to work. The way up is known then, since that is where the capacity is learned. */
static int32_t probe(const struct drain_look *look, const struct rates *r, double per)
{
	double rate = fmax(r->fast, r->slow);
	int32_t below = cap_step_below(look->replicas, look->partitions);
	double limit = per * pow(PROBE, 1 + floor((double)look->calm_ms / PROBE_MS));

	if (look->partitions == 0)
		below = look->replicas - 1;
	return below >= 1 && look->calm_ms >= PROBE_CALM_MS &&
			       rate / cap_effective(below, look->partitions) <= limit
		       ? below
		       : cap_step(look->replicas, look->partitions);
}

static int32_t steady_size(
	const struct drain_look *look, const struct rates *r, double per, bool saturated)
{
	double rate = r->slow;
	double headroom = saturated ? HEADROOM : 1.0;
	int32_t size = at_least_one(cap_size_for(rate / (per * headroom), look->partitions));

	if (size > look->replicas && !saturated)
		size = look->replicas;
	if (size > look->replicas &&
		rate <= BUSY * per * cap_effective(look->replicas, look->partitions))
		return look->replicas;
	if (!saturated && size >= cap_step(look->replicas, look->partitions))
		return probe(look, r, per);
	return size;
}

/* Whether `size` would be rid of the backlog so much earlier than the present one that the stop for a
 * rebalance is worth it. */
static bool worth(const struct drain_look *look, int32_t size, double rate, double late, double per,
	double carry)
{
	double now = carry - rate;
	double then = per * cap_effective(size, look->partitions) - rate;
	double stop_s = (double)look->stopped_ms / 1000 + 1;
	double start_s = look->start_ms ? (double)look->start_ms / 1000 : START_S;
	double wait_s = start_s + stop_s;
	double left = late - fmax(now, 0) * start_s + rate * stop_s;

	if (now <= 0 || then <= 0)
		return true;
	return wait_s + fmax(left, 0) / then < WORTH * (late / now);
}

/* The size that is rid of the backlog in time. A backlog of little time is left more of it where the size
 * for the produce rate will do: each step beyond would only have to be taken back. */
static int32_t size_to_drain(const struct drain_look *look, const struct drain_answer *a,
	double drain_s, double headroom)
{
	double per = a->per * headroom;
	int32_t least = at_least_one(cap_size_for(a->rate / per, look->partitions));
	double spare = a->per * cap_effective(least, look->partitions) - a->rate;

	if (!a->urgent && a->late <= a->rate * drain_s / 2 && spare > 0 &&
		a->late + a->rate * 5 <= spare * drain_s * 4)
		return least;
	return at_least_one(cap_size_for((a->rate + a->late / drain_s) / per, look->partitions));
}

/* What the consumers carry now. As soon as new ones are warm it is seen where there is a backlog, and what
 * is seen counts: some partitions may have more load than others. */
static double carried(const struct drain_look *look, double late, double per)
{
	double carry = per * cap_effective(look->ready, look->partitions), seen;

	if (late > 0 && look->quiet_ms >= SEEN_MS && look->grown_ms >= WARM_MS &&
		estimate_committed(look->estimate, FAST_MS, &seen) && seen < carry)
		return seen;
	return carry;
}

/* Lower than now: not with a backlog, nor below what a rate that rises will soon need. */
static int32_t lowered(const struct drain_look *look, const struct drain_answer *a,
	const struct rates *r, double headroom)
{
	double rate = fmax(r->fast, r->soon);
	int32_t least = cap_size_for(rate / (a->per * headroom), look->partitions);

	if (a->late > 0)
		return look->replicas;
	least = least > look->replicas ? look->replicas : least;
	return a->want > least || headroom >= 1 ? a->want : least;
}

/* One partition, or few, with most of the backlog: their consumers have too much, not all. */
static bool lopsided(const struct drain_look *look)
{
	return look->has_spread && look->partitions >= 4 && look->max_lag > look->lag / 3;
}

void drain_propose(const struct rule *rule, const struct drain_look *look, struct drain_answer *ret)
{
	double carry, highest, headroom, drain_s = (double)rule->drain_time_ms / 1000;
	bool given = rule->rate_per_replica > 0;
	bool saturated = given || look->capacity->saturated;
	double per = given ? (double)rule->rate_per_replica : look->capacity->per;
	struct rates r;
	int32_t raised;

	*ret = (struct drain_answer){.want = look->replicas, .steady = look->replicas};
	if (!get_rates(look->estimate, &r))
		return;
	ret->late = estimate_late(look->estimate, look->lag);
	ret->rate = r.slow;
	ret->per = per;
	if (!given && !look->capacity->known) {
		/* Nothing was ever seen to be carried: a backlog is the only measure. */
		ret->known = ret->late > 0;
		ret->want = !ret->known                      ? look->replicas
			    : look->replicas > INT32_MAX / 2 ? INT32_MAX
							     : look->replicas * 2;
		return;
	}
	ret->known = true;
	highest = fmax(r.quick, fmax(r.fast, r.slow));
	headroom = saturated ? HEADROOM : 1.0;
	carry = carried(look, ret->late, per);
	ret->urgent =
		carry <= 0 || (ret->late + (r.fast - carry) * (START_S + 5)) / carry > drain_s / 2;
	ret->steady = steady_size(look, &r, per, saturated);
	ret->probing = !saturated && ret->steady < look->replicas;
	ret->want = ret->steady;
	if (ret->want < look->replicas)
		ret->want = lowered(look, ret, &r, headroom);
	if (ret->urgent || ret->steady > look->replicas)
		ret->rate = highest;
	raised = size_to_drain(look, ret, drain_s, headroom);
	if (ret->late > 0 && raised > look->replicas && lopsided(look))
		raised = cap_size_for(raised + 1, look->partitions);
	if (raised <= ret->want || raised <= look->replicas)
		return;
	/* A lower bound of the capacity proves nothing as long as all is done in time. */
	if (ret->late <= 0 ? (ret->urgent && saturated) || ret->steady > look->replicas
			   : look->quiet_ms >= GRACE_MS &&
				     worth(look, raised, ret->rate, ret->late, per, carry))
		ret->want = raised;
}

void drain_propose_rate(
	const struct rule *rule, const struct drain_look *look, struct drain_answer *ret)
{
	double per = (double)rule->rate_per_replica;
	struct rates r;

	*ret = (struct drain_answer){.want = look->replicas, .steady = look->replicas, .per = per};
	if (!get_rates(look->estimate, &r))
		return;
	ret->known = true;
	ret->late = estimate_late(look->estimate, look->lag);
	/* Noise is not followed, a burst is. */
	ret->urgent = r.fast > 1.3 * r.slow;
	ret->rate = ret->urgent ? r.fast : r.slow;
	ret->want = at_least_one((int32_t)fmin(ceil(ret->rate / per - 1e-9), 1e9));
	/* Where the partitions do not divide evenly the fullest replica is to carry its share, too. */
	if (rule->partition_steps != STEPS_OFF && (size_t)ret->want < look->partitions)
		ret->want = at_least_one(cap_size_for(ret->rate / per, look->partitions));
	ret->steady = ret->want;
}

int32_t drain_floor(const struct drain_look *look)
{
	struct rates r;

	if (!look->capacity->saturated)
		return 0;
	/* After a restart the rates come a little later than the first lag. */
	if (!get_rates(look->estimate, &r))
		return INT32_MAX;
	return at_least_one(
		cap_size_for(r.slow / (look->capacity->per * HEADROOM), look->partitions));
}
