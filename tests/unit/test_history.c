/* Time lag, last commit, rate, standing still and idleness over stepped cycles; saving and loading. */
#include "sidecar/history.h"

#include <stdlib.h>

#include "common/mem.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"

#define WALL_MS INT64_C(1700000000000) /* at monotonic time 0 */
#define UNKNOWN (-1)

static const struct history_options options = {.stuck_after_ms = 60000, .max_idle_ms = 300000};

/* One topic 't' of one partition, one group 'g' without members. */
struct cycle {
	int64_t s; /* monotonic seconds */
	int64_t start, end, commit;
	bool end_stale, commit_stale;
};

static struct snapshot *snapshot_of(const struct cycle *c)
{
	struct snapshot *s = empty_snapshot();
	struct partition *p = add_topic(s, "t", 1)->partitions;
	struct group *g = add_group(s, "g", 0);
	struct group_partition *gp;

	s->mono_ms = s->good_ms = c->s * 1000;
	s->wall_ms = WALL_MS + s->mono_ms;
	s->cluster_id = arena_strdup(&s->arena, "east");
	p->start = c->start;
	p->end = c->end;
	p->at_ms = c->end_stale ? s->mono_ms - 10000 : s->mono_ms;
	p->fresh = !c->end_stale;
	g->everything = true;
	gp = add_commits(s, g, "t", &c->commit);
	gp->fresh = !c->end_stale && !c->commit_stale;
	gp->at_ms = gp->fresh ? s->mono_ms : s->mono_ms - 10000;
	return s;
}

static struct snapshot *apply(struct history *h, const struct cycle *c)
{
	struct snapshot *s = snapshot_of(c);

	TAP_TRUE("it is of one cluster", history_apply(h, s));
	return s;
}

static int64_t time_lag(const struct snapshot *s)
{
	const struct group_partition *gp = &s->groups[0].topics[0].partitions[0];

	return gp->has_time_lag ? (int64_t)gp->time_lag_ms : UNKNOWN;
}

static const struct {
	const char *name;
	struct cycle cycles[5]; /* until one at 0 */
	int64_t time_lag;       /* after the last */
	int64_t moved_s;        /* the commit was last seen to move; 0: not seen */
	int64_t rate_milli;
	bool stuck, idle;
} rows[] = {
	{"a group that caught up has none", {{10, 0, 5, 5, 0, 0}}, 0, 0, UNKNOWN, false, false},
	{"a commit older than the history is unknown", {{10, 0, 5, 3, 0, 0}, {20, 0, 9, 3, 0, 0}},
		UNKNOWN, 0, 0, false, false},
	{"lag is as old as its first record",
		{{10, 0, 0, 0, 0, 0}, {20, 0, 10, 0, 0, 0}, {40, 0, 10, 5, 0, 0}}, 24500, 40, 166,
		false, false},
	{"a commit below the log start counts the first record left",
		{{10, 0, 0, 0, 0, 0}, {20, 0, 10, 0, 0, 0}, {30, 5, 10, 0, 0, 0}}, 14500, 0, 0,
		false, false},
	{"a commit beyond the end is unknown", {{10, 0, 5, 5, 0, 0}, {20, 0, 3, 5, 0, 0}}, UNKNOWN,
		0, 0, false, false},
	{"a stale end is not entered, or it would be the time of the jump",
		{{10, 0, 0, 0, 0, 0}, {20, 0, 0, 0, 1, 0}, {30, 0, 10, 0, 0, 0}}, 19000, 0, 0,
		false, false},
	{"a commit that stands still with lag is stuck after a while",
		{{10, 0, 5, 3, 0, 0}, {69, 0, 9, 3, 0, 0}, {70, 0, 9, 3, 0, 0}}, UNKNOWN, 0, 0,
		true, false},
	{"not before", {{10, 0, 5, 3, 0, 0}, {69, 0, 9, 3, 0, 0}}, UNKNOWN, 0, 0, false, false},
	{"nor where the lag is new",
		{{10, 0, 5, 5, 0, 0}, {65, 0, 5, 5, 0, 0}, {75, 0, 9, 5, 0, 0}}, 8750, 0, 0, false,
		false},
	{"nor where nobody could look", {{10, 0, 5, 3, 0, 0}, {75, 0, 9, 3, 0, 1}}, UNKNOWN, 0,
		UNKNOWN, false, false},
	{"a rate stays what it was while nobody looks",
		{{10, 0, 999, 0, 0, 0}, {70, 0, 999, 600, 0, 0}, {130, 0, 999, 600, 0, 1}}, UNKNOWN,
		70, 10000, false, false},
	{"a commit that moves is not stuck",
		{{10, 0, 50, 3, 0, 0}, {65, 0, 50, 9, 0, 0}, {80, 0, 50, 9, 0, 0}}, UNKNOWN, 65, 85,
		false, false},
	{"the rate is that of the last minutes",
		{{10, 0, 999, 0, 0, 0}, {70, 0, 999, 600, 0, 0}, {130, 0, 999, 660, 0, 0},
			{190, 0, 999, 690, 0, 0}},
		UNKNOWN, 190, 750, false, false},
	{"a reset backwards is a move and no rate", {{10, 0, 50, 30, 0, 0}, {20, 0, 50, 3, 0, 0}},
		UNKNOWN, 20, 0, false, false},
	{"the first commit after none is a move", {{10, 0, 50, NONE, 0, 0}, {20, 0, 50, 50, 0, 0}},
		0, 20, 0, false, false},
	{"no members and no commit for long is idle",
		{{10, 0, 5, 5, 0, 0}, {309, 0, 5, 5, 0, 0}, {310, 0, 5, 5, 0, 0}}, 0, 0, 0, false,
		true},
	{"not before", {{10, 0, 5, 5, 0, 0}, {309, 0, 5, 5, 0, 0}}, 0, 0, 0, false, false},
	{"a commit without a member wakes it",
		{{10, 0, 5, 4, 0, 0}, {310, 0, 5, 4, 0, 0}, {320, 0, 5, 5, 0, 0}}, 0, 320, 3, false,
		false},
};

