#include "sidecar/statsjson.h"

#include <jansson.h>
#include <string.h>

static const char *const names[STATS_APIS] = {
	[STATS_METADATA] = "Metadata",
	[STATS_LIST_GROUPS] = "ListGroups",
	[STATS_DESCRIBE_GROUPS] = "DescribeGroups",
	[STATS_CONSUMER_GROUP_DESCRIBE] = "ConsumerGroupDescribe",
	[STATS_OFFSET_FETCH] = "OffsetFetch",
	[STATS_LIST_OFFSETS] = "ListOffsets",
	[STATS_FETCH] = "Fetch",
	[STATS_OTHER] = "other",
};

const char *stats_api_name(enum stats_api api)
{
	return names[api];
}

static enum stats_api api_of(const char *name)
{
	enum stats_api api = 0;

	while (api < STATS_OTHER && strcmp(names[api], name) != 0)
		api++;
	return api;
}

static void add_broker(struct stats_traffic *t, json_t *broker)
{
	json_t *count;
	const char *name;

	json_object_foreach(json_object_get(broker, "req"), name, count)
		t->requests[api_of(name)] += json_integer_value(count);
	t->sent += json_integer_value(json_object_get(broker, "txbytes"));
	t->received += json_integer_value(json_object_get(broker, "rxbytes"));
}

int statsjson_traffic(const char *json, size_t len, struct stats_traffic *ret)
{
	json_t *root = json_loadb(json, len, 0, NULL);
	json_t *brokers = json_object_get(root, "brokers"), *broker;
	struct stats_traffic t = {0};
	const char *name;
	int rc = json_is_object(brokers) ? 0 : -1;

	json_object_foreach(brokers, name, broker) add_broker(&t, broker);
	json_decref(root);
	if (rc == 0)
		*ret = t;
	return rc;
}

void stats_traffic_add(struct stats_traffic *to, const struct stats_traffic *from)
{
	for (size_t i = 0; i < STATS_APIS; i++)
		to->requests[i] += from->requests[i];
	to->sent += from->sent;
	to->received += from->received;
}
