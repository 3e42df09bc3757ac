/* Committed offsets, state and members of groups, each asked of its coordinator by name. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/build.h"
#include "sidecar/coordinator.h"
#include "sidecar/kafkasession.h"

/* More in flight to one coordinator gain nothing: it answers one connection in order. */
#define IN_FLIGHT_MAX 16

/* Answers come a little after their own time-out at the latest; those that do not are given up. */
#define GRACE_MS 1000

/* One question about one group. */
struct question {
	struct group *group;
	enum kafka_call call; /* CALL_COMMITTED_OFFSETS or CALL_DESCRIBE_GROUP */
	bool done;
};

/* The questions of one coordinator are a run in the array of all. */
struct coordinator {
	int32_t id;
	size_t next, end; /* not yet sent */
	size_t in_flight;
};

struct round {
	struct kafka *k;
	struct snapshot *s;
	struct build_index index;
	struct question *questions; /* sorted by coordinator */
	size_t question_count;
	struct coordinator *coordinators;
	size_t coordinator_count;
	size_t waiting; /* sent, not answered */
	int64_t deadline_ms;
	bool moved; /* some group's coordinator is another by now */
};

static void fail(struct round *r, struct group *g, const char *what, const char *why)
{
	char text[300];

	if (g->error)
		return;
	(void)snprintf(
		text, sizeof(text), "coordinator %d, %s: %.200s", (int)g->coordinator, what, why);
	g->error = arena_strdup(&r->s->arena, text);
}

/* The leader of the group's partition of __consumer_offsets; -1 with the error set. */
static int32_t find_coordinator(struct round *r, struct group *g)
{
	struct kafka *k = r->k;
	int32_t partition;
	char why[120];

	if (!k->coordinator_count) {
		fail(r, g, "look-up",
			"topic __consumer_offsets does not exist or may not be described");
		return -1;
	}
	partition = coordinator_partition(g->name, (int32_t)k->coordinator_count);
	if (k->coordinators[partition] < 0) {
		(void)snprintf(why, sizeof(why), "partition %d of __consumer_offsets has no leader",
			(int)partition);
		fail(r, g, "look-up", why);
	}
	return k->coordinators[partition];
}

static int compare_questions(const void *a, const void *b)
{
	const struct question *x = a, *y = b;

	if (x->group->coordinator != y->group->coordinator)
		return x->group->coordinator < y->group->coordinator ? -1 : 1;
	/* Offsets first: they are what the cycle is for. */
	return (x->call > y->call) - (x->call < y->call);
}

/* One run per coordinator. */
static void split_by_coordinator(struct round *r)
{
	for (size_t i = 0; i < r->question_count; i++) {
		int32_t id = r->questions[i].group->coordinator;
		struct coordinator *c =
			r->coordinator_count ? &r->coordinators[r->coordinator_count - 1] : NULL;

		if (!c || c->id != id) {
			c = mem_append(&r->coordinators, r->coordinator_count, sizeof(*c));
			*c = (struct coordinator){.id = id, .next = i};
			r->coordinator_count++;
		}
		c->end = i + 1;
	}
}

static void add_question(struct round *r, struct group *g, enum kafka_call call)
{
	struct question *q = mem_append(&r->questions, r->question_count, sizeof(*q));

	*q = (struct question){.group = g, .call = call};
	r->question_count++;
}

static void collect_questions(struct round *r)
{
	for (size_t i = 0; i < r->s->group_count; i++) {
		struct group *g = &r->s->groups[i];

		if (!g->asked || g->answered)
			continue;
		g->error = NULL;
		g->coordinator = find_coordinator(r, g);
		if (g->coordinator < 0)
			continue;
		add_question(r, g, CALL_COMMITTED_OFFSETS);
		add_question(r, g, CALL_DESCRIBE_GROUP);
	}
	if (r->question_count)
		qsort(r->questions, r->question_count, sizeof(*r->questions), compare_questions);
	split_by_coordinator(r);
}

/* The partitions of the watched topics of a group that is not asked for everything. */
static rd_kafka_topic_partition_list_t *watched_partitions(
	const struct round *r, const struct group *g)
{
	const struct kafka_options *o = &r->k->options;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	for (size_t i = 0; i < o->watch_count; i++) {
		size_t t = strcmp(o->watches[i].group, g->name) == 0
				   ? snapshot_find_topic(r->s, o->watches[i].topic)
				   : SNAPSHOT_NONE;

		for (size_t p = 0; t != SNAPSHOT_NONE && p < r->s->topics[t].count; p++)
			rd_kafka_topic_partition_list_add(list, r->s->topics[t].name, (int32_t)p);
	}
	return list;
}

