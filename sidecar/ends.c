#include "sidecar/ends.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* Of two samples that matter equally to the shape, that with the longer gap around it stays; a gap
 * counts so much less than a false time. */
#define GAP_WEIGHT 16.0

static int64_t *offsets_of(const struct ends *e)
{
	return e->block;
}

static uint32_t *times_of(const struct ends *e)
{
	return (uint32_t *)(void *)(offsets_of(e) + e->room);
}

void ends_release(struct ends *e)
{
	free(e->block);
	*e = (struct ends){0};
}

static void grow(struct ends *e)
{
	struct ends bigger = *e;

	bigger.room = e->room == 0 ? 2 : e->room < ENDS_MAX / 2 ? e->room * 2 : ENDS_MAX;
	bigger.block = mem_alloc(bigger.room * (sizeof(int64_t) + sizeof(uint32_t)));
	if (e->count) {
		memcpy(offsets_of(&bigger), offsets_of(e), e->count * sizeof(int64_t));
		memcpy(times_of(&bigger), times_of(e), e->count * sizeof(uint32_t));
	}
	free(e->block);
	*e = bigger;
}

static void drop(struct ends *e, uint8_t index)
{
	size_t behind = (size_t)(e->count - index - 1);

	memmove(offsets_of(e) + index, offsets_of(e) + index + 1, behind * sizeof(int64_t));
	memmove(times_of(e) + index, times_of(e) + index + 1, behind * sizeof(uint32_t));
	e->count--;
}

/* What forgetting sample `i` would cost, in proportion to its age: by how much the time of its offset
 * would be wrong, and, for much less, how long the gap would be. */
static double worth(const struct ends *e, uint8_t i, uint32_t now)
{
	const int64_t *o = offsets_of(e);
	const uint32_t *t = times_of(e);
	double gap = (double)t[i + 1] - t[i - 1], age = (double)now - t[i] + 1;
	double step = (double)(o[i + 1] - o[i - 1]), wrong = 0;

	if (step > 0)
		wrong = t[i] - (t[i - 1] + gap * (double)(o[i] - o[i - 1]) / step);
	return ((wrong < 0 ? -wrong : wrong) + gap / GAP_WEIGHT) / age;
}

static void thin(struct ends *e, uint32_t now)
{
	uint8_t least = 1;
	double least_worth = worth(e, 1, now);

	for (uint8_t i = 2; i + 1 < e->count; i++) {
		double w = worth(e, i, now);

		if (w < least_worth) {
			least = i;
			least_worth = w;
		}
	}
	drop(e, least);
}

static void append(struct ends *e, uint32_t at, int64_t end)
{
	if (e->count == e->room)
		grow(e);
	offsets_of(e)[e->count] = end;
	times_of(e)[e->count++] = at;
}

/* Settles an end that went back, or a start that did. */
static void step_back(struct ends *e, int64_t start, int64_t end)
{
	int64_t *o = offsets_of(e);

	if (start >= e->start && e->count >= 2 && end >= o[e->count - 2])
		o[e->count - 1] = end;
	else
		e->count = 0;
}

void ends_add(struct ends *e, uint32_t at, int64_t start, int64_t end)
{
	if (e->count && (end < offsets_of(e)[e->count - 1] || start < e->start))
		step_back(e, start, end);
	e->start = start;
	/* Who is behind the log start has lost its records: their times are of no use. */
	while (e->count >= 2 && offsets_of(e)[1] <= start)
		drop(e, 0);
	if (e->count >= 2 && end == offsets_of(e)[e->count - 1] &&
		end == offsets_of(e)[e->count - 2]) {
		times_of(e)[e->count - 1] = at; /* of an idle time only both ends matter */
		return;
	}
	if (e->count == ENDS_MAX)
		thin(e, at);
	append(e, at, end);
}

bool ends_restore(struct ends *e, struct ends_sample sample)
{
	if (e->count == ENDS_MAX || (e->count && (sample.offset < offsets_of(e)[e->count - 1] ||
							 sample.at < times_of(e)[e->count - 1])))
		return false;
	append(e, sample.at, sample.offset);
	return true;
}

bool ends_written(const struct ends *e, int64_t offset, uint32_t *ret_at)
{
	const int64_t *o = offsets_of(e);
	const uint32_t *t;
	uint8_t i = e->count;
	double share;

	if (e->count == 0 || offset < o[0] || offset >= o[e->count - 1])
		return false;
	t = times_of(e);
	/* Most commits are near the end. */
	do
		i--;
	while (o[i] > offset);
	/* The middle of the record's own share of the time between the two samples. */
	share = ((double)(offset - o[i]) + 0.5) / (double)(o[i + 1] - o[i]);
	*ret_at = t[i] + (uint32_t)((double)(t[i + 1] - t[i]) * share);
	return true;
}

struct ends_sample ends_get(const struct ends *e, uint8_t index)
{
	return (struct ends_sample){offsets_of(e)[index], times_of(e)[index]};
}

void ends_rebase(struct ends *e, uint32_t by)
{
	while (e->count && times_of(e)[0] < by)
		drop(e, 0);
	for (uint8_t i = 0; i < e->count; i++)
		times_of(e)[i] -= by;
}
