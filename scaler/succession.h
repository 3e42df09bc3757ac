/* From one leader to the next: what this process remembers of its rules is left to whoever leads after it,
 * and what the leader before left is taken up, by each rule as its first turn comes. The texts go by the
 * hooks take_state and save_state; without them every term begins anew.
 *
 * Owns what the leader before left and no rule has claimed yet. Rules and targets stay the caller's.
 * Thread: one. Embedded: succession_init, succession_release. */
#ifndef HEXLAG_SUCCESSION_H
#define HEXLAG_SUCCESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scaler/ruleset.h"
#include "scaler/target.h"

struct handover;

struct succession {
	const struct scaler_hooks *hooks;
	pthread_mutex_t *lock; /* guards what is remembered in targets */
	struct handover *left; /* by the leader before, and not yet taken up; NULL: nothing */
	int64_t left_ms;       /* when `left` was found */
	int64_t ahead_ms;      /* of our wall clock are the times in it */
	int64_t saved_ms;      /* when what is remembered was last left for the next */
	bool wrote;            /* a size, since the last save; the caller sets it */
	size_t left_out;       /* rules that did not fit when last told */
	size_t fitted;         /* bytes, unpacked, of what was saved last; 0: nothing was */
};

/* `hooks` and `lock` are borrowed until succession_release(). */
void succession_init(struct succession *s, const struct scaler_hooks *hooks, pthread_mutex_t *lock);
void succession_release(struct succession *s);

/* Term `term` of this process begins at `now_ms` (monotonic, as in all that follow): finds what the leader
 * before left. Logs where it cannot be read. */
void succession_begin(struct succession *s, uint64_t term, int64_t now_ms);

/* Lets the rule go on where the leader before was; only the first call for a target does anything. Takes
 * the lock. Logs where what was left cannot be read. */
void succession_resume(
	struct succession *s, const struct ruleset_entry *e, struct target *t, int64_t now_ms);

/* Whether it is time to save again: a size was written, or the last time is some seconds ago. */
bool succession_is_due(const struct succession *s, int64_t now_ms);

/* Leaves what is remembered of these rules, with a target for each, to the next leader. Those that do not
 * fit into HANDOVER_MAX are left out, which is logged as their number changes. */
void succession_save(struct succession *s, uint64_t term, const struct ruleset *rules,
	struct target *const *targets, int64_t now_ms);

#endif
