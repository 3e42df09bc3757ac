#include "sidecar/series.h"

#include <string.h>

#include "common/mem.h"
#include "sidecar/metrics.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"

/* One topic 't' of three partitions (0 to 100) and one group 'g' with commits 10, 20, 30. */
struct scene {
	struct snapshot *s;
	struct partition *p;
	struct group *g;
	struct group_partition *gp;
};

static void nothing(struct scene *x)
{
	(void)x;
}

static void no_commit_at_all(struct scene *x)
{
	for (int i = 0; i < 3; i++)
		x->gp[i].has_committed = x->gp[i].has_lag = false;
}

static void one_without_commit(struct scene *x)
{
	x->gp[2].has_committed = x->gp[2].has_lag = false;
}

static void one_without_commit_on_an_unread_log(struct scene *x)
{
	one_without_commit(x);
	x->p[2].has_offsets = x->p[2].fresh = false;
}

static void one_never_answered(struct scene *x)
{
	x->gp[2] = (struct group_partition){0};
}

static void never_answered(struct scene *x)
{
	memset(x->gp, 0, 3 * sizeof(*x->gp));
	x->g->answered = false;
}

static void one_end_never_read(struct scene *x)
{
	x->p[2].has_offsets = x->p[2].fresh = false;
	x->gp[2].has_lag = x->gp[2].fresh = false;
}

static void one_stale(struct scene *x)
{
	x->p[2].fresh = x->gp[2].fresh = false;
	x->p[2].at_ms = x->gp[2].at_ms = x->s->mono_ms - 45250;
}

static void all_stale(struct scene *x)
{
	for (int i = 0; i < 3; i++) {
		x->gp[i].fresh = false;
		x->gp[i].at_ms = x->s->mono_ms - 3000;
	}
}

static void retention_overtook(struct scene *x)
{
	x->p[0].start = 15;
	x->gp[0].lag = 85;
}

static void truncated(struct scene *x)
{
	x->p[0].end = 4;
	x->gp[0].lag = 0;
}

static void moved_past_a_stale_end(struct scene *x)
{
	truncated(x);
	x->p[0].fresh = x->gp[0].fresh = false;
}

static void members_unknown(struct scene *x)
{
	x->g->members_known = false;
}

static void dead(struct scene *x)
{
	x->g->state = GROUP_DEAD;
}

static void leaderless(struct scene *x)
{
	x->p[0].leader = -1;
	x->p[0].in_sync = 0;
}

static void replicas_unknown(struct scene *x)
{
	x->p[0].preferred = -1;
	x->p[0].replicas = x->p[0].in_sync = 0;
}

static void kafka_down_from_the_start(struct scene *x)
{
	x->s->metadata_ok = x->s->list_ok = false;
	x->s->good_ms = 0;
	x->s->broker_count = 0;
	x->s->topic_count = x->s->group_count = 0;
}

static void kafka_down_for_five_seconds(struct scene *x)
{
	x->s->metadata_ok = false;
	x->s->good_ms = x->s->mono_ms - 5000;
}

static void not_asked_with_old_error(struct scene *x)
{
	x->g->asked = x->g->answered = false;
	x->g->error = arena_strdup(&x->s->arena, "timed out");
}

static void only_rules(struct scene *x)
{
	x->s->full = false;
}

static void huge(struct scene *x)
{
	for (int i = 0; i < 3; i++)
		x->gp[i].lag = INT64_MAX;
}

static void broker_failed(struct scene *x)
{
	x->s->brokers[0].error = arena_strdup(&x->s->arena, "timed out");
}

