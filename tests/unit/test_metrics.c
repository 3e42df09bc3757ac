#include "sidecar/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/exposition.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"
#include "tests/unit/strictformat.h"

#define GOLDEN "tests/cases/golden/"

/* tests/cases/golden/world.json; the labels variant is filtered down to one topic and one group. */
static struct snapshot *golden_world(bool only_behind_orders)
{
	struct snapshot *s = empty_snapshot();
	static const int64_t ends[3][4] = {{7, 7, 7}, {3, 0}, {10, 20, 0, 5}};
	static const struct {
		const char *group, *topic;
		size_t members;
		int64_t commits[4];
	} rows[] = {
		{"g caught up", "g.orders", 0, {10, 20, 0, 5}},
		{"g-behind", "g.orders", 0, {4, 0, NONE, NONE}},
		{"g-behind", "g-pay_ments", 0, {1, 2, 7}},
		{"g-gone-topic", "g-unread", 0, {NONE, 0}},
		{"g-live", "g.orders", 2, {1, 2, 0, 3}},
		{"g-live", "g-unread", 2, {1, NONE}},
		{"g-other-ünï", "g.orders", 0, {NONE, NONE, NONE, 5}},
		{"g1", NULL, 0, {0}},
		{"g\"quo\\ted", "g-unread", 0, {3, NONE}},
	};

	if (!only_behind_orders) {
		add_topic(s, "g-pay_ments", 3)->partitions[1].start = 5;
		add_topic(s, "g-unread", 2);
	}
	add_topic(s, "g.orders", 4);
	for (size_t t = 0; t < s->topic_count; t++)
		for (size_t p = 0; p < s->topics[t].count; p++)
			s->topics[t].partitions[p].end = ends[only_behind_orders ? 2 : t][p];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t g = snapshot_find_group(s, rows[i].group);
		struct group_partition *gp;

		if (only_behind_orders && (strcmp(rows[i].group, "g-behind") != 0 ||
						  strcmp(rows[i].topic, "g.orders") != 0))
			continue;
		if (g == SNAPSHOT_NONE)
			add_group(s, rows[i].group, rows[i].members);
		if (!rows[i].topic)
			continue;
		gp = add_commits(s, &s->groups[s->group_count - 1], rows[i].topic, rows[i].commits);
		/* The two members share g.orders, to which alone they subscribe. */
		for (size_t p = 0;
			p < 4 && rows[i].members && strcmp(rows[i].topic, "g.orders") == 0; p++)
			gp[p].member = p < 2 ? 1 : 2;
	}
	return s;
}

/* --- against the real kafka_exporter --- */

struct lines {
	char **items;
	size_t count;
};

/* The kafka_ samples and TYPE lines of a text, which is cut up. */
static struct lines kafka_lines(char *text)
{
	struct lines l = {0};

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "kafka_", 6) != 0 && strncmp(line, "# TYPE kafka_", 13) != 0)
			continue;
		l.items = mem_resize(l.items, l.count + 1, sizeof(*l.items));
		l.items[l.count++] = line;
	}
	return l;
}

static bool has_line(const struct lines *l, const char *line)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i], line) == 0)
			return true;
	return false;
}

static char *read_file(const char *path)
{
	struct strbuf text = STRBUF_INIT;
	FILE *f = fopen(path, "r");
	char chunk[4096];
	size_t n;

	while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		strbuf_add(&text, chunk, n);
	if (f)
		(void)fclose(f);
	return strbuf_take(&text);
}

/* Where we print something else on purpose; see the README beside the golden files. */
struct difference {
	const char *theirs, *ours, *why;
};

#define SUM "kafka_consumergroup_current_offset_sum"

