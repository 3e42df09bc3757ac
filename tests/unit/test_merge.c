/* What a cycle did not ask, or Kafka did not answer, keeps its last good value. */
#include "sidecar/build.h"
#include "sidecar/merge.h"
#include "sidecar/watches.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"

static struct watches *watched;

/* The snapshot before: g has committed 4 of 10 in partition 0 and 20 of 20 in partition 1. */
static struct snapshot *before(void)
{
	struct snapshot *s = empty_snapshot();
	struct topic *t = add_topic(s, "t", 2);

	t->partitions[0].end = 10;
	t->partitions[1].end = 20;
	t->partitions[0].at_ms = t->partitions[1].at_ms = s->mono_ms;
	(void)add_commits(s, add_group(s, "g", 1), "t", (int64_t[]){4, 20});
	return s;
}

/* The next cycle, 1 s later: everything asked, nothing answered yet. */
static struct snapshot *after(size_t partitions)
{
	struct snapshot *s = snapshot_new();
	struct topic *t = add_topic(s, "t", partitions);
	struct group *g = add_group(s, "g", 0);

	s->mono_ms = 101000;
	s->metadata_ok = s->full = true;
	g->answered = false;
	g->members_known = false;
	g->everything = true;
	for (size_t i = 0; i < partitions; i++)
		t->partitions[i] = (struct partition){.leader = 1, .asked = true};
	return s;
}

static void answer_end(struct snapshot *s, size_t partition, int64_t start, int64_t end)
{
	struct partition *p = &s->topics[0].partitions[partition];

	p->start = start;
	p->end = end;
	p->at_ms = s->mono_ms;
	p->fresh = p->has_offsets = true;
}

static struct group_partition *answer_commit(struct snapshot *s, int32_t partition, int64_t offset)
{
	struct build_index ix;
	struct group_partition *gp;

	build_index_init(&ix, s);
	gp = build_group_partition(&ix, s, &s->groups[0], "t", partition);
	build_index_release(&ix);
	s->groups[0].answered = true;
	gp->answered = gp->fresh = gp->has_committed = true;
	gp->committed = offset;
	return gp;
}

static const struct group_partition *seen(const struct snapshot *s, size_t partition)
{
	const struct group_topic *gt = snapshot_group_topic(&s->groups[0], 0);

	return gt ? &gt->partitions[partition] : NULL;
}

static void test_all_answered(struct snapshot *old)
{
	struct snapshot *s = after(2);

	answer_end(s, 0, 0, 15);
	answer_end(s, 1, 22, 30);
	(void)answer_commit(s, 0, 10);
	(void)answer_commit(s, 1, 20);
	merge_finish(s, old, NULL);
	TAP_INT("lag is end minus commit", seen(s, 0)->lag, 5);
	TAP_INT("below the log start it counts from there", seen(s, 1)->lag, 8);
	TAP_TRUE("both are fresh", seen(s, 0)->fresh && seen(s, 1)->fresh);
	TAP_INT("of this cycle", seen(s, 0)->at_ms, 101000);
	snapshot_unref(s);
}

static void test_leader_away(struct snapshot *old)
{
	struct snapshot *s = after(2);

	answer_end(s, 0, 0, 15);
	(void)answer_commit(s, 0, 10);
	(void)answer_commit(s, 1, 18);
	merge_finish(s, old, NULL);
	TAP_INT("the end offset keeps its last value", s->topics[0].partitions[1].end, 20);
	TAP_TRUE("and is not fresh", !s->topics[0].partitions[1].fresh);
	TAP_INT("lag is not made of an old end and a new commit", seen(s, 1)->lag, 0);
	TAP_TRUE("but is the last one, not fresh", seen(s, 1)->has_lag && !seen(s, 1)->fresh);
	TAP_INT("with its time", seen(s, 1)->at_ms, 100000);
	TAP_INT("while the commit is new", seen(s, 1)->committed, 18);
	TAP_INT("the other partition is as fresh as ever", seen(s, 0)->lag, 5);
	snapshot_unref(s);
}

