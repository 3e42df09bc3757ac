/* What is remembered of one rule between decisions. Zeroed memory is a rule that has just begun.
 * Belongs to the thread that decides. All times are of one monotonic clock, in milliseconds. */
#ifndef HEXLAG_CONTROL_H
#define HEXLAG_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scaler/behaviorstate.h"
#include "scaler/capacity.h"
#include "scaler/contend.h"
#include "scaler/efficacy.h"
#include "scaler/estimate.h"
#include "scaler/observation.h"
#include "scaler/rule.h"
#include "scaler/settle.h"

/* Bounds of `wakes` and `regrets`: each doubles a wait. */
#define CONTROL_WAKES_MAX 3
#define CONTROL_REGRETS_MAX 3

/* One threshold as the latest decision saw it, for explanations. */
struct threshold_look {
	struct observation seen;
	bool has_proposal; /* false: the data was of no use */
	bool tolerated;    /* near enough to right: the proposal is the present size */
	int32_t proposal;  /* replicas, before tolerance, caps and bounds */
};

/* What is learned of one threshold over time: about 4 KiB. */
struct threshold_watch {
	struct estimate estimate;
	struct capacity capacity;
	size_t partitions; /* of the topic, when last known; 0: never */
	/* The end of the log when last there was no lag, or a fallback sent the target to zero. Kafka forgets the commits of a group without
	 * members after offsets.retention; what is behind this end has come since. */
	int64_t quiet_end;
	bool has_quiet_end;
};

struct control {
	struct threshold_look *looks;    /* one for each threshold of the rule, in its order */
	struct threshold_watch *watches; /* likewise */
	size_t look_count;

	bool has_written;
	int64_t written_ms; /* when the size was last changed by us */

	struct settle settle;
	struct behavior_state behavior;
	struct efficacy efficacy;
	struct efficacy_look efficacy_look; /* of the latest decision, for a write of it */

	bool has_raised, has_lowered;
	int64_t raised_ms, lowered_ms; /* when by us, last */
	/* For a backlog, and more than the produce rate needs: what the latest decision asks for, the last
	 * raise. */
	bool to_drain, raised_to_drain;
	/* To learn the capacity: what the latest decision asks for, the last lowering. */
	bool probing, lowered_to_probe;
	int32_t regrets; /* how often of late a lowering had to be taken back soon */

	bool has_resumed; /* what another process remembered */
	int64_t resumed_ms;

	bool has_decided;
	int64_t decided_ms; /* the latest decision */
	int64_t spacing_ms; /* between the two before it; 0: not known */
	bool has_usable;
	int64_t usable_ms; /* when the data was last good enough to decide by, or the beginning */
	bool has_idle;
	int64_t idle_ms; /* since when the lag is known to be zero all the time */
	bool has_slept;
	int64_t slept_ms; /* when the target was last scaled to zero by us */
	int32_t wakes;    /* how often in a row it was woken soon after */

	struct contend contend;
};

void control_release(struct control *c); /* empties it: as just begun */

/* The rule is another one for the same target: what was learned of a threshold stays where the new rule has
 * it, too; what hangs on the thresholds as a whole begins anew where they are others. */
void control_rule_changed(struct control *c, const struct rule *before, const struct rule *after);

/* To be told after a write of `to` over `from` succeeded, or was left out for dryRun: then nobody can take it
 * back. */
void control_wrote(
	struct control *c, const struct rule *rule, int32_t from, int32_t to, int64_t now_ms);

/* Whether lowering is to wait, since it was done too early before. Who configures windows has chosen. */
bool control_regrets(const struct control *c, const struct rule *r, int64_t now_ms);

/* Makes room for `thresholds`; another number than before forgets what was known of each. */
void control_fit(struct control *c, size_t thresholds);

#endif
