#include "sidecar/publish.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/monocond.h"
#include "sidecar/snapshot.h"

struct publish {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct snapshot *current;
	bool stopped;
};

struct publish *publish_new(void)
{
	struct publish *p = mem_zalloc(1, sizeof(*p));

	monocond_init(&p->changed);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void publish_free(struct publish *p)
{
	if (!p)
		return;
	snapshot_unref(p->current);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void publish_set(struct publish *p, struct snapshot *s)
{
	struct snapshot *old;

	pthread_mutex_lock(&p->lock);
	old = p->current;
	p->current = s;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	/* The last reference to a large snapshot takes a while to go; nobody waits for it here. */
	snapshot_unref(old);
}

void publish_clear(struct publish *p)
{
	publish_set(p, NULL);
}

struct snapshot *publish_get(struct publish *p)
{
	struct snapshot *s;

	pthread_mutex_lock(&p->lock);
	s = p->current ? snapshot_ref(p->current) : NULL;
	pthread_mutex_unlock(&p->lock);
	return s;
}

struct snapshot *publish_wait(struct publish *p, uint64_t seq, int64_t deadline_ms)
{
	struct snapshot *s = NULL;
	bool in_time = true;

	pthread_mutex_lock(&p->lock);
	while (!p->stopped && in_time && !(p->current && p->current->seq > seq))
		in_time = monocond_wait_until(&p->changed, &p->lock, deadline_ms);
	if (!p->stopped && p->current && p->current->seq > seq)
		s = snapshot_ref(p->current);
	pthread_mutex_unlock(&p->lock);
	return s;
}

void publish_stop(struct publish *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopped = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

bool publish_stopped(struct publish *p)
{
	bool stopped;

	pthread_mutex_lock(&p->lock);
	stopped = p->stopped;
	pthread_mutex_unlock(&p->lock);
	return stopped;
}