static const struct difference differences[] = {
	{SUM "{consumergroup=\"g-behind\",topic=\"g.orders\"} 2",
		SUM "{consumergroup=\"g-behind\",topic=\"g.orders\"} 4", "a sum skips -1"},
	{SUM "{cluster=\"east\",consumergroup=\"g-behind\",env=\"pro-d\",topic=\"g.orders\"} 2",
		SUM
		"{cluster=\"east\",consumergroup=\"g-behind\",env=\"pro-d\",topic=\"g.orders\"} "
		"4",
		"a sum skips -1"},
	{SUM "{consumergroup=\"g-gone-topic\",topic=\"g-unread\"} -1",
		SUM "{consumergroup=\"g-gone-topic\",topic=\"g-unread\"} 0", "a sum skips -1"},
	{SUM "{consumergroup=\"g-live\",topic=\"g-unread\"} 0",
		SUM "{consumergroup=\"g-live\",topic=\"g-unread\"} 1", "a sum skips -1"},
	{SUM "{consumergroup=\"g-other-ünï\",topic=\"g.orders\"} 2",
		SUM "{consumergroup=\"g-other-ünï\",topic=\"g.orders\"} 5", "a sum skips -1"},
	{SUM "{consumergroup=\"g\\\"quo\\\\ted\",topic=\"g-unread\"} 2",
		SUM "{consumergroup=\"g\\\"quo\\\\ted\",topic=\"g-unread\"} 3", "a sum skips -1"},
	{"kafka_consumergroup_lag{consumergroup=\"g-behind\",partition=\"1\",topic=\"g-pay_ments\"}"
	 " "
	 "5",
		"kafka_consumergroup_lag{consumergroup=\"g-behind\",partition=\"1\",topic=\"g-pay_"
		"ments\"} 2",
		"only two records can still be read"},
	{"kafka_consumergroup_lag_sum{consumergroup=\"g-behind\",topic=\"g-pay_ments\"} 11",
		"kafka_consumergroup_lag_sum{consumergroup=\"g-behind\",topic=\"g-pay_ments\"} 8",
		"only two records can still be read"},
};

static const char *expected(const char *theirs)
{
	for (size_t i = 0; i < ARRAY_LEN(differences); i++)
		if (strcmp(differences[i].theirs, theirs) == 0)
			return differences[i].ours;
	return theirs;
}

/* Without show-all kafka_exporter does not filter topics; "orders" is no topic of this world. */
static bool foreign(const char *line)
{
	return strstr(line, "topic=\"orders\"") != NULL;
}

static void check_golden(const char *file, const struct metrics_options *o, bool only_behind_orders)
{
	CLEANUP(mem_free_at) char *path = mem_printf(GOLDEN "%s", file);
	CLEANUP(mem_free_at) char *golden = read_file(path);
	CLEANUP(snapshot_unref_at) struct snapshot *s = golden_world(only_behind_orders);
	struct exposition x = {0};
	struct lines want = kafka_lines(golden), got;
	size_t missing = 0, unwanted = 0, compared = 0;

	(void)metrics_render(&x, s, o);
	got = kafka_lines(x.text.data);
	for (size_t i = 0; i < want.count; i++) {
		if (foreign(want.items[i]))
			continue;
		compared++;
		want.items[i] = (char *)(uintptr_t)expected(want.items[i]);
		if (!has_line(&got, want.items[i]) && ++missing)
			printf("# %s: missing: %s\n", file, want.items[i]);
	}
	for (size_t i = 0; i < got.count; i++)
		if (!has_line(&want, got.items[i]) && ++unwanted)
			printf("# %s: not in it: %s\n", file, got.items[i]);
	TAP_TRUE(file, compared > 40);
	TAP_INT("every line of kafka_exporter is there", missing, 0);
	TAP_INT("and no other", unwanted, 0);
	TAP_INT("each once", got.count, compared);
	free(want.items);
	free(got.items);
	strbuf_release(&x.text);
}

static void test_golden(void)
{
	struct metrics_options all = {0}, assigned = {.assigned_only = true}, labels = {0};

	check_golden("default.prom", &all, false);
	check_golden("not-show-all.prom", &assigned, false);
	TAP_INT("constant labels parse",
		labels_parse("env=pro-d,cluster=east", &labels.labels, NULL), 0);
	check_golden("labels.prom", &labels, true);
	labels_release(&labels.labels);
}

/* --- the format --- */