static void send_committed(
	struct round *r, const struct question *q, rd_kafka_AdminOptions_t *options)
{
	rd_kafka_topic_partition_list_t *list =
		q->group->everything ? NULL : watched_partitions(r, q->group);
	rd_kafka_ListConsumerGroupOffsets_t *ask =
		rd_kafka_ListConsumerGroupOffsets_new(q->group->name, list);

	rd_kafka_ListConsumerGroupOffsets(r->k->rk, &ask, 1, options, r->k->queue);
	rd_kafka_ListConsumerGroupOffsets_destroy(ask);
	if (list)
		rd_kafka_topic_partition_list_destroy(list);
}

/* The opaque is a number, not an address: an answer that comes after the round is recognized. */
static void *tag_of(const struct round *r, const struct question *q)
{
	_Static_assert(sizeof(uintptr_t) == 8, "two numbers in one address");

	return (void *)((uintptr_t)r->k->generation << 32 | (uintptr_t)(q - r->questions));
}

static struct question *question_of(const struct round *r, rd_kafka_event_t *event)
{
	uintptr_t tag = (uintptr_t)rd_kafka_event_opaque(event);
	size_t index = tag & UINT32_MAX;

	return tag >> 32 == r->k->generation && index < r->question_count ? &r->questions[index]
									  : NULL;
}

static void send_question(struct round *r, struct question *q)
{
	bool committed = q->call == CALL_COMMITTED_OFFSETS;
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(
		r->k->rk, committed ? RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS
				    : RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
	const char *name = q->group->name;

	(void)rd_kafka_AdminOptions_set_request_timeout(
		options, (int)r->k->options.timeout_ms, NULL, 0);
	(void)rd_kafka_AdminOptions_set_broker(options, q->group->coordinator, NULL, 0);
	rd_kafka_AdminOptions_set_opaque(options, tag_of(r, q));
	if (committed)
		send_committed(r, q, options);
	else
		rd_kafka_DescribeConsumerGroups(r->k->rk, &name, 1, options, r->k->queue);
	rd_kafka_AdminOptions_destroy(options);
	r->waiting++;
}

static void send_more(struct round *r, struct coordinator *c)
{
	while (c->next < c->end && c->in_flight < IN_FLIGHT_MAX) {
		struct question *q = &r->questions[c->next++];

		if (kafka_is_dead(r->k, c->id)) {
			fail(r, q->group, "not asked", "it failed in this cycle");
			continue;
		}
		send_question(r, q);
		c->in_flight++;
	}
}

static void take_committed(
	struct round *r, struct group *g, const rd_kafka_topic_partition_list_t *list)
{
	const char *why = NULL;

	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *tp = &list->elems[i];
		struct group_partition *gp;

		if (tp->offset < 0 && !tp->err && g->everything)
			continue; /* no commit and no reason to show the topic */
		gp = build_group_partition(&r->index, r->s, g, tp->topic, tp->partition);
		if (!gp)
			continue; /* the topic is gone, or filtered out */
		if (tp->err) {
			why = rd_kafka_err2str(tp->err);
			gp->failed = true;
			continue;
		}
		gp->answered = gp->fresh = true;
		gp->has_committed = tp->offset >= 0;
		gp->committed = tp->offset;
	}
	g->answered = true;
	if (why)
		fail(r, g, "committed offsets", why);
}

static rd_kafka_resp_err_t committed_answer(
	struct round *r, struct group *g, rd_kafka_event_t *event, const char **ret_why)
{
	const rd_kafka_ListConsumerGroupOffsets_result_t *result =
		rd_kafka_event_ListConsumerGroupOffsets_result(event);
	const rd_kafka_group_result_t **groups;
	const rd_kafka_error_t *error;
	size_t count = 0;

	groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
	if (count != 1) {
		*ret_why = "an answer without a group";
		return RD_KAFKA_RESP_ERR__BAD_MSG;
	}
	error = rd_kafka_group_result_error(groups[0]);
	if (error) {
		*ret_why = rd_kafka_error_string(error);
		return rd_kafka_error_code(error);
	}
	take_committed(r, g, rd_kafka_group_result_partitions(groups[0]));
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void take_assignment(
	struct round *r, struct group *g, uint32_t member, const rd_kafka_MemberDescription_t *from)
{
	const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(from);
	const rd_kafka_topic_partition_list_t *list =
		assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;

	for (int i = 0; list && i < list->cnt; i++) {
		struct group_partition *gp = build_group_partition(
			&r->index, r->s, g, list->elems[i].topic, list->elems[i].partition);

		if (gp)
			gp->member = member + 1;
	}
}

static void take_description(
	struct round *r, struct group *g, const rd_kafka_ConsumerGroupDescription_t *from)
{
	enum group_state state =
		kafka_group_state((int)rd_kafka_ConsumerGroupDescription_state(from));

