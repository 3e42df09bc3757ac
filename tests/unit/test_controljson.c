#include "tests/unit/replaycase.h"

#define WALL 1700000000000

/* Of so many restarts in a case, so many have to decide on as if they had not been. The others may be more
 * careful: what is not seen by a new process it cannot know. */
#define CUTS 10
#define SAME_MIN 8

/* Rates come from fewer points after a restart, so that a window may end so many decisions earlier. */
#define EARLIER 2

/* The least that is wanted in the decisions that follow, up to EARLIER of them. */
static int32_t least_soon(struct replay_case *c, size_t at, struct control *control, int64_t *t_ms)
{
	int32_t least = INT32_MAX;
	struct decision d;

	for (size_t i = at; i < c->count && i < at + EARLIER; i++)
		if (replay_case_step(c, i, control, t_ms, &d) && d.want < least)
			least = d.want;
	return least;
}

/* Returns whether all goes on as if nothing had been. */
static bool cut(const char *name, struct replay_case *c, size_t at)
{
	struct control whole = {0}, resumed = {0};
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	struct decision a, b;
	struct err err = {0};
	int64_t t_ms = 0;
	size_t lower = 0, differ = 0;

	/* After the first difference the recorded sizes are no longer those of the resumed one. */
	for (size_t i = 0; i < c->count && !differ; i++) {
		if (i == at) {
			control_save(c->rule, &whole, t_ms, WALL + t_ms, &text);
			if (control_load(c->rule, strbuf_str(&text), text.len, t_ms, WALL + t_ms,
				    &resumed, &err) < 0)
				printf("# %s\n", err.msg);
		}
		if (!replay_case_step(c, i, &whole, &t_ms, &a))
			break;
		if (i < at || !replay_case_step(c, i, &resumed, &t_ms, &b))
			continue;
		differ += a.write != b.write || a.want != b.want;
		if (b.write && b.want < a.want && b.want < least_soon(c, i + 1, &whole, &t_ms)) {
			lower++;
			printf("# %s cut at %zu, line %zu: %d %d %s, resumed %d %s\n", name, at,
				i + 1, (int)a.want, a.write, reason_name(a.reason), (int)b.want,
				reason_name(b.reason));
		}
	}
	TAP_TRUE("the text is short", text.len > 50 && text.len <= CONTROL_TEXT_MAX);
	TAP_STR("it is read again", err.msg, "");
	TAP_INT("nothing is lowered further than without the restart", lower, 0);
	control_release(&whole);
	control_release(&resumed);
	return differ == 0;
}

static void run_case(const char *name)
{
	struct replay_case c;
	size_t same = 0;

	if (replay_case_open(&c, name)) {
		for (size_t i = 1; i <= CUTS; i++)
			same += cut(name, &c, c.count * i / (CUTS + 1));
		printf("# %s: %zu of %d restarts change nothing\n", name, same, CUTS);
		TAP_TRUE("most restarts change nothing", same >= SAME_MIN);
	}
	replay_case_close(&c);
}

#define TEXT(rest) \
	"{\"version\":1,\"at\":5,\"behavior\":[[],[]],\"to_drain\":false,\"wakes\":0," rest
#define GOOD TEXT("\"regrets\":0,\"capacities\":[]}")

static const struct {
	const char *name, *text, *want; /* want: a part of the error, NULL: none */
} rows[] = {
	{"the least there can be", GOOD, NULL},
	{"nothing", "", "not a JSON object"},
	{"half of it", "{\"version\":1,\"at\"", "not a JSON object"},
	{"a list", "[1]", "not a JSON object"},
	{"no version", "{}", "not of version 1"},
	{"a later version", "{\"version\":2}", "not of version 1"},
	{"a negative age", TEXT("\"regrets\":0,\"capacities\":[],\"written\":-1}"), "wrong kind"},
	{"an age in words", TEXT("\"regrets\":0,\"capacities\":[],\"written\":\"1\"}"),
		"wrong kind"},
	{"regrets for ever", TEXT("\"regrets\":60,\"capacities\":[]}"), "wrong kind"},
	{"a capacity below zero", TEXT("\"regrets\":0,\"capacities\":[[1,true,-5,1,1]]}"),
		"wrong kind"},
	{"a fight for ever",
		TEXT("\"regrets\":0,\"capacities\":[],\"reverts\":[1,0,60000,600001]}"),
		"wrong kind"},
	{"a write of nothing", TEXT("\"regrets\":0,\"capacities\":[],\"wrote\":[0,1]}"),
		"wrong kind"},
	{"a write below zero", TEXT("\"regrets\":0,\"capacities\":[],\"wrote\":[0,1,-1]}"),
		"wrong kind"},
	{"a capacity of another threshold", TEXT("\"regrets\":0,\"capacities\":[[1,true,5,1,1]]}"),
		NULL},
};

