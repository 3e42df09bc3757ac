/* Committed offsets, state and members of groups, each asked of its coordinator by name. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/build.h"
#include "sidecar/coordinator.h"
#include "sidecar/kafkasession.h"
#include "sidecar/watches.h"

/* More in flight to one coordinator gain nothing: it answers one connection in order. */
#define IN_FLIGHT_MAX 16

/* So many groups are described one by one; more by one call that describes all groups there are. */
#define DESCRIBED_ALONE_MAX 8

/* Room in the tag of a question, see tag_of(). */
#define QUESTION_BITS 22
#define GENERATION_BITS 10

/* One question about one group. */
struct question {
	struct group *group;
	enum kafka_call call; /* CALL_COMMITTED_OFFSETS or CALL_DESCRIBE_GROUPS */
	size_t coordinator;   /* index in the round's array */
	bool done;
};

/* The questions of one coordinator are a run in the array of all. */
struct coordinator {
	int32_t id;
	size_t next, end; /* not yet sent */
	size_t in_flight, in_flight_max;
	int64_t since_ms, patience_ms; /* the last sign of life; how long the next is waited for */
};

struct round {
	struct kafka *k;
	struct snapshot *s;
	struct build_index index;
	struct question *questions; /* sorted by coordinator */
	size_t question_count;
	struct coordinator *coordinators;
	size_t coordinator_count;
	bool together; /* members come by kafkamembers_finish() */
	bool moved;    /* some group's coordinator is another by now */
};

static void fail(struct round *r, struct group *g, const char *what, const char *why)
{
	char text[300];

	if (g->error)
		return;
	if (g->coordinator < 0)
		(void)snprintf(text, sizeof(text), "%s: %.200s", what, why);
	else
		(void)snprintf(text, sizeof(text), "coordinator %d, %s: %.200s",
			(int)g->coordinator, what, why);
	g->error = arena_strdup(&r->s->arena, text);
}

/* The leader of the group's partition of __consumer_offsets; -1 with the error set. */
static int32_t find_coordinator(struct round *r, struct group *g)
{
	struct kafka *k = r->k;
	int32_t partition;
	char why[120];

	if (!k->coordinator_count) {
		fail(r, g, "coordinator look-up",
			"topic __consumer_offsets does not exist or may not be described");
		return -1;
	}
	partition = coordinator_partition(g->name, (int32_t)k->coordinator_count);
	if (k->coordinators[partition] < 0) {
		(void)snprintf(why, sizeof(why), "partition %d of __consumer_offsets has no leader",
			(int)partition);
		fail(r, g, "coordinator look-up", why);
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
		r->questions[i].coordinator = r->coordinator_count - 1;
	}
}

static void add_question(struct round *r, struct group *g, enum kafka_call call)
{
	struct question *q;

	if (r->question_count >> QUESTION_BITS) {
		fail(r, g, "not asked", "there are too many groups");
		return;
	}
	q = mem_append(&r->questions, r->question_count, sizeof(*q));
	*q = (struct question){.group = g, .call = call};
	r->question_count++;
}

/* Whether one of the topics for which rules watch the group is there: the library turns an empty question
 * down. */
static bool watches_existing_topic(const struct round *r, const struct group *g)
{
	size_t count;
	const struct kafka_watch *w = watches_of(r->k->options.watches, g->name, &count);

	for (size_t i = 0; i < count; i++)
		if (snapshot_find_topic(r->s, w[i].topic) != SNAPSHOT_NONE)
			return true;
	return false;
}

/* What the listing that this cycle took says suffices for a group without members. */
static bool empty(const struct group *g)
{
	return g->listed && !g->kept && g->state == GROUP_EMPTY;
}

/* The call for all groups at once knows no group of the new protocol (KIP-848). */
static bool alone(const struct group *g)
{
	return RD_KAFKA_VERSION >= 0x020a00ff && g->type == GROUP_TYPE_CONSUMER;
}

/* One call for all asks all brokers, and comes back with the last of them. */
static bool describe_together(struct round *r)
{
	size_t count = 0;

	if (!r->k->all_listed)
		return false;
	for (size_t i = 0; i < r->s->group_count; i++) {
		const struct group *g = &r->s->groups[i];

		if (!g->asked || g->answered || g->coordinator < 0 || g->described || empty(g) ||
			alone(g))
			continue;
		if (kafkapeer_silent(r->k, g->coordinator))
			return false;
		count++;
	}
	return count > DESCRIBED_ALONE_MAX;
}

