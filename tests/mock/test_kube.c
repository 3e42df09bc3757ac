#include "scaler/kube.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define PATIENCE_MS 10000
#define SHORT_MS 300

static char folder[] = "/tmp/hexlag-kube-XXXXXX";
static char config_path[sizeof(folder) + 16], token_path[sizeof(folder) + 16];

static const struct kube_target orders = {"apps/v1", "Deployment", "", "orders", false};

static void write_token(const char *token)
{
	FILE *f = fopen(token_path, "w");

	if (!f || fprintf(f, "%s\n", token) < 0 || fclose(f) != 0)
		abort();
}

static struct kube *connect_to(
	struct apiserver *s, bool token, int64_t timeout_ms, const atomic_bool *stop)
{
	struct kube_options options = {
		.kubeconfig = config_path, .timeout_ms = timeout_ms, .stop = stop};
	struct err err = {0};
	struct kube *k;

	apiserver_kubeconfig(s, config_path, token ? token_path : NULL);
	k = kube_new(&options, &err);
	if (!k) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return k;
}

static void check_scale(void)
{
	struct apiserver *s = apiserver_start(0);
	size_t object = apiserver_add(s, "deployments", "shop", "orders", 3);
	struct kube *k = connect_to(s, false, PATIENCE_MS, NULL);
	struct kube_scale scale = {0}, old, after = {0};
	struct err err = {0};
	char text[1024];

	TAP_STR("the server is told", kube_server(k), apiserver_url(s));
	TAP_STR("and the namespace", kube_namespace(k), "shop");
	TAP_INT("GET", kube_scale_get(k, &orders, &scale, &err), 0);
	TAP_INT("spec", scale.spec_replicas, 3);
	TAP_INT("status", scale.status_replicas, 3);
	TAP_STR("uid", scale.uid, "uid-of-orders");
	TAP_STR("the request", apiserver_last_line(s, text, sizeof(text)),
		"GET /apis/apps/v1/namespaces/shop/deployments/orders/scale HTTP/1.1");
	TAP_INT("discovery and GET", apiserver_count(s, "GET"), 2);
	old = scale;
	TAP_INT("PUT", kube_scale_put(k, &orders, &scale, 5, &after, &err), 0);
	TAP_STR("the request", apiserver_last_line(s, text, sizeof(text)),
		"PUT /apis/apps/v1/namespaces/shop/deployments/orders/scale?fieldManager=hexlag "
		"HTTP/1.1");
	TAP_STR("its type", apiserver_last_header(s, "content-type", text, sizeof(text)),
		"application/json");
	TAP_STR("no token", apiserver_last_header(s, "authorization", text, sizeof(text)), "");
	TAP_HAS("who asks", apiserver_last_header(s, "user-agent", text, sizeof(text)), "hexlag/");
	TAP_HAS("the precondition", apiserver_last_body(s, text, sizeof(text)),
		scale.resource_version);
	TAP_INT("the object has changed", apiserver_replicas(s, object), 5);
	TAP_INT("the answer says so", after.spec_replicas, 5);
	TAP_TRUE("with a new version", strcmp(after.resource_version, old.resource_version) != 0);
	TAP_INT("an old version", kube_scale_put(k, &orders, &old, 9, &after, &err), -1);
	TAP_INT("is a conflict", err.kind, ERR_CONFLICT);
	TAP_HAS("in the server's words", err.msg, "409 Conflict: the object has been modified");
	TAP_INT("and changes nothing", apiserver_replicas(s, object), 5);
	err_clear(&err);
	(void)snprintf(after.uid, sizeof(after.uid), "another");
	TAP_INT("another object of that name", kube_scale_put(k, &orders, &after, 9, &old, &err),
		-1);
	TAP_INT("is a conflict, too", err.kind, ERR_CONFLICT);
	apiserver_set(s, object, 0, 0);
	TAP_INT("GET of zero", kube_scale_get(k, &orders, &scale, NULL), 0);
	TAP_INT("which the server leaves out", scale.spec_replicas, 0);
	TAP_INT("PUT of zero", kube_scale_put(k, &orders, &scale, 0, &scale, NULL), 0);
	TAP_INT("all on one connection", apiserver_connections(s), 1);
	TAP_INT("counted as ok", kube_requests(k, KUBE_OK), 5);
	TAP_INT("and as conflict", kube_requests(k, KUBE_CONFLICT), 2);
	kube_free(k);
	apiserver_stop(s);
}

