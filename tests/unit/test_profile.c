#include "sidecar/profile.h"

#include <string.h>

#include "common/mem.h"
#include "scaler/objectsmetrics.h"
#include "scaler/scalermetrics.h"
#include "sidecar/kafka.h"
#include "sidecar/metrics.h"
#include "sidecar/selfmetrics.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"

/* Topic 't' of three partitions (10 to 110) with commits 5, none and 60 of group 'busy', whose two
 * members own partitions 0 and 2; topic 'u' of one, at its end. Group 'idle' has no commit. The time
 * lag of 'busy' is 1.5 s, 62 s and 0. */
static struct snapshot *make_scene(void)
{
	struct snapshot *s = empty_snapshot();
	struct topic *t = add_topic(s, "t", 3);
	struct group_partition *gp;
	struct group *g;

	for (int i = 0; i < 3; i++) {
		t->partitions[i].start = 10;
		t->partitions[i].end = 110;
	}
	add_topic(s, "u", 1)->partitions[0].end = 9;
	g = add_group(s, "busy", 2);
	g->coordinator = 1;
	g->members[0] = (struct member){arena_strdup(&s->arena, "m-0"),
		arena_strdup(&s->arena, "app"), arena_strdup(&s->arena, "/10.0.0.1")};
	g->members[1] = (struct member){arena_strdup(&s->arena, "m-1"),
		arena_strdup(&s->arena, "app"), arena_strdup(&s->arena, "/10.0.0.2")};
	gp = add_commits(s, g, "t", (const int64_t[]){5, NONE, 60});
	gp[0].member = 1;
	gp[2].member = 2;
	gp[0].has_time_lag = gp[2].has_time_lag = true;
	gp[0].time_lag_ms = 1500;
	gp[2].time_lag_ms = 62000;
	add_commits(s, g, "u", (const int64_t[]){9})->has_time_lag = true;
	g = add_group(s, "idle", 0);
	g->coordinator = -1;
	return s;
}

static void nothing(struct snapshot *s)
{
	(void)s;
}

static void unknown_lag(struct snapshot *s)
{
	s->groups[0].topics[0].partitions[2].has_lag = false;
}

static void unknown_time_lag(struct snapshot *s)
{
	s->groups[0].topics[0].partitions[2].has_time_lag = false;
}

static void group_failed(struct snapshot *s)
{
	s->groups[1].error = arena_strdup(&s->arena, "timed out");
}

static void no_metadata(struct snapshot *s)
{
	s->metadata_ok = false;
	s->good_ms = 0;
}

static void members_unknown(struct snapshot *s)
{
	s->groups[0].members_known = false;
}

static void end_unread(struct snapshot *s)
{
	s->topics[0].partitions[1].has_offsets = false;
}

static void empty_log(struct snapshot *s)
{
	s->topics[1].partitions[0].start = 9;
}

static void address_of_six(struct snapshot *s)
{
	s->brokers[0].address = arena_strdup(&s->arena, "[::1]:9092");
}

#define K "kminion_kafka_"
#define G "kafka_consumergroup_group_"
#define OWNER_0 "{client_id=\"app\",consumer_id=\"m-0\",group=\"busy\",member_host=\"/10.0.0.1\","
#define NOBODY "{client_id=\"\",consumer_id=\"\",group=\"busy\",member_host=\"\","

