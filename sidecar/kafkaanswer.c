/* Answers about one group, as the library delivers them. */
#include "sidecar/kafkasession.h"

static void read_committed(
	rd_kafka_event_t *event, struct kafka_answer *a, const rd_kafka_error_t **error)
{
	size_t count = 0;
	const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
		rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);

	if (count != 1)
		return;
	*error = rd_kafka_group_result_error(groups[0]);
	a->committed = rd_kafka_group_result_partitions(groups[0]);
}

static void read_description(
	rd_kafka_event_t *event, struct kafka_answer *a, const rd_kafka_error_t **error)
{
	size_t count = 0;
	const rd_kafka_ConsumerGroupDescription_t **groups =
		rd_kafka_DescribeConsumerGroups_result_groups(
			rd_kafka_event_DescribeConsumerGroups_result(event), &count);

	if (count != 1)
		return;
	*error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
	a->description = groups[0];
}

struct kafka_answer kafkaanswer_read(rd_kafka_event_t *event)
{
	struct kafka_answer a = {
		.code = rd_kafka_event_error(event), .why = rd_kafka_event_error_string(event)};
	const rd_kafka_error_t *error = NULL;

	if (a.code)
		return a;
	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT)
		read_committed(event, &a, &error);
	else
		read_description(event, &a, &error);
	if (error) {
		a.code = rd_kafka_error_code(error);
		a.why = rd_kafka_error_string(error);
	} else if (!a.committed && !a.description) {
		a.code = RD_KAFKA_RESP_ERR__BAD_MSG;
		a.why = "an answer without a group";
	}
	return a;
}
