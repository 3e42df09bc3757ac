/* Whether somebody else fights over the size of a target: a writer that takes back what we write. Pure.
 * Zeroed memory is a target that was never written. Times are monotonic milliseconds. */
#ifndef HEXLAG_CONTEND_H
#define HEXLAG_CONTEND_H

#include <stdbool.h>
#include <stdint.h>

/* A size taken back so long after its write is a change of its own. */
#define CONTEND_REVERT_MAX_MS 600000

/* So many writes taken back within that time are a fight, which we leave alone. After that one write is
 * tried: taken back again, the fight is left for twice as long, up to the most. A storm that is over
 * costs little so, and a lasting fight few writes. */
#define CONTEND_REVERTS 2
#define CONTEND_HOLD_MS 60000
#define CONTEND_HOLD_MAX_MS 600000

struct contend {
	bool written; /* and not yet taken back */
	int32_t from, to;
	int64_t written_ms;
	unsigned reverts;
	int64_t reverted_ms; /* the latest */
	int64_t hold_ms;     /* for how long the latest fight is left alone; 0: there was none */
	int64_t until_ms;    /* contended so long; 0: not */
};

/* We wrote `to` over `from`. */
void contend_wrote(struct contend *c, int32_t from, int32_t to, int64_t now_ms);

/* A size was read. True: our latest write was taken back, fully or beyond what it was before. */
bool contend_read(struct contend *c, int32_t replicas, int64_t now_ms);

/* Whether the target is to be left alone now. */
bool contend_holds(const struct contend *c, int64_t now_ms);

#endif