static void collect_questions(struct round *r)
{
	for (size_t i = 0; i < r->s->group_count; i++) {
		struct group *g = &r->s->groups[i];

		if (!g->asked || g->answered)
			continue;
		g->error = NULL;
		g->coordinator = -1; /* a failed look-up must not name the one of before */
		g->coordinator = find_coordinator(r, g);
	}
	r->together = describe_together(r);
	for (size_t i = 0; i < r->s->group_count; i++) {
		struct group *g = &r->s->groups[i];

		if (!g->asked || g->answered || g->coordinator < 0)
			continue;
		if (g->everything || watches_existing_topic(r, g))
			add_question(r, g, CALL_COMMITTED_OFFSETS);
		else
			g->answered = true; /* there is nothing to have a commit on */
		if (g->described)
			continue; /* by the round before */
		if (empty(g))
			g->members_known = g->described = true;
		else if (!r->together || alone(g))
			add_question(r, g, CALL_DESCRIBE_GROUPS);
	}
	if (r->question_count)
		qsort(r->questions, r->question_count, sizeof(*r->questions), compare_questions);
	split_by_coordinator(r);
}

/* The partitions of the watched topics of a group that is not asked for everything. */
static rd_kafka_topic_partition_list_t *watched_partitions(
	const struct round *r, const struct group *g)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
	size_t count;
	const struct kafka_watch *w = watches_of(r->k->options.watches, g->name, &count);

	for (size_t i = 0; i < count; i++) {
		size_t t = snapshot_find_topic(r->s, w[i].topic);

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

/* The opaque of a question is three numbers, not an address: an answer that comes after its round is
 * recognized, and by whom it was given. */
static void *tag_of(const struct round *r, const struct question *q)
{
	_Static_assert(sizeof(uintptr_t) == 8 && QUESTION_BITS + GENERATION_BITS == 32,
		"three numbers in one address");
	uintptr_t generation = r->k->generation & ((1U << GENERATION_BITS) - 1);

	return (void *)((uintptr_t)(uint32_t)q->group->coordinator << 32 |
			generation << QUESTION_BITS | (uintptr_t)(q - r->questions));
}

/* NULL: the question was of an earlier round. */
static struct question *question_of(const struct round *r, rd_kafka_event_t *event)
{
	size_t index = (uintptr_t)rd_kafka_event_opaque(event) & ((1U << QUESTION_BITS) - 1);
	struct question *q = index < r->question_count ? &r->questions[index] : NULL;

	return q && tag_of(r, q) == rd_kafka_event_opaque(event) ? q : NULL;
}

static int32_t broker_of(rd_kafka_event_t *event)
{
	return (int32_t)((uintptr_t)rd_kafka_event_opaque(event) >> 32);
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
}

static void send_more(struct round *r, struct coordinator *c)
{
	while (c->next < c->end && c->in_flight < c->in_flight_max) {
		send_question(r, &r->questions[c->next++]);
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

static void take_answer(struct round *r, struct question *q, const struct kafka_answer *a)
{
	kafka_count(r->k, q->call, a->code != RD_KAFKA_RESP_ERR_NO_ERROR);
	q->done = true;
	r->moved |= a->code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
	if (a->code && q->call == CALL_COMMITTED_OFFSETS)
		fail(r, q->group, "committed offsets", a->why);
	else if (!a->code && a->committed)
		take_committed(r, q->group, a->committed);
	else if (!a->code)
		kafkamembers_take(r->s, &r->index, q->group, a->description);
}

static struct coordinator *coordinator_of(struct round *r, int32_t id)
{
	for (size_t i = 0; i < r->coordinator_count; i++)
		if (r->coordinators[i].id == id)
			return &r->coordinators[i];
	return NULL;
}

/* The coordinator answers (again): it gets as many questions as any other. */
static void go_on(struct round *r, struct coordinator *c)
{
	c->since_ms = clock_mono_ms();
	c->patience_ms = kafkapeer_patience_ms(r->k, c->id);
	c->in_flight_max = IN_FLIGHT_MAX;
	send_more(r, c);
}

static void take_late_answer(struct round *r, int32_t id, const struct kafka_answer *a)
{
	struct coordinator *c = coordinator_of(r, id);

	kafkapeer_ended(r->k, id);
	if (kafka_unreachable(a->code))
		return;
	kafkapeer_answered_late(r->k, id);
	if (c)
		go_on(r, c);
}

static void take_event(struct round *r, rd_kafka_event_t *event)
{
	struct question *q = question_of(r, event);
	struct kafka_answer a = kafkaanswer_read(event);
	struct coordinator *c;

	if (!q || q->done) {
		take_late_answer(r, broker_of(event), &a);
		return;
	}
	c = &r->coordinators[q->coordinator];
	c->in_flight--;
	take_answer(r, q, &a);
	if (kafka_unreachable(a.code)) {
		kafkapeer_failed(r->k, c->id, 0);
		c->in_flight_max = 0;
		return;
	}
	kafkapeer_answered(r->k, c->id, clock_mono_ms() - c->since_ms);
	go_on(r, c);
}

/* How long an answer is worth waiting for; 0: nobody who is waited for owes one. */
static int64_t patience_left(const struct round *r)
{
	int64_t now = clock_mono_ms(), left = 0;

	for (size_t i = 0; i < r->coordinator_count; i++) {
		const struct coordinator *c = &r->coordinators[i];

		if (c->in_flight && c->since_ms + c->patience_ms - now > left)
			left = c->since_ms + c->patience_ms - now;
	}
	return left;
}

/* A silent coordinator gets one question to answer, and no more while one is under way. */
static void start_coordinator(struct round *r, struct coordinator *c)
{
	c->since_ms = clock_mono_ms();
	c->patience_ms = kafkapeer_patience_ms(r->k, c->id);
	c->in_flight_max = IN_FLIGHT_MAX;
	if (kafkapeer_silent(r->k, c->id))
		c->in_flight_max = kafkapeer_pending(r->k, c->id) ? 0 : 1;
	send_more(r, c);
}

/* What is left when the round ends has no answer. */
static void give_up(struct round *r)
{
	for (size_t i = 0; i < r->coordinator_count; i++) {
		const struct coordinator *c = &r->coordinators[i];

		if (c->in_flight && !kafka_stopping(r->k))
			kafkapeer_failed(r->k, c->id, c->in_flight);
	}
	for (size_t i = 0; i < r->question_count; i++)
		if (!r->questions[i].done && r->questions[i].call == CALL_COMMITTED_OFFSETS)
			fail(r, r->questions[i].group, "committed offsets", "no answer in time");
}

static void run_round(struct round *r)
{
	struct kafka *k = r->k;
	rd_kafka_event_t *event;
	int64_t left;

	/* Answers to earlier rounds tell who is back. */
	while ((event = rd_kafka_queue_poll(k->queue, 0)) != NULL) {
		take_event(r, event);
		rd_kafka_event_destroy(event);
	}
	for (size_t i = 0; i < r->coordinator_count; i++)
		if (!r->coordinators[i].in_flight_max)
			start_coordinator(r, &r->coordinators[i]);
	while (!kafka_stopping(k) && (left = patience_left(r)) > 0) {
		event = rd_kafka_queue_poll(k->queue, left < 100 ? (int)left : 100);
		if (event)
			take_event(r, event);
		rd_kafka_event_destroy(event);
	}
	give_up(r);
}

/* Asks all that have not answered yet. True: a coordinator has moved, so asking anew may help. */
static bool ask_once(struct kafka *k, struct snapshot *s)
{
	struct round r = {.k = k, .s = s};
	bool moved;

	k->generation++;
	kafkamembers_drop_late(k);
	build_index_init(&r.index, s);
	collect_questions(&r);
	if (r.together)
		kafkamembers_start(k);
	run_round(&r);
	if (r.together)
		kafkamembers_finish(k, s, &r.index, clock_mono_ms() + kafka_patience_ms(k));
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
	bool late;

	return kafka_metadata(k, scratch, kafka_patience_ms(k), &late, NULL);
}

void kafka_ask_groups(struct kafka *k, struct snapshot *s)
{
	if (ask_once(k, s) && !kafka_stopping(k) && refresh_coordinators(k) == 0)
		(void)ask_once(k, s);
}
