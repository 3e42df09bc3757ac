/* What a session remembers of each broker, so that one that hangs is waited for once and not in every
 * cycle, and one that is merely far away is given its time. */
#include "common/mem.h"
#include "sidecar/kafkasession.h"

/* What a silent broker is waited for: enough for one that is back on a local network, and nothing that
 * the others would notice. */
#define SILENT_MS 30

/* With k->lock held. */
static struct kafka_peer *peer(struct kafka *k, int32_t id)
{
	struct kafka_peer *p;

	for (size_t i = 0; i < k->peer_count; i++)
		if (k->peers[i].id == id)
			return &k->peers[i];
	p = mem_append(&k->peers, k->peer_count, sizeof(*p));
	*p = (struct kafka_peer){.id = id};
	k->peer_count++;
	return p;
}

int64_t kafka_patience_ms(const struct kafka *k)
{
	const struct kafka_options *o = &k->options;

	return o->patience_ms && o->patience_ms < o->timeout_ms ? o->patience_ms : o->timeout_ms;
}

int64_t kafkapeer_patience_ms(struct kafka *k, int32_t id)
{
	int64_t patience = kafka_patience_ms(k);
	const struct kafka_peer *p;

	pthread_mutex_lock(&k->lock);
	p = peer(k, id);
	if (p->silent)
		patience = SILENT_MS;
	else if (p->latency_ms > patience)
		patience = p->latency_ms;
	pthread_mutex_unlock(&k->lock);
	return patience;
}

bool kafkapeer_silent(struct kafka *k, int32_t id)
{
	bool silent;

	pthread_mutex_lock(&k->lock);
	silent = peer(k, id)->silent;
	pthread_mutex_unlock(&k->lock);
	return silent;
}

/* A broker that takes long is waited for twice as long as that, and no longer than the others once it
 * is quick again. */
static void learn_latency(struct kafka *k, struct kafka_peer *p, int64_t took_ms)
{
	p->silent = false;
	p->latency_ms = 2 * took_ms > kafka_patience_ms(k) ? 2 * took_ms : 0;
	if (p->latency_ms > k->options.timeout_ms)
		p->latency_ms = k->options.timeout_ms;
}

void kafkapeer_answered(struct kafka *k, int32_t id, int64_t took_ms)
{
	pthread_mutex_lock(&k->lock);
	learn_latency(k, peer(k, id), took_ms);
	pthread_mutex_unlock(&k->lock);
}

void kafkapeer_answered_late(struct kafka *k, int32_t id)
{
	int64_t waited = kafka_patience_ms(k);
	struct kafka_peer *p;

	pthread_mutex_lock(&k->lock);
	p = peer(k, id);
	learn_latency(k, p, p->latency_ms > waited ? p->latency_ms : waited);
	pthread_mutex_unlock(&k->lock);
}

void kafkapeer_all_answered(struct kafka *k)
{
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->peer_count; i++)
		k->peers[i].silent = false;
	pthread_mutex_unlock(&k->lock);
}

void kafkapeer_failed(struct kafka *k, int32_t id, size_t pending)
{
	struct kafka_peer *p;

	pthread_mutex_lock(&k->lock);
	p = peer(k, id);
	p->silent = true;
	p->pending += pending;
	p->failures++;
	pthread_mutex_unlock(&k->lock);
}

void kafkapeer_ended(struct kafka *k, int32_t id)
{
	struct kafka_peer *p;

	pthread_mutex_lock(&k->lock);
	p = peer(k, id);
	p->pending -= p->pending > 0;
	pthread_mutex_unlock(&k->lock);
}

bool kafkapeer_pending(struct kafka *k, int32_t id)
{
	bool pending;

	pthread_mutex_lock(&k->lock);
	pending = peer(k, id)->pending > 0;
	pthread_mutex_unlock(&k->lock);
	return pending;
}

void kafkapeer_forget(struct kafka *k)
{
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->peer_count; i++)
		k->peers[i].pending = 0;
	pthread_mutex_unlock(&k->lock);
}