static const struct {
	const char *name;
	struct kube_target target;
	enum err_kind want;
	const char *message; /* of the error, or in the request's line */
} targets[] = {
	{"a StatefulSet", {"apps/v1", "StatefulSet", "shop", "db", false}, ERR_NONE,
		"/statefulsets/db/"},
	{"a custom resource", {"example.com/v1", "Widget", "shop", "w", false}, ERR_NONE,
		"/apis/example.com/v1/namespaces/shop/widgets/w/scale"},
	{"another namespace", {"apps/v1", "Deployment", "other", "orders", false}, ERR_NONE,
		"/namespaces/other/"},
	{"a kind without namespaces", {"example.com/v1", "Plant", "shop", "p", false}, ERR_NONE,
		"GET /apis/example.com/v1/plants/p/scale "},
	{"a kind without namespaces, asked for within one",
		{"example.com/v1", "Plant", "shop", "p", true}, ERR_CONFIG,
		"plants of example.com/v1 are in no namespace, and an object sizes only"},
	{"a kind with namespaces within one", {"apps/v1", "Deployment", "other", "orders", true},
		ERR_NONE, "/namespaces/other/"},
	{"a kind without scale", {"example.com/v1", "Gadget", NULL, "g", false}, ERR_ABSENT,
		"gadgets of example.com/v1 has no scale subresource"},
	{"a kind that is not there", {"apps/v1", "Deploymnt", NULL, "orders", false}, ERR_ABSENT,
		"GET /apis/apps/v1: there is no kind 'Deploymnt'"},
	{"a group that is not there", {"none.example.com/v1", "X", NULL, "x", false}, ERR_ABSENT,
		"GET /apis/none.example.com/v1: 404 404 page not found"},
	{"the core group", {"v1", "ReplicationController", NULL, "x", false}, ERR_ABSENT,
		"GET /api/v1: 404"},
	{"an object that is not there", {"apps/v1", "Deployment", NULL, "gone", false}, ERR_ABSENT,
		"404 NotFound: the server could not find"},
	{"odd names are escaped", {"apps/v1", "Deployment", "a b", "x?y#z&\xc3\xa9", false},
		ERR_ABSENT, "/namespaces/a%20b/deployments/x%3Fy%23z%26%C3%A9/scale"},
	{"a name with a slash", {"apps/v1", "Deployment", NULL, "a/b", false}, ERR_CONFIG,
		"name 'a/b' is not a name"},
	{"a name that climbs", {"apps/v1", "Deployment", NULL, "..", false}, ERR_CONFIG,
		"name '..'"},
	{"a namespace that climbs", {"apps/v1", "Deployment", "..", "x", false}, ERR_CONFIG,
		"namespace '..'"},
	{"an escaped name", {"apps/v1", "Deployment", NULL, "a%2fb", false}, ERR_CONFIG, "'a%2fb'"},
	{"an empty name", {"apps/v1", "Deployment", NULL, "", false}, ERR_CONFIG, "name is empty"},
	{"an empty version", {"apps/", "Deployment", NULL, "x", false}, ERR_CONFIG,
		"version of apiVersion"},
	{"an empty group", {"/v1", "Deployment", NULL, "x", false}, ERR_CONFIG,
		"group of apiVersion"},
	{"two slashes", {"a/b/c", "Deployment", NULL, "x", false}, ERR_CONFIG,
		"version of apiVersion 'b/c'"},
};

