/* Snapshot to Prometheus text format 0.0.4. Pure: no clock, no I/O, no globals.
 * Names, labels and the -1 rule of kafka_exporter; our own series begin with hexlag_. Which series
 * there are, and when one is absent, stands in series.c. */
#ifndef HEXLAG_METRICS_H
#define HEXLAG_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "sidecar/labels.h"

struct snapshot;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_options {
	struct labels labels; /* on every series of the snapshot */
	/* kafka_exporter's --no-offset.show-all: of a group with members only the partitions that
	 * they own, of others only those with a commit. */
	bool assigned_only;
};

/* Appends every series that is a function of the snapshot, sorted by name. NULL: the defaults. */
void metrics_render(
	struct strbuf *out, const struct snapshot *s, const struct metrics_options *options);

/* Building blocks for series of other modules (scaler, process). `type` is "gauge" or "counter". */
void metrics_family(struct strbuf *out, const char *name, const char *type, const char *help);

/* Appends `value` as a label value: backslash, quote and newline escaped, and each byte that is not
 * part of UTF-8 replaced by U+FFFD, so that no name a peer chose can break the exposition. */
void metrics_label_value(struct strbuf *out, const char *value);

/* Appends value / 10^decimals without losing a digit: 1500 with 3 decimals is 1.5. */
void metrics_decimal(struct strbuf *out, int64_t value, unsigned decimals);

/* A family of one sample without labels. */
void metrics_single(struct strbuf *out, const char *name, const char *type, const char *help,
	int64_t value, unsigned decimals);

#endif
