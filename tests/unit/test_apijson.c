#include "sidecar/apijson.h"

#include <jansson.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/trend.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"

/* The end of partition i is 100 * (i + 1). */
static struct snapshot *make(void)
{
	struct snapshot *s = empty_snapshot();
	struct topic *orders = add_topic(s, "orders", 3);
	struct group *g;

	for (int i = 0; i < 3; i++)
		orders->partitions[i].end = 100 * (i + 1);
	g = add_group(s, "billing", 1);
	g->coordinator = 1;
	g->members[0] = (struct member){(char *)"c-1-77", (char *)"c-1", (char *)"/10.0.0.7"};
	add_commits(s, g, "orders", (int64_t[]){90, 150, NONE})[1].member = 1;
	return s;
}

static json_t *parse(const char *name, struct strbuf *text)
{
	json_t *root = json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, NULL);

	TAP_TRUE(name, root != NULL);
	strbuf_release(text);
	return root;
}

static json_t *lag_of(const struct snapshot *s, int64_t now_ms)
{
	struct strbuf text = STRBUF_INIT;

	apijson_lag_head(&text, s, now_ms);
	apijson_lag_rest(&text, s);
	return parse("the document of all groups is JSON", &text);
}

static json_t *group_of(const struct snapshot *s, const char *group)
{
	struct strbuf text = STRBUF_INIT;

	if (!apijson_group(&text, s, group, s->mono_ms))
		return NULL;
	return parse("the document of a group is JSON", &text);
}

/* The value of a key as text; "?" where there is no such key. */
static const char *value(const json_t *object, const char *key)
{
	static char text[4][512];
	static unsigned turn;
	const json_t *v = json_object_get(object, key);
	char *dump = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *to = text[turn++ % ARRAY_LEN(text)];

	(void)snprintf(to, sizeof(text[0]), "%s", dump ? dump : "?");
	free(dump);
	return to;
}

static json_t *item(const json_t *object, const char *key, size_t i)
{
	return json_array_get(json_object_get(object, key), i);
}

static void test_head(void)
{
	struct snapshot *s = make();
	json_t *root;

	s->brokers[0].error = arena_strdup(&s->arena, "timed out");
	root = lag_of(s, s->mono_ms + 1234);
	TAP_STR("the snapshot has a number, a time and an age", value(root, "snapshot"),
		"{\"seq\":7,\"timestamp_ms\":1700000000250,\"age_ms\":1234}");
	TAP_STR("Kafka and its brokers are told", value(root, "kafka"),
		"{\"reachable\":true,\"error\":null,\"answered_age_ms\":1234,\"brokers\":[{\"id\":"
		"1,"
		"\"address\":\"127.0.0.1:19092\",\"error\":\"timed out\"}]}");
	TAP_STR("the total is that of the known", value(root, "lag"), "60");
	TAP_STR("groups are counted by quality", value(root, "quality"),
		"{\"complete\":1,\"partial\":0,\"stale\":0,\"unknown\":0}");
	json_decref(root);
	snapshot_unref(s);
}

static void test_down(void)
{
	struct snapshot *s = empty_snapshot();
	json_t *root;

	s->metadata_ok = false;
	s->good_ms = 0;
	s->error = arena_strdup(&s->arena, "metadata: timed out");
	root = lag_of(s, s->mono_ms - 5);
	TAP_STR("Kafka that never answered has no age", value(root, "kafka"),
		"{\"reachable\":false,\"error\":\"metadata: timed out\",\"answered_age_ms\":null,"
		"\"brokers\":[{\"id\":1,\"address\":\"127.0.0.1:19092\",\"error\":null}]}");
	TAP_STR("nothing known is no lag", value(root, "lag"), "null");
	TAP_STR("an age is never negative", value(root, "snapshot"),
		"{\"seq\":7,\"timestamp_ms\":1700000000250,\"age_ms\":0}");
	json_decref(root);
	snapshot_unref(s);
}

static void test_group_in_list(void)
{
	struct snapshot *s = make();
	json_t *root = lag_of(s, s->mono_ms), *g = item(root, "groups", 0);
	json_t *topic = item(g, "topics", 0);

	TAP_STR("a group has a name", value(g, "group"), "\"billing\"");
	TAP_STR("a state", value(g, "state"), "\"Stable\"");
	TAP_STR("a coordinator", value(g, "coordinator"), "1");
	TAP_STR("a number of members", value(g, "members"), "1");
	TAP_STR("a lag without the partitions that have no commit", value(g, "lag"), "60");
	TAP_STR("a quality", value(g, "quality"), "\"complete\"");
	TAP_STR("the topic, too", value(topic, "topic"), "\"orders\"");
	TAP_STR("with its lag", value(topic, "lag"), "60");
	TAP_STR("of so many partitions", value(topic, "partition_count"), "3");
	TAP_STR("of which so many have a commit", value(topic, "commit_count"), "2");
	TAP_STR("time lag that is not known is null", value(g, "time_lag_ms"), "null");
	json_decref(root);
	snapshot_unref(s);
}

