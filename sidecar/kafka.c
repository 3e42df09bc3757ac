#include "sidecar/kafka.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/monocond.h"
#include "common/pattern.h"
#include "sidecar/kafkasession.h"
#include "sidecar/watches.h"

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
	struct stats_traffic t;

	(void)rk;
	if (statsjson_traffic(json, len, &t) == 0) {
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
	kafkametadata_close(k);
	kafkamembers_close(k);
	kafkaoffsets_reap(k, true);
	kafkapeer_forget(k);
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
	monocond_init(&k->changed);
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
	free(k->peers);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

bool kafka_settle(struct kafka *k, int64_t deadline_ms)
{
	struct kafka_job *const jobs[] = {&k->metadata.job, &k->members.job};

	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		if (jobs[i]->started && !kafkajob_wait(jobs[i], deadline_ms))
			return false;
	return kafkaoffsets_settle(k, deadline_ms);
}

int kafka_reopen(struct kafka *k, struct err *err)
{
	disconnect_handle(k);
	pthread_mutex_lock(&k->lock);
	stats_traffic_add(&k->earlier, &k->traffic);
	k->traffic = (struct stats_traffic){0};
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

bool kafka_wants_group(const struct kafka_options *o, const char *name)
{
	return watches_group(o->watches, name) || passes(o->group_filter, o->group_exclude, name);
}

bool kafka_wants_topic(const struct kafka_options *o, const char *name)
{
	return watches_topic(o->watches, name) || passes(o->topic_filter, o->topic_exclude, name);
}

void kafka_set_watches(struct kafka *k, const struct watches *watches)
{
	k->options.watches = watches;
}

const char *kafka_library_version(void)
{
	return rd_kafka_version_str();
}
