/* Lag of every group over the last minutes, for charts. Fed by the collector, read by anybody.
 *
 * A point is taken at most every 5 s and 120 of them are kept: ten minutes, or more where cycles are
 * rarer. All groups share the times; a group whose lag never changed costs a few dozen bytes, any
 * other 1.4 KB. Groups that left the snapshot are forgotten. */
#ifndef HEXLAG_TREND_H
#define HEXLAG_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREND_POINTS_MAX 120

struct snapshot;
struct trend;

struct trend_point {
	int64_t wall_ms;      /* when the cycle began */
	int64_t lag;          /* messages over all partitions with a commit; valid with `has_lag` */
	uint32_t time_lag_ms; /* the largest of them; valid with `has_time_lag` */
	bool has_lag, has_time_lag;
};

struct trend *trend_new(void);
void trend_free(struct trend *t); /* NULL is fine */

/* Takes a point of every group, unless the last one is less than 5 s old. Thread: any. */
void trend_add(struct trend *t, const struct snapshot *s);

/* Copies the points of one group, the oldest first, and returns how many; 0: the group is not known. Thread:
 * any. */
size_t trend_read(
	struct trend *t, const char *group, struct trend_point ret_points[TREND_POINTS_MAX]);

/* One call of `visit` for each group, in the order of their names, with what trend_read() gives, all of
 * one time. The collector waits meanwhile, so `visit` may not block. Thread: any. */
typedef void trend_visit(
	void *ctx, const char *group, const struct trend_point *points, size_t count);
void trend_read_all(struct trend *t, trend_visit *visit, void *ctx);

#endif
