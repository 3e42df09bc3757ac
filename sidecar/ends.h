/* How the end offset of one partition moved: a bounded number of (time, end offset) samples, dense for
 * the last minutes and thinner with age. Pure. Times are ticks of any length on one clock that never
 * steps back.
 *
 * A record was written between the last sample that did not have it and the first one that had; within
 * those records are taken to have come evenly. The error is at most the distance of the two samples,
 * which thinning keeps in proportion to their age: nothing where the rate was steady or zero, a few
 * per cent of the time lag elsewhere. Nothing is ever said of what came before the first sample. */
#ifndef HEXLAG_ENDS_H
#define HEXLAG_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#define ENDS_MAX 24 /* samples; 12 bytes each, allocated as they come */

struct ends {
	void *block;         /* offsets (int64_t), then times (uint32_t) */
	int64_t start;       /* log start offset of the last reading */
	uint8_t count, room; /* samples */
};

struct ends_sample {
	int64_t offset;
	uint32_t at;
};

/* Frees the samples and makes `e` empty, as a zeroed one is. */
void ends_release(struct ends *e);

/* Enters a reading; `at` is not before the last one. What was read before is forgotten where the topic
 * must have been recreated: an end or start offset that went back. An end that went back by less than
 * the last step is a leader that knows of a little less, and is only corrected. */
void ends_add(struct ends *e, uint32_t at, int64_t start, int64_t end);

/* Puts a saved sample behind the last one. False, and nothing done: it does not come later, or there is
 * no room. */
bool ends_restore(struct ends *e, struct ends_sample sample);

/* When the record at `offset` was written. False: it was not written yet at the last reading, or
 * before the first sample. */
bool ends_written(const struct ends *e, int64_t offset, uint32_t *ret_at);

/* The sample with this index, below `count`, the oldest first. */
struct ends_sample ends_get(const struct ends *e, uint8_t index);

/* Moves the origin of time by `by` ticks; what would be before it is forgotten. */
void ends_rebase(struct ends *e, uint32_t by);

#endif
