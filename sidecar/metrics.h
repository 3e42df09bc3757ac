/* Snapshot to text for Prometheus. Pure: no clock, no I/O, no globals.
 * Which series there are, and when one is absent, stands in series.c (ours and kafka_exporter's) and
 * profile.c (those of other exporters); our own begin with hexlag_. */
#ifndef HEXLAG_METRICS_H
#define HEXLAG_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/exposition.h"
#include "sidecar/labels.h"
#include "sidecar/profile.h"
#include "sidecar/series.h"

struct pattern;
struct snapshot;

struct metrics_options {
	enum profile_id profile;
	struct labels labels; /* on every series of the snapshot */
	/* kafka_exporter's --no-offset.show-all: of a group with members only the partitions that
	 * they own, of others only those with a commit. */
	bool assigned_only;
	bool hide_zero_lag; /* no series of lag, nor of time lag, for a partition of a group at lag 0 */
	const struct pattern
		*per_topic; /* topics without series by group and partition; NULL: none */
	/* 0: no limit. Beyond it whole families go, the most detailed first, always in the same
	 * order, so that a family that is there is there in full. */
	size_t max_series;
	enum series_time_lag time_lag;
};

struct metrics_count {
	size_t series;  /* in the text */
	size_t dropped; /* left out by max_series */
};

/* Appends every series that is a function of the snapshot. NULL: the defaults. Thread: any. */
struct metrics_count metrics_render(
	struct exposition *x, const struct snapshot *s, const struct metrics_options *options);

/* Whether the text takes long enough to make (some milliseconds) that it is better made ahead. */
bool metrics_large(const struct snapshot *s);

#endif
