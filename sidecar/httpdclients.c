#include "sidecar/httpdclients.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "sidecar/httpdfamilies.h"

struct httpdclient {
	struct httpdclient *older, *newer;
	int fd;
	enum httpdclient_state state;
	int64_t since_ms;
	struct httpdweight weight;
	bool leaving;
};

static const int64_t limits_ms[] = {
	[CLIENT_CONNECTED] = HTTPD_HEAD_S * 1000,
	[CLIENT_WAITING] = HTTPD_IDLE_S * 1000,
	[CLIENT_ASKING] = HTTPD_BODY_S * 1000,
	[CLIENT_ANSWERED] = HTTPD_SEND_S * 1000,
};

static const size_t bytes_max[] = {
	[HTTPD_DOCUMENT] = HTTPD_DOCUMENT_BYTES,
	[HTTPD_EXPOSITION] = HTTPD_EXPOSITION_BYTES,
};

void httpdclients_init(struct httpdclients *all)
{
	*all = (struct httpdclients){0};
	pthread_mutex_init(&all->lock, NULL);
}

void httpdclients_release(struct httpdclients *all)
{
	for (struct httpdclient *next, *c = all->oldest; c; c = next) {
		next = c->newer;
		free(c);
	}
	pthread_mutex_destroy(&all->lock);
}

static void take_out(struct httpdclients *all, struct httpdclient *c)
{
	*(c->older ? &c->older->newer : &all->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &all->newest) = c->older;
}

static void put_newest(struct httpdclients *all, struct httpdclient *c)
{
	c->older = all->newest;
	c->newer = NULL;
	*(c->older ? &c->older->newer : &all->oldest) = c;
	all->newest = c;
}

/* The connection is the library's: ended, it is closed there. */
static void cut_off(struct httpdclients *all, struct httpdclient *c, uint64_t *counter)
{
	(void)shutdown(c->fd, SHUT_RDWR);
	c->leaving = true;
	all->leaving++;
	++*counter;
}

/* The one that has waited longest for its client; without any, the one that takes longest. */
static struct httpdclient *least_wanted(const struct httpdclients *all)
{
	struct httpdclient *busy = NULL;

	for (struct httpdclient *c = all->oldest; c; c = c->newer) {
		if (c->leaving)
			continue;
		if (c->state == CLIENT_CONNECTED || c->state == CLIENT_WAITING)
			return c;
		if (!busy)
			busy = c;
	}
	return busy;
}

static void weigh(struct httpdclients *all, struct httpdclient *c, struct httpdweight weight)
{
	all->bytes[c->weight.kind] -= c->weight.shared_bytes + c->weight.own_bytes;
	all->bytes[weight.kind] += weight.shared_bytes + weight.own_bytes;
	c->weight = weight;
}

struct httpdclient *httpdclients_add(struct httpdclients *all, int fd, int64_t now_ms)
{
	struct httpdclient *c = mem_zalloc(1, sizeof(*c)), *other;

	c->fd = fd;
	c->since_ms = now_ms;
	pthread_mutex_lock(&all->lock);
	other = all->count - all->leaving >= HTTPD_CONNECTIONS ? least_wanted(all) : NULL;
	if (other)
		cut_off(all, other, &all->displaced);
	put_newest(all, c);
	all->count++;
	pthread_mutex_unlock(&all->lock);
	return c;
}

void httpdclients_remove(struct httpdclients *all, struct httpdclient *client)
{
	pthread_mutex_lock(&all->lock);
	take_out(all, client);
	weigh(all, client, (struct httpdweight){0});
	all->count--;
	all->leaving -= client->leaving;
	pthread_mutex_unlock(&all->lock);
	free(client);
}

/* Lets go of the oldest answers of a kind where they are too much. */
static void bound_answers(struct httpdclients *all, enum httpd_kind kind)
{
	const void *kept[HTTPD_CONNECTIONS_MAX];
	size_t count = 0, bytes = 0, more, i;

	if (all->bytes[kind] <= bytes_max[kind])
		return;
	for (struct httpdclient *c = all->newest; c; c = c->older) {
		if (!c->weight.shared || c->weight.kind != kind || c->leaving)
			continue;
		for (i = 0; i < count && kept[i] != c->weight.shared; i++)
			;
		more = c->weight.own_bytes;
		if (i == count && count >= HTTPD_ANSWERS_KEPT)
			more += c->weight.shared_bytes;
		if (bytes + more > bytes_max[kind] || count == ARRAY_LEN(kept)) {
			cut_off(all, c, &all->outdated);
			continue;
		}
		bytes += more;
		if (i == count)
			kept[count++] = c->weight.shared;
	}
}

void httpdclients_mark(struct httpdclients *all, struct httpdclient *client,
	enum httpdclient_state state, const struct httpdweight *weight, int64_t now_ms)
{
	pthread_mutex_lock(&all->lock);
	take_out(all, client);
	put_newest(all, client);
	client->state = state;
	client->since_ms = now_ms;
	weigh(all, client, weight ? *weight : (struct httpdweight){0});
	if (weight)
		bound_answers(all, weight->kind);
	pthread_mutex_unlock(&all->lock);
}

void httpdclients_sweep(struct httpdclients *all, int64_t now_ms)
{
	pthread_mutex_lock(&all->lock);
	for (struct httpdclient *c = all->oldest; c; c = c->newer)
		if (!c->leaving && now_ms - c->since_ms > limits_ms[c->state])
			cut_off(all, c, &all->late[c->state]);
	pthread_mutex_unlock(&all->lock);
}

void httpdclients_metrics(struct httpdclients *all, struct exposition *x)
{
	uint64_t late, displaced, outdated;
	size_t count;

	pthread_mutex_lock(&all->lock);
	count = all->count;
	late = all->late[CLIENT_CONNECTED] + all->late[CLIENT_ASKING] + all->late[CLIENT_ANSWERED];
	displaced = all->displaced;
	outdated = all->outdated;
	pthread_mutex_unlock(&all->lock);
	exposition_single(x, &httpd_families[HTTPD_OPEN], (int64_t)count, 0);
	exposition_family(x, &httpd_families[HTTPD_CUT]);
	strbuf_addf(&x->text,
		"hexlag_http_connections_cut_total{reason=\"displaced\"} %" PRIu64 "\n"
		"hexlag_http_connections_cut_total{reason=\"late\"} %" PRIu64 "\n"
		"hexlag_http_connections_cut_total{reason=\"outdated\"} %" PRIu64 "\n",
		displaced, late, outdated);
}
