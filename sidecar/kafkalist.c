/* The listing of groups, of all brokers at once. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/kafkasession.h"
#include "sidecar/watches.h"

enum group_state kafka_group_state(int state)
{
	switch (state) {
	case RD_KAFKA_CONSUMER_GROUP_STATE_PREPARING_REBALANCE:
		return GROUP_PREPARING_REBALANCE;
	case RD_KAFKA_CONSUMER_GROUP_STATE_COMPLETING_REBALANCE:
		return GROUP_COMPLETING_REBALANCE;
	case RD_KAFKA_CONSUMER_GROUP_STATE_STABLE:
		return GROUP_STABLE;
	case RD_KAFKA_CONSUMER_GROUP_STATE_DEAD:
		return GROUP_DEAD;
	case RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY:
		return GROUP_EMPTY;
	default:
		return GROUP_UNKNOWN;
	}
}

static void start_listing(struct kafka *k)
{
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(k->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS);

	(void)rd_kafka_AdminOptions_set_request_timeout(
		options, (int)k->options.timeout_ms, NULL, 0);
	rd_kafka_ListConsumerGroups(k->rk, options, k->list_queue);
	rd_kafka_AdminOptions_destroy(options);
	k->listing = true;
	k->list_began_ms = clock_mono_ms();
}

static enum group_type type_of(const rd_kafka_ConsumerGroupListing_t *listing)
{
#if RD_KAFKA_VERSION >= 0x020600ff
	switch (rd_kafka_ConsumerGroupListing_type(listing)) {
	case RD_KAFKA_CONSUMER_GROUP_TYPE_CONSUMER:
		return GROUP_TYPE_CONSUMER;
	case RD_KAFKA_CONSUMER_GROUP_TYPE_CLASSIC:
		return GROUP_TYPE_CLASSIC;
	default:
		break;
	}
#endif
	(void)listing;
	return GROUP_TYPE_UNKNOWN;
}

/* A broker before Kafka 2.6 does not tell states; nothing is hidden for want of one. */
static bool is_hidden(const struct kafka_options *o, const struct kafka_group *g)
{
	return o->group_states && g->state != GROUP_UNKNOWN &&
	       !(o->group_states & 1U << g->state) && !watches_group(o->watches, g->name);
}

static void take_listing(struct kafka *k, struct snapshot *s,
	const rd_kafka_ListConsumerGroups_result_t *result, struct kafka_group **ret_groups,
	size_t *ret_count)
{
	const struct kafka_options *o = &k->options;
	const rd_kafka_ConsumerGroupListing_t **valid;
	struct kafka_group *groups;
	size_t count, kept = 0;

	valid = rd_kafka_ListConsumerGroups_result_valid(result, &count);
	groups = arena_alloc(&s->arena, count, sizeof(*groups));
	for (size_t i = 0; i < count; i++) {
		const char *name = rd_kafka_ConsumerGroupListing_group_id(valid[i]);

		if (o->only_group && strcmp(o->only_group, name) != 0)
			continue;
		if (!kafka_wants_group(o, name))
			continue;
		groups[kept] = (struct kafka_group){.name = arena_strdup(&s->arena, name),
			.state = kafka_group_state(
				(int)rd_kafka_ConsumerGroupListing_state(valid[i])),
			.type = type_of(valid[i])};
		groups[kept].hidden = is_hidden(o, &groups[kept]);
		kept++;
	}
	*ret_groups = groups;
	*ret_count = kept;
}

int kafka_list_groups(struct kafka *k, struct snapshot *s, int64_t wait_ms,
	struct kafka_group **ret_groups, size_t *ret_count, bool *ret_complete, bool *ret_late,
	struct err *err)
{
	const rd_kafka_ListConsumerGroups_result_t *result;
	rd_kafka_event_t *event;
	size_t errors = 0;
	int rc = 0;

	if (!k->listing)
		start_listing(k);
	k->all_listed = false;
	event = rd_kafka_queue_poll(k->list_queue, (int)wait_ms);
	if (!event) {
		*ret_late = clock_mono_ms() < k->list_began_ms + k->options.timeout_ms;
		return err_set(
			err, ERR_RETRY, "a broker has not answered the listing of groups yet");
	}
	k->listing = false;
	result = rd_kafka_event_ListConsumerGroups_result(event);
	if (result)
		(void)rd_kafka_ListConsumerGroups_result_errors(result, &errors);
	kafka_count(k, CALL_LIST_GROUPS, errors || rd_kafka_event_error(event));
	if (!result || rd_kafka_event_error(event)) {
		rc = err_set(err, ERR_RETRY, "cannot list groups: %s",
			rd_kafka_event_error_string(event));
	} else {
		take_listing(k, s, result, ret_groups, ret_count);
		*ret_complete = k->all_listed = errors == 0;
		if (*ret_complete)
			kafkapeer_all_answered(k);
	}
	rd_kafka_event_destroy(event);
	return rc;
}