static void check_targets(void)
{
	struct apiserver *s = apiserver_start(0);
	struct kube *k = connect_to(s, false, PATIENCE_MS, NULL);

	apiserver_add(s, "statefulsets", "shop", "db", 1);
	apiserver_add(s, "widgets", "shop", "w", 1);
	apiserver_add(s, "deployments", "other", "orders", 1);
	apiserver_add(s, "plants", "", "p", 1);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct kube_scale scale = {0}, after = {0};
		struct err err = {0};
		char line[512];
		int rc = kube_scale_get(k, &targets[i].target, &scale, &err);

		TAP_INT(targets[i].name, err.kind, targets[i].want);
		TAP_INT("its result", rc, targets[i].want == ERR_NONE ? 0 : -1);
		apiserver_last_line(s, line, sizeof(line));
		TAP_HAS("its text", rc == 0 ? line : err.msg, targets[i].message);
		if (rc == 0)
			TAP_INT("and PUT",
				kube_scale_put(k, &targets[i].target, &scale, 2, &after, NULL), 0);
	}
	kube_free(k);
	apiserver_stop(s);
}

static const struct {
	const char *name;
	struct apiserver_fault fault;
	enum err_kind want;
	enum kube_outcome outcome;
	const char *message;
	int retry_after_s;
	int64_t timeout_ms; /* 0: enough */
} faults[] = {
	{"429 of priority and fairness is plain text",
		{APISERVER_STATUS, .status = 429,
			.headers = "Content-Type: text/plain\r\nRetry-After: 7\r\n",
			.body = "Too many requests, please try again later.\n"},
		ERR_RETRY, KUBE_THROTTLED, "429 Too many requests, please try again later.", 7, 0},
	{"429 without Retry-After", {APISERVER_STATUS, .status = 429}, ERR_RETRY, KUBE_THROTTLED,
		"429 without a text", 0, 0},
	{"an absurd Retry-After is cut",
		{APISERVER_STATUS, .status = 429, .headers = "Retry-After: 99999999999\r\n"},
		ERR_RETRY, KUBE_THROTTLED, "429", 60, 0},
	{"a negative Retry-After is none",
		{APISERVER_STATUS, .status = 429, .headers = "Retry-After: -5\r\n"}, ERR_RETRY,
		KUBE_THROTTLED, "429", 0, 0},
	{"503 at shutdown", {APISERVER_STATUS, .status = 503, .headers = "Retry-After: 1\r\n"},
		ERR_RETRY, KUBE_FAILED, "503", 1, 0},
	{"500 with a long text of many lines",
		{APISERVER_STATUS, .status = 500, .body = "<html>\r\n\x1b[31mInternal\t error\n"},
		ERR_RETRY, KUBE_FAILED, "500 <html> [31mInternal error", 0, 0},
	{"403 in a Status",
		{APISERVER_STATUS, .status = 403,
			.body = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"may "
				"not\","
				"\"reason\":\"Forbidden\"}"},
		ERR_DENIED, KUBE_DENIED, "403 Forbidden: may not", 0, 0},
	{"401 without a token", {APISERVER_STATUS, .status = 401, .body = "Unauthorized"},
		ERR_DENIED, KUBE_DENIED, "401 Unauthorized", 0, 0},
	{"404", {APISERVER_STATUS, .status = 404, .body = "nothing here"}, ERR_ABSENT, KUBE_ABSENT,
		"404 nothing here", 0, 0},
	{"409", {APISERVER_STATUS, .status = 409}, ERR_CONFLICT, KUBE_CONFLICT, "409", 0, 0},
	{"a redirect is not followed",
		{APISERVER_STATUS, .status = 302, .headers = "Location: /apis/apps/v1\r\n"},
		ERR_RETRY, KUBE_FAILED, "302", 0, 0},
	{"204 is no Scale", {APISERVER_STATUS, .status = 204}, ERR_RETRY, KUBE_FAILED, "204", 0, 0},
	{"200 that is no JSON", {APISERVER_STATUS, .status = 200, .body = "<html>login</html>"},
		ERR_RETRY, KUBE_FAILED, "not JSON", 0, 0},
	{"200 with another kind",
		{APISERVER_STATUS, .status = 200,
			.body = "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}"},
		ERR_RETRY, KUBE_FAILED, "'Pod' of 'v1', not Scale", 0, 0},
	{"200 with nothing", {APISERVER_STATUS, .status = 200}, ERR_RETRY, KUBE_FAILED, "not JSON",
		0, 0},
	{"no answer in time", {.kind = APISERVER_HANG}, ERR_RETRY, KUBE_FAILED, "timed out", 0,
		SHORT_MS},
	/* Twice: libcurl repeats a request once when a kept connection turns out to be closed. */
	{"closed without an answer", {.kind = APISERVER_CLOSE, .times = 2}, ERR_RETRY, KUBE_FAILED,
		"Empty reply", 0, 0},
	{"a truncated body", {.kind = APISERVER_TRUNCATE}, ERR_RETRY, KUBE_FAILED, "bytes ", 0, 0},
	{"garbage", {.kind = APISERVER_GARBAGE, .times = 2}, ERR_RETRY, KUBE_FAILED, "HTTP/0.9", 0,
		0},
	{"an oversized body", {.kind = APISERVER_OVERSIZE}, ERR_RETRY, KUBE_FAILED,
		"larger than 4 MiB", 0, 0},
	{"a body without an end", {.kind = APISERVER_ENDLESS}, ERR_RETRY, KUBE_FAILED,
		"larger than 4 MiB", 0, 0},
	{"oversized headers", {.kind = APISERVER_HEADERS}, ERR_RETRY, KUBE_FAILED,
		"headers are larger than 64 KiB", 0, 0},
};

