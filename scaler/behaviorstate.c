#include "scaler/behaviorstate.h"

#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"

void behavior_state_release(struct behavior_state *s)
{
	free(s->recommendations);
	free(s->ups.items);
	free(s->downs.items);
	*s = (struct behavior_state){0};
}

/* Entries are merged within cells of 2^cell ms that do not move with the clock, and each cell is half of
 * one of the next size. So, however often a list is made smaller, no entry ever gets further than to the
 * end of its cell; with stretches counted from the newest entry, one could be carried along for ever. */
static bool same_cell(int64_t a_ms, int64_t b_ms, int cell)
{
	return a_ms >> cell == b_ms >> cell;
}

/* Recommendations */

/* By time. The list is in order but for entries that were overwritten; qsort() takes four times as long. */
static void sort(struct behavior_recommendation *list, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct behavior_recommendation moved = list[i];
		size_t to = i;

		for (; to > 0 && list[to - 1].at_ms > moved.at_ms; to--)
			list[to] = list[to - 1];
		list[to] = moved;
	}
}

/* Merges the `count` entries of a chain (see below), all but the newest, that share a cell: the newest
 * of them takes the value of the oldest, which outdoes the others. It cannot reach the other chain: the
 * chain's next entry is nearer to that. */
static size_t merge(struct behavior_recommendation *chain, size_t count, int cell)
{
	size_t kept = 1;

	for (size_t i = 1; i < count; i++)
		if (i > 1 && same_cell(chain[i].at_ms, chain[kept - 1].at_ms, cell))
			chain[kept - 1].replicas = chain[i].replicas;
		else
			chain[kept++] = chain[i];
	return kept;
}

/* Makes a chain at most `room` (>= 3) long. */
static size_t thin(struct behavior_recommendation *chain, size_t count, size_t room)
{
	for (int cell = 0; count > room; cell++)
		count = merge(chain, count, cell);
	return count;
}

/* The entries of `list`, in the order of time, that are the highest (`sign` 1) or lowest (-1) of some
 * window that ends now and begins at `cutoff_ms` or later: newest first, each outdoing those before
 * it. The newest is always among them. */
static size_t chain_of(const struct behavior_recommendation *list, size_t count, int64_t cutoff_ms,
	int sign, struct behavior_recommendation *to)
{
	size_t length = 0;

	for (size_t i = count; i-- > 0;)
		if (length == 0 || (list[i].at_ms >= cutoff_ms &&
					   sign * (int64_t)list[i].replicas >
						   sign * (int64_t)to[length - 1].replicas))
			to[length++] = list[i];
	return length;
}

/* Makes `list` at most `room` (>= 8) long, in the order of time, for windows that begin at `cutoff_ms`
 * or later. */
static size_t shrink(
	struct behavior_recommendation *list, size_t count, int64_t cutoff_ms, size_t room)
{
	/* Zeroed for gcc's analyzer (12), which takes a chain of one for one that has to be thinned. */
	struct behavior_recommendation high[BEHAVIOR_RECOMMENDATIONS_MAX] = {0};
	struct behavior_recommendation low[BEHAVIOR_RECOMMENDATIONS_MAX] = {0};
	size_t highs, lows;

	sort(list, count);
	highs = chain_of(list, count, cutoff_ms, 1, high);
	lows = chain_of(list, count, cutoff_ms, -1, low);
	/* The newest is in both. */
	if (highs + lows - 1 > room) {
		size_t high_room = lows < room / 2 ? room - lows : room / 2;

		lows = thin(low, lows, highs < room / 2 ? room - highs : room / 2);
		highs = thin(high, highs, high_room);
	}
	count = highs + lows - 1;
	for (size_t i = 0; i < count; i++) {
		/* Both begin with the newest entry, which goes last. */
		bool from_high =
			lows == 1 || (highs > 1 && high[highs - 1].at_ms <= low[lows - 1].at_ms);

		list[i] = from_high ? high[--highs] : low[--lows];
	}
	return count;
}

void behavior_state_recommend(
	struct behavior_state *s, int32_t replicas, int64_t cutoff_ms, int64_t now_ms)
{
	struct behavior_recommendation new = {.at_ms = now_ms, .replicas = replicas}, *place;

	for (size_t i = s->count; i-- > 0;)
		if (s->recommendations[i].at_ms < cutoff_ms) {
			s->recommendations[i] = new;
			return;
		}
	if (s->count == BEHAVIOR_RECOMMENDATIONS_MAX)
		s->count = shrink(
			s->recommendations, s->count, cutoff_ms, BEHAVIOR_RECOMMENDATIONS_MAX / 2);
	place = mem_append(&s->recommendations, s->count, sizeof(new));
	*place = new;
	s->count++;
}

/* Events */

