#include "sidecar/kafka.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/exposition.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "sidecar/kafkasession.h"
#include "sidecar/statsjson.h"

#define CONSUMER_OFFSETS "__consumer_offsets"
#define PARTITION_ID_MAX 1000000 /* a larger id in metadata is not believed */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	/* The loop that asks logs what its failures mean, once; this is for who wants to see more. */
	(void)level;
	log_debug("librdkafka: %s: %s", facility, text);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka *k = opaque;

	(void)rk;
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		return; /* it says less than the error that led to it */
	pthread_mutex_lock(&k->lock);
	(void)snprintf(k->cause, sizeof(k->cause), "%s", reason);
	pthread_mutex_unlock(&k->lock);
}

static int on_stats(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	struct kafka *k = opaque;
	struct kafka_traffic t;

	(void)rk;
	if (statsjson_traffic(json, len, &t.requests, &t.bytes_sent, &t.bytes_received) == 0) {
		pthread_mutex_lock(&k->lock);
		k->traffic = t;
		pthread_mutex_unlock(&k->lock);
	}
	return 0; /* the library frees the document */
}

static int connect_handle(struct kafka *k, struct err *err)
{
	rd_kafka_conf_t *conf = kafkaconf_new(&k->options, err);
	char why[256];

	if (!conf)
		return -1;
	rd_kafka_conf_set_opaque(conf, k);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_stats_cb(conf, on_stats);
	k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!k->rk) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_CONFIG, "Kafka client: %s", why);
	}
	k->queue = rd_kafka_queue_new(k->rk);
	k->list_queue = rd_kafka_queue_new(k->rk);
	k->listing = false;
	return 0;
}

static void disconnect_handle(struct kafka *k)
{
	if (!k->rk)
		return;
	rd_kafka_queue_destroy(k->queue);
	rd_kafka_queue_destroy(k->list_queue);
	rd_kafka_destroy(k->rk);
	k->rk = NULL;
}

struct kafka *kafka_open(const struct kafka_options *options, struct err *err)
{
	struct kafka *k = mem_zalloc(1, sizeof(*k));

	k->options = *options;
	pthread_mutex_init(&k->lock, NULL);
	if (connect_handle(k, err) < 0) {
		kafka_close(k);
		return NULL;
	}
	return k;
}

void kafka_close(struct kafka *k)
{
	if (!k)
		return;
	disconnect_handle(k);
	free(k->coordinators);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

int kafka_reopen(struct kafka *k, struct err *err)
{
	disconnect_handle(k);
	pthread_mutex_lock(&k->lock);
	k->earlier.requests += k->traffic.requests;
	k->earlier.bytes_sent += k->traffic.bytes_sent;
	k->earlier.bytes_received += k->traffic.bytes_received;
	k->traffic = (struct kafka_traffic){0};
	pthread_mutex_unlock(&k->lock);
	return connect_handle(k, err);
}

void kafka_count(struct kafka *k, enum kafka_call call, bool failed)
{
	pthread_mutex_lock(&k->lock);
	k->calls[call]++;
	k->failures[call] += failed;
	pthread_mutex_unlock(&k->lock);
}

void kafka_mark_dead(struct kafka *k, int32_t id)
{
	if (kafka_is_dead(k, id))
		return;
	pthread_mutex_lock(&k->lock);
	if (k->dead_count < KAFKA_DEAD_MAX)
		k->dead[k->dead_count++] = id;
	pthread_mutex_unlock(&k->lock);
}

bool kafka_is_dead(struct kafka *k, int32_t id)
{
	bool dead = false;

	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->dead_count && !dead; i++)
		dead = k->dead[i] == id;
	pthread_mutex_unlock(&k->lock);
	return dead;
}

bool kafka_unreachable(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
	       code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
	       code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
	       code == RD_KAFKA_RESP_ERR__WAIT_COORD || code == RD_KAFKA_RESP_ERR__RESOLVE;
}

bool kafka_stopping(const struct kafka *k)
{
	return k->options.stop && atomic_load(k->options.stop);
}

static bool passes(const struct pattern *filter, const struct pattern *exclude, const char *name)
{
	return (!filter || pattern_matches(filter, name)) &&
	       !(exclude && pattern_matches(exclude, name));
}

bool kafka_watches_group(const struct kafka_watch *watches, size_t count, const char *group)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(watches[i].group, group) == 0)
			return true;
	return false;
}

bool kafka_watches_topic(const struct kafka_watch *watches, size_t count, const char *topic)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(watches[i].topic, topic) == 0)
			return true;
	return false;
}