static void test_texts(void)
{
	struct rule_threshold threshold = {"t", 10};
	struct rule_group group = {"g", {&threshold, 1}};
	struct rule rule = {.max = 9, .groups = {&group, 1}};
	char *long_text = mem_zalloc(1, CONTROL_TEXT_MAX + 2);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct control c = {0};
		struct err err = {0};
		int rc = control_load(
			&rule, rows[i].text, strlen(rows[i].text), 1000, WALL, &c, &err);

		TAP_HAS(rows[i].name, rc < 0 ? err.msg : "(read)",
			rows[i].want ? rows[i].want : "(read)");
		TAP_TRUE("what is refused changes nothing", rc == 0 || c.look_count == 0);
		control_release(&c);
	}
	memset(long_text, ' ', CONTROL_TEXT_MAX + 1);
	memcpy(long_text, GOOD, strlen(GOOD));
	TAP_INT("a long text is not even looked at",
		control_load(
			&rule, long_text, CONTROL_TEXT_MAX + 1, 0, 0, &(struct control){0}, NULL),
		-1);
	free(long_text);
}

/* Points of ten records a second, loaded by a wall clock that may be behind. */
static void test_points(void)
{
	static const struct {
		const char *name;
		int64_t wall_ms;
		size_t count;
	} walls[] = {
		{"points go on", WALL + 20000, 3},
		{"also at once", WALL, 3},
		{"but not where they would seem younger than they are", WALL - 1, 0},
	};
	struct rule_threshold threshold = {"t", 10};
	struct rule_group group = {"g", {&threshold, 1}};
	struct rule rule = {.max = 9, .groups = {&group, 1}};

	for (size_t i = 0; i < ARRAY_LEN(walls); i++) {
		struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
		struct control c = {0}, to = {0};

		control_fit(&c, 1);
		for (int64_t ms = 0; ms <= 60000; ms += 30000)
			estimate_add(&c.watches[0].estimate,
				&(struct observation){.quality = QUALITY_COMPLETE,
					.has_end = true,
					.at_ms = 900000 + ms,
					.end = 1000 + ms / 100,
					.partitions = 1});
		c.look_count = 1;
		control_save(&rule, &c, 960000, WALL, &text);
		TAP_INT("it loads",
			control_load(&rule, strbuf_str(&text), text.len, 500000, walls[i].wall_ms,
				&to, NULL),
			0);
		TAP_INT(walls[i].name, to.watches[0].estimate.count, walls[i].count);
		control_release(&c);
		control_release(&to);
	}
}

/* The cooldown goes on, on a machine with another clock, however the wall clock jumps. */
static void test_clocks(void)
{
	static const struct {
		const char *name;
		int64_t wall_ms, age_ms; /* at the load; what is left of 20 s then */
	} jumps[] = {
		{"ten seconds later", WALL + 10000, 30000},
		{"at once", WALL, 20000},
		{"a clock that went back makes it count longer", WALL - 3600000, 20000},
		{"years later", WALL + INT64_C(400000000000), 20000 + INT64_C(315360000000)},
	};
	struct rule_threshold threshold = {"t", 10};
	struct rule_group group = {"g", {&threshold, 1}};
	struct rule rule = {.max = 9, .groups = {&group, 1}};

	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		struct control c = {.has_written = true, .written_ms = 980000}, to = {0};
		struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;

		control_save(&rule, &c, 1000000, WALL, &text);
		TAP_INT("it loads",
			control_load(&rule, strbuf_str(&text), text.len, 500, jumps[i].wall_ms, &to,
				NULL),
			0);
		TAP_INT(jumps[i].name, 500 - to.written_ms, jumps[i].age_ms);
		control_release(&c);
		control_release(&to);
	}
}

static void test_slept(void)
{
	struct rule_threshold thresholds[] = {{"t", 10}, {"u", 10}};
	struct rule_group group = {"g", {thresholds, 2}};
	struct rule rule = {.max = 9, .groups = {&group, 1}};
	struct control c = {0}, to = {0};
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;

	control_fit(&c, 2);
	c.watches[1].has_quiet_end = true;
	c.watches[1].quiet_end = INT64_C(5000000000);
	control_save(&rule, &c, 1000, WALL, &text);
	TAP_INT("it loads", control_load(&rule, strbuf_str(&text), text.len, 500, WALL, &to, NULL),
		0);
	TAP_TRUE("no end where there was none", !to.watches[0].has_quiet_end);
	TAP_TRUE("one where there was", to.watches[1].has_quiet_end);
	TAP_INT("as it was", to.watches[1].quiet_end, INT64_C(5000000000));
	control_release(&c);
	control_release(&to);
}

int main(void)
{
	test_texts();
	test_points();
	test_clocks();
	test_slept();
	replay_case_each(run_case);
	return tap_done();
}