static int by_event_time(const void *a, const void *b)
{
	const struct behavior_event *x = a, *y = b;

	return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

static int32_t sum(int32_t a, int32_t b)
{
	return a > INT32_MAX - b ? INT32_MAX : a + b;
}

/* Merges the events of `list`, in the order of time, that share a cell: the newest takes the sum. */
static size_t merge_events(struct behavior_event *list, size_t count, int cell)
{
	size_t kept = count;

	for (size_t i = count; i-- > 0;)
		if (kept < count && same_cell(list[i].at_ms, list[kept].at_ms, cell))
			list[kept].change = sum(list[kept].change, list[i].change);
		else
			list[--kept] = list[i];
	memmove(list, list + kept, (count - kept) * sizeof(*list));
	return count - kept;
}

/* Makes `list` at most `room` (>= 2) long; then it is in the order of time. */
static size_t shrink_events(struct behavior_event *list, size_t count, size_t room)
{
	if (count > room)
		qsort(list, count, sizeof(*list), by_event_time);
	for (int cell = 0; count > room; cell++)
		count = merge_events(list, count, cell);
	return count;
}

void behavior_state_event(
	struct behavior_events *list, int32_t change, int64_t period_ms, int64_t now_ms)
{
	struct behavior_event new = {.at_ms = now_ms, .change = change}, *place = NULL;

	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].at_ms < now_ms - period_ms)
			list->items[i].outdated = true;
		if (list->items[i].outdated)
			place = &list->items[i];
	}
	if (!place) {
		if (list->count == BEHAVIOR_EVENTS_MAX)
			list->count =
				shrink_events(list->items, list->count, BEHAVIOR_EVENTS_MAX / 2);
		place = mem_append(&list->items, list->count, sizeof(new));
		list->count++;
	}
	*place = new;
}

int64_t behavior_state_changed(const struct behavior_events *list, int64_t cutoff_ms)
{
	int64_t changed = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].at_ms > cutoff_ms)
			changed += list->items[i].change;
	return changed;
}

/* Saving */

static int64_t age(int64_t at_ms, int64_t now_ms)
{
	int64_t age_ms = now_ms - at_ms;

	return age_ms < 0                           ? 0
	       : age_ms > BEHAVIOR_SAVED_AGE_MAX_MS ? BEHAVIOR_SAVED_AGE_MAX_MS
						    : age_ms;
}

static void save_recommendations(const struct behavior_state *s, int64_t window_ms, int64_t now_ms,
	struct behavior_saved *to)
{
	struct behavior_recommendation list[BEHAVIOR_RECOMMENDATIONS_MAX];
	size_t count = s->count;

	if (count > 0)
		memcpy(list, s->recommendations, count * sizeof(*list));
	if (count > ARRAY_LEN(to->recommendations))
		count = shrink(list, count, now_ms - window_ms, ARRAY_LEN(to->recommendations));
	for (size_t i = 0; i < count; i++)
		to->recommendations[i] = (struct behavior_saved_recommendation){
			.age_ms = age(list[i].at_ms, now_ms),
			.replicas = list[i].replicas,
		};
	to->recommendation_count = count;
}

/* Appends at most `room` events of `list`; those not after `cutoff_ms` only if all can be saved. */
static void save_events(const struct behavior_events *list, int sign, int64_t cutoff_ms,
	size_t room, int64_t now_ms, struct behavior_saved *to)
{
	struct behavior_event events[BEHAVIOR_EVENTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->count <= room || list->items[i].at_ms > cutoff_ms)
			events[count++] = list->items[i];
	count = shrink_events(events, count, room);
	for (size_t i = 0; i < count; i++)
		to->events[to->event_count++] = (struct behavior_saved_event){
			.age_ms = age(events[i].at_ms, now_ms),
			.change = sign * events[i].change,
		};
}

void behavior_state_save(const struct behavior_state *s, int64_t window_ms, int64_t period_ms,
	int64_t now_ms, struct behavior_saved *ret)
{
	size_t half = ARRAY_LEN(ret->events) / 2;
	bool all = s->ups.count + s->downs.count <= ARRAY_LEN(ret->events);
	int64_t cutoff_ms = now_ms - period_ms;

	*ret = (struct behavior_saved){0};
	save_recommendations(s, window_ms, now_ms, ret);
	save_events(&s->ups, 1, cutoff_ms, all ? s->ups.count : half, now_ms, ret);
	save_events(&s->downs, -1, cutoff_ms, all ? s->downs.count : half, now_ms, ret);
}

static void load_event(struct behavior_state *s, int32_t change, int64_t at_ms)
{
	struct behavior_events *list = change > 0 ? &s->ups : &s->downs;
	struct behavior_event *place = mem_append(&list->items, list->count, sizeof(*place));

	*place = (struct behavior_event){.at_ms = at_ms, .change = abs(change)};
	list->count++;
}

void behavior_state_load(struct behavior_state *s, const struct behavior_saved *saved,
	int64_t away_ms, int64_t now_ms)
{
	int64_t away = age(0, away_ms);

	for (size_t i = 0; i < saved->recommendation_count; i++) {
		const struct behavior_saved_recommendation *from = &saved->recommendations[i];
		struct behavior_recommendation *place;

		if (from->age_ms < 0 || from->replicas < 0)
			continue;
		place = mem_append(&s->recommendations, s->count, sizeof(*place));
		*place = (struct behavior_recommendation){
			.at_ms = now_ms - away - age(0, from->age_ms),
			.replicas = from->replicas,
		};
		s->count++;
	}
	for (size_t i = 0; i < saved->event_count; i++) {
		const struct behavior_saved_event *from = &saved->events[i];

		if (from->age_ms >= 0 && from->change != 0 && from->change != INT32_MIN)
			load_event(s, from->change, now_ms - away - age(0, from->age_ms));
	}
}
