#include "sidecar/httpdauth.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "common/strbuf.h"
#include "sidecar/httpdtls.h"

#define WAITING_MAX 64 /* jobs; some seconds of work */
#define KNOWN_MAX 256  /* names with a password that was right */
#define STOP_MS 10000  /* the thread has nothing left to do by then */

struct httpdauth_job {
	struct httpdauth_job *next;
	char *name; /* the password behind it */
	const char *password;
	char *hash;
	bool exists;
	unsigned char digest[HTTPDTLS_DIGEST];
	void (*done)(void *ctx, bool welcome);
	void *ctx;
};

struct httpdauth {
	struct runloop loop; /* its lock guards what follows */
	struct httpdauth_job *first, **last;
	size_t waiting; /* the one at hand included */
	bool stopped;
	unsigned char known[KNOWN_MAX][HTTPDTLS_DIGEST];
	size_t known_count; /* ever; the newest ones are kept */
	struct crypt_data crypt;
};

/* --- requests --- */

bool httpdauth_parse(const char *authorization, char **ret_name, const char **ret_password)
{
	struct strbuf text = STRBUF_INIT;
	char *colon = NULL;
	const char *from;

	if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0)
		return false;
	from = authorization + 6 + strspn(authorization + 6, " ");
	if (base64_decode(from, strlen(from), &text, NULL) == 0 && text.len &&
		strlen(text.data) == text.len)
		colon = strchr(text.data, ':');
	if (!colon) {
		strbuf_release(&text);
		return false;
	}
	*colon = '\0';
	*ret_password = colon + 1;
	*ret_name = strbuf_take(&text);
	return true;
}

static void job_free(struct httpdauth_job *job)
{
	if (job->name)
		explicit_bzero((char *)job->password, strlen(job->password));
	free(job->name);
	free(job->hash);
	free(job);
}

/* Names have no colon and hashes no NUL, so no two triples give the same text. */
static void take_digest(struct httpdauth_job *job)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;

	strbuf_addf(&text, "%s:%s:%s", job->name, job->hash, job->password);
	httpdtls_digest(text.data, text.len, job->digest);
	explicit_bzero(text.data, text.len);
}

/* Digests are keyed, so it tells nobody anything how long this takes. */
static bool is_known(const struct httpdauth *a, const struct httpdauth_job *job)
{
	size_t count = a->known_count < KNOWN_MAX ? a->known_count : KNOWN_MAX;

	for (size_t i = 0; i < count; i++)
		if (memcmp(a->known[i], job->digest, HTTPDTLS_DIGEST) == 0)
			return true;
	return false;
}

/* Somebody unknown is measured by the first user's hash, and refused whatever comes of it. */
static const struct webconfig_pair *find_user(const struct webconfig *c, const char *name)
{
	for (size_t i = 0; i < c->user_count; i++)
		if (strcmp(c->users[i].name, name) == 0)
			return &c->users[i];
	return NULL;
}

enum httpdauth_verdict httpdauth_check(struct httpdauth *a, const struct webconfig *c,
	const char *authorization, struct httpdauth_job **ret_job)
{
	enum httpdauth_verdict verdict = AUTH_LATER;
	const struct webconfig_pair *user;
	struct httpdauth_job *job;
	const char *password;
	char *name;

	if (!c->user_count)
		return AUTH_WELCOME;
	if (!httpdauth_parse(authorization, &name, &password))
		return AUTH_REFUSED;
	user = find_user(c, name);
	job = mem_zalloc(1, sizeof(*job));
	job->name = name;
	job->password = password;
	job->exists = user != NULL;
	job->hash = mem_strdup(user ? user->value : c->users[0].value);
	take_digest(job);
	pthread_mutex_lock(&a->loop.lock);
	if (job->exists && is_known(a, job))
		verdict = AUTH_WELCOME;
	else if (a->stopped || a->waiting >= WAITING_MAX)
		verdict = AUTH_BUSY;
	pthread_mutex_unlock(&a->loop.lock);
	if (verdict == AUTH_LATER)
		*ret_job = job;
	else
		job_free(job);
	return verdict;
}

void httpdauth_submit(struct httpdauth *a, struct httpdauth_job *job,
	void (*done)(void *ctx, bool welcome), void *ctx)
{
	bool stopped;

	job->done = done;
	job->ctx = ctx;
	pthread_mutex_lock(&a->loop.lock);
	stopped = a->stopped;
	if (!stopped) {
		*a->last = job;
		a->last = &job->next;
		a->waiting++;
		pthread_cond_broadcast(&a->loop.wake);
	}
	pthread_mutex_unlock(&a->loop.lock);
	if (stopped) {
		done(ctx, false);
		job_free(job);
	}
}

/* --- the thread --- */

/* The first job, waited for; NULL: asked to stop. */
static struct httpdauth_job *next_job(struct httpdauth *a)
{
	struct httpdauth_job *job = NULL;

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

/* Takes as long for all texts of a length. */
static bool same_text(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char differ = 0;

	if (strlen(b) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return !differ;
}

static void work(void *ctx)
{
	struct httpdauth *a = ctx;
	struct httpdauth_job *job;

	while ((job = next_job(a))) {
		const char *got = crypt_r(job->password, job->hash, &a->crypt);
		bool right = got && same_text(got, job->hash);
		bool welcome = right && job->exists;

		pthread_mutex_lock(&a->loop.lock);
		if (welcome && !is_known(a, job))
			memcpy(a->known[a->known_count++ % KNOWN_MAX], job->digest,
				HTTPDTLS_DIGEST);
		pthread_mutex_unlock(&a->loop.lock);
		job->done(job->ctx, welcome);
		job_free(job);
		pthread_mutex_lock(&a->loop.lock);
		a->waiting--;
		pthread_cond_broadcast(&a->loop.wake);
		pthread_mutex_unlock(&a->loop.lock);
	}
	explicit_bzero(&a->crypt, sizeof(a->crypt));
}

struct httpdauth *httpdauth_start(struct err *err)
{
	struct httpdauth *a = mem_zalloc(1, sizeof(*a));

	a->last = &a->first;
	if (runloop_start(&a->loop, "httpd-auth", work, a, err) == 0)
		return a;
	free(a);
	return NULL;
}

void httpdauth_stop(struct httpdauth *a)
{
	struct httpdauth_job *job, *next;

	if (!a)
		return;
	pthread_mutex_lock(&a->loop.lock);
	a->stopped = true;
	job = a->first;
	a->first = NULL;
	a->last = &a->first;
	pthread_mutex_unlock(&a->loop.lock);
	for (; job; job = next) {
		next = job->next;
		job->done(job->ctx, false);
		job_free(job);
		pthread_mutex_lock(&a->loop.lock);
		a->waiting--;
		pthread_mutex_unlock(&a->loop.lock);
	}
	pthread_mutex_lock(&a->loop.lock);
	while (a->waiting)
		pthread_cond_wait(&a->loop.wake, &a->loop.lock);
	pthread_mutex_unlock(&a->loop.lock);
	runloop_stop(&a->loop);
}

void httpdauth_free(struct httpdauth *a)
{
	if (a && runloop_join(&a->loop, clock_mono_ms() + STOP_MS))
		free(a);
}
