#include "common/monocond.h"

#include "common/clock.h"

void monocond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

bool monocond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t deadline_ms)
{
	struct timespec deadline = clock_timespec(deadline_ms);

	return pthread_cond_timedwait(c, lock, &deadline) == 0;
}
