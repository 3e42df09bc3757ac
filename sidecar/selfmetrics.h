/* Series about this process, under the names that Prometheus client libraries share, and about the text
 * that they end. They are read when asked for, from /proc/self and the clocks; what cannot be read is
 * absent.
 * Embedded: selfmetrics_init. Thread: one at a time. */
#ifndef HEXLAG_SELFMETRICS_H
#define HEXLAG_SELFMETRICS_H

#include <stdint.h>

#include "common/exposition.h"

struct text;

struct selfmetrics {
	int64_t start_ms; /* wall clock, when the process began; 0 unknown */
	int64_t scrapes;
};

void selfmetrics_init(struct selfmetrics *sm);

/* Counts one scrape and appends the series. `text` is that of the snapshot; NULL: there is none yet. */
void selfmetrics_append(struct selfmetrics *sm, const struct text *text, struct exposition *x);

extern const struct family selfmetrics_families[]; /* the families that it appends */

#endif