/* `has` is a line of the text; `lacks` occurs nowhere in it. NULL: not looked for. */
static const struct {
	const char *name;
	enum profile_id id;
	void (*change)(struct snapshot *s);
	const char *has, *lacks;
} rows[] = {
	{"kminion is up", PROFILE_KMINION, nothing,
		"kminion_exporter_up{version=\"" HEXLAG_VERSION "\"} 1", "\nkafka_"},
	{"a group that failed makes it down", PROFILE_KMINION, group_failed,
		"kminion_exporter_up{version=\"" HEXLAG_VERSION "\"} 0", NULL},
	{"our own series are there", PROFILE_KMINION, nothing,
		"hexlag_consumergroup_lag_quality{consumergroup=\"busy\",topic=\"t\"} 3", NULL},
	{"kminion's lag", PROFILE_KMINION, nothing,
		K "consumer_group_topic_partition_lag{group_id=\"busy\",partition_id=\"2\","
		  "topic_name=\"t\"} 50",
		"-1\n"},
	{"is absent without a commit", PROFILE_KMINION, nothing, NULL,
		K "consumer_group_topic_partition_lag{group_id=\"busy\",partition_id=\"1\""},
	{"its sum", PROFILE_KMINION, nothing,
		K "consumer_group_topic_lag{group_id=\"busy\",topic_name=\"t\"} 150", NULL},
	{"is absent where a part is unknown", PROFILE_KMINION, unknown_lag,
		K "consumer_group_topic_lag{group_id=\"busy\",topic_name=\"u\"} 0",
		K "consumer_group_topic_lag{group_id=\"busy\",topic_name=\"t\"}"},
	{"kminion's offset sum", PROFILE_KMINION, nothing,
		K "consumer_group_topic_offset_sum{group_id=\"busy\",topic_name=\"t\"} 65", NULL},
	{"a stable group is 1", PROFILE_KMINION, nothing,
		K "consumer_group_info{coordinator_id=\"1\",group_id=\"busy\",state=\"Stable\"} 1",
		NULL},
	{"an empty one is 0, an unknown coordinator empty", PROFILE_KMINION, nothing,
		K "consumer_group_info{coordinator_id=\"\",group_id=\"idle\",state=\"Empty\"} 0",
		NULL},
	{"kminion's members", PROFILE_KMINION, nothing,
		K "consumer_group_members{group_id=\"busy\"} 2", NULL},
	{"those of a topic", PROFILE_KMINION, nothing,
		K "consumer_group_topic_members{group_id=\"busy\",topic_name=\"t\"} 2",
		K "consumer_group_topic_members{group_id=\"busy\",topic_name=\"u\"}"},
	{"their partitions", PROFILE_KMINION, nothing,
		K "consumer_group_topic_assigned_partitions{group_id=\"busy\",topic_name=\"t\"} 2",
		NULL},
	{"which are absent when unknown", PROFILE_KMINION, members_unknown, NULL,
		"members{group_id=\"busy\""},
	{"kminion's watermarks", PROFILE_KMINION, nothing,
		K "topic_partition_low_water_mark{partition_id=\"1\",topic_name=\"t\"} 10", NULL},
	{"their sum", PROFILE_KMINION, nothing, K "topic_high_water_mark_sum{topic_name=\"t\"} 330",
		NULL},
	{"which is absent where a part is unknown", PROFILE_KMINION, end_unread,
		K "topic_high_water_mark_sum{topic_name=\"u\"} 9",
		K "topic_high_water_mark_sum{topic_name=\"t\"}"},
	{"kminion's topic", PROFILE_KMINION, nothing,
		K "topic_info{partition_count=\"3\",replication_factor=\"1\",topic_name=\"t\"} 1",
		NULL},
	{"kminion's broker", PROFILE_KMINION, nothing,
		K "broker_info{address=\"127.0.0.1\",broker_id=\"1\",port=\"19092\"} 1", NULL},
	{"with an address of IPv6", PROFILE_KMINION, address_of_six,
		K "broker_info{address=\"[::1]\",broker_id=\"1\",port=\"9092\"} 1", NULL},
	{"kminion's cluster", PROFILE_KMINION, nothing, K "cluster_info{broker_count=\"1\"} 1",
		NULL},
	{"which is absent before metadata", PROFILE_KMINION, no_metadata, NULL, "cluster_info"},

	{"a lag has its owner", PROFILE_LAG_EXPORTER, nothing,
		G "lag" OWNER_0 "partition=\"0\",topic=\"t\"} 100", "\nkafka_consumergroup_lag"},
	{"or nobody", PROFILE_LAG_EXPORTER, nothing,
		G "lag" NOBODY "partition=\"0\",topic=\"u\"} 0", "-1\n"},
	{"an offset, too", PROFILE_LAG_EXPORTER, nothing,
		G "offset" OWNER_0 "partition=\"0\",topic=\"t\"} 5", NULL},
	{"a group has its maximum", PROFILE_LAG_EXPORTER, nothing, G "max_lag{group=\"busy\"} 100",
		G "max_lag{group=\"idle\"}"},
	{"and its sum", PROFILE_LAG_EXPORTER, nothing, G "sum_lag{group=\"busy\"} 150",
		G "sum_lag{group=\"idle\"}"},
	{"and those of topics", PROFILE_LAG_EXPORTER, nothing,
		G "topic_sum_lag{group=\"busy\",topic=\"t\"} 150", NULL},
	{"a sum of which a part is unknown is absent", PROFILE_LAG_EXPORTER, unknown_lag,
		G "topic_sum_lag{group=\"busy\",topic=\"u\"} 0", G "sum_lag{group=\"busy\"}"},
	{"so is a maximum", PROFILE_LAG_EXPORTER, unknown_lag, NULL, "max_lag{"},
	{"a time lag has its owner", PROFILE_LAG_EXPORTER, nothing,
		G "lag_seconds" OWNER_0 "partition=\"0\",topic=\"t\"} 1.5", NULL},
	{"is 0 for a group that caught up", PROFILE_LAG_EXPORTER, nothing,
		G "lag_seconds" NOBODY "partition=\"0\",topic=\"u\"} 0", NULL},
	{"is absent without a commit", PROFILE_LAG_EXPORTER, nothing, NULL,
		G "lag_seconds" NOBODY "partition=\"1\""},
	{"a group has the largest", PROFILE_LAG_EXPORTER, nothing,
		G "max_lag_seconds{group=\"busy\"} 62", G "max_lag_seconds{group=\"idle\"}"},
	{"which is absent where one is unknown", PROFILE_LAG_EXPORTER, unknown_time_lag,
		G "lag_seconds" OWNER_0 "partition=\"0\",topic=\"t\"} 1.5",
		G "max_lag_seconds{group=\"busy\"}"},
	{"log offsets", PROFILE_LAG_EXPORTER, nothing,
		"kafka_partition_earliest_offset{partition=\"0\",topic=\"t\"} 10", NULL},
	{"lost messages", PROFILE_LAG_EXPORTER, nothing,
		G "messages_lost{group=\"busy\",partition=\"0\",topic=\"t\"} 5", NULL},
	{"none of them", PROFILE_LAG_EXPORTER, nothing,
		G "messages_lost{group=\"busy\",partition=\"2\",topic=\"t\"} 0", NULL},
	{"the margin to retention is negative then", PROFILE_LAG_EXPORTER, nothing,
		G "retention_margin{group=\"busy\",partition=\"0\",topic=\"t\"} -5", NULL},
	{"and the ratio more than 100", PROFILE_LAG_EXPORTER, nothing,
		G "lag_retention_ratio{group=\"busy\",partition=\"0\",topic=\"t\"} 105", NULL},
	{"a part of it is a part", PROFILE_LAG_EXPORTER, nothing,
		G "lag_retention_ratio{group=\"busy\",partition=\"2\",topic=\"t\"} 50", NULL},
	{"an empty log has the ratio 0", PROFILE_LAG_EXPORTER, empty_log,
		G "lag_retention_ratio{group=\"busy\",partition=\"0\",topic=\"u\"} 0", NULL},
	{"the partitions with losses are counted", PROFILE_LAG_EXPORTER, nothing,
		"kafka_lag_exporter_data_loss_partitions_total 1", NULL},
	{"states are numbers", PROFILE_LAG_EXPORTER, nothing, G "state{group=\"busy\"} 3", NULL},
	{"of klag-exporter's choice", PROFILE_LAG_EXPORTER, nothing, G "state{group=\"idle\"} 5",
		NULL},
	{"the duration is in milliseconds", PROFILE_LAG_EXPORTER, nothing,
		"kafka_consumergroup_poll_time_ms 12.345", NULL},
	{"and in seconds", PROFILE_LAG_EXPORTER, nothing,
		"kafka_lag_exporter_scrape_duration_seconds 0.012345", NULL},
	{"without metadata it is down", PROFILE_LAG_EXPORTER, no_metadata,
		"kafka_lag_exporter_up 0", "last_update"},
};

