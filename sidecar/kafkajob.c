/* Calls of the library that block, each in a thread of its own while it lasts. */
#include "common/monocond.h"
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
	struct kafka *k = job->k;
	bool in_time = true, done;

	pthread_mutex_lock(&k->lock);
	while (!job->done && in_time)
		in_time = monocond_wait_until(&k->changed, &k->lock, deadline_ms);
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
