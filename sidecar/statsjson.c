#include "sidecar/statsjson.h"

#include <jansson.h>

int statsjson_traffic(const char *json, size_t len, int64_t *ret_requests, int64_t *ret_sent,
	int64_t *ret_received)
{
	json_t *root = json_loadb(json, len, 0, NULL);
	json_t *brokers = json_object_get(root, "brokers"), *broker;
	int64_t requests = 0, sent = 0, received = 0;
	const char *name;

	if (!json_is_object(brokers)) {
		json_decref(root);
		return -1;
	}
	json_object_foreach(brokers, name, broker)
	{
		requests += json_integer_value(json_object_get(broker, "tx"));
		sent += json_integer_value(json_object_get(broker, "txbytes"));
		received += json_integer_value(json_object_get(broker, "rxbytes"));
	}
	json_decref(root);
	*ret_requests = requests;
	*ret_sent = sent;
	*ret_received = received;
	return 0;
}
