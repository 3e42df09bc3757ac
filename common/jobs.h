/* Jobs that a thread of its own does one after another, for what is too slow for the thread that asks.
 *
 * A job is a struct of the user's whose first field is a struct job. From jobs_put() on the queue has it,
 * and hands it over once: to `run` in its thread, or, where it is stopped first, to `drop`, by the thread
 * that stops it. Neither is called with the lock held, so both may call jobs_put(). The lock, `loop.lock`,
 * is free for what the jobs share with those who ask; no function here may be called with it held.
 * Embedded: jobs_start, jobs_stop, jobs_join. */
#ifndef HEXLAG_JOBS_H
#define HEXLAG_JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/runloop.h"

struct job {
	struct job *next; /* the queue's */
};

struct jobs_calls {
	void (*run)(void *ctx, struct job *job);
	void (*drop)(void *ctx, struct job *job);
};

struct jobs {
	struct runloop loop; /* its `stop` is set by jobs_stop(); a long `run` may watch it */
	const struct jobs_calls *calls;
	void *ctx;
	struct job *first, **last; /* under the lock, as what follows */
	size_t count;              /* the one that runs included */
};

enum jobs_place { JOBS_LAST, JOBS_FIRST };

/* Starts the thread, named `name` (at most 15 bytes); all signals must be blocked already. `calls` and
 * `ctx` are borrowed until jobs_join(). Errors: those of runloop_start(). */
int jobs_start(struct jobs *q, const char *name, const struct jobs_calls *calls, void *ctx,
	struct err *err) MUSTCHECK;

/* Whether fewer than `limit` jobs are there, the one that runs included; false once it is stopped.
 * Thread: any. */
bool jobs_have_room(struct jobs *q, size_t limit);

/* Puts the job behind all that wait, or before them. False: there is no room by jobs_have_room(), and the
 * job stays the caller's. Never blocks. Thread: any. */
bool jobs_put(struct jobs *q, struct job *job, enum jobs_place place, size_t limit) MUSTCHECK;

/* Drops what waits, and what runs has ended when this returns; from then on nothing can be put. */
void jobs_stop(struct jobs *q);

/* After jobs_stop(): waits for the end of the thread, some seconds at the most. False: it still runs, and
 * nothing it uses may be freed. */
bool jobs_join(struct jobs *q) MUSTCHECK;

#endif