static void fill_partitions(struct topic *t, const rd_kafka_metadata_topic_t *md)
{
	for (size_t i = 0; i < t->count; i++)
		t->partitions[i].leader = t->partitions[i].preferred = -1;
	for (int i = 0; i < md->partition_cnt; i++) {
		const rd_kafka_metadata_partition_t *from = &md->partitions[i];
		struct partition *p = &t->partitions[from->id];

		p->leader = from->leader;
		p->preferred = from->replica_cnt ? from->replicas[0] : -1;
		p->replicas = from->replica_cnt;
		p->in_sync = from->isr_cnt;
	}
}

static size_t partition_count(const rd_kafka_metadata_topic_t *md)
{
	int32_t count = 0;

	for (int i = 0; i < md->partition_cnt; i++) {
		if (md->partitions[i].id < 0 || md->partitions[i].id > PARTITION_ID_MAX)
			return 0;
		if (md->partitions[i].id >= count)
			count = md->partitions[i].id + 1;
	}
	return (size_t)count;
}

static int compare_topics(const void *a, const void *b)
{
	return strcmp(((const struct topic *)a)->name, ((const struct topic *)b)->name);
}

static void fill_topics(struct kafka *k, struct snapshot *s, const struct rd_kafka_metadata *md)
{
	const struct kafka_options *o = &k->options;

	s->topics = arena_alloc(&s->arena, (size_t)md->topic_cnt, sizeof(*s->topics));
	for (int i = 0; i < md->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *from = &md->topics[i];
		struct topic *t = &s->topics[s->topic_count];

		t->count = partition_count(from);
		if (!t->count || !(kafka_watches_topic(o->watches, o->watch_count, from->topic) ||
					 passes(o->topic_filter, o->topic_exclude, from->topic)))
			continue;
		t->name = arena_strdup(&s->arena, from->topic);
		t->partitions = arena_alloc(&s->arena, t->count, sizeof(*t->partitions));
		fill_partitions(t, from);
		s->topic_count++;
	}
	if (s->topic_count)
		qsort(s->topics, s->topic_count, sizeof(*s->topics), compare_topics);
}

static void learn_coordinators(struct kafka *k, const struct rd_kafka_metadata *md)
{
	k->coordinator_count = 0;
	for (int i = 0; i < md->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *t = &md->topics[i];
		size_t count;

		if (strcmp(t->topic, CONSUMER_OFFSETS) != 0 || (count = partition_count(t)) == 0)
			continue;
		k->coordinators = mem_resize(k->coordinators, count, sizeof(*k->coordinators));
		k->coordinator_count = count;
		for (size_t p = 0; p < count; p++)
			k->coordinators[p] = -1;
		for (int p = 0; p < t->partition_cnt; p++)
			k->coordinators[t->partitions[p].id] = t->partitions[p].leader;
	}
}

static void fill_brokers(struct snapshot *s, const struct rd_kafka_metadata *md)
{
	s->broker_count = (size_t)md->broker_cnt;
	s->brokers = arena_alloc(&s->arena, s->broker_count, sizeof(*s->brokers));
	for (size_t i = 0; i < s->broker_count; i++) {
		char address[300];

		(void)snprintf(address, sizeof(address), "%.255s:%d", md->brokers[i].host,
			md->brokers[i].port);
		s->brokers[i].id = md->brokers[i].id;
		s->brokers[i].address = arena_strdup(&s->arena, address);
	}
}

static rd_kafka_resp_err_t read_metadata(struct kafka *k, const struct rd_kafka_metadata **ret)
{
	rd_kafka_resp_err_t code =
		rd_kafka_metadata(k->rk, 1, NULL, ret, (int)k->options.timeout_ms);

	kafka_count(k, CALL_METADATA, code != RD_KAFKA_RESP_ERR_NO_ERROR);
	return code;
}

