#include "scaler/cap.h"
#include "scaler/capacity.h"
#include "tests/tap.h"

#define NEAR(name, got, want) TAP_TRUE(name, (got) > (want)*0.98 && (got) < (want)*1.02 + 0.001)

static struct observation seen(int64_t at_ms, int64_t end, int64_t committed)
{
	return (struct observation){.quality = QUALITY_COMPLETE,
		.at_ms = at_ms,
		.has_end = true,
		.end = end,
		.lag = end - committed,
		.partitions = 24,
		.known = 24};
}

/* A group that is given `in` records a second and commits `out`, observed every `step_ms`. */
static void feed(
	struct estimate *e, int64_t from_ms, int64_t to_ms, int64_t step_ms, double in, double out)
{
	int64_t end = e->count ? e->latest.end : 1000000;
	int64_t committed = e->count ? e->latest.committed : 1000000;

	for (int64_t t = from_ms; t < to_ms; t += step_ms) {
		end += (int64_t)(in * (double)step_ms / 1000);
		committed += (int64_t)(out * (double)step_ms / 1000);
		estimate_add(e, &(struct observation){0});
		estimate_add(e, (struct observation[]){seen(t, end, committed)});
	}
}

static void test_rates(void)
{
	static const int64_t steps[] = {100, 250, 1000, 10000, 60000, 3600000};
	double rate;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct estimate e = {0};

		TAP_TRUE("nothing seen, nothing said", !estimate_produced(&e, 10000, &rate));
		feed(&e, 0, 300 * steps[i], steps[i], 500, 400);
		TAP_TRUE("whatever the interval", estimate_produced(&e, 10000, &rate));
		NEAR("what arrives is known", rate, 500);
		TAP_TRUE("and what is committed", estimate_committed(&e, 10000, &rate));
		NEAR("is known, too", rate, 400);
		TAP_TRUE("memory is bounded", e.count <= ESTIMATE_POINTS);
	}
}

static void test_gaps(void)
{
	struct estimate e = {0};
	struct observation partial = seen(130000, 10, 5);
	double rate = 0;

	feed(&e, 0, 120000, 1000, 500, 500);
	partial.quality = QUALITY_PARTIAL;
	estimate_add(&e, &partial);
	TAP_INT("partial sums are not compared with whole ones", e.latest.at_ms, 119000);
	partial.quality = QUALITY_STALE;
	estimate_add(&e, &partial);
	TAP_INT("nor old ones", e.latest.at_ms, 119000);
	partial = seen(219000, e.latest.end + 100000, e.latest.committed + 50000);
	estimate_add(&e, &partial);
	TAP_TRUE("a gap is bridged", estimate_produced(&e, 10000, &rate));
	NEAR("by the mean over it", rate, 1000);
	partial = seen(220000, 5, 5);
	estimate_add(&e, &partial);
	TAP_TRUE("a topic made anew begins anew", !estimate_produced(&e, 10000, &rate));
	partial = seen(221000, 50, 5);
	partial.partitions = 48;
	estimate_add(&e, &partial);
	TAP_INT("so do more partitions", e.count, 1);
}

static void test_late(void)
{
	struct estimate e = {0};
	int64_t committed = 1000000;

	/* A commit every 5 s: 2.5 s of work on average is not committed yet. */
	for (int64_t t = 0; t < 300000; t += 1000) {
		if (t % 5000 == 0)
			committed = 1000000 + t;
		estimate_add(&e, (struct observation[]){seen(t, 1000000 + t, committed)});
		estimate_learn_delay(&e, true);
	}
	TAP_TRUE("what is not committed yet is no backlog", estimate_late(&e, e.lag) <= 0);
	TAP_TRUE("30 s of work are", estimate_late(&e, 30000) > 20000);
	TAP_TRUE("the floor is below the lag of a moment", estimate_floor(&e, 5000) <= e.lag);
	e = (struct estimate){0};
	feed(&e, 0, 100000, 1000, 1, 1);
	TAP_TRUE("single records are no backlog", estimate_late(&e, 9) <= 0);
}

/* One look a second for a minute. */
static void look(struct capacity *c, struct estimate *e, int64_t from_ms, int32_t ready, double in,
	double out, double late)
{
	for (int64_t t = from_ms; t < from_ms + 60000; t += 1000) {
		struct capacity_look l = {.now_ms = t,
			.late = late,
			.ready = ready,
			.quiet_ms = t - from_ms,
			.grown_ms = 200000,
			.downward = true};

		feed(e, t, t + 1, 1000, in, out);
		capacity_learn(c, e, &l);
	}
}

static void test_capacity(void)
{
	struct estimate e = {0};
	struct capacity c = {0};

	look(&c, &e, 1000, 6, 3000, 3000, 0);
	TAP_TRUE("without a backlog it is a lower bound", c.known && !c.saturated);
	NEAR("of what was seen", c.per, 500);
	look(&c, &e, 61000, 6, 9000, 6000, 90000);
	TAP_TRUE("with one it is measured", c.saturated);
	NEAR("as it is", c.per, 1000);
	look(&c, &e, 121000, 6, 600, 600, 0);
	NEAR("less load is no less capacity", c.per, 1000);
	look(&c, &e, 181000, 5, 9000, 4800, 90000);
	NEAR("the fullest of 5 has 5 of 24 partitions", c.per, 1000);
	look(&c, &e, 241000, 5, 9000, 2400, 90000);
	NEAR("it may become less", c.per, 500);
}

static void test_cap(void)
{
	static const struct {
		int32_t replicas;
		size_t partitions;
		int32_t step, below;
	} rows[] = {{1, 24, 1, 1}, {7, 24, 6, 5}, {12, 24, 12, 8}, {13, 24, 12, 8}, {23, 24, 12, 8},
		{24, 24, 24, 12}, {30, 24, 24, 12}, {5, 7, 4, 3}, {9, 0, 9, 8}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		TAP_INT("a step of partitions", cap_step(rows[i].replicas, rows[i].partitions),
			rows[i].step);
		TAP_INT("the next below", cap_step_below(rows[i].replicas, rows[i].partitions),
			rows[i].below);
	}
	TAP_INT("a load of 6.1 shares needs 8 of 24", cap_size_for(6.1, 24), 8);
	TAP_INT("of 12 shares 12", cap_size_for(12, 24), 12);
	TAP_INT("of 12.1 all", cap_size_for(12.1, 24), 24);
	TAP_INT("of more than all, all", cap_size_for(1e300, 24), 24);
	TAP_INT("without partitions it is rounded up", cap_size_for(6.1, 0), 7);
	TAP_INT("and saturates", cap_size_for(1e300, 0), INT32_MAX);
	TAP_INT("no load", cap_size_for(0, 24), 0);
}

int main(void)
{
	test_rates();
	test_gaps();
	test_late();
	test_capacity();
	test_cap();
	return tap_done();
}
