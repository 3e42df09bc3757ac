#include "common/runloop.h"

#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/monocond.h"

/* glibc reserves 8 MiB per thread otherwise; ours are shallow. */
#define STACK_BYTES ((size_t)512 << 10)

struct start {
	void (*body)(void *ctx);
	void *ctx;
};

static void *run(void *arg)
{
	struct start start = *(struct start *)arg;

	mem_free_at(&arg);
	start.body(start.ctx);
	return NULL;
}

int runloop_start(
	struct runloop *r, const char *name, void (*body)(void *ctx), void *ctx, struct err *err)
{
	struct start *start = mem_alloc(sizeof(*start));
	pthread_attr_t attr;
	int code;

	*start = (struct start){body, ctx};
	pthread_mutex_init(&r->lock, NULL);
	monocond_init(&r->wake);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	atomic_store(&r->stop, false);
	code = pthread_create(&r->thread, &attr, run, start);
	pthread_attr_destroy(&attr);
	if (code) {
		mem_free_at(&start);
		return err_set(err, ERR_RETRY, "cannot start thread %s: %s", name, strerror(code));
	}
	r->started = true;
	(void)pthread_setname_np(r->thread, name);
	return 0;
}

bool runloop_wait_until(struct runloop *r, int64_t deadline_ms)
{
	bool in_time = true;

	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->stop) && !r->woken && in_time)
		in_time = monocond_wait_until(&r->wake, &r->lock, deadline_ms);
	r->woken = false;
	pthread_mutex_unlock(&r->lock);
	return !atomic_load(&r->stop);
}

void runloop_wake(struct runloop *r)
{
	if (!r->started)
		return;
	pthread_mutex_lock(&r->lock);
	r->woken = true;
	pthread_cond_broadcast(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

void runloop_stop(struct runloop *r)
{
	if (!r->started)
		return;
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stop, true);
	pthread_cond_broadcast(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

bool runloop_join(struct runloop *r, int64_t deadline_ms)
{
	struct timespec deadline = clock_timespec(deadline_ms);

	if (!r->started)
		return true;
	if (pthread_clockjoin_np(r->thread, NULL, CLOCK_MONOTONIC, &deadline) != 0)
		return false;
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	r->started = false;
	return true;
}
