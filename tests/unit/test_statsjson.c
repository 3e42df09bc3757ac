#include "sidecar/statsjson.h"

#include <string.h>

#include "tests/tap.h"

int main(void)
{
	static const char two[] =
		"{\"brokers\":{"
		"\"a/1\":{\"txbytes\":10,\"rxbytes\":100,"
		"\"req\":{\"Metadata\":1,\"OffsetFetch\":2,\"ApiVersion\":1,\"Fetch\":0}},"
		"\"b/"
		"2\":{\"txbytes\":5,\"rxbytes\":50,\"req\":{\"OffsetFetch\":3,\"Heartbeat\":4}}}}";
	struct stats_traffic t = {.sent = 7}, sum = {.requests = {1}, .received = 1};

	TAP_INT("what is no document of the library is refused", statsjson_traffic("{}", 2, &t),
		-1);
	TAP_INT("and changes nothing", t.sent, 7);
	TAP_INT("half a document is refused", statsjson_traffic(two, 40, &t), -1);
	TAP_INT("two brokers are read", statsjson_traffic(two, strlen(two), &t), 0);
	TAP_INT("requests add up by kind", t.requests[STATS_OFFSET_FETCH], 5);
	TAP_INT("kinds that have no name of their own are one", t.requests[STATS_OTHER], 5);
	TAP_INT("bytes sent add up", t.sent, 15);
	TAP_INT("and those received", t.received, 150);
	stats_traffic_add(&sum, &t);
	TAP_INT("a handle's traffic adds to that of the one before", sum.requests[STATS_METADATA],
		2);
	TAP_INT("bytes, too", sum.received, 151);
	TAP_STR("the names are those of the protocol", stats_api_name(STATS_LIST_OFFSETS),
		"ListOffsets");
	return tap_done();
}
