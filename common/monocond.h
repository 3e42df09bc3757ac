/* A condition whose deadlines are monotonic, so that setting the wall clock neither cuts a wait short nor
 * draws it out. Thread: any. */
#ifndef HEXLAG_MONOCOND_H
#define HEXLAG_MONOCOND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Destroyed by pthread_cond_destroy(). */
void monocond_init(pthread_cond_t *c);

/* As pthread_cond_wait(), until the deadline (clock_mono_ms()) at the latest. False: it has passed. */
bool monocond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t deadline_ms);

#endif