	/* librdkafka before 2.10 sees a group of the new protocol (KIP-848) as dead. The listing knows
	 * better; the members stay unknown. */
	if (state == GROUP_DEAD && g->listed && g->state != GROUP_DEAD)
		return;
	g->state = state;
	g->members_known = true;
	g->member_count = rd_kafka_ConsumerGroupDescription_member_count(from);
	g->members = arena_alloc(&r->s->arena, g->member_count, sizeof(*g->members));
	for (size_t i = 0; i < g->member_count; i++) {
		const rd_kafka_MemberDescription_t *m =
			rd_kafka_ConsumerGroupDescription_member(from, i);

		g->members[i] = (struct member){
			arena_strdup(&r->s->arena, rd_kafka_MemberDescription_consumer_id(m)),
			arena_strdup(&r->s->arena, rd_kafka_MemberDescription_client_id(m)),
			arena_strdup(&r->s->arena, rd_kafka_MemberDescription_host(m)),
		};
		take_assignment(r, g, (uint32_t)i, m);
	}
}

static rd_kafka_resp_err_t description_answer(
	struct round *r, struct group *g, rd_kafka_event_t *event, const char **ret_why)
{
	const rd_kafka_DescribeConsumerGroups_result_t *result =
		rd_kafka_event_DescribeConsumerGroups_result(event);
	const rd_kafka_ConsumerGroupDescription_t **groups;
	const rd_kafka_error_t *error;
	size_t count = 0;

	groups = rd_kafka_DescribeConsumerGroups_result_groups(result, &count);
	if (count != 1) {
		*ret_why = "an answer without a group";
		return RD_KAFKA_RESP_ERR__BAD_MSG;
	}
	error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
	if (error) {
		*ret_why = rd_kafka_error_string(error);
		return rd_kafka_error_code(error);
	}
	take_description(r, g, groups[0]);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void take_answer(struct round *r, struct question *q, rd_kafka_event_t *event)
{
	bool committed = q->call == CALL_COMMITTED_OFFSETS;
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	const char *why = rd_kafka_event_error_string(event);

	if (!code)
		code = committed ? committed_answer(r, q->group, event, &why)
				 : description_answer(r, q->group, event, &why);
	kafka_count(r->k, q->call, code != RD_KAFKA_RESP_ERR_NO_ERROR);
	q->done = true;
	if (!code)
		return;
	if (kafka_unreachable(code))
		kafka_mark_dead(r->k, q->group->coordinator);
	if (committed)
		fail(r, q->group, "committed offsets", why);
	r->moved |= code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

static struct coordinator *coordinator_of(struct round *r, const struct question *q)
{
	size_t i = 0;

	while (r->coordinators[i].id != q->group->coordinator)
		i++;
	return &r->coordinators[i];
}

static void take_event(struct round *r, rd_kafka_event_t *event)
{
	struct question *q = question_of(r, event);
	struct coordinator *c;

	if (!q || q->done)
		return; /* of an earlier round that gave it up */
	take_answer(r, q, event);
	r->waiting--;
	c = coordinator_of(r, q);
	c->in_flight--;
	send_more(r, c);
}

static void run_round(struct round *r)
{
	for (size_t i = 0; i < r->coordinator_count; i++)
		send_more(r, &r->coordinators[i]);
	while (r->waiting && !kafka_stopping(r->k) && clock_mono_ms() < r->deadline_ms) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(r->k->queue, 100);

		if (event)
			take_event(r, event);
		rd_kafka_event_destroy(event);
	}
	for (size_t i = 0; r->waiting && i < r->question_count; i++)
		if (!r->questions[i].done && r->questions[i].call == CALL_COMMITTED_OFFSETS)
			fail(r, r->questions[i].group, "committed offsets", "no answer in time");
}

/* Asks all that have not answered yet. True: a coordinator has moved, so asking anew may help. */
static bool ask_once(struct kafka *k, struct snapshot *s)
{
	struct round r = {.k = k, .s = s};
	bool moved;

	k->generation++;
	build_index_init(&r.index, s);
	collect_questions(&r);
	/* Two time-outs in a row is the worst: the last question sent before its coordinator failed. */
	r.deadline_ms = clock_mono_ms() + 2 * k->options.timeout_ms + GRACE_MS;
	run_round(&r);
	moved = r.moved;
	build_index_release(&r.index);
	free(r.questions);
	free(r.coordinators);
	return moved;
}

/* Only who coordinates; the topics of the cycle stay as they are. */
static int refresh_coordinators(struct kafka *k)
{
	struct snapshot *CLEANUP(snapshot_unref_at) scratch = snapshot_new();
	size_t dead = k->dead_count;
	int rc = kafka_metadata(k, scratch, NULL);

	k->dead_count = dead; /* this is still the same cycle */
	return rc;
}

void kafka_ask_groups(struct kafka *k, struct snapshot *s)
{
	if (ask_once(k, s) && !kafka_stopping(k) && refresh_coordinators(k) == 0)
		(void)ask_once(k, s);
}