static void test_values(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(snapshot_unref_at) struct snapshot *s = make_scene();
		CLEANUP(mem_free_at)
		char *line = mem_printf("\n%s\n", rows[i].has ? rows[i].has : "");
		struct exposition x = {0};

		rows[i].change(s);
		(void)metrics_render(&x, s, &(struct metrics_options){.profile = rows[i].id});
		if (rows[i].has)
			TAP_HAS(rows[i].name, x.text.data, line);
		if (rows[i].lacks)
			TAP_TRUE(rows[i].name, strstr(x.text.data, rows[i].lacks) == NULL);
		strbuf_release(&x.text);
	}
}

/* Whoever asks for the profile has dashboards of both series, so only "off" takes them away. */
static void test_time_lag_levels(void)
{
	static const struct {
		const char *name;
		enum series_time_lag level;
		bool want;
	} levels[] = {
		{"time lag where maxima are asked for", SERIES_TIME_LAG_GROUP, true},
		{"time lag where partitions are asked for", SERIES_TIME_LAG_PARTITION, true},
		{"no time lag where it is off", SERIES_TIME_LAG_OFF, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		CLEANUP(snapshot_unref_at) struct snapshot *s = make_scene();
		const struct metrics_options options = {
			.profile = PROFILE_LAG_EXPORTER, .time_lag = levels[i].level};
		struct exposition x = {0};

		(void)metrics_render(&x, s, &options);
		TAP_INT(levels[i].name, strstr(x.text.data, G "lag_seconds{") != NULL,
			levels[i].want);
		TAP_INT(levels[i].name, strstr(x.text.data, G "max_lag_seconds{") != NULL,
			levels[i].want);
		strbuf_release(&x.text);
	}
}

static void test_hidden_zeros(void)
{
	const struct metrics_options options = {
		.profile = PROFILE_LAG_EXPORTER, .hide_zero_lag = true};
	CLEANUP(snapshot_unref_at) struct snapshot *s = make_scene();
	struct exposition x = {0};

	(void)metrics_render(&x, s, &options);
	TAP_TRUE("a lag of 0 may be hidden", !strstr(x.text.data, G "lag" NOBODY));
	TAP_TRUE("with its time lag", !strstr(x.text.data, G "lag_seconds" NOBODY));
	TAP_HAS("others stay", x.text.data, G "lag_seconds" OWNER_0);
	TAP_HAS("and the offset", x.text.data, G "offset" NOBODY);
	strbuf_release(&x.text);
}

static void test_labels(void)
{
	static const struct {
		const char *name, *labels;
		enum profile_id id;
		const char *error; /* NULL: none */
	} labels[] = {
		{"a new name is free", "cluster=east", PROFILE_KAFKA_EXPORTER, NULL},
		{"one of the profile is taken", "topic=x", PROFILE_KAFKA_EXPORTER,
			"label 'topic' is a label of the series themselves"},
		{"that of another is free", "topic_name=x", PROFILE_KAFKA_EXPORTER, NULL},
		{"until it is this one", "a=b,topic_name=x", PROFILE_KMINION,
			"label 'topic_name' is a label of the series themselves"},
		{"those of our own series are always taken", "consumergroup=x", PROFILE_KMINION,
			"label 'consumergroup' is a label of the series themselves"},
		{"the cluster's name is free", "cluster_name=east", PROFILE_LAG_EXPORTER, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct labels l = {0};
		struct err err = {0};

		TAP_INT(labels[i].name, labels_parse(labels[i].labels, &l, NULL), 0);
		TAP_INT(labels[i].name, profile_check_labels(labels[i].id, &l, &err),
			labels[i].error ? -1 : 0);
		TAP_STR(labels[i].name, err.msg, labels[i].error ? labels[i].error : "");
		labels_release(&l);
	}
}

/* Names of all families, each between two newlines, to find one that is there twice. */
static void check_family(struct strbuf *names, const char *name, const char *type, const char *help)
{
	CLEANUP(mem_free_at) char *line = mem_printf("\n%s\n", name);
	size_t len = strlen(name);
	bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;

	TAP_TRUE(name, strstr(names->data, line) == NULL);
	strbuf_adds(names, line + 1);
	TAP_TRUE("a family is a gauge or a counter",
		strcmp(type, "gauge") == 0 || strcmp(type, "counter") == 0);
	TAP_TRUE("a counter ends in _total", strcmp(type, "counter") != 0 || total);
	TAP_TRUE("a help text needs no escaping and no second column",
		*help && !strpbrk(help, "\\\"\n\t"));
}

static void test_families(void)
{
	static const struct family *const families[] = {kafka_families, scalermetrics_families,
		objectsmetrics_families, selfmetrics_families};

	for (enum profile_id id = 0; id < PROFILE_COUNT; id++) {
		CLEANUP(strbuf_release) struct strbuf names = STRBUF_INIT;
		const struct series *s;

		strbuf_addc(&names, '\n');
		for (size_t i = 0; (s = profile_series(id, i)); i++)
			check_family(&names, s->name, s->type, s->help);
		for (size_t i = 0; i < ARRAY_LEN(families); i++)
			for (const struct family *f = families[i]; f->name; f++)
				check_family(&names, f->name, f->type, f->help);
	}
}

int main(void)
{
	test_values();
	test_time_lag_levels();
	test_hidden_zeros();
	test_families();
	test_labels();
	return tap_done();
}
