#include "common/jobs.h"

#include "common/clock.h"

#define JOIN_MS 10000 /* the thread has nothing left to do by then */

/* The first job, waited for; NULL: asked to stop. */
static struct job *take(struct jobs *q)
{
	struct job *job = NULL;

	pthread_mutex_lock(&q->loop.lock);
	while (!atomic_load(&q->loop.stop) && !q->first)
		pthread_cond_wait(&q->loop.wake, &q->loop.lock);
	if (!atomic_load(&q->loop.stop)) {
		job = q->first;
		q->first = job->next;
		if (!q->first)
			q->last = &q->first;
	}
	pthread_mutex_unlock(&q->loop.lock);
	return job;
}

static void count_down(struct jobs *q)
{
	pthread_mutex_lock(&q->loop.lock);
	q->count--;
	pthread_cond_broadcast(&q->loop.wake);
	pthread_mutex_unlock(&q->loop.lock);
}

static void work(void *ctx)
{
	struct jobs *q = ctx;
	struct job *job;

	while ((job = take(q))) {
		q->calls->run(q->ctx, job);
		count_down(q);
	}
}

int jobs_start(struct jobs *q, const char *name, const struct jobs_calls *calls, void *ctx,
	struct err *err)
{
	q->calls = calls;
	q->ctx = ctx;
	q->first = NULL;
	q->last = &q->first;
	q->count = 0;
	return runloop_start(&q->loop, name, work, q, err);
}

/* The lock is held. */
static bool has_room(const struct jobs *q, size_t limit)
{
	return !atomic_load(&q->loop.stop) && q->count < limit;
}

bool jobs_have_room(struct jobs *q, size_t limit)
{
	bool room;

	pthread_mutex_lock(&q->loop.lock);
	room = has_room(q, limit);
	pthread_mutex_unlock(&q->loop.lock);
	return room;
}

/* The lock is held. */
static void insert(struct jobs *q, struct job *job, enum jobs_place place)
{
	struct job **at = place == JOBS_FIRST ? &q->first : q->last;

	job->next = *at;
	*at = job;
	if (!job->next)
		q->last = &job->next;
	q->count++;
	pthread_cond_broadcast(&q->loop.wake);
}

bool jobs_put(struct jobs *q, struct job *job, enum jobs_place place, size_t limit)
{
	bool room;

	pthread_mutex_lock(&q->loop.lock);
	room = has_room(q, limit);
	if (room)
		insert(q, job, place);
	pthread_mutex_unlock(&q->loop.lock);
	return room;
}

void jobs_stop(struct jobs *q)
{
	struct job *job, *next;

	/* First, as what runs may watch the flag that this sets. */
	runloop_stop(&q->loop);
	pthread_mutex_lock(&q->loop.lock);
	job = q->first;
	q->first = NULL;
	q->last = &q->first;
	pthread_mutex_unlock(&q->loop.lock);
	for (; job; job = next) {
		next = job->next;
		q->calls->drop(q->ctx, job);
		count_down(q);
	}
	pthread_mutex_lock(&q->loop.lock);
	while (q->count)
		pthread_cond_wait(&q->loop.wake, &q->loop.lock);
	pthread_mutex_unlock(&q->loop.lock);
}

bool jobs_join(struct jobs *q)
{
	return runloop_join(&q->loop, clock_mono_ms() + JOIN_MS);
}
