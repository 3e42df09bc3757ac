#include "sidecar/httpdclients.h"
#include "sidecar/httpdfamilies.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/mem.h"

struct httpdclient {
	struct httpdclient *older, *newer;
	int fd;
	enum httpdclient_state state;
	int64_t since_ms;
	const void *large;
	bool leaving;
};

static const int64_t limits_ms[] = {
	[CLIENT_CONNECTED] = HTTPD_HEAD_S * 1000,
	[CLIENT_WAITING] = HTTPD_IDLE_S * 1000,
	[CLIENT_ASKING] = HTTPD_BODY_S * 1000,
	[CLIENT_ANSWERED] = HTTPD_SEND_S * 1000,
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
	all->count--;
	all->leaving -= client->leaving;
	pthread_mutex_unlock(&all->lock);
	free(client);
}

/* Lets go of the oldest large answers. */
static void bound_answers(struct httpdclients *all)
{
	const void *kept[HTTPD_LARGE_MAX];
	size_t count = 0, i;

	for (struct httpdclient *c = all->newest; c; c = c->older) {
		if (!c->large || c->leaving)
			continue;
		for (i = 0; i < count && kept[i] != c->large; i++)
			;
		if (i < count)
			continue;
		if (count < HTTPD_LARGE_MAX)
			kept[count++] = c->large;
		else
			cut_off(all, c, &all->outdated);
	}
}

void httpdclients_mark(struct httpdclients *all, struct httpdclient *client,
	enum httpdclient_state state, const void *large, int64_t now_ms)
{
	pthread_mutex_lock(&all->lock);
	take_out(all, client);
	put_newest(all, client);
	client->state = state;
	client->since_ms = now_ms;
	client->large = large;
	if (large)
		bound_answers(all);
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
