#include "scaler/accessreview.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define TIMEOUT_MS 300
#define FOREVER 1000000 /* requests */

#define REVIEW(status)                                                                             \
	"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\",\"status\":" status \
	"}"
#define SOMEBODY REVIEW("{\"authenticated\":true,\"user\":{\"username\":\"u\"}}")
#define NOBODY REVIEW("{\"error\":\"invalid bearer token\"}")
#define ACCESS(status)                                                                  \
	"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\"," \
	"\"status\":" status "}"
#define YES ACCESS("{\"allowed\":true}")
#define NO ACCESS("{\"allowed\":false}")

static char config[] = "/tmp/hexlag-review-XXXXXX";

/* Counts verdicts. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t told;
	unsigned count, status; /* the last one's */
};
#define WAITER                                                            \
	{                                                                 \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 \
	}

static void on_done(void *who, unsigned status)
{
	struct waiter *w = who;

	pthread_mutex_lock(&w->lock);
	w->count++;
	w->status = status;
	pthread_cond_signal(&w->told);
	pthread_mutex_unlock(&w->lock);
}

static unsigned wait_for(struct waiter *w, unsigned count)
{
	unsigned status;

	pthread_mutex_lock(&w->lock);
	while (w->count < count)
		pthread_cond_wait(&w->told, &w->lock);
	status = w->status;
	pthread_mutex_unlock(&w->lock);
	return status;
}

static unsigned verdict(struct accessreview *a, const char *token)
{
	struct waiter w = WAITER;

	accessreview_ask(a, token, on_done, &w);
	return wait_for(&w, 1);
}

/* 0: not known. */
static unsigned known(struct accessreview *a, const char *token)
{
	unsigned status = 0;

	return accessreview_known(a, token, &status) ? status : 0;
}

static void answer(struct apiserver *s, const char *path, int status, const char *body)
{
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				  .path_has = path,
				  .times = FOREVER,
				  .status = status,
				  .body = body});
}

static struct accessreview *start(struct apiserver *s)
{
	const struct kube_options options = {.kubeconfig = config, .timeout_ms = TIMEOUT_MS};
	struct err err = {0};
	struct accessreview *a;

	apiserver_kubeconfig(s, config, NULL);
	a = accessreview_start(&options, &err);
	if (!a) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return a;
}

static void finish(struct accessreview *a, struct apiserver *s)
{
	accessreview_stop(a);
	accessreview_free(a);
	apiserver_stop(s);
}

static const struct {
	const char *name;
	int token_status;
	const char *token;
	int access_status;
	const char *access;
	unsigned want, requests; /* of two questions */
} rows[] = {
	{"who may comes in", 201, SOMEBODY, 201, YES, 200, 2},
	{"who may not does not", 201, SOMEBODY, 201, NO, 403, 2},
	{"nobody does not", 201, NOBODY, 201, YES, 401, 1},
	{"hexlag may not ask whose a token is", 403, "{}", 201, YES, 503, 1},
	{"hexlag may not ask what they may", 201, SOMEBODY, 403, "{}", 503, 2},
	{"hexlag is nobody", 401, "{}", 201, YES, 503, 1},
	{"the API server fails", 500, "{}", 201, YES, 503, 1},
	{"the API server is busy", 429, "wait", 201, YES, 503, 1},
	{"there is no such API", 404, "{}", 201, YES, 503, 1},
	{"the answer is no answer", 201, "<html>", 201, YES, 503, 1},
	{"the answer is another's", 201, YES, 201, YES, 503, 1},
	{"the second answer is no answer", 201, SOMEBODY, 201, "", 503, 2},
	{"the second answer is the first", 201, SOMEBODY, 201, SOMEBODY, 503, 2},
};

static void check_verdicts(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct apiserver *s = apiserver_start(0);
		struct accessreview *a = start(s);

		answer(s, "tokenreviews", rows[i].token_status, rows[i].token);
		answer(s, "subjectaccessreviews", rows[i].access_status, rows[i].access);
		TAP_INT(rows[i].name, known(a, "t"), 0);
		TAP_INT(rows[i].name, verdict(a, "t"), rows[i].want);
		TAP_INT("and is remembered", known(a, "t"), rows[i].want);
		TAP_INT("so that nobody is asked again", verdict(a, "t"), rows[i].want);
		TAP_INT("requests", apiserver_count(s, NULL), rows[i].requests);
		finish(a, s);
	}
}

static void check_questions(void)
{
	struct apiserver *s = apiserver_start(0);
	struct accessreview *a = start(s);
	char text[512];

	answer(s, "tokenreviews", 201, SOMEBODY);
	answer(s, "subjectaccessreviews", 201, NO);
	TAP_INT("a right is asked about", verdict(a, "t"), 403);
	TAP_HAS("in the body", apiserver_last_body(s, text, sizeof(text)),
		"\"nonResourceAttributes\":{\"path\":\"/metrics\",\"verb\":\"get\"}");
	TAP_HAS("with its user", apiserver_last_body(s, text, sizeof(text)), "\"user\":\"u\"");
	TAP_STR("by a POST", apiserver_last_line(s, text, sizeof(text)),
		"POST /apis/authorization.k8s.io/v1/subjectaccessreviews HTTP/1.1");
	finish(a, s);
}

