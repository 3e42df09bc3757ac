#include "sidecar/httpdauth.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base64.h"
#include "common/jobs.h"
#include "common/mem.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "sidecar/httpdtls.h"

#define WAITING_MAX 64 /* jobs; some seconds of work */
#define KNOWN_MAX 256  /* names with a password that was right */

struct httpdauth_job {
	struct job job;
	char *name; /* the password behind it */
	const char *password;
	char *hash;
	bool exists;
	unsigned char digest[HTTPDTLS_DIGEST];
	void (*done)(void *ctx, bool welcome);
	void *ctx;
};

struct httpdauth {
	struct jobs jobs; /* their lock guards what follows, up to the blank line */
	unsigned char known[KNOWN_MAX][HTTPDTLS_DIGEST];
	size_t known_count; /* ever; the newest ones are kept */

	struct crypt_data crypt; /* the thread's */
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

/* Says what came of it, and forgets it. */
static void finish(struct httpdauth_job *job, bool welcome)
{
	job->done(job->ctx, welcome);
	job_free(job);
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
static bool is_known(struct httpdauth *a, const struct httpdauth_job *job)
{
	bool known = false;

	pthread_mutex_lock(&a->jobs.loop.lock);
	for (size_t i = 0; i < KNOWN_MAX && i < a->known_count && !known; i++)
		known = memcmp(a->known[i], job->digest, HTTPDTLS_DIGEST) == 0;
	pthread_mutex_unlock(&a->jobs.loop.lock);
	return known;
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
	if (job->exists && is_known(a, job))
		verdict = AUTH_WELCOME;
	else if (!jobs_have_room(&a->jobs, WAITING_MAX))
		verdict = AUTH_BUSY;
	if (verdict == AUTH_LATER)
		*ret_job = job;
	else
		job_free(job);
	return verdict;
}

void httpdauth_submit(struct httpdauth *a, struct httpdauth_job *job,
	void (*done)(void *ctx, bool welcome), void *ctx)
{
	job->done = done;
	job->ctx = ctx;
	if (!jobs_put(&a->jobs, &job->job, JOBS_LAST, WAITING_MAX))
		finish(job, false);
}

/* --- the thread --- */

static void remember(struct httpdauth *a, const struct httpdauth_job *job)
{
	pthread_mutex_lock(&a->jobs.loop.lock);
	memcpy(a->known[a->known_count++ % KNOWN_MAX], job->digest, HTTPDTLS_DIGEST);
	pthread_mutex_unlock(&a->jobs.loop.lock);
}

static void run(void *ctx, struct job *j)
{
	struct httpdauth *a = ctx;
	struct httpdauth_job *job = (struct httpdauth_job *)j;
	const char *got = crypt_r(job->password, job->hash, &a->crypt);
	bool right = got && secret_equal(got, job->hash);
	bool welcome = right && job->exists;

	if (welcome && !is_known(a, job))
		remember(a, job);
	finish(job, welcome);
}

static void drop(void *ctx, struct job *job)
{
	(void)ctx;
	finish((struct httpdauth_job *)job, false);
}

struct httpdauth *httpdauth_start(struct err *err)
{
	static const struct jobs_calls calls = {.run = run, .drop = drop};
	struct httpdauth *a = mem_zalloc(1, sizeof(*a));

	if (jobs_start(&a->jobs, "httpd-auth", &calls, a, err) == 0)
		return a;
	free(a);
	return NULL;
}

void httpdauth_stop(struct httpdauth *a)
{
	if (a)
		jobs_stop(&a->jobs);
}

void httpdauth_free(struct httpdauth *a)
{
	if (!a || !jobs_join(&a->jobs))
		return;
	explicit_bzero(&a->crypt, sizeof(a->crypt));
	free(a);
}
