/* Snapshot to Prometheus text format 0.0.4. Pure: no clock, no I/O, no globals.
 * Names, labels and the -1 rule of kafka_exporter; our own series begin with hexlag_. Which series
 * there are, and when one is absent, stands in series.c. */
#ifndef HEXLAG_METRICS_H
#define HEXLAG_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "sidecar/labels.h"
#include "sidecar/series.h"

struct snapshot;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_options {
	struct labels labels; /* on every series of the snapshot */
	/* kafka_exporter's --no-offset.show-all: of a group with members only the partitions that
	 * they own, of others only those with a commit. */
	bool assigned_only;
	enum series_time_lag time_lag;
};

/* Appends every series that is a function of the snapshot, sorted by name. NULL: the defaults. */
void metrics_render(
	struct strbuf *out, const struct snapshot *s, const struct metrics_options *options);

#endif
