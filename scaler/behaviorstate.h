/* What `behavior` (scaler/behavior.h) remembers of one rule: what was recommended, and what was
 * changed. Bounded, however fast decisions are made: 128 recommendations and 64 changes a direction.
 *
 * Up to these bounds the lists are those of the HPA controller, entry by entry: it overwrites only
 * what is older than the present windows and periods, which can be seen when one of them grows.
 * A list that is full is made smaller: recommendations that a later one outdoes can count in no window
 * and go; should too many be left, neighbours in time are merged so that the more careful value counts
 * longer, by at most a fifteenth of the window. Changes are merged likewise: the sum counts as long as
 * the later one.
 *
 * All times are milliseconds of one monotonic clock of the caller. Zeroed: just started.
 * Thread: one at a time. */
#ifndef HEXLAG_BEHAVIORSTATE_H
#define HEXLAG_BEHAVIORSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEHAVIOR_RECOMMENDATIONS_MAX 128
#define BEHAVIOR_EVENTS_MAX 64 /* of one direction */

struct behavior_recommendation {
	int64_t at_ms;
	int32_t replicas; /* as proposed: before windows, rates and bounds */
};

struct behavior_event {
	int64_t at_ms;
	int32_t change; /* replicas added or removed, > 0 */
	bool outdated;  /* may be overwritten; still counts in a period that reaches so far */
};

struct behavior_events {
	struct behavior_event *items;
	size_t count;
};

struct behavior_state {
	struct behavior_recommendation *recommendations;
	size_t count; /* of them */
	struct behavior_events ups, downs;
};

void behavior_state_release(struct behavior_state *s); /* empties it: as just started */

/* Stores a recommendation in the place of the last in the list from before `cutoff_ms`, the beginning
 * of the longer window; appends where there is none. */
void behavior_state_recommend(
	struct behavior_state *s, int32_t replicas, int64_t cutoff_ms, int64_t now_ms);

/* Stores a change of `change` (> 0) replicas in the place of the last in `list` that was ever older
 * than `period_ms`, the longest period of the direction; appends where there is none. */
void behavior_state_event(
	struct behavior_events *list, int32_t change, int64_t period_ms, int64_t now_ms);

/* Replicas added (or removed) by the events of `list` after `cutoff_ms`. */
int64_t behavior_state_changed(const struct behavior_events *list, int64_t cutoff_ms);

/* The state as plain data that can outlive the process: the caller writes it where it lasts. */
#define BEHAVIOR_SAVED_RECOMMENDATIONS 24
#define BEHAVIOR_SAVED_EVENTS 32

struct behavior_saved {
	size_t recommendation_count, event_count;
	struct behavior_saved_recommendation {
		int64_t age_ms; /* 0 to BEHAVIOR_SAVED_AGE_MAX_MS */
		int32_t replicas;
	} recommendations[BEHAVIOR_SAVED_RECOMMENDATIONS]; /* their order matters */
	struct behavior_saved_event {
		int64_t age_ms;
		int32_t change;          /* above 0: replicas added; below: removed */
	} events[BEHAVIOR_SAVED_EVENTS]; /* likewise */
};

/* Older than every window and period: no older age needs to be told from it. */
#define BEHAVIOR_SAVED_AGE_MAX_MS 3600001

/* The state at `now_ms`. What fits is saved as it is. Of longer lists, what began before `window_ms`
 * (the longer window) or `period_ms` (the longest period) ago is left out, and the rest made smaller
 * as above, so that it counts longer by at most a fifth of the window or period. */
void behavior_state_save(const struct behavior_state *s, int64_t window_ms, int64_t period_ms,
	int64_t now_ms, struct behavior_saved *ret);

/* Sets `s` (empty) to what was saved `away_ms` (>= 0) ago; `now_ms` may be of another clock than when it
 * was saved. Who does not know how long it was gives too little, so that all counts longer. Entries
 * that cannot be (negative ages or replicas, no change) are left out. */
void behavior_state_load(struct behavior_state *s, const struct behavior_saved *saved,
	int64_t away_ms, int64_t now_ms);

#endif