static void check_rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct history *h = history_new(&options);
		struct snapshot *s = NULL;
		const struct group_topic *gt;

		for (const struct cycle *c = rows[i].cycles;
			c < rows[i].cycles + ARRAY_LEN(rows[i].cycles) && c->s; c++) {
			snapshot_unref(s);
			s = apply(h, c);
		}
		gt = &s->groups[0].topics[0];
		TAP_INT(rows[i].name, time_lag(s), rows[i].time_lag);
		TAP_INT("- last commit", gt->commit_wall_ms,
			rows[i].moved_s ? WALL_MS + rows[i].moved_s * 1000 : 0);
		TAP_INT("- rate", gt->has_commit_rate ? gt->commit_rate_milli : UNKNOWN,
			rows[i].rate_milli);
		TAP_INT("- stuck", gt->stuck, rows[i].stuck);
		TAP_INT("- idle", s->groups[0].idle, rows[i].idle);
		snapshot_unref(s);
		history_free(h);
	}
}

/* Topics and groups that come, go and change, under one history. */
static void check_changes(void)
{
	struct history *h = history_new(&options);
	static const int64_t commits[] = {5, 5, 5};

	for (int64_t i = 1; i < 40; i++) {
		struct snapshot *s = empty_snapshot();
		size_t partitions = i % 5 == 0 ? 1 : 3;

		s->mono_ms = s->good_ms = i * 10000;
		s->list_ok = i % 3 != 0;
		for (char name[] = "a"; *name <= 'f'; ++*name)
			if ((i + *name) % 4)
				for (size_t p = 0, n = add_topic(s, name, partitions)->count; p < n;
					p++) {
					struct partition *part =
						&s->topics[s->topic_count - 1].partitions[p];

					part->end = i * 10;
					part->at_ms = s->mono_ms;
				}
		for (char name[] = "g"; *name <= 'k'; ++*name) {
			struct group *g;

			if ((i + *name) % 3 == 0)
				continue;
			g = add_group(s, name, 0);
			g->everything = i % 2 == 0;
			for (size_t t = s->topic_count; t-- > 0;)
				if (((size_t)i + t) % 2)
					(void)add_commits(s, g, s->topics[t].name, commits);
		}
		(void)history_apply(h, s);
		snapshot_unref(s);
	}
	history_free(h);
	TAP_TRUE("topics, partitions and groups may come and go", true);
}

/* A history of a minute in which the commit stopped at offset 100, written at 20 s. */
static void save_one(struct strbuf *out)
{
	struct history *h = history_new(&options);
	static const struct cycle cycles[] = {{10, 0, 50, 50, 0, 0}, {19, 0, 95, 60, 0, 0},
		{21, 0, 105, 100, 0, 0}, {60, 0, 300, 100, 0, 0}};

	TAP_TRUE("nothing is saved before the first cycle", !history_save(h, 0, WALL_MS, out));
	for (size_t i = 0; i < ARRAY_LEN(cycles); i++)
		snapshot_unref(apply(h, &cycles[i]));
	TAP_TRUE("the rest is", history_save(h, 60000, WALL_MS + 60000, out));
	history_free(h);
}

