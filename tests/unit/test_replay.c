#include "tests/unit/replaycase.h"

/* What the line expects, against what is decided. */
static bool as_expected(const char *line, const struct decision *d, size_t number)
{
	json_t *doc = json_loads(line, 0, NULL);
	const json_t *e = json_object_get(doc, "expect");
	bool ok = json_integer_value(json_object_get(e, "want")) == d->want &&
		  json_is_true(json_object_get(e, "write")) == d->write &&
		  strcmp(json_string_value(json_object_get(e, "reason")), reason_name(d->reason)) ==
			  0;

	if (!ok) {
		char *text = json_dumps(e, JSON_COMPACT);

		printf("# line %zu: got %d %d %s (%s), want %s\n", number, (int)d->want,
			(int)d->write, reason_name(d->reason), d->detail, text);
		free(text);
	}
	json_decref(doc);
	return ok;
}

static void run_case(const char *name)
{
	struct replay_case c;
	struct control control = {0};
	size_t bad = 0, writes = 0, bad_writes = 0, outside = 0;

	if (replay_case_open(&c, name)) {
		for (size_t i = 0; i < c.count && bad < 5; i++) {
			struct decision d;
			int64_t t_ms;

			if (!replay_case_step(&c, i, &control, &t_ms, &d)) {
				bad++;
				continue;
			}
			bad += !as_expected(c.lines[i], &d, i + 1);
			writes += d.write;
			bad_writes += d.on_bad_data;
			outside += d.want < c.rule->min || d.want > c.rule->max;
		}
		TAP_INT("every decision is as recorded", bad, 0);
		TAP_TRUE("something is written", writes > 0);
		TAP_INT("nothing on bad data", bad_writes, 0);
		TAP_INT("nothing outside the bounds", outside, 0);
	}
	control_release(&control);
	replay_case_close(&c);
}

#define START "{\"t_ms\":1,\"replicas\":2,\"partitions\":8,\"observations\":["
#define ITEM(rest) START "{\"group\":\"g\",\"topic\":\"t\"," rest "}]}"

static const struct {
	const char *name, *line, *want; /* want: a part of the error */
} bad_lines[] = {
	{"an empty line", "", "not JSON"},
	{"half a line", "{\"t_ms\":1,", "not JSON"},
	{"a list", "[]", "not a JSON object"},
	{"no time", "{\"replicas\":1,\"observations\":[]}", "\"t_ms\" is missing"},
	{"a time that is not whole", "{\"t_ms\":1.5}", "\"t_ms\" is not an integer"},
	{"a negative size", "{\"t_ms\":1,\"replicas\":-1,\"observations\":[]}",
		"\"replicas\" is -1, outside 0 to"},
	{"a size beyond 32 bits", "{\"t_ms\":1,\"replicas\":4294967297,\"observations\":[]}",
		"\"replicas\" is 4294967297, outside"},
	{"no observations", "{\"t_ms\":1,\"replicas\":1}", "\"observations\" is missing"},
	{"an observation without a group", START "{\"topic\":\"t\"}]}",
		"observation 0: \"group\" is missing"},
	{"no quality", ITEM("\"lag\":1"), "\"quality\" is missing"},
	{"a quality that is none", ITEM("\"quality\":\"good\""), "\"quality\" is \"good\""},
	{"complete without a lag", ITEM("\"quality\":\"complete\",\"lag\":null"),
		"\"lag\" is missing in complete data"},
	{"a negative lag", ITEM("\"quality\":\"complete\",\"lag\":-2"), "\"lag\" is -2"},
	{"more lag than log", ITEM("\"quality\":\"complete\",\"lag\":9,\"end_offset_sum\":8"),
		"\"lag\" is 9, more than the end_offset_sum 8"},
	{"a state that is none", ITEM("\"quality\":\"unknown\",\"state\":\"Happy\""),
		"\"state\" is \"Happy\""},
	{"more known than there are",
		ITEM("\"quality\":\"complete\",\"lag\":1,\"partitions_known\":9"),
		"\"partitions_known\" is 9, outside 0 to 8"},
};

static void test_lines(void)
{
	struct rule_threshold threshold = {"t", 10};
	struct rule_group group = {"g", {&threshold, 1}};
	struct rule rule = {.max = 9, .groups = {&group, 1}};
	struct observation seen;
	struct replay_line line;

	for (size_t i = 0; i < ARRAY_LEN(bad_lines); i++) {
		struct err err = {0};
		int rc = replayjson_parse(
			bad_lines[i].line, strlen(bad_lines[i].line), &rule, &line, &seen, &err);

		TAP_HAS(bad_lines[i].name, rc < 0 ? err.msg : "(valid)", bad_lines[i].want);
	}
	TAP_INT("what is not known is passed over",
		replayjson_parse(ITEM("\"quality\":\"unknown\",\"lag\":null,\"x\":[]"),
			strlen(ITEM("\"quality\":\"unknown\",\"lag\":null,\"x\":[]")), &rule, &line,
			&seen, NULL),
		0);
	TAP_INT("unknown is unknown", seen.quality, QUALITY_UNKNOWN);
	TAP_INT("ready is replicas without it", line.ready, 2);
	TAP_INT("a line may lack a threshold",
		replayjson_parse(START "]}", strlen(START "]}"), &rule, &line, &seen, NULL), 0);
	TAP_INT("which is unknown then", seen.quality, QUALITY_UNKNOWN);
	TAP_STR("and says so", seen.why, "not in the line");
}

int main(void)
{
	test_lines();
	replay_case_each(run_case);
	return tap_done();
}
