/* Points of lag over time: spacing, bound, groups that come and go, values that are not known. */
#include "sidecar/trend.h"

#include "tests/tap.h"
#include "tests/unit/handmade.h"

/* A snapshot at `at_ms` with one partition and the groups of `names`, all with `lag` (NONE: no commit). */
static void add(struct trend *t, int64_t at_ms, const char *const *names, int64_t lag)
{
	struct snapshot *s = empty_snapshot();

	s->mono_ms = at_ms;
	s->wall_ms = 1000000 + at_ms;
	add_topic(s, "t", 1)->partitions[0].end = 1000000;
	for (; *names; names++) {
		struct group_partition *gp = add_commits(s, add_group(s, *names, 0), "t",
			&(int64_t){lag == NONE ? NONE : 1000000 - lag});

		gp->has_time_lag = lag != NONE && lag < 1000;
		gp->time_lag_ms = gp->has_time_lag ? (uint32_t)lag * 10 : 0;
	}
	trend_add(t, s);
	snapshot_unref(s);
}

static void check_points(void)
{
	static const char *const one[] = {"a", NULL}, *const two[] = {"a", "b", NULL};
	struct trend_point p[TREND_POINTS_MAX];
	struct trend *t = trend_new();

	TAP_INT("nothing is known before the first point", trend_read(t, "a", p), 0);
	add(t, 1000, one, 5);
	add(t, 3000, one, 99);
	TAP_INT("a point within 5 s is left out", trend_read(t, "a", p), 1);
	add(t, 5990, two, 7);
	TAP_INT("jitter does not cost a point", trend_read(t, "a", p), 2);
	TAP_INT("the oldest comes first", p[0].lag, 5);
	TAP_INT("and the newest last", p[1].lag, 7);
	TAP_INT("with its wall time", p[1].wall_ms, 1005990);
	TAP_INT("and its time lag", p[1].time_lag_ms, 70);
	TAP_INT("a new group begins where it was first seen", trend_read(t, "b", p), 1);
	add(t, 11000, two, NONE);
	(void)trend_read(t, "a", p);
	TAP_TRUE("a lag that is not known is marked", !p[2].has_lag && !p[2].has_time_lag);
	add(t, 16000, two, 2000);
	(void)trend_read(t, "a", p);
	TAP_TRUE("so is a time lag", p[3].has_lag && !p[3].has_time_lag);
	add(t, 21000, two + 1, 1);
	TAP_INT("a group that left is forgotten", trend_read(t, "a", p), 0);
	TAP_INT("the others stay", trend_read(t, "b", p), 4);
	trend_free(t);
}

static void check_bound(void)
{
	static const char *const one[] = {"a", NULL};
	struct trend_point p[TREND_POINTS_MAX];
	struct trend *t = trend_new();
	bool flat = true, rising = true;

	for (int64_t i = 0; i < 300; i++)
		add(t, i * 5000, one, 3);
	TAP_INT("points are bounded", trend_read(t, "a", p), TREND_POINTS_MAX);
	TAP_INT("and the newest are kept", p[0].wall_ms, 1000000 + 180 * 5000);
	for (int64_t i = 300; i < 360; i++)
		add(t, i * 5000, one, i);
	(void)trend_read(t, "a", p);
	for (int i = 0; i < 60; i++) {
		flat &= p[i].lag == 3;
		rising &= p[60 + i].lag == 300 + i;
	}
	TAP_TRUE("what came before the first change is still right", flat);
	TAP_TRUE("and what came after", rising);
	trend_free(t);
}

static void count_visit(
	void *ctx, const char *group, const struct trend_point *points, size_t count)
{
	char *text = ctx;
	size_t used = strlen(text);

	(void)snprintf(text + used, 100 - used, "%s:%zu:%d ", group, count, (int)points[0].lag);
}

static void check_all(void)
{
	static const char *const two[] = {"a", "b", NULL};
	struct trend *t = trend_new();
	char text[100] = "";

	add(t, 0, two, 5);
	add(t, 5000, two, 6);
	trend_read_all(t, count_visit, text);
	TAP_STR("all groups are read in order", text, "a:2:5 b:2:5 ");
	trend_free(t);
}

int main(void)
{
	check_points();
	check_bound();
	check_all();
	return tap_done();
}
