#include "scaler/accessreview.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/jobs.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/secret.h"
#include "scaler/accessreviewjson.h"
#include "scaler/reviewcache.h"

#define TOKEN_MAX 8192 /* a ServiceAccount's has some 1,000 bytes */

enum { LET_IN = 200, NOBODY = 401, FORBIDDEN = 403, UNAVAILABLE = 503 };

struct review {
	struct job job;
	char *token;
	int64_t since_ms;
	void (*done)(void *who, unsigned status);
	void *who;
};

struct accessreview {
	struct jobs jobs; /* their lock guards what follows, up to the blank line */
	struct reviewcache cache;
	int64_t down_until_ms;

	struct kube *kube; /* the thread's, as what follows */
	bool failing;
};

/* Says what came of it, and forgets it. */
static void finish(struct review *r, unsigned status)
{
	r->done(r->who, status);
	secret_free(r->token);
	free(r);
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
	if (!atomic_load(&a->jobs.loop.stop) && now_ms >= a->down_until_ms)
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
	pthread_mutex_lock(&a->jobs.loop.lock);
	known = is_known(a, token, clock_mono_ms(), ret_status);
	pthread_mutex_unlock(&a->jobs.loop.lock);
	return known;
}

static bool is_friend(struct accessreview *a, const char *token)
{
	bool friend;

	pthread_mutex_lock(&a->jobs.loop.lock);
	friend = reviewcache_is_friend(&a->cache, token);
	pthread_mutex_unlock(&a->jobs.loop.lock);
	return friend;
}

void accessreview_ask(struct accessreview *a, const char *token,
	void (*done)(void *who, unsigned status), void *who)
{
	/* Strangers in any number do not keep out who was let in before. */
	bool friend = is_friend(a, token);
	struct review *r = mem_zalloc(1, sizeof(*r));

	*r = (struct review){
		.token = mem_strdup(token), .since_ms = clock_mono_ms(), .done = done, .who = who};
	if (!jobs_put(&a->jobs, &r->job, friend ? JOBS_FIRST : JOBS_LAST,
		    ACCESSREVIEW_WAITING_MAX * (friend ? 2U : 1U)))
		finish(r, UNAVAILABLE);
}

/* --- the thread --- */

static int parse_token(const char *text, size_t len, void *out, struct err *err)
{
	return accessreviewjson_subject(text, len, out, err);
}

static int parse_access(const char *text, size_t len, void *out, struct err *err)
{
	return accessreviewjson_allowed(text, len, out, err);
}

/* Asks the API server. -1 where it does not say. */
static int ask(struct kube *k, const char *bearer, unsigned *ret_status, struct err *err)
{
	char *body = accessreviewjson_token(bearer), *subject = NULL;
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

	secret_free(body);
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

static unsigned judge(struct accessreview *a, const struct review *r)
{
	unsigned status = UNAVAILABLE;
	int64_t now_ms = clock_mono_ms();
	struct err err = {0};
	bool known, failed;

	/* Somebody before this one may have had the same token. */
	pthread_mutex_lock(&a->jobs.loop.lock);
	known = is_known(a, r->token, now_ms, &status);
	pthread_mutex_unlock(&a->jobs.loop.lock);
	if (known || now_ms - r->since_ms > ACCESSREVIEW_WAIT_MS)
		return status;
	failed = ask(a->kube, r->token, &status, &err) != 0;
	if (failed && atomic_load(&a->jobs.loop.stop))
		return status;
	tell(a, failed, &err);
	pthread_mutex_lock(&a->jobs.loop.lock);
	if (failed)
		a->down_until_ms = clock_mono_ms() + ACCESSREVIEW_DOWN_MS;
	else
		reviewcache_put(&a->cache, r->token, status, now_ms);
	pthread_mutex_unlock(&a->jobs.loop.lock);
	return status;
}

static void run(void *ctx, struct job *job)
{
	struct review *r = (struct review *)job;

	finish(r, judge(ctx, r));
}

static void drop(void *ctx, struct job *job)
{
	(void)ctx;
	finish((struct review *)job, UNAVAILABLE);
}

struct accessreview *accessreview_start(const struct kube_options *kube, struct err *err)
{
	static const struct jobs_calls calls = {.run = run, .drop = drop};
	struct accessreview *a = mem_zalloc(1, sizeof(*a));
	struct kube_options options = *kube;

	options.stop = &a->jobs.loop.stop;
	a->kube = kube_new(&options, err);
	if (a->kube && jobs_start(&a->jobs, "access-review", &calls, a, err) == 0)
		return a;
	kube_free(a->kube);
	free(a);
	return NULL;
}

void accessreview_stop(struct accessreview *a)
{
	if (a)
		jobs_stop(&a->jobs);
}

void accessreview_free(struct accessreview *a)
{
	if (!a || !jobs_join(&a->jobs))
		return;
	reviewcache_release(&a->cache);
	kube_free(a->kube);
	free(a);
}