/* The fault befalls one request; the next one works again, on the same client. */
static void check_fault(struct apiserver *s, size_t i, const char *method)
{
	struct apiserver_fault fault = faults[i].fault;
	struct kube *k = connect_to(
		s, false, faults[i].timeout_ms ? faults[i].timeout_ms : PATIENCE_MS, NULL);
	struct kube_scale scale = {0}, after = {0};
	struct err err = {0};
	uint64_t before;
	int rc;

	if (kube_scale_get(k, &orders, &scale, NULL) != 0)
		abort();
	before = kube_requests(k, faults[i].outcome);
	fault.method = method;
	fault.path_has = "/scale";
	apiserver_fail(s, &fault);
	rc = strcmp(method, "PUT") == 0 ? kube_scale_put(k, &orders, &scale, 4, &after, &err)
					: kube_scale_get(k, &orders, &after, &err);
	TAP_INT(faults[i].name, rc, -1);
	TAP_HAS(method, err.msg, faults[i].message);
	TAP_TRUE("names the request",
		strncmp(err.msg, method, 3) == 0 && strstr(err.msg, "/deployments/orders/scale"));
	TAP_INT("its kind", err.kind, faults[i].want);
	TAP_INT("Retry-After", err.retry_after_s, faults[i].retry_after_s);
	TAP_INT("counted", kube_requests(k, faults[i].outcome), before + 1);
	apiserver_heal(s);
	TAP_INT("and then it works again", kube_scale_get(k, &orders, &after, NULL), 0);
	kube_free(k);
}

static void check_faults(void)
{
	struct apiserver *s = apiserver_start(0);

	apiserver_add(s, "deployments", "shop", "orders", 3);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		check_fault(s, i, "GET");
		check_fault(s, i, "PUT");
	}
	apiserver_stop(s);
}

static void check_writer(void)
{
	struct apiserver *s = apiserver_start(0);
	size_t object = apiserver_add(s, "deployments", "shop", "orders", 3);
	struct kube *k = connect_to(s, false, PATIENCE_MS, NULL);
	struct kube_scale scale = {0}, after = {0};
	int tries = 0;
	struct err err;

	apiserver_bump_before_puts(s, 3);
	do {
		err_clear(&err);
		if (kube_scale_get(k, &orders, &scale, &err) != 0)
			break;
	} while (++tries < 10 && kube_scale_put(k, &orders, &scale, 6, &after, &err) != 0 &&
		 err.kind == ERR_CONFLICT);
	TAP_INT("another writer three times first", tries, 4);
	TAP_INT("and then we are through", apiserver_replicas(s, object), 6);
	kube_free(k);
	apiserver_stop(s);
}

