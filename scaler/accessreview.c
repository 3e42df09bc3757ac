#include "scaler/accessreview.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "scaler/accessreviewjson.h"
#include "scaler/reviewcache.h"

#define TOKEN_MAX 8192 /* a ServiceAccount's has some 1,000 bytes */

#define STOP_MS 10000 /* the thread has nothing left to do by then */

enum { LET_IN = 200, NOBODY = 401, FORBIDDEN = 403, UNAVAILABLE = 503 };

struct job {
	struct job *next;
	char *token;
	int64_t since_ms;
	void (*done)(void *who, unsigned status);
	void *who;
};

struct accessreview {
	struct runloop loop; /* its lock guards what follows, up to the blank line */
	struct job *first, **last;
	size_t waiting; /* the one at hand included */
	bool stopped;
	struct reviewcache cache;
	int64_t down_until_ms;

	struct kube *kube; /* the thread's, as what follows */
	bool failing;
};

static void job_free(struct job *job)
{
	explicit_bzero(job->token, strlen(job->token));
	free(job->token);
	free(job);
}

/* --- what is known --- */

/* b64token of RFC 6750, 2.1. */
static bool is_token(const char *token)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-._~+/";
	size_t len = strspn(token, alphabet);

	return len && !token[len + strspn(token + len, "=")] && strlen(token) <= TOKEN_MAX;
}

/* The lock is held. */
static bool is_known(
	struct accessreview *a, const char *token, int64_t now_ms, unsigned *ret_status)
{
	if (reviewcache_get(&a->cache, token, now_ms, ret_status))
		return true;
	if (!a->stopped && now_ms >= a->down_until_ms)
		return false;
	*ret_status = UNAVAILABLE;
	return true;
}

bool accessreview_known(struct accessreview *a, const char *token, unsigned *ret_status)
{
	bool known;

	if (!is_token(token)) {
		*ret_status = NOBODY;
		return true;
	}
	pthread_mutex_lock(&a->loop.lock);
	known = is_known(a, token, clock_mono_ms(), ret_status);
	pthread_mutex_unlock(&a->loop.lock);
	return known;
}

/* Strangers in any number do not keep out who was let in before. The lock is held. */
static bool queue(struct accessreview *a, struct job *job)
{
	bool friend = reviewcache_is_friend(&a->cache, job->token);

	if (a->stopped || a->waiting >= ACCESSREVIEW_WAITING_MAX * (friend ? 2U : 1U))
		return false;
	if (friend && a->first) {
		job->next = a->first;
		a->first = job;
	} else {
		*a->last = job;
		a->last = &job->next;
	}
	a->waiting++;
	pthread_cond_broadcast(&a->loop.wake);
	return true;
}

void accessreview_ask(struct accessreview *a, const char *token,
	void (*done)(void *who, unsigned status), void *who)
{
	struct job *job = mem_zalloc(1, sizeof(*job));
	bool taken;

	*job = (struct job){
		.token = mem_strdup(token), .since_ms = clock_mono_ms(), .done = done, .who = who};
	pthread_mutex_lock(&a->loop.lock);
	taken = queue(a, job);
	pthread_mutex_unlock(&a->loop.lock);
	if (!taken) {
		done(who, UNAVAILABLE);
		job_free(job);
	}
}

/* --- the thread --- */

/* The first job, waited for; NULL: asked to stop. */
static struct job *next_job(struct accessreview *a)
{
	struct job *job = NULL;

	pthread_mutex_lock(&a->loop.lock);
	while (!atomic_load(&a->loop.stop) && !a->first)
		pthread_cond_wait(&a->loop.wake, &a->loop.lock);
	if (!atomic_load(&a->loop.stop)) {
		job = a->first;
		a->first = job->next;
		if (!a->first)
			a->last = &a->first;
	}
	pthread_mutex_unlock(&a->loop.lock);
	return job;
}

static int parse_token(const char *text, size_t len, void *out, struct err *err)
{
	return accessreviewjson_subject(text, len, out, err);
}

static int parse_access(const char *text, size_t len, void *out, struct err *err)
{
	return accessreviewjson_allowed(text, len, out, err);
}

