/* What is remembered of one rule between decisions. Zeroed memory is a rule that has just begun.
 * Belongs to the thread that decides. All times are of one monotonic clock, in milliseconds. */
#ifndef HEXLAG_CONTROL_H
#define HEXLAG_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scaler/observation.h"

/* One threshold as the latest decision saw it, for explanations. */
struct threshold_look {
	struct observation seen;
	bool has_proposal; /* false: the data was of no use */
	int32_t proposal;  /* replicas, before tolerance, caps and bounds */
};

struct control {
	struct threshold_look *looks; /* one for each threshold of the rule, in its order */
	size_t look_count;

	bool has_written;
	int64_t written_ms; /* when the size was last changed by us */
};

void control_release(struct control *c);

#endif
