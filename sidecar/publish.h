/* The current snapshot: one writer swaps it, any number of readers take references. */
#ifndef HEXLAG_PUBLISH_H
#define HEXLAG_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

struct publish;
struct snapshot;

struct publish *publish_new(void);
void publish_free(struct publish *p); /* no thread may use it any more */

/* Makes `s` current, taking the caller's reference, and wakes all waiters. */
void publish_set(struct publish *p, struct snapshot *s);

/* From now on no snapshot is current, until the next one is set. */
void publish_clear(struct publish *p);

/* The current snapshot with a reference for the caller, NULL where there is none. Thread: any. */
struct snapshot *publish_get(struct publish *p);

/* Waits until a snapshot newer than `seq` is current and returns it as publish_get() does. NULL once
 * the deadline (monotonic ms) has passed or publish_stop() was called. Thread: any. */
struct snapshot *publish_wait(struct publish *p, uint64_t seq, int64_t deadline_ms);

/* Ends all present and future waits at once. Thread: any. */
void publish_stop(struct publish *p);
bool publish_stopped(struct publish *p); /* whether that was called. Thread: any */

#endif
