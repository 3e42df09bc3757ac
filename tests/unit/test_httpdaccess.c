#include "sidecar/httpdaccess.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/exposition.h"
#include "common/mem.h"
#include "tests/tap.h"
#include "tests/unit/rawhttp.h"

/* A gate that knows "good" and "bad", and makes others wait until release() is called. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static void (*waiting)(void *who, unsigned status);
static void *waiting_who;

static bool known(void *ctx, const char *token, unsigned *ret_status)
{
	(void)ctx;
	if (strncmp(token, "status-", 7) != 0)
		return false;
	*ret_status = (unsigned)atoi(token + 7);
	return true;
}

static void ask(void *ctx, const char *token, void (*done)(void *who, unsigned status), void *who)
{
	(void)ctx;
	if (strcmp(token, "at-once") == 0) {
		done(who, 200);
		return;
	}
	pthread_mutex_lock(&lock);
	waiting = done;
	waiting_who = who;
	pthread_cond_signal(&asked);
	pthread_mutex_unlock(&lock);
}

static void await_question(void)
{
	pthread_mutex_lock(&lock);
	while (!waiting)
		pthread_cond_wait(&asked, &lock);
	pthread_mutex_unlock(&lock);
}

static void let_go(unsigned status)
{
	await_question();
	pthread_mutex_lock(&lock);
	waiting(waiting_who, status);
	waiting = NULL;
	pthread_mutex_unlock(&lock);
}

static void handle(void *ctx, const struct httpd_request *req, struct httpd_reply *reply)
{
	(void)ctx;
	(void)req;
	reply->parts[0] = (struct httpd_part){"secret", 6, NULL, NULL};
}

static struct httpd *start(bool gated, const char *web_config)
{
	static const char *const open_paths[] = {"/healthz", NULL};
	static const struct httpd_gate gate = {known, ask, NULL};
	struct err err = {0};
	struct httpd *h = httpd_start(&(struct httpd_options){.listen = "127.0.0.1:0",
					      .handler = handle,
					      .gate = gated ? &gate : NULL,
					      .web = {.file = (char *)web_config},
					      .open_paths = open_paths},
		&err);

	if (!h) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return h;
}

static const struct {
	const char *name, *what, *headers;
	int status;
	const char *head, *body;
} rows[] = {
	{"a request without a token is refused", "GET /metrics", "", 401,
		"\r\nWWW-Authenticate: Bearer realm=\"hexlag\"\r\n",
		"a bearer token that the API server knows is needed\n"},
	{"one with a password, too", "GET /metrics", "Authorization: Basic YTpi\r\n", 401, "",
		"a bearer token that the API server knows is needed\n"},
	{"an odd scheme, too", "GET /metrics", "Authorization: Bearerstatus-200\r\n", 401, "",
		"a bearer token that the API server knows is needed\n"},
	{"who is known comes in", "GET /metrics", "Authorization: Bearer status-200\r\n", 200, "",
		"secret"},
	{"in any case of the scheme", "GET /metrics", "authorization: bEaReR   status-200\r\n", 200,
		"", "secret"},
	{"an answer may come at once", "GET /metrics", "Authorization: Bearer at-once\r\n", 200, "",
		"secret"},
	{"a wrong token is told so", "GET /metrics", "Authorization: Bearer status-401\r\n", 401,
		"\r\nWWW-Authenticate: Bearer realm=\"hexlag\"\r\n",
		"a bearer token that the API server knows is needed\n"},
	{"who may not is told so", "GET /metrics", "Authorization: Bearer status-403\r\n", 403, "",
		"the user of this token may not read the metrics\n"},
	{"who cannot be judged stays out", "GET /metrics", "Authorization: Bearer status-503\r\n",
		503, "\r\nRetry-After: 1\r\n", "who asks cannot be found out now; try again\n"},
	{"other methods are judged, too", "POST /metrics", "", 401, "",
		"a bearer token that the API server knows is needed\n"},
	{"other paths are judged, too", "GET /nothing", "", 401, "",
		"a bearer token that the API server knows is needed\n"},
	{"open paths are not", "GET /healthz", "", 200, "", "secret"},
	{"nor by a wrong token", "GET /healthz", "Authorization: Bearer status-403\r\n", 200, "",
		"secret"},
};

static void test_verdicts(void)
{
	struct httpd *h = start(true, NULL);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer a = http_once(httpd_port(h), rows[i].what, rows[i].headers, NULL);

		TAP_INT(rows[i].name, a.status, rows[i].status);
		TAP_HAS(rows[i].name, strbuf_str(&a.head), rows[i].head);
		TAP_STR(rows[i].name, strbuf_str(&a.body), rows[i].body);
		answer_release(&a);
	}
	httpd_stop(h);
}

static void test_waiting(void)
{
	struct httpd *h = start(true, NULL);
	struct exposition x = {0};
	int fd = http_connect(httpd_port(h), 0);
	struct answer a;

	http_ask(fd, "GET /a%20b?c=d", "Authorization: Bearer later\r\n", NULL);
	a = http_once(httpd_port(h), "GET /healthz", "", NULL);
	TAP_INT("a probe is answered while somebody waits", a.status, 200);
	answer_release(&a);
	let_go(200);
	a = http_read(fd);
	TAP_STR("who waited comes in", strbuf_str(&a.body), "secret");
	answer_release(&a);
	http_ask(fd, "GET /", "Authorization: Bearer later\r\n", NULL);
	let_go(403);
	a = http_read(fd);
	TAP_INT("or does not", a.status, 403);
	answer_release(&a);
	(void)close(fd);
	fd = http_connect(httpd_port(h), 0);
	http_ask(fd, "GET /", "Authorization: Bearer later\r\n", NULL);
	await_question();
	(void)close(fd); /* who goes away while waiting harms nobody */
	let_go(200);
	httpd_metrics(h, &x);
	TAP_HAS("refusals are counted", strbuf_str(&x.text),
		"hexlag_http_requests_refused_total{reason=\"forbidden\"} 1\n"
		"hexlag_http_requests_refused_total{reason=\"unavailable\"} 0\n");
	strbuf_release(&x.text);
	httpd_stop(h);
}