static void test_coordinator_away(struct snapshot *old)
{
	struct snapshot *s = after(2);

	answer_end(s, 0, 0, 15);
	answer_end(s, 1, 0, 30);
	merge_finish(s, old, NULL);
	TAP_INT("the last lag stays", seen(s, 0)->lag, 6);
	TAP_TRUE("but is not fresh", !seen(s, 0)->fresh);
	TAP_INT("a second later its age is a second", snapshot_age_ms(s, seen(s, 0)), 1000);
	TAP_INT("the topic's end offsets are new", s->topics[0].partitions[1].end, 30);
	snapshot_unref(s);
}

static void test_twice_away(struct snapshot *old)
{
	struct snapshot *first = after(2), *second = after(2);

	merge_finish(first, old, NULL);
	second->mono_ms = 102000;
	merge_finish(second, first, NULL);
	TAP_INT("the age grows from cycle to cycle", snapshot_age_ms(second, seen(second, 0)),
		2000);
	TAP_INT("the value stays", seen(second, 0)->lag, 6);
	snapshot_unref(first);
	snapshot_unref(second);
}

static void test_commits_gone(struct snapshot *old)
{
	struct snapshot *s = after(2);

	answer_end(s, 0, 0, 15);
	answer_end(s, 1, 0, 30);
	s->groups[0].answered = true; /* and named no topic: its commits have expired */
	merge_finish(s, old, NULL);
	TAP_TRUE("commits that are gone are not kept", !seen(s, 0));
	snapshot_unref(s);
}

static void test_watched_without_commit(struct snapshot *old)
{
	struct snapshot *s = after(2);

	answer_end(s, 0, 0, 15);
	answer_end(s, 1, 0, 30);
	s->groups[0].answered = true;
	merge_finish(s, old, watched);
	TAP_TRUE("a watched topic is there without commits", seen(s, 0) && seen(s, 0)->answered);
	TAP_TRUE("which is known, not unknown", !seen(s, 0)->has_committed && seen(s, 0)->fresh);
	snapshot_unref(s);
}

static void test_not_asked(struct snapshot *old)
{
	struct snapshot *s = after(2);

	s->full = s->groups[0].asked = s->groups[0].everything = false;
	s->topics[0].partitions[0].asked = s->topics[0].partitions[1].asked = false;
	merge_finish(s, old, NULL);
	TAP_INT("who was not asked keeps the value", seen(s, 0)->lag, 6);
	TAP_TRUE("and its freshness", seen(s, 0)->fresh && s->topics[0].partitions[0].fresh);
	TAP_INT("and its members", s->groups[0].member_count, 1);
	snapshot_unref(s);
}

static void test_partition_error(struct snapshot *old)
{
	struct snapshot *s = after(2);
	struct group_partition *gp;

	answer_end(s, 0, 0, 15);
	answer_end(s, 1, 0, 30);
	(void)answer_commit(s, 0, 10);
	gp = answer_commit(s, 1, 0);
	*gp = (struct group_partition){.failed = true};
	merge_finish(s, old, NULL);
	TAP_INT("an error for one partition keeps its last lag", seen(s, 1)->lag, 0);
	TAP_TRUE("as not fresh", seen(s, 1)->has_lag && !seen(s, 1)->fresh);
	TAP_TRUE("and leaves the others alone", seen(s, 0)->fresh);
	snapshot_unref(s);
}

static void test_partitions_added(struct snapshot *old)
{
	struct snapshot *s = after(3);

	for (size_t i = 0; i < 3; i++)
		answer_end(s, i, 0, 30);
	(void)answer_commit(s, 0, 10);
	(void)answer_commit(s, 1, 20);
	merge_finish(s, old, NULL);
	TAP_TRUE("a new partition has no commit yet", seen(s, 2)->answered);
	TAP_TRUE("which is not a lag of zero", !seen(s, 2)->has_lag);
	snapshot_unref(s);
}