static void check_token(void)
{
	struct apiserver *s = apiserver_start(0);
	struct kube_scale scale = {0};
	struct err err = {0};
	struct kube *k;
	char text[256];
	unsigned before;

	apiserver_add(s, "deployments", "shop", "orders", 3);
	write_token("first");
	apiserver_require_token(s, "first");
	k = connect_to(s, true, PATIENCE_MS, NULL);
	TAP_INT("a token from its file", kube_scale_get(k, &orders, &scale, &err), 0);
	TAP_STR("is sent", apiserver_last_header(s, "authorization", text, sizeof(text)),
		"Bearer first");
	write_token("second");
	apiserver_require_token(s, "second");
	TAP_INT("a 401 has the file read again", kube_scale_get(k, &orders, &scale, &err), 0);
	TAP_INT("the refusal is counted", kube_requests(k, KUBE_DENIED), 1);
	apiserver_require_token(s, "third");
	before = apiserver_count(s, "GET");
	TAP_INT("a token that has not changed", kube_scale_get(k, &orders, &scale, &err), -1);
	TAP_INT("is denied", err.kind, ERR_DENIED);
	TAP_INT("and not sent again", apiserver_count(s, "GET"), before + 1);
	TAP_TRUE("nor shown", !strstr(err.msg, "second"));
	apiserver_require_token(s, "second");
	TAP_TRUE("the file goes away", unlink(token_path) == 0);
	TAP_INT("then the old token stays", kube_scale_get(k, &orders, &scale, NULL), 0);
	apiserver_require_token(s, "third");
	write_token("wrong");
	err_clear(&err);
	TAP_INT("a new token may be wrong, too", kube_scale_get(k, &orders, &scale, &err), -1);
	TAP_INT("and is denied after one more try", err.kind, ERR_DENIED);
	kube_free(k);
	unlink(token_path);
	err_clear(&err);
	TAP_TRUE("without any token there is no client",
		!kube_new(
			&(struct kube_options){.kubeconfig = config_path, .timeout_ms = 1}, &err));
	TAP_HAS("and the file is named", err.msg, token_path);
	apiserver_stop(s);
}

static void check_discovery(void)
{
	struct apiserver *s = apiserver_start(0);
	struct kube *k = connect_to(s, false, PATIENCE_MS, NULL);
	struct kube_target widget = {"example.com/v1", "Widget", "shop", "w", false};
	struct apiserver_fault busy = {APISERVER_STATUS, .status = 503, .path_has = "/apis/apps/v1",
		.headers = "Retry-After: 2\r\n", .body = "not ready"};
	size_t object = apiserver_add(s, "deployments", "shop", "orders", 3);
	struct kube_scale scale = {0};
	struct err err = {0};
	unsigned before;

	apiserver_fail(s, &busy);
	TAP_INT("discovery may fail", kube_scale_get(k, &orders, &scale, &err), -1);
	TAP_STR("and is named", err.msg, "GET /apis/apps/v1: 503 not ready");
	TAP_INT("for later", err.retry_after_s, 2);
	TAP_INT("then it works", kube_scale_get(k, &orders, &scale, NULL), 0);
	apiserver_add(s, "widgets", "shop", "w", 1);
	TAP_INT("another kind", kube_scale_get(k, &widget, &scale, NULL), 0);
	before = apiserver_count(s, "GET");
	TAP_INT("is known", kube_scale_get(k, &widget, &scale, NULL), 0);
	TAP_INT("from then on", apiserver_count(s, "GET"), before + 1);
	apiserver_remove(s, object);
	err_clear(&err);
	TAP_INT("an object goes away", kube_scale_get(k, &orders, &scale, &err), -1);
	TAP_INT("is absent", err.kind, ERR_ABSENT);
	before = apiserver_count(s, "GET");
	TAP_INT("and then", kube_scale_get(k, &orders, &scale, NULL), -1);
	TAP_INT("discovery is asked again", apiserver_count(s, "GET"), before + 2);
	before = apiserver_count(s, "GET");
	TAP_INT("the other kind", kube_scale_get(k, &widget, &scale, NULL), 0);
	TAP_INT("is still known", apiserver_count(s, "GET"), before + 1);
	TAP_STR("outcomes have names", kube_outcome_name(KUBE_THROTTLED), "throttled");
	kube_free(k);
	apiserver_stop(s);
}

