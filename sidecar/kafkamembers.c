/* State and members of groups: of one as the library describes it, or of all classic groups by its older
 * call, which costs two requests per broker however many groups there are. */
#include <string.h>

#include "common/clock.h"
#include "sidecar/assignment.h"
#include "sidecar/kafkasession.h"

static void own(struct snapshot *s, struct build_index *ix, struct group *g, const char *topic,
	int32_t partition, size_t member)
{
	struct group_partition *gp = build_group_partition(ix, s, g, topic, partition);

	if (gp)
		gp->member = (uint32_t)member + 1;
}

/* Room for the members of a group that is `state`. False: the group is of the new protocol (KIP-848),
 * which this call sees as dead while the listing knows it, or has just been deleted. Its members are
 * unknown then, whatever they were before. */
static bool begin(struct snapshot *s, struct group *g, enum group_state state, size_t count)
{
	bool known = state != GROUP_DEAD || !g->listed || g->state == GROUP_DEAD;

	g->described = true;
	g->members_known = known;
	if (!known)
		return false;
	g->state = state;
	g->member_count = count;
	g->members = arena_alloc(&s->arena, count, sizeof(*g->members));
	return true;
}

static char *text_of(struct snapshot *s, const char *text)
{
	return arena_strdup(&s->arena, text ? text : "");
}

void kafkamembers_take(struct snapshot *s, struct build_index *ix, struct group *g,
	const rd_kafka_ConsumerGroupDescription_t *from)
{
	size_t count = rd_kafka_ConsumerGroupDescription_member_count(from);

	if (!begin(s, g, kafka_group_state((int)rd_kafka_ConsumerGroupDescription_state(from)),
		    count))
		return;
	for (size_t i = 0; i < count; i++) {
		const rd_kafka_MemberDescription_t *m =
			rd_kafka_ConsumerGroupDescription_member(from, i);
		const rd_kafka_MemberAssignment_t *assignment =
			rd_kafka_MemberDescription_assignment(m);
		const rd_kafka_topic_partition_list_t *list =
			assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;

		g->members[i] =
			(struct member){text_of(s, rd_kafka_MemberDescription_consumer_id(m)),
				text_of(s, rd_kafka_MemberDescription_client_id(m)),
				text_of(s, rd_kafka_MemberDescription_host(m))};
		for (int p = 0; list && p < list->cnt; p++)
			own(s, ix, g, list->elems[p].topic, list->elems[p].partition, i);
	}
}

/* --- all classic groups at once --- */

static void read_members(struct kafka_job *job)
{
	struct kafka *k = job->k;
	struct kafka_members_job *m = (struct kafka_members_job *)job;
	rd_kafka_resp_err_t code =
		rd_kafka_list_groups(k->rk, NULL, &m->list, (int)k->options.timeout_ms);

	kafka_count(k, CALL_DESCRIBE_GROUPS, code != RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void drop_members(struct kafka_members_job *m)
{
	if (m->list)
		rd_kafka_group_list_destroy(m->list);
	m->list = NULL;
}

void kafkamembers_close(struct kafka *k)
{
	kafkajob_join(&k->members.job);
	drop_members(&k->members);
}

void kafkamembers_drop_late(struct kafka *k)
{
	if (k->members.job.started && kafkajob_wait(&k->members.job, 0))
		drop_members(&k->members);
}

void kafkamembers_start(struct kafka *k)
{
	if (!k->members.job.started)
		kafkajob_start(&k->members.job, k, read_members);
}

/* Kafka's own spelling, by which the older call gives the state. */
static enum group_state state_of(const char *name)
{
	for (enum group_state state = GROUP_STABLE; state <= GROUP_DEAD; state++)
		if (name && strcmp(name, group_state_name(state)) == 0)
			return state;
	return GROUP_UNKNOWN;
}

static void take_info(struct snapshot *s, struct build_index *ix, struct group *g,
	const struct rd_kafka_group_info *from)
{
	size_t count = from->member_cnt > 0 ? (size_t)from->member_cnt : 0;

	if (from->err || !begin(s, g, state_of(from->state), count))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct rd_kafka_group_member_info *m = &from->members[i];
		struct assignment a;
		int32_t partition;

		g->members[i] = (struct member){text_of(s, m->member_id), text_of(s, m->client_id),
			text_of(s, m->client_host)};
		/* Other users of the group protocol, as Connect, have formats of their own. */
		if (!from->protocol_type || strcmp(from->protocol_type, "consumer") != 0 ||
			m->member_assignment_size <= 0)
			continue;
		assignment_init(&a, m->member_assignment, (size_t)m->member_assignment_size);
		while (assignment_next(&a, &partition) == 0)
			own(s, ix, g, a.topic, partition, i);
	}
}

void kafkamembers_finish(
	struct kafka *k, struct snapshot *s, struct build_index *ix, int64_t deadline_ms)
{
	struct kafka_members_job *m = &k->members;

	if (!m->job.started || !kafkajob_wait(&m->job, deadline_ms))
		return;
	for (int i = 0; m->list && i < m->list->group_cnt; i++) {
		size_t at = snapshot_find_group(s, m->list->groups[i].group);
		struct group *g = at == SNAPSHOT_NONE ? NULL : &s->groups[at];

		/* While a group moves, two brokers may tell of it: only the coordinator counts. */
		if (g && g->asked && !g->described &&
			g->coordinator == m->list->groups[i].broker.id)
			take_info(s, ix, g, &m->list->groups[i]);
	}
	drop_members(m);
}