int kafka_metadata(struct kafka *k, struct snapshot *s, struct err *err)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code;
	char cause[sizeof(k->cause)];

	if (!k->rk && connect_handle(k, err) < 0)
		return -1;
	k->dead_count = 0;
	code = read_metadata(k, &md);
	/* A stopped broker may have been the one that was asked; the library takes another then. */
	if (code == RD_KAFKA_RESP_ERR__TIMED_OUT && !kafka_stopping(k))
		code = read_metadata(k, &md);
	while (rd_kafka_poll(k->rk, 0) > 0)
		; /* error and statistics callbacks */
	if (code) {
		pthread_mutex_lock(&k->lock);
		memcpy(cause, k->cause, sizeof(cause));
		pthread_mutex_unlock(&k->lock);
		return err_set(err, ERR_RETRY, "no metadata from %s: %s%s%s", k->options.bootstrap,
			rd_kafka_err2str(code), *cause ? ": " : "", cause);
	}
	fill_brokers(s, md);
	fill_topics(k, s, md);
	learn_coordinators(k, md);
	rd_kafka_metadata_destroy(md);
	pthread_mutex_lock(&k->lock);
	k->cause[0] = '\0';
	pthread_mutex_unlock(&k->lock);
	return 0;
}

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
		if (!kafka_watches_group(o->watches, o->watch_count, name) &&
			!passes(o->group_filter, o->group_exclude, name))
			continue;
		groups[kept].name = arena_strdup(&s->arena, name);
		groups[kept++].state =
			kafka_group_state((int)rd_kafka_ConsumerGroupListing_state(valid[i]));
	}
	*ret_groups = groups;
	*ret_count = kept;
}

int kafka_list_groups(struct kafka *k, struct snapshot *s, int64_t wait_ms,
	struct kafka_group **ret_groups, size_t *ret_count, bool *ret_complete, struct err *err)
{
	const rd_kafka_ListConsumerGroups_result_t *result;
	rd_kafka_event_t *event;
	size_t errors = 0;
	int rc = 0;

	if (!k->listing)
		start_listing(k);
	event = rd_kafka_queue_poll(k->list_queue, (int)wait_ms);
	if (!event)
		return err_set(
			err, ERR_RETRY, "a broker has not answered the listing of groups yet");
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
		*ret_complete = errors == 0;
	}
	rd_kafka_event_destroy(event);
	return rc;
}

static struct kafka_traffic traffic_of(struct kafka *k)
{
	struct kafka_traffic t;

	pthread_mutex_lock(&k->lock);
	t = k->earlier;
	t.requests += k->traffic.requests;
	t.bytes_sent += k->traffic.bytes_sent;
	t.bytes_received += k->traffic.bytes_received;
	pthread_mutex_unlock(&k->lock);
	return t;
}

enum { FAMILY_CALLS, FAMILY_CALL_FAILURES, FAMILY_REQUESTS, FAMILY_BYTES };

const struct family kafka_families[] = {
	[FAMILY_CALLS] = {"hexlag_kafka_calls_total", "counter", "api",
		"Questions asked of Kafka, by API; one ListOffsets question is one batch."},
	[FAMILY_CALL_FAILURES] = {"hexlag_kafka_call_failures_total", "counter", "api",
		"Questions that Kafka did not answer, or answered by an error."},
	[FAMILY_REQUESTS] = {"hexlag_kafka_requests_total", "counter", "",
		"Protocol requests sent to brokers, those of the library itself included."},
	[FAMILY_BYTES] = {"hexlag_kafka_bytes_total", "counter", "direction",
		"Bytes moved, by direction."},
	{0},
};

void kafka_metrics(struct kafka *k, struct exposition *x)
{
	static const char *const names[] = {
		"Metadata", "ListGroups", "DescribeGroups", "OffsetFetch", "ListOffsets"};
	int64_t calls[CALL_KINDS], failures[CALL_KINDS];
	struct kafka_traffic t = traffic_of(k);
	struct strbuf *out = &x->text;

	pthread_mutex_lock(&k->lock);
	memcpy(calls, k->calls, sizeof(calls));
	memcpy(failures, k->failures, sizeof(failures));
	pthread_mutex_unlock(&k->lock);
	exposition_family(x, &kafka_families[FAMILY_CALLS]);
	for (size_t i = 0; i < CALL_KINDS; i++)
		strbuf_addf(out, "hexlag_kafka_calls_total{api=\"%s\"} %" PRId64 "\n", names[i],
			calls[i]);
	exposition_family(x, &kafka_families[FAMILY_CALL_FAILURES]);
	for (size_t i = 0; i < CALL_KINDS; i++)
		strbuf_addf(out, "hexlag_kafka_call_failures_total{api=\"%s\"} %" PRId64 "\n",
			names[i], failures[i]);
	exposition_single(x, &kafka_families[FAMILY_REQUESTS], t.requests, 0);
	exposition_family(x, &kafka_families[FAMILY_BYTES]);
	strbuf_addf(out,
		"hexlag_kafka_bytes_total{direction=\"received\"} %" PRId64
		"\nhexlag_kafka_bytes_total{direction=\"sent\"} %" PRId64 "\n",
		t.bytes_received, t.bytes_sent);
}

const char *kafka_library_version(void)
{
	return rd_kafka_version_str();
}