static void test_label_values(void)
{
	static const struct {
		const char *name, *value, *want;
	} values[] = {
		{"a plain value stays", "orders.v2", "orders.v2"},
		{"an empty value stays", "", ""},
		{"a quote is escaped", "a\"b", "a\\\"b"},
		{"a backslash is escaped", "a\\b", "a\\\\b"},
		{"a newline is escaped", "a\nb\n", "a\\nb\\n"},
		{"UTF-8 of all lengths stays", "é€😀", "é€😀"},
		{"a lone continuation byte is replaced", "a\x80z", "a\xef\xbf\xbdz"},
		{"a cut sequence is replaced", "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd"},
		{"a cut sequence does not swallow what follows", "\xc3\"", "\xef\xbf\xbd\\\""},
		{"an overlong slash is replaced", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"a surrogate is replaced", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"a first byte beyond all sequences is replaced", "\xf9\xa9\xa9\xa9",
			"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"what is beyond Unicode is replaced",
			"\xf5"
			"a",
			"\xef\xbf\xbd"
			"a"},
		{"the last code point stays", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	};

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		exposition_label_value(&out, values[i].value);
		TAP_STR(values[i].name, strbuf_str(&out), values[i].want);
	}
}

static void test_decimals(void)
{
	static const struct {
		const char *name;
		int64_t value;
		unsigned decimals;
		const char *want;
	} numbers[] = {
		{"zero is zero", 0, 0, "0"},
		{"zero has no point", 0, 3, "0"},
		{"a whole number has no point", 5000, 3, "5"},
		{"trailing zeros go", 1500, 3, "1.5"},
		{"leading zeros stay", 1002, 3, "1.002"},
		{"less than one", 12, 6, "0.000012"},
		{"less than zero", -1, 3, "-0.001"},
		{"the largest", INT64_MAX, 0, "9223372036854775807"},
		{"the smallest", INT64_MIN, 6, "-9223372036854.775808"},
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		exposition_decimal(&out, numbers[i].value, numbers[i].decimals);
		TAP_STR(numbers[i].name, strbuf_str(&out), numbers[i].want);
	}
}

static void test_odd_names(void)
{
	CLEANUP(snapshot_unref_at) struct snapshot *s = empty_snapshot();
	struct exposition x = {0};

	add_topic(s, "t", 1)->partitions[0].end = 9;
	add_commits(s, add_group(s, "", 0), "t", (const int64_t[]){4});
	add_commits(s, add_group(s, "a\n\"\xff", 0), "t", (const int64_t[]){5});
	(void)metrics_render(&x, s, NULL);
	TAP_HAS("a group without a name is shown", x.text.data,
		"\nkafka_consumergroup_lag{consumergroup=\"\",partition=\"0\",topic=\"t\"} 5\n");
	TAP_HAS("a hostile name breaks no line", x.text.data,
		"\nkafka_consumergroup_lag{consumergroup=\"a\\n\\\"\xef\xbf\xbd\",partition=\"0\","
		"topic=\"t\"} 4\n");
	strbuf_release(&x.text);
}

/* --- every profile, both formats --- */

static void hostile_names(struct snapshot *s)
{
	static const char *const names[] = {
		"", "\n", "\"},x=\"", "\\", "a\x80", "{} 1\n# EOF", "\xed\xa0\x80"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct group *g = add_group(s, names[i], 1);

		g->members[0] = (struct member){
			arena_strdup(&s->arena, names[i]), arena_strdup(&s->arena, names[i]), NULL};
		add_commits(s, g, "g.orders", (const int64_t[]){1, NONE, 0, 2})[0].member = 1;
	}
	s->brokers[0].address = arena_strdup(&s->arena, "no port\n\"");
}

static void test_formats(void)
{
	for (enum profile_id id = 0; id < PROFILE_COUNT; id++)
		for (int openmetrics = 0; openmetrics < 2; openmetrics++) {
			CLEANUP(snapshot_unref_at) struct snapshot *s = golden_world(false);
			struct exposition x = {.openmetrics = openmetrics};
			CLEANUP(mem_free_at) char *wrong = NULL;
			struct metrics_count count;
			size_t samples;

			hostile_names(s);
			count = metrics_render(&x, s, &(struct metrics_options){.profile = id});
			exposition_end(&x);
			wrong = strict_check(x.text.data, openmetrics, true, &samples);
			TAP_STR(profile_names[id], wrong, NULL);
			TAP_INT("all samples are counted", count.series, samples);
			TAP_TRUE("and there are some", samples > 100);
			strbuf_release(&x.text);
		}
}