enum change {
	NOTHING,
	NO_END,
	ONE_OLD,
	ALL_OLD,
	ONE_UNKNOWN,
	ALL_UNKNOWN,
	NO_COMMIT,
	NO_TOPIC,
	NO_ANSWER
};

static void change(struct snapshot *s, enum change what)
{
	struct group *g = &s->groups[0];

	for (size_t i = 0; i < 3; i++) {
		struct group_partition *gp = &g->topics[0].partitions[i];

		if (what == ALL_OLD || (what == ONE_OLD && i == 0)) {
			gp->fresh = false;
			gp->at_ms = s->mono_ms - 9000;
		}
		if (what == ALL_UNKNOWN || (what == ONE_UNKNOWN && i == 0))
			*gp = (struct group_partition){0};
		if (what == NO_COMMIT)
			*gp = (struct group_partition){.answered = true, .fresh = true};
	}
	if (what == NO_TOPIC || what == NO_ANSWER)
		g->topic_count = 0;
	g->answered = what != NO_ANSWER;
	s->topics[0].partitions[2].has_offsets = what != NO_END;
}

static void test_idle(void)
{
	struct snapshot *s = empty_snapshot();
	struct strbuf out = STRBUF_INIT;

	add_topic(s, "orders", 1)->partitions[0].end = 10;
	add_commits(s, add_group(s, "gone", 0), "orders", (int64_t[]){4});
	s->groups[0].idle = true;
	apijson_lag_rest(&out, s);
	TAP_HAS("groups that are idle for too long are not listed", out.data, "\"groups\":[]");
	TAP_HAS("nor counted", out.data, "\"lag\":null,\"quality\":{\"complete\":0");
	strbuf_release(&out);
	snapshot_unref(s);
}