static void check_nonsense(void)
{
	static const char *const tokens[] = {"", "a b", "a\tb", "=", "a=b", "\xc3\xa9", "a\"b"};
	char *large = mem_zalloc(1, 10001);
	struct apiserver *s = apiserver_start(0);
	struct accessreview *a = start(s);

	for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
		TAP_INT("what is no token is nobody's", known(a, tokens[i]), 401);
	memset(large, 'a', 10000);
	TAP_INT("nor is a huge one", known(a, large), 401);
	TAP_INT("padding is part of a token", known(a, "YQ=="), 0);
	TAP_INT("requests", apiserver_count(s, NULL), 0);
	finish(a, s);
	free(large);
}

static void check_outage(void)
{
	struct apiserver *s = apiserver_start(0);
	struct accessreview *a = start(s);
	struct waiter w = WAITER;
	int64_t began;

	answer(s, "tokenreviews", 201, SOMEBODY);
	answer(s, "subjectaccessreviews", 201, YES);
	TAP_INT("a friend", verdict(a, "friend"), 200);
	apiserver_heal(s);
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_HANG, .times = FOREVER});
	began = clock_mono_ms();
	for (int i = 0; i < 50; i++)
		accessreview_ask(a, "stranger", on_done, &w);
	TAP_INT("is known while the API server hangs", known(a, "friend"), 200);
	TAP_INT("others get no answer", wait_for(&w, 50), 503);
	TAP_TRUE("all of them after one time-out", clock_mono_ms() - began < 5 * TIMEOUT_MS);
	TAP_INT("nor does who comes now", known(a, "another"), 503);
	TAP_INT("the friend does", known(a, "friend"), 200);
	apiserver_heal(s);
	answer(s, "tokenreviews", 201, SOMEBODY);
	answer(s, "subjectaccessreviews", 201, YES);
	for (int64_t deadline_ms = began + 10000; known(a, "another") == 503;)
		if (clock_mono_ms() > deadline_ms || usleep(1000) != 0)
			break;
	TAP_INT("when it is back there are answers", verdict(a, "another"), 200);
	finish(a, s);
}

static void check_crowd(void)
{
	struct apiserver *s = apiserver_start(0);
	struct accessreview *a = start(s);
	struct waiter w = WAITER;
	char token[16];

	answer(s, "tokenreviews", 201, SOMEBODY);
	answer(s, "subjectaccessreviews", 201, YES);
	TAP_INT("a friend comes before the crowd", verdict(a, "friend"), 200);
	apiserver_heal(s);
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_HANG, .times = FOREVER});
	for (int i = 0; i < ACCESSREVIEW_WAITING_MAX; i++) {
		(void)snprintf(token, sizeof(token), "t%d", i);
		accessreview_ask(a, token, on_done, &w);
	}
	TAP_INT("one more than may wait", verdict(a, "more"), 503);
	TAP_INT("a friend comes again, before those who wait", verdict(a, "friend"), 200);
	TAP_INT("who are told in the end", wait_for(&w, ACCESSREVIEW_WAITING_MAX), 503);
	finish(a, s);
}

static void check_stop(void)
{
	struct apiserver *s = apiserver_start(0);
	struct accessreview *a = start(s);
	struct waiter w = WAITER;

	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_HANG, .times = FOREVER});
	for (int i = 0; i < 10; i++)
		accessreview_ask(a, "t", on_done, &w);
	(void)apiserver_wait(s, NULL, 1);
	accessreview_stop(a);
	TAP_INT("a stop tells all", w.count, 10);
	TAP_INT("that it is no use", w.status, 503);
	TAP_INT("and who comes later", known(a, "t"), 503);
	TAP_INT("who asks, too", verdict(a, "t"), 503);
	accessreview_free(a);
	apiserver_stop(s);
}

static void check_start(void)
{
	const struct kube_options options = {.kubeconfig = "/nonexistent", .timeout_ms = 1};
	struct err err = {0};

	TAP_TRUE("no start without credentials", !accessreview_start(&options, &err));
	TAP_INT("is an error of configuration", err.kind, ERR_CONFIG);
	accessreview_stop(NULL);
	accessreview_free(NULL);
}

int main(void)
{
	int fd = mkstemp(config);

	if (fd < 0 || close(fd) != 0)
		abort();
	log_init(LOG_LEVEL_ERROR, false);
	check_verdicts();
	check_questions();
	check_nonsense();
	check_outage();
	check_crowd();
	check_stop();
	check_start();
	(void)unlink(config);
	return tap_done();
}
