/* What the questions cost, as metrics. */
#include <inttypes.h>

#include "common/exposition.h"
#include "sidecar/kafkasession.h"

enum { FAMILY_CALLS, FAMILY_CALL_FAILURES, FAMILY_REQUESTS, FAMILY_BYTES, FAMILY_FAILURES };

const struct family kafka_families[] = {
	[FAMILY_CALLS] = {"hexlag_kafka_calls_total", "counter", "api",
		"Questions asked of Kafka, by API; one ListOffsets question is one batch."},
	[FAMILY_CALL_FAILURES] = {"hexlag_kafka_call_failures_total", "counter", "api",
		"Questions that Kafka did not answer, or answered by an error."},
	[FAMILY_REQUESTS] = {"hexlag_kafka_requests_total", "counter", "api",
		"Protocol requests sent to brokers, those of the library itself included."},
	[FAMILY_BYTES] = {"hexlag_kafka_bytes_total", "counter", "direction",
		"Bytes moved, by direction."},
	[FAMILY_FAILURES] = {"hexlag_broker_failures_total", "counter", "id",
		"Questions that a broker left unanswered, after which it is waited for no longer."},
	{0},
};

static void append_by_api(struct exposition *x, size_t family, const int64_t *counts)
{
	static const char *const names[CALL_KINDS] = {
		"Metadata", "ListGroups", "DescribeGroups", "OffsetFetch", "ListOffsets"};

	exposition_family(x, &kafka_families[family]);
	for (size_t i = 0; i < CALL_KINDS; i++)
		strbuf_addf(&x->text, "%s{api=\"%s\"} %" PRId64 "\n", kafka_families[family].name,
			names[i], counts[i]);
}

static void append_traffic(struct exposition *x, const struct kafka *k)
{
	struct stats_traffic t = k->earlier;

	stats_traffic_add(&t, &k->traffic);
	exposition_family(x, &kafka_families[FAMILY_REQUESTS]);
	for (enum stats_api i = 0; i < STATS_APIS; i++)
		strbuf_addf(&x->text, "hexlag_kafka_requests_total{api=\"%s\"} %" PRId64 "\n",
			stats_api_name(i), t.requests[i]);
	exposition_family(x, &kafka_families[FAMILY_BYTES]);
	strbuf_addf(&x->text,
		"hexlag_kafka_bytes_total{direction=\"received\"} %" PRId64
		"\nhexlag_kafka_bytes_total{direction=\"sent\"} %" PRId64 "\n",
		t.received, t.sent);
}

static void append_peers(struct exposition *x, const struct kafka *k)
{
	if (!k->peer_count)
		return;
	exposition_family(x, &kafka_families[FAMILY_FAILURES]);
	for (size_t i = 0; i < k->peer_count; i++)
		strbuf_addf(&x->text, "hexlag_broker_failures_total{id=\"%d\"} %" PRId64 "\n",
			(int)k->peers[i].id, k->peers[i].failures);
}

void kafka_metrics(struct kafka *k, struct exposition *x)
{
	pthread_mutex_lock(&k->lock);
	append_by_api(x, FAMILY_CALLS, k->calls);
	append_by_api(x, FAMILY_CALL_FAILURES, k->failures);
	append_traffic(x, k);
	append_peers(x, k);
	pthread_mutex_unlock(&k->lock);
}