static void test_quality(void)
{
	static const struct {
		const char *name;
		enum change what;
		const char *lag, *quality, *age_ms, *commits;
	} rows[] = {
		{"all fresh", NOTHING, "60", "\"complete\"", "0", "2"},
		{"no end of a partition without a commit: the sum is whole, the data is not",
			NO_END, "60", "\"partial\"", "0", "2"},
		{"one partition is old: its last lag counts, and the age is told", ONE_OLD, "60",
			"\"partial\"", "9000", "2"},
		{"all are old", ALL_OLD, "60", "\"stale\"", "9000", "2"},
		{"one was never read: the sum would pass for the whole", ONE_UNKNOWN, "null",
			"\"partial\"", "0", "null"},
		{"none was ever read", ALL_UNKNOWN, "null", "\"unknown\"", "null", "null"},
		{"no commit is known, and no lag", NO_COMMIT, "null", "\"complete\"", "0", "0"},
		{"a group that commits nothing", NO_TOPIC, "null", "\"complete\"", "null", "0"},
		{"a group whose coordinator is silent", NO_ANSWER, "null", "\"unknown\"", "null",
			"null"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct snapshot *s = make();
		json_t *root, *g;

		change(s, rows[i].what);
		root = lag_of(s, s->mono_ms);
		g = item(root, "groups", 0);
		TAP_STR(rows[i].name, value(g, "lag"), rows[i].lag);
		TAP_STR(rows[i].name, value(g, "quality"), rows[i].quality);
		TAP_STR(rows[i].name, value(g, "age_ms"), rows[i].age_ms);
		TAP_STR(rows[i].name, value(g, "commit_count"), rows[i].commits);
		json_decref(root);
		snapshot_unref(s);
	}
}

static void test_partitions(void)
{
	struct snapshot *s = make();
	struct group_partition *gp = s->groups[0].topics[0].partitions;
	json_t *root, *topic, *p;

	gp[0].has_time_lag = true;
	gp[0].time_lag_ms = 1500;
	gp[2] = (struct group_partition){0};
	s->topics[0].partitions[2].has_offsets = false;
	s->topics[0].partitions[2].leader = -1;
	root = group_of(s, "billing");
	topic = item(root, "topics", 0);
	TAP_STR("members are listed", value(root, "members"),
		"[{\"id\":\"c-1-77\",\"client_id\":\"c-1\",\"host\":\"/10.0.0.7\"}]");
	p = item(topic, "partitions", 0);
	TAP_STR("a partition has a commit", value(p, "committed"), "90");
	TAP_STR("an end", value(p, "end"), "100");
	TAP_STR("a start", value(p, "start"), "0");
	TAP_STR("a lag", value(p, "lag"), "10");
	TAP_STR("a lag in time", value(p, "time_lag_ms"), "1500");
	TAP_STR("and may have no owner", value(p, "owner"), "null");
	p = item(topic, "partitions", 1);
	TAP_STR("or have one", value(p, "owner"),
		"{\"id\":\"c-1-77\",\"client_id\":\"c-1\",\"host\":\"/10.0.0.7\"}");
	p = item(topic, "partitions", 2);
	TAP_STR("of a partition never read nothing is told", value(p, "committed"), "null");
	TAP_STR("no lag", value(p, "lag"), "null");
	TAP_STR("no end", value(p, "end"), "null");
	TAP_STR("no start", value(p, "start"), "null");
	TAP_STR("no age", value(p, "age_ms"), "null");
	TAP_STR("no leader", value(p, "leader"), "null");
	TAP_STR("and the lag of the topic is not known", value(topic, "lag"), "null");
	json_decref(root);
	s->groups[0].members_known = false;
	s->groups[0].state = GROUP_UNKNOWN;
	root = group_of(s, "billing");
	TAP_STR("members nobody told of are not none", value(root, "members"), "null");
	TAP_STR("nor is a state nobody told of", value(root, "state"), "null");
	json_decref(root);
	TAP_TRUE("a group that is not there has no document", group_of(s, "bill") == NULL);
	snapshot_unref(s);
}

static void test_names(void)
{
	static const struct {
		const char *name, *shown;
	} rows[] = {
		{"", ""},
		{"\"quoted\\\"", "\"quoted\\\""},
		{"</script><img src=x onerror=alert(1)>", "</script><img src=x onerror=alert(1)>"},
		{"a/b/../c?d#e%2f", "a/b/../c?d#e%2f"},
		{"line\nbreak\x01", "line\nbreak\x01"},
		{"\xe6\xb6\x88\xc3\xbc", "\xe6\xb6\x88\xc3\xbc"},
		{"bad\xff\xfe", "bad\xef\xbf\xbd\xef\xbf\xbd"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct snapshot *s = empty_snapshot();
		json_t *root, *one;

		add_topic(s, "t", 1);
		add_commits(s, add_group(s, rows[i].name, 0), "t", (int64_t[]){0});
		root = lag_of(s, s->mono_ms);
		TAP_STR("a name is only a name in the list",
			json_string_value(json_object_get(item(root, "groups", 0), "group")),
			rows[i].shown);
		json_decref(root);
		one = group_of(s, rows[i].name);
		TAP_STR("and alone", json_string_value(json_object_get(one, "group")),
			rows[i].shown);
		json_decref(one);
		snapshot_unref(s);
	}
}

static void test_history(void)
{
	struct trend *t = trend_new();
	struct strbuf text = STRBUF_INIT;
	json_t *root;

	apijson_history(&text, NULL);
	TAP_STR("no history is an empty one", strbuf_str(&text),
		"{\"groups\":[],\"times_ms\":[]}\n");
	strbuf_release(&text);
	for (int i = 0; i < 3; i++) {
		struct snapshot *s = make();

		s->mono_ms += i * 5000;
		s->wall_ms = 1000 + i * 5000;
		if (i == 1)
			change(s, ALL_UNKNOWN);
		if (i == 2)
			add_commits(
				s, add_group(s, "late", 0), "orders", (int64_t[]){100, 200, 299});
		trend_add(t, s);
		snapshot_unref(s);
	}
	apijson_history(&text, t);
	root = parse("the history is JSON", &text);
	TAP_STR("the times are those of all", value(root, "times_ms"), "[1000,6000,11000]");
	TAP_STR("what was not known is null", value(item(root, "groups", 0), "lag"),
		"[60,null,60]");
	TAP_STR("a group that came late has the last of them",
		value(item(root, "groups", 1), "lag"), "[1]");
	json_decref(root);
	trend_free(t);
}

/* 1,000 groups x 10 topics, as wide as they come. Bounds that only another order of growth breaks. */
static void test_large(void)
{
	struct snapshot *s = empty_snapshot();
	struct strbuf text = STRBUF_INIT;
	int64_t began, took;

	for (int i = 0; i < 10; i++)
		add_topic(s, (const char[]){'t', (char)('0' + i), '\0'}, 10);
	for (int i = 0; i < 1000; i++) {
		char name[16];
		struct group *g;

		(void)snprintf(name, sizeof(name), "group-%04d", i);
		g = add_group(s, name, 0);
		for (int k = 0; k < 10; k++)
			add_commits(s, g, s->topics[k].name, (int64_t[10]){0});
	}
	began = clock_cpu_us();
	apijson_lag_rest(&text, s);
	took = clock_cpu_us() - began;
	printf("# 1,000 groups x 10 topics: %zu bytes in %" PRId64 " us\n", text.len, took);
	TAP_TRUE("10,000 topics of groups are less than 2 MB", text.len < 2000000);
	TAP_TRUE("made in less than a second, whoever watches", took < 1000000);
	strbuf_release(&text);
	snapshot_unref(s);
}

int main(void)
{
	test_head();
	test_down();
	test_group_in_list();
	test_idle();
	test_quality();
	test_partitions();
	test_names();
	test_history();
	test_large();
	return tap_done();
}
