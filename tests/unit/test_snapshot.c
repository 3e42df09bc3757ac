/* Totals of lag as a decision sees them, and the look-ups. */
#include "sidecar/snapshot.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"

struct part {
	int64_t start, end, committed; /* committed NONE: no commit */
	int64_t stale_ms;              /* 0: fresh */
	bool unanswered;
};

static const struct {
	const char *name;
	size_t members;
	struct part parts[3];
	enum offset_reset reset;
	enum quality quality;
	int64_t lag, age_ms;
} rows[] = {
	{"fresh partitions add up", 1, {{0, 10, 4, 0, 0}, {0, 20, 20, 0, 0}, {0, 5, 0, 0, 0}},
		OFFSET_RESET_LATEST, QUALITY_COMPLETE, 11, 0},
	{"a commit below the log start counts what can still be read", 1,
		{{5, 7, 2, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}}, OFFSET_RESET_LATEST,
		QUALITY_COMPLETE, 2, 0},
	{"no commit counts nothing with latest", 1,
		{{0, 10, NONE, 0, 0}, {0, 10, 8, 0, 0}, {0, 0, 0, 0, 0}}, OFFSET_RESET_LATEST,
		QUALITY_COMPLETE, 2, 0},
	{"no commit counts the log, not its deleted part, with earliest", 1,
		{{3, 10, NONE, 0, 0}, {0, 10, 8, 0, 0}, {0, 0, 0, 0, 0}}, OFFSET_RESET_EARLIEST,
		QUALITY_COMPLETE, 9, 0},
	{"a commit beyond the end is treated as none", 1,
		{{0, 10, 99, 0, 0}, {0, 10, 8, 0, 0}, {0, 0, 0, 0, 0}}, OFFSET_RESET_EARLIEST,
		QUALITY_COMPLETE, 12, 0},
	{"a stale partition makes it partial, and adds nothing", 1,
		{{0, 10, 4, 45000, 0}, {0, 20, 15, 0, 0}, {0, 0, 0, 0, 0}}, OFFSET_RESET_LATEST,
		QUALITY_PARTIAL, 5, 45000},
	{"a partition never answered makes it partial", 1,
		{{0, 10, 4, 0, 1}, {0, 20, 15, 0, 0}, {0, 0, 0, 0, 0}}, OFFSET_RESET_LATEST,
		QUALITY_PARTIAL, 5, 0},
	{"all stale: the last known lag with the age of the oldest", 1,
		{{0, 10, 4, 45000, 0}, {0, 20, 15, 2000, 0}, {0, 0, 0, 2000, 0}},
		OFFSET_RESET_LATEST, QUALITY_STALE, 11, 45000},
	{"never answered at all is unknown", 1,
		{{0, 10, 4, 0, 1}, {0, 20, 15, 0, 1}, {0, 0, 0, 0, 1}}, OFFSET_RESET_LATEST,
		QUALITY_UNKNOWN, 0, 0},
	{"no commit anywhere and no members may be a group that does not exist", 0,
		{{0, 10, NONE, 0, 0}, {0, 10, NONE, 0, 0}, {0, 0, NONE, 0, 0}},
		OFFSET_RESET_EARLIEST, QUALITY_UNKNOWN, 0, 0},
	{"no commit anywhere but members: they begin at the start", 1,
		{{0, 10, NONE, 0, 0}, {4, 10, NONE, 0, 0}, {0, 0, NONE, 0, 0}},
		OFFSET_RESET_EARLIEST, QUALITY_COMPLETE, 16, 0},
};

static struct snapshot *make(size_t row)
{
	struct snapshot *s = empty_snapshot();
	struct topic *t = add_topic(s, "t", 3);
	int64_t commits[3];
	struct group_partition *gp;

	for (size_t p = 0; p < 3; p++) {
		t->partitions[p].start = rows[row].parts[p].start;
		t->partitions[p].end = rows[row].parts[p].end;
		commits[p] = rows[row].parts[p].committed;
	}
	gp = add_commits(s, add_group(s, "g", rows[row].members), "t", commits);
	for (size_t p = 0; p < 3; p++) {
		gp[p].fresh = !rows[row].parts[p].stale_ms;
		gp[p].at_ms = s->mono_ms - rows[row].parts[p].stale_ms;
		if (rows[row].parts[p].unanswered)
			gp[p] = (struct group_partition){0};
	}
	return s;
}

static void test_totals(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct snapshot *s = make(i);
		struct lag_total total = snapshot_lag_total(s, "g", "t", rows[i].reset);

		TAP_STR(rows[i].name, quality_name(total.quality), quality_name(rows[i].quality));
		TAP_INT(rows[i].name, total.age_ms, rows[i].age_ms);
		if (total.quality != QUALITY_UNKNOWN)
			TAP_INT(rows[i].name, total.lag, rows[i].lag);
		TAP_TRUE("anything but complete says why",
			(total.why != NULL) == (total.quality != QUALITY_COMPLETE));
		snapshot_unref(s);
	}
}

static void test_absent(void)
{
	struct snapshot *s = make(0);

	TAP_STR("a topic that does not exist is unknown",
		snapshot_lag_total(s, "g", "nope", OFFSET_RESET_LATEST).why,
		"the topic does not exist");
	TAP_STR("so is a group", snapshot_lag_total(s, "nope", "t", OFFSET_RESET_LATEST).why,
		"the group is not known");
	s->good_ms = 0;
	TAP_STR("without any metadata yet nothing is said of the topic",
		snapshot_lag_total(s, "g", "nope", OFFSET_RESET_LATEST).why,
		"Kafka has not answered yet");
	TAP_INT("the topic is found", snapshot_find_topic(s, "t"), 0);
	TAP_TRUE("one that sorts before it is not", snapshot_find_topic(s, "a") == SNAPSHOT_NONE);
	TAP_TRUE("one that sorts behind it is not", snapshot_find_group(s, "z") == SNAPSHOT_NONE);
	snapshot_unref(s);
}

static void test_overflow(void)
{
	struct snapshot *s = empty_snapshot();
	struct topic *t = add_topic(s, "t", 2);

	t->partitions[0].end = t->partitions[1].end = INT64_MAX;
	(void)add_commits(s, add_group(s, "g", 1), "t", (int64_t[]){0, 0});
	TAP_INT("a sum beyond 64 bits saturates",
		snapshot_lag_total(s, "g", "t", OFFSET_RESET_LATEST).lag, INT64_MAX);
	snapshot_unref(s);
}

int main(void)
{
	test_totals();
	test_absent();
	test_overflow();
	return tap_done();
}
