/* Calls of the library that block, each in a thread of its own while it lasts. */
#include <errno.h>
#include <time.h>

#include "sidecar/kafkasession.h"

static void *run_job(void *arg)
{
	struct kafka_job *job = arg;
	struct kafka *k = job->k;

	job->run(job);
	pthread_mutex_lock(&k->lock);
	job->done = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

void kafkajob_start(struct kafka_job *job, struct kafka *k, void (*run)(struct kafka_job *job))
{
	*job = (struct kafka_job){.k = k, .run = run, .started = true};
	job->threaded = pthread_create(&job->thread, NULL, run_job, job) == 0;
	if (!job->threaded)
		(void)run_job(job);
}

bool kafkajob_wait(struct kafka_job *job, int64_t deadline_ms)
{
	struct timespec deadline = {deadline_ms / 1000, (deadline_ms % 1000) * 1000000};
	struct kafka *k = job->k;
	int timeout = 0;
	bool done;

	pthread_mutex_lock(&k->lock);
	while (!job->done && timeout != ETIMEDOUT)
		timeout = pthread_cond_timedwait(&k->changed, &k->lock, &deadline);
	done = job->done;
	pthread_mutex_unlock(&k->lock);
	if (done)
		kafkajob_join(job);
	return done;
}

void kafkajob_join(struct kafka_job *job)
{
	if (job->started && job->threaded)
		(void)pthread_join(job->thread, NULL);
	job->started = job->threaded = false;
}