static void check_restart(const struct strbuf *file)
{
	struct history *h = history_new(&options);
	struct snapshot *s;
	struct err err = {0};

	/* The machine booted anew: the monotonic clock is small, 100 s have passed. */
	TAP_INT("it is loaded",
		history_load(h, file->data, file->len, 4000, WALL_MS + 160000, &err), 0);
	s = snapshot_of(&(struct cycle){5, 0, 400, 100, 0, 0});
	s->wall_ms = WALL_MS + 161000;
	TAP_TRUE("by the same cluster", history_apply(h, s));
	TAP_INT("time lag is as if nothing had happened", time_lag(s), 140900);
	TAP_INT("so is the last commit", s->groups[0].topics[0].commit_wall_ms, WALL_MS + 21000);
	TAP_TRUE("and that it is stuck", s->groups[0].topics[0].stuck);
	snapshot_unref(s);
	s = apply(h, &(struct cycle){6, 0, 400, 390, 0, 0});
	TAP_INT("a record written meanwhile is between then and now", time_lag(s), 10600);
	snapshot_unref(s);
	history_free(h);
	h = history_new(&options);
	TAP_INT("once more", history_load(h, file->data, file->len, 4000, WALL_MS + 160000, &err),
		0);
	s = snapshot_of(&(struct cycle){5, 0, 400, 100, 0, 0});
	s->cluster_id = arena_strdup(&s->arena, "west");
	TAP_TRUE("another cluster is told", !history_apply(h, s));
	TAP_INT("and gets nothing of it", time_lag(s), UNKNOWN);
	snapshot_unref(s);
	history_free(h);
}

static int load(const void *data, size_t len, int64_t wall_ms, struct err *err)
{
	struct history *h = history_new(&options);
	struct snapshot *s = snapshot_of(&(struct cycle){5, 0, 400, 100, 0, 0});
	int rc = history_load(h, data, len, 4000, wall_ms, err);

	/* Whatever was loaded, or not, it can be worked with. */
	(void)history_apply(h, s);
	snapshot_unref(s);
	history_free(h);
	return rc;
}

/* With a sum that is right, so that what is behind it is looked at. */
static void fix_sum(char *data, size_t len)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len - 8; i++)
		sum = (sum ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
	memcpy(data + len - 8, &sum, 8);
}

static void check_damage(const struct strbuf *file)
{
	CLEANUP(mem_free_at) char *copy = mem_alloc(file->len);
	struct err err = {0};
	size_t cut = 0, flipped = 0;
	int64_t now = WALL_MS + 160000;

	for (size_t len = 0; len < file->len; len++)
		cut += load(file->data, len, now, NULL) < 0;
	TAP_INT("a file that is cut off anywhere is refused", cut, file->len);
	for (size_t i = 0; i < file->len; i++) {
		memcpy(copy, file->data, file->len);
		copy[i] ^= 0x40;
		flipped += load(copy, file->len, now, NULL) < 0;
		fix_sum(copy, file->len);
		(void)load(copy, file->len, now, NULL);
		memset(copy + i, 0xff, file->len - i < 4 ? file->len - i : 4);
		fix_sum(copy, file->len);
		(void)load(copy, file->len, now, NULL);
	}
	TAP_INT("so is one with any bit wrong", flipped, file->len);
	(void)load("kafka: { bootstrap = \"x\"; };", 28, now, &err);
	TAP_STR("a foreign file is told", err.msg, "it is not a state file of hexlag");
	err_clear(&err);
	memcpy(copy, file->data, file->len);
	copy[13] = '2';
	(void)load(copy, file->len, now, &err);
	TAP_STR("so is another version", err.msg, "it is of another version of hexlag");
	err_clear(&err);
	(void)load(file->data, file->len, WALL_MS, &err);
	TAP_STR("so is a clock that went back", err.msg,
		"it was saved in the future: the clock went back since");
	TAP_INT("after a year away nothing is left, and nothing wrong",
		load(file->data, file->len, now + INT64_C(31536000000), NULL), 0);
}

static void check_long_run(void)
{
	struct history *h = history_new(&options);
	struct snapshot *s = NULL;

	for (int64_t day = 1; day < 600; day++) {
		snapshot_unref(s);
		s = snapshot_of(&(struct cycle){day * 86400, 0, day * 100, day * 100 - 150, 0, 0});
		(void)history_apply(h, s);
	}
	TAP_INT("time lag is right after years", time_lag(s), 86400 * 1000 + 86400 * 495);
	snapshot_unref(s);
	history_free(h);
}

int main(void)
{
	CLEANUP(strbuf_release) struct strbuf file = STRBUF_INIT;

	check_rows();
	check_changes();
	save_one(&file);
	check_restart(&file);
	check_damage(&file);
	check_long_run();
	return tap_done();
}
