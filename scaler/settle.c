#include "scaler/settle.h"

#include "scaler/rule.h"

/* What was before the first observation is taken to be so long ago; and pods that have not come for so long
 * will not, so that their number tells nothing. */
#define LONG_AGO_MS 60000

static bool rebalances(const struct observation *observations, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (observations[i].state == GROUP_PREPARING_REBALANCE ||
			observations[i].state == GROUP_COMPLETING_REBALANCE)
			return true;
	return false;
}

static void note_pods(struct settle *s, int32_t replicas, int32_t ready, int64_t now_ms)
{
	bool short_of = replicas != ready;

	if (ready != s->ready) {
		s->ready_ms = now_ms;
		if (ready > s->ready)
			s->grown_ms = now_ms;
	}
	if (s->short_of && !short_of && ready > s->ready) {
		int64_t took = now_ms - s->short_ms;

		s->start_ms = s->start_ms ? (s->start_ms + took) / 2 : took;
	}
	if ((short_of && !s->short_of) || replicas != s->replicas)
		s->short_ms = now_ms;
	s->short_of = short_of;
	if (!short_of)
		s->telling = true;
	else if (now_ms - s->short_ms >= LONG_AGO_MS)
		s->telling = false;
	s->replicas = replicas;
	s->ready = ready;
}

void settle_update(struct settle *s, const struct observation *observations, size_t count,
	int32_t replicas, int32_t ready, int64_t now_ms)
{
	bool rebalancing = rebalances(observations, count);

	if (!s->begun) {
		/* What was before is not known: as settled as can be, so that the first reaction is
		 * immediate. */
		*s = (struct settle){.begun = true,
			.rebalancing = rebalancing,
			.since_ms = rebalancing ? now_ms : now_ms - LONG_AGO_MS,
			.replicas = replicas,
			.ready = ready,
			.short_of = replicas != ready,
			.telling = replicas == ready,
			.short_ms = now_ms - RULE_HOLD_LIMIT_MAX_MS,
			.ready_ms = now_ms - LONG_AGO_MS,
			.grown_ms = now_ms - LONG_AGO_MS};
		return;
	}
	if (rebalancing != s->rebalancing) {
		int64_t took = now_ms - s->since_ms;

		/* Half of what a longer one took is forgotten with each that is shorter. */
		if (!rebalancing)
			s->stopped_ms = took > s->stopped_ms ? took : (s->stopped_ms + took) / 2;
		s->rebalancing = rebalancing;
		s->since_ms = now_ms;
	}
	note_pods(s, replicas, ready, now_ms);
}

bool settle_rebalancing(const struct settle *s, int64_t limit_ms, int64_t now_ms)
{
	return s->rebalancing && now_ms - s->since_ms < limit_ms;
}

bool settle_starting(const struct settle *s, int64_t limit_ms, int64_t now_ms)
{
	return s->telling && s->short_of && now_ms - s->short_ms < limit_ms;
}

int64_t settle_quiet_ms(const struct settle *s, int64_t now_ms)
{
	int64_t last = s->since_ms > s->ready_ms ? s->since_ms : s->ready_ms;

	return s->rebalancing ? 0 : now_ms - last;
}