/* "secret" by bcrypt at its least cost. */
#define HASH "$2b$04$abcdefghijklmnopqrstuuJ3rCqMhUoWvvVAYYJZLk2xgM7Qv5C8q"

static void test_users(void)
{
	char path[] = "/tmp/hexlag-access-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	struct httpd *h;
	struct answer a;

	(void)fprintf(f, "basic_auth_users: {alice: \"" HASH "\"}\n");
	(void)fclose(f);
	h = start(true, path);
	a = http_once(httpd_port(h), "GET /", "", NULL);
	TAP_HAS("where there are users both ways are offered", strbuf_str(&a.head),
		"\r\nWWW-Authenticate: Basic realm=\"hexlag\", charset=\"UTF-8\", "
		"Bearer realm=\"hexlag\"\r\n");
	answer_release(&a);
	a = http_once(httpd_port(h), "GET /", "Authorization: Bearer status-200\r\n", NULL);
	TAP_INT("a token comes in", a.status, 200);
	answer_release(&a);
	a = http_once(httpd_port(h), "GET /", "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n", NULL);
	TAP_INT("a wrong password does not", a.status, 401);
	answer_release(&a);
	httpd_stop(h);
	h = start(false, path);
	a = http_once(httpd_port(h), "GET /", "Authorization: Bearer status-200\r\n", NULL);
	TAP_INT("without a gate no token does", a.status, 401);
	answer_release(&a);
	httpd_stop(h);
	(void)unlink(path);
}

int main(void)
{
	test_verdicts();
	test_waiting();
	test_users();
	return tap_done();
}