static void test_no_metadata(struct snapshot *old)
{
	struct snapshot *s = snapshot_new();

	s->mono_ms = 101000;
	merge_topics(s, old);
	merge_groups(s, old, NULL, 0, watched);
	s->groups[0].asked = true;
	s->topics[0].partitions[0].asked = s->topics[0].partitions[1].asked = true;
	merge_finish(s, old, watched);
	TAP_INT("without metadata the topics stay", s->topic_count, 1);
	TAP_INT("and brokers", s->broker_count, 1);
	TAP_INT("and end offsets", s->topics[0].partitions[0].end, 10);
	TAP_INT("and lag", seen(s, 0)->lag, 6);
	TAP_TRUE("all of it stale", !seen(s, 0)->fresh && !s->topics[0].partitions[0].fresh);
	snapshot_unref(s);
}

static void test_groups(struct snapshot *old)
{
	static const struct kafka_group listed[] = {{.name = (char *)"z", .state = GROUP_STABLE},
		{.name = (char *)"a", .state = GROUP_EMPTY},
		{.name = (char *)"z", .state = GROUP_STABLE}};
	struct snapshot *s = snapshot_new(), *kept = snapshot_new();

	merge_groups(s, old, listed, 3, watched);
	TAP_INT("a group that two brokers list is one group", s->group_count, 3);
	TAP_STR("sorted", s->groups[0].name, "a");
	TAP_STR("with the one of before", s->groups[1].name, "g");
	TAP_TRUE("which is not in the list now", s->groups[1].kept && !s->groups[2].kept);
	merge_groups(kept, old, listed, 2, NULL);
	TAP_INT("a list drops no group", kept->group_count, 3);
	snapshot_unref(s);
	snapshot_unref(kept);
}

static void test_hidden(struct snapshot *old)
{
	static const struct kafka_group listed[] = {
		{.name = (char *)"g", .state = GROUP_EMPTY, .hidden = true},
		{.name = (char *)"new", .state = GROUP_EMPTY, .hidden = true}};
	struct snapshot *s = snapshot_new();

	merge_groups(s, old, listed, 2, NULL);
	TAP_INT("a group in a state that is not wanted goes, known or new", s->group_count, 0);
	snapshot_unref(s);
}

/* The listing told the state, and nobody described the group. */
static void test_not_described(struct snapshot *old)
{
	struct snapshot *s = after(2);

	s->groups[0].state = GROUP_PREPARING_REBALANCE;
	s->groups[0].described = s->groups[0].members_known = false;
	answer_commit(s, 0, 7);
	answer_end(s, 0, 0, 15);
	answer_end(s, 1, 0, 5);
	merge_finish(s, old, NULL);
	TAP_INT("members stay those of before", s->groups[0].member_count,
		old->groups[0].member_count);
	TAP_INT("and so do the owners of partitions", seen(s, 0)->member, seen(old, 0)->member);
	TAP_INT("the state is the new one", s->groups[0].state, GROUP_PREPARING_REBALANCE);
	snapshot_unref(s);
}

/* A broker that shuts down lists no group, without an error. */
static void test_group_gone(struct snapshot *old)
{
	for (int answered = 0; answered < 2; answered++) {
		struct snapshot *s = after(2);

		s->groups[0].kept = true;
		s->groups[0].answered = answered;
		answer_end(s, 0, 0, 15);
		merge_finish(s, old, NULL);
		TAP_INT(answered ? "a group is dropped when its coordinator knows nothing of it"
				 : "and not when the coordinator is away",
			s->group_count, answered ? 0 : 1);
		snapshot_unref(s);
	}
}

int main(void)
{
	struct snapshot *old = before();

	watched = watches_new(&(struct kafka_watch){"g", "t"}, 1);
	test_all_answered(old);
	test_leader_away(old);
	test_coordinator_away(old);
	test_twice_away(old);
	test_commits_gone(old);
	test_watched_without_commit(old);
	test_not_asked(old);
	test_partition_error(old);
	test_partitions_added(old);
	test_no_metadata(old);
	test_groups(old);
	test_hidden(old);
	test_not_described(old);
	test_group_gone(old);
	snapshot_unref(old);
	watches_free(watched);
	return tap_done();
}
