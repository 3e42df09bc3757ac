/* What is known of one group on one topic at one instant: what a threshold is compared with. Pure. */
#ifndef HEXLAG_OBSERVATION_H
#define HEXLAG_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/snapshot.h"

struct observation {
	enum quality quality;
	const char *why; /* of any quality but complete; static text */
	int64_t at_ms;   /* when Kafka was asked: monotonic, of the snapshot */
	int64_t age_ms;  /* of the oldest value in it: 0 where all is fresh */

	/* Sums over the known partitions; partial: of the fresh ones, so a lower bound. Unknown: 0, and of no
	 * meaning. Sums over different sets of partitions cannot be compared. `end` minus `lag` is what is
	 * committed. */
	int64_t lag, end;
	bool has_end; /* `end` is known */
	/* End of the log of the whole topic, which may be known where the group has no commit. */
	int64_t topic_end;
	bool has_topic_end;
	size_t partitions, known; /* of the topic; in the sums */
	bool has_spread;          /* the next two are known */
	size_t with_lag;          /* of the known: those with lag */
	int64_t max_lag;          /* of one partition */

	enum group_state state; /* GROUP_UNKNOWN: nobody said */
	bool has_members;
	size_t members; /* of the group, on all its topics */
};

/* `s` NULL: nothing is known. */
void observation_of(const struct snapshot *s, const char *group, const char *topic,
	enum offset_reset reset, struct observation *ret);

#endif