/* `has` is a line of the text; `lacks` occurs nowhere in it. NULL: not looked for. */
static const struct {
	const char *name;
	void (*change)(struct scene *x);
	const char *has, *lacks;
} rows[] = {
	{"a lag is shown per partition", nothing,
		"kafka_consumergroup_lag{consumergroup=\"g\",partition=\"2\",topic=\"t\"} 70",
		"hexlag_consumergroup_lag_age_seconds"},
	{"a sum is over all partitions", nothing,
		"kafka_consumergroup_lag_sum{consumergroup=\"g\",topic=\"t\"} 240",
		"hexlag_topic_partition_offset_age_seconds"},
	{"fresh partitions are complete", nothing,
		"hexlag_consumergroup_lag_quality{consumergroup=\"g\",topic=\"t\"} 3",
		"hexlag_consumergroup_lost_messages"},
	{"the state that a group is in is 1", nothing,
		"hexlag_consumergroup_state{consumergroup=\"g\",state=\"Empty\"} 1",
		"hexlag_consumergroup_commit_beyond_end"},
	{"the states that it is not in are 0", nothing,
		"hexlag_consumergroup_state{consumergroup=\"g\",state=\"Dead\"} 0", NULL},
	{"times keep their milliseconds", nothing,
		"hexlag_snapshot_timestamp_seconds 1700000000.25", NULL},
	{"phases keep their microseconds", nothing,
		"hexlag_cycle_phase_seconds{phase=\"metadata\"} 0.012345", NULL},
	{"cycles are counted", nothing, "hexlag_cycles_total 7", NULL},
	{"a topic without any commit shows no offset", no_commit_at_all, NULL,
		"kafka_consumergroup_current_offset"},
	{"nor a lag", no_commit_at_all, NULL, "kafka_consumergroup_lag"},
	{"nor a quality", no_commit_at_all, NULL, "lag_quality"},
	{"but the group has its members", no_commit_at_all,
		"kafka_consumergroup_members{consumergroup=\"g\"} 0", NULL},
	{"no commit on one partition is an offset of -1", one_without_commit,
		"kafka_consumergroup_current_offset{consumergroup=\"g\",partition=\"2\",topic="
		"\"t\"} -1",
		NULL},
	{"and a lag of -1", one_without_commit,
		"kafka_consumergroup_lag{consumergroup=\"g\",partition=\"2\",topic=\"t\"} -1",
		NULL},
	{"which sums skip", one_without_commit,
		"kafka_consumergroup_current_offset_sum{consumergroup=\"g\",topic=\"t\"} 30", NULL},
	{"both of them", one_without_commit,
		"kafka_consumergroup_lag_sum{consumergroup=\"g\",topic=\"t\"} 170", NULL},
	{"a partition that was never answered is absent, not -1", one_never_answered, NULL,
		"partition=\"2\",topic=\"t\"} -1"},
	{"a lag sum with an unknown part is absent", one_never_answered, NULL,
		"kafka_consumergroup_lag_sum"},
	{"so is an offset sum", one_never_answered, NULL, "current_offset_sum"},
	{"and the quality is partial", one_never_answered,
		"hexlag_consumergroup_lag_quality{consumergroup=\"g\",topic=\"t\"} 2", NULL},
	{"a group that never answered has quality 0", never_answered,
		"hexlag_consumergroup_lag_quality{consumergroup=\"g\",topic=\"t\"} 0",
		"kafka_consumergroup_lag"},
	{"and says so", never_answered,
		"hexlag_consumergroup_coordinator_answered{consumergroup=\"g\"} 0", NULL},
	{"without an end offset the committed offset is there", one_end_never_read,
		"kafka_consumergroup_current_offset{consumergroup=\"g\",partition=\"2\",topic="
		"\"t\"} 30",
		"kafka_topic_partition_current_offset{partition=\"2\""},
	{"but not its lag", one_end_never_read, NULL,
		"kafka_consumergroup_lag{consumergroup=\"g\",partition=\"2\""},
	{"nor a sum without it", one_end_never_read, NULL, "kafka_consumergroup_lag_sum"},
	{"a stale lag stays", one_stale,
		"kafka_consumergroup_lag{consumergroup=\"g\",partition=\"2\",topic=\"t\"} 70",
		NULL},
	{"with its age", one_stale,
		"hexlag_consumergroup_lag_age_seconds{consumergroup=\"g\",partition=\"2\",topic="
		"\"t\"} 45.25",
		"lag_age_seconds{consumergroup=\"g\",partition=\"1\""},
	{"and that of its log offsets", one_stale,
		"hexlag_topic_partition_offset_age_seconds{partition=\"2\",topic=\"t\"} 45.25",
		NULL},
	{"one stale partition makes the quality partial", one_stale,
		"hexlag_consumergroup_lag_quality{consumergroup=\"g\",topic=\"t\"} 2", NULL},
	{"so does a log whose end was never read, as for a decision",
		one_without_commit_on_an_unread_log,
		"hexlag_consumergroup_lag_quality{consumergroup=\"g\",topic=\"t\"} 2", NULL},
	{"nothing fresh is stale", all_stale,
		"hexlag_consumergroup_lag_quality{consumergroup=\"g\",topic=\"t\"} 1", NULL},
	{"a sum of stale values is there", all_stale,
		"kafka_consumergroup_lag_sum{consumergroup=\"g\",topic=\"t\"} 240", NULL},
	{"a commit below the log start has lost messages", retention_overtook,
		"hexlag_consumergroup_lost_messages{consumergroup=\"g\",partition=\"0\",topic="
		"\"t\"} "
		"5",
		"lost_messages{consumergroup=\"g\",partition=\"1\""},
	{"a commit beyond the end is reported", truncated,
		"hexlag_consumergroup_commit_beyond_end{consumergroup=\"g\",partition=\"0\",topic="
		"\"t\"} 6",
		NULL},
	{"but not against an old end", moved_past_a_stale_end, NULL, "commit_beyond_end"},
	{"unknown members are absent, not 0", members_unknown, NULL, "kafka_consumergroup_members"},
	{"a group that does not exist has no members series", dead, NULL,
		"kafka_consumergroup_members"},
	{"without a leader there is no leader series", leaderless, NULL,
		"partition_leader{partition=\"0\""},
	{"and it is not the preferred one", leaderless,
		"kafka_topic_partition_leader_is_preferred{partition=\"0\",topic=\"t\"} 0", NULL},
	{"no replica in sync is 0", leaderless,
		"kafka_topic_partition_in_sync_replica{partition=\"0\",topic=\"t\"} 0", NULL},
	{"and under-replicated", leaderless,
		"kafka_topic_partition_under_replicated_partition{partition=\"0\",topic=\"t\"} 1",
		NULL},
	{"unknown replicas are absent", replicas_unknown, NULL,
		"kafka_topic_partition_replicas{partition=\"0\""},
	{"so is whether the leader is preferred", replicas_unknown, NULL,
		"leader_is_preferred{partition=\"0\""},
	{"before the first answer nothing of Kafka is shown", kafka_down_from_the_start,
		"hexlag_metadata_ok 0", "kafka_"},
	{"nor a time of success", kafka_down_from_the_start, NULL, "hexlag_last_success"},
	{"the last success is told when Kafka is down", kafka_down_for_five_seconds,
		"hexlag_last_success_timestamp_seconds 1699999995.25", NULL},
	{"the last answer counts where a cycle did not ask", not_asked_with_old_error,
		"hexlag_consumergroup_coordinator_answered{consumergroup=\"g\"} 0", NULL},
	{"the health of the listing stays where a cycle makes none", only_rules,
		"hexlag_group_list_ok 1", NULL},
	{"a sum does not overflow", huge,
		"kafka_consumergroup_lag_sum{consumergroup=\"g\",topic=\"t\"} 9223372036854775807",
		NULL},
	{"a broker that did not answer is marked", broker_failed,
		"hexlag_broker_failed{address=\"127.0.0.1:19092\",id=\"1\"} 1", NULL},
};