static void collect(void *ctx, const char *bytes, size_t len)
{
	strbuf_add(ctx, bytes, len);
}

static void test_drain(void)
{
	CLEANUP(snapshot_unref_at) struct snapshot *s = empty_snapshot();
	CLEANUP(strbuf_release) struct strbuf pieces = STRBUF_INIT;
	struct exposition whole = {0}, x = {.drain = collect, .drain_ctx = &pieces};

	for (int i = 0; i < 26; i++)
		add_topic(s, (const char[]){(char)('a' + i), '\0'}, 500);
	(void)metrics_render(&whole, s, NULL);
	(void)metrics_render(&x, s, NULL);
	TAP_TRUE("little is kept of a text that is drained", x.text.room < whole.text.len / 4);
	exposition_drain(&x, true);
	TAP_INT("and nothing in the end", x.text.len, 0);
	TAP_TRUE("what was drained is the text", strcmp(pieces.data, whole.text.data) == 0);
	strbuf_release(&whole.text);
	strbuf_release(&x.text);
}

/* --- cardinality --- */

static size_t count_family(const char *text, const char *name)
{
	CLEANUP(mem_free_at) char *begin = mem_printf("\n%s{", name);
	size_t count = 0;

	while ((text = strstr(text, begin)))
		count++, text++;
	return count;
}

static void test_cardinality(void)
{
	struct pattern *orders = pattern_new("orders$", NULL);
	const struct {
		const char *name;
		struct metrics_options options;
		size_t lags, offsets, sums, partitions;
	} rows[] = {
		{"all there is", {0}, 25, 25, 8, 9},
		{"a topic may have sums only", {.per_topic = orders}, 9, 9, 8, 9},
		{"zeros may be hidden", {.hide_zero_lag = true}, 16, 25, 8, 9},
		{"a large limit limits nothing", {.max_series = 100000}, 25, 25, 8, 9},
		{"beyond it the details of groups go first", {.max_series = 180}, 0, 0, 8, 9},
		{"offsets before lags", {.max_series = 200}, 25, 0, 8, 9},
		{"then partitions", {.max_series = 120}, 0, 0, 8, 0},
		{"then sums", {.max_series = 20}, 0, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(snapshot_unref_at) struct snapshot *s = golden_world(false);
		struct exposition x = {0};
		struct metrics_count count = metrics_render(&x, s, &rows[i].options);
		size_t max = rows[i].options.max_series;

		TAP_INT(rows[i].name, count_family(x.text.data, "kafka_consumergroup_lag"),
			rows[i].lags);
		TAP_INT(rows[i].name,
			count_family(x.text.data, "kafka_consumergroup_current_offset"),
			rows[i].offsets);
		TAP_INT(rows[i].name, count_family(x.text.data, "kafka_consumergroup_lag_sum"),
			rows[i].sums);
		TAP_INT(rows[i].name, count_family(x.text.data, "kafka_topic_partition_leader"),
			rows[i].partitions);
		TAP_TRUE("the limit is kept", !max || count.series <= max);
		TAP_INT("nothing is dropped without need", count.dropped > 0, max && max < 1000);
		strbuf_release(&x.text);
	}
	pattern_free(orders);
}

static void test_filtered_topic(void)
{
	CLEANUP(snapshot_unref_at) struct snapshot *s = snapshot_new();
	struct exposition x = {0};

	add_topic(s, "t", 1)->filtered = true;
	s->topics[0].partitions[0].end = 9;
	add_commits(s, add_group(s, "g", 0), "t", (const int64_t[]){4});
	(void)metrics_render(&x, s, NULL);
	TAP_HAS("a filtered topic has series of its groups", x.text.data,
		"\nkafka_consumergroup_lag{consumergroup=\"g\",partition=\"0\",topic=\"t\"} 5\n");
	TAP_TRUE("and none of its own", !strstr(x.text.data, "\nkafka_topic_partition"));
	strbuf_release(&x.text);
}

int main(void)
{
	test_filtered_topic();
	test_golden();
	test_formats();
	test_drain();
	test_cardinality();
	test_label_values();
	test_decimals();
	test_odd_names();
	return tap_done();
}