/* Asks the API server. -1 where it does not say. */
static int review(struct kube *k, const struct job *job, unsigned *ret_status, struct err *err)
{
	char *body = accessreviewjson_token(job->token), *subject = NULL;
	struct kube_request token = {.method = "POST",
		.path = "/apis/authentication.k8s.io/v1/tokenreviews",
		.body = body,
		.parse = parse_token,
		.out = &subject};
	bool allowed = false;
	struct kube_request access = {.method = "POST",
		.path = "/apis/authorization.k8s.io/v1/subjectaccessreviews",
		.parse = parse_access,
		.out = &allowed};
	int rc = kube_request(k, &token, err);

	explicit_bzero(body, strlen(body));
	free(body);
	access.body = subject;
	if (rc == 0 && subject)
		rc = kube_request(k, &access, err);
	if (rc == 0)
		*ret_status = !subject ? NOBODY : allowed ? LET_IN : FORBIDDEN;
	free(subject);
	return rc;
}

/* Says so when the API server no longer tells, and when it does again. */
static void tell(struct accessreview *a, bool failed, const struct err *err)
{
	if (failed && !a->failing)
		log_warn("who asks for metrics cannot be found out, so nobody new is let in: %s",
			err->msg);
	else if (!failed && a->failing)
		log_info("the API server tells again who asks for metrics");
	a->failing = failed;
}

static unsigned judge(struct accessreview *a, const struct job *job)
{
	unsigned status = UNAVAILABLE;
	int64_t now_ms = clock_mono_ms();
	struct err err = {0};
	bool known, failed;

	/* Somebody before this one may have had the same token. */
	pthread_mutex_lock(&a->loop.lock);
	known = is_known(a, job->token, now_ms, &status);
	pthread_mutex_unlock(&a->loop.lock);
	if (known || now_ms - job->since_ms > ACCESSREVIEW_WAIT_MS)
		return status;
	failed = review(a->kube, job, &status, &err) != 0;
	if (failed && atomic_load(&a->loop.stop))
		return status;
	tell(a, failed, &err);
	pthread_mutex_lock(&a->loop.lock);
	if (failed)
		a->down_until_ms = clock_mono_ms() + ACCESSREVIEW_DOWN_MS;
	else
		reviewcache_put(&a->cache, job->token, status, now_ms);
	pthread_mutex_unlock(&a->loop.lock);
	return status;
}

static void work(void *ctx)
{
	struct accessreview *a = ctx;
	struct job *job;

	while ((job = next_job(a))) {
		job->done(job->who, judge(a, job));
		job_free(job);
		pthread_mutex_lock(&a->loop.lock);
		a->waiting--;
		pthread_cond_broadcast(&a->loop.wake);
		pthread_mutex_unlock(&a->loop.lock);
	}
}

struct accessreview *accessreview_start(const struct kube_options *kube, struct err *err)
{
	struct accessreview *a = mem_zalloc(1, sizeof(*a));
	struct kube_options options = *kube;

	a->last = &a->first;
	options.stop = &a->loop.stop;
	a->kube = kube_new(&options, err);
	if (a->kube && runloop_start(&a->loop, "access-review", work, a, err) == 0)
		return a;
	kube_free(a->kube);
	free(a);
	return NULL;
}

void accessreview_stop(struct accessreview *a)
{
	struct job *job, *next;

	if (!a)
		return;
	/* The request at hand ends first: it watches the flag that this sets. */
	runloop_stop(&a->loop);
	pthread_mutex_lock(&a->loop.lock);
	a->stopped = true;
	job = a->first;
	a->first = NULL;
	a->last = &a->first;
	pthread_mutex_unlock(&a->loop.lock);
	for (; job; job = next) {
		next = job->next;
		job->done(job->who, UNAVAILABLE);
		job_free(job);
		pthread_mutex_lock(&a->loop.lock);
		a->waiting--;
		pthread_mutex_unlock(&a->loop.lock);
	}
	pthread_mutex_lock(&a->loop.lock);
	while (a->waiting)
		pthread_cond_wait(&a->loop.wake, &a->loop.lock);
	pthread_mutex_unlock(&a->loop.lock);
}

void accessreview_free(struct accessreview *a)
{
	if (!a || !runloop_join(&a->loop, clock_mono_ms() + STOP_MS))
		return;
	reviewcache_release(&a->cache);
	kube_free(a->kube);
	free(a);
}
