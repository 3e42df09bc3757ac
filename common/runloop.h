/* A thread that works, waits, and can be asked to stop. Embedded: runloop_start, runloop_join. */
#ifndef HEXLAG_RUNLOOP_H
#define HEXLAG_RUNLOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"

struct runloop {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool stop; /* set by runloop_stop(); a long call may watch it */
	bool started;
	bool woken; /* under the lock */
};

/* Runs body(ctx) in a thread named `name` (at most 15 bytes); all signals must be blocked already. */
int runloop_start(struct runloop *r, const char *name, void (*body)(void *ctx), void *ctx,
	struct err *err) MUSTCHECK;

/* Waits until the deadline (monotonic ms) or runloop_wake(). False: asked to stop. Thread: the loop's
 * own. */
bool runloop_wait_until(struct runloop *r, int64_t deadline_ms);

/* Ends the wait under way, or else the next one, at once; does nothing before the start. Thread: any, but
 * not during runloop_start() and runloop_join(). */
void runloop_wake(struct runloop *r);

/* Asks the thread to stop; returns at once. Thread: any. */
void runloop_stop(struct runloop *r);

/* Waits for the end of the thread until the deadline (monotonic ms). False: it still runs. A loop that
 * never started counts as ended. */
bool runloop_join(struct runloop *r, int64_t deadline_ms);

#endif