static void check_away(void)
{
	struct apiserver *s = apiserver_start(0);
	struct kube *k = connect_to(s, false, PATIENCE_MS, NULL);
	unsigned port = apiserver_port(s);
	struct kube_scale scale = {0};
	struct err err = {0};

	apiserver_add(s, "deployments", "shop", "orders", 3);
	TAP_INT("the server is there", kube_scale_get(k, &orders, &scale, NULL), 0);
	apiserver_stop(s);
	TAP_INT("the server is away", kube_scale_get(k, &orders, &scale, &err), -1);
	TAP_INT("for later", err.kind, ERR_RETRY);
	TAP_HAS("with the reason", err.msg, "cannot connect to http://127.0.0.1");
	s = apiserver_start(port);
	apiserver_add(s, "deployments", "shop", "orders", 7);
	TAP_INT("the server is back", kube_scale_get(k, &orders, &scale, NULL), 0);
	TAP_INT("with its number", scale.spec_replicas, 7);
	kube_free(k);
	apiserver_stop(s);
}

struct stopper {
	struct apiserver *server;
	atomic_bool stop;
	int64_t stopped_ms;
};

/* Stops the client as soon as its second request has arrived. */
static void *stop_later(void *ctx)
{
	struct stopper *st = ctx;

	(void)apiserver_wait(st->server, "GET", 2);
	st->stopped_ms = clock_mono_ms();
	atomic_store(&st->stop, true);
	return NULL;
}

static void check_stop(void)
{
	struct apiserver *s = apiserver_start(0);
	struct stopper st = {.server = s};
	struct apiserver_fault hang = {.kind = APISERVER_HANG, .path_has = "/scale"};
	struct kube *k = connect_to(s, false, 60000, &st.stop);
	struct kube_scale scale = {0};
	struct err err = {0};
	pthread_t thread;

	apiserver_fail(s, &hang);
	if (pthread_create(&thread, NULL, stop_later, &st) != 0)
		abort();
	TAP_INT("a request that hangs", kube_scale_get(k, &orders, &scale, &err), -1);
	pthread_join(thread, NULL);
	TAP_TRUE("ends within a second of the stop", clock_mono_ms() - st.stopped_ms < 1000);
	TAP_INT("for later", err.kind, ERR_RETRY);
	TAP_HAS("says so", err.msg, "stopped");
	TAP_INT("and no other begins", kube_scale_get(k, &orders, &scale, NULL), -1);
	TAP_INT("at all", apiserver_count(s, "GET"), 2);
	kube_free(k);
	apiserver_stop(s);
}

static void check_environment(void)
{
	struct apiserver *s = apiserver_start(0);
	struct kube_scale scale = {0};
	struct kube *k;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	apiserver_add(s, "deployments", "shop", "orders", 3);
	k = connect_to(s, false, PATIENCE_MS, NULL);
	TAP_INT("a proxy is not asked for this machine", kube_scale_get(k, &orders, &scale, NULL),
		0);
	kube_free(k);
	apiserver_stop(s);
	unsetenv("http_proxy");
}

int main(void)
{
	if (!mkdtemp(folder))
		abort();
	(void)snprintf(config_path, sizeof(config_path), "%s/config", folder);
	(void)snprintf(token_path, sizeof(token_path), "%s/token", folder);
	check_scale();
	check_targets();
	check_faults();
	check_writer();
	check_token();
	check_discovery();
	check_away();
	check_stop();
	check_environment();
	(void)unlink(config_path);
	(void)unlink(token_path);
	(void)rmdir(folder);
	return tap_done();
}