/* Renders a scene; a newline goes before it, so that each line can be searched for between two. */
static char *render_scene(void (*change)(struct scene *x))
{
	CLEANUP(snapshot_unref_at) struct snapshot *s = empty_snapshot();
	struct exposition text = {0};
	struct scene x = {.s = s};

	x.p = add_topic(s, "t", 3)->partitions;
	for (int i = 0; i < 3; i++)
		x.p[i].end = 100;
	x.g = add_group(s, "g", 0);
	x.gp = add_commits(s, x.g, "t", (const int64_t[]){10, 20, 30});
	change(&x);
	strbuf_addc(&text.text, '\n');
	(void)metrics_render(&text, s, NULL);
	return strbuf_take(&text.text);
}

static void test_absence(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(mem_free_at) char *text = render_scene(rows[i].change);
		CLEANUP(mem_free_at)
		char *line = mem_printf("\n%s\n", rows[i].has ? rows[i].has : "");

		if (rows[i].has)
			TAP_HAS(rows[i].name, text, line);
		if (rows[i].lacks)
			TAP_TRUE(rows[i].name, strstr(text, rows[i].lacks) == NULL);
	}
}

static void test_table(void)
{
	bool sorted = true;

	for (size_t i = 1; i < series_own_count; i++)
		sorted &= strcmp(series_own[i - 1].name, series_own[i].name) < 0;
	for (size_t i = 1; i < series_kafka_exporter_count; i++)
		sorted &= strcmp(series_kafka_exporter[i - 1].name, series_kafka_exporter[i].name) <
			  0;
	TAP_TRUE("families are sorted by name, each once", sorted);
}

int main(void)
{
	test_absence();
	test_table();
	return tap_done();
}
