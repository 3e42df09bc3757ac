#include "scaler/kube.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "scaler/http.h"
#include "scaler/kubeconfig.h"
#include "scaler/kubejson.h"

/* As client-go: a rotated token is picked up within a minute. */
#define TOKEN_CACHE_MS 60000
#define STATUS_TEXT_MAX 300

/* What discovery has said about a kind. */
struct known {
	char *api_version, *kind;
	struct kube_resource resource;
};

struct kube {
	struct kubeconfig config;
	struct http *http;
	char *token; /* NULL: none */
	int64_t token_read_ms;
	struct known *known;
	size_t known_count;
	_Atomic uint64_t requests[KUBE_OUTCOMES];
	int status; /* of the last answer to kube_request(); 0: none */
};

/* Reads the token file again. Without it, or when it cannot be read, the old token stays. */
static bool token_refresh(struct kube *k, struct err *err)
{
	char *fresh;
	bool changed;

	if (!k->config.token_file)
		return false;
	k->token_read_ms = clock_mono_ms();
	if (kubeconfig_read_token(k->config.token_file, &fresh, err) != 0)
		return false;
	changed = !k->token || strcmp(k->token, fresh) != 0;
	free(k->token);
	k->token = fresh;
	return changed;
}

static int kube_open(struct kube *k, const struct kube_options *o, struct err *err)
{
	struct kubeconfig_source source = {.path = o->kubeconfig, .context = o->context};
	struct kubeconfig *c = &k->config;
	struct http_options http = {.timeout_ms = o->timeout_ms, .stop = o->stop};
	struct err token_err = {0};

	if (kubeconfig_load(c, &source, err) != 0)
		return -1;
	k->token = mem_strdup(c->token);
	(void)token_refresh(k, &token_err);
	if (!k->token && token_err.kind != ERR_NONE)
		return err_set(err, token_err.kind, "%s", token_err.msg);
	http.server = c->server;
	http.ca = (struct http_pem){c->ca_file, c->ca.data, c->ca.len};
	http.cert = (struct http_pem){c->cert_file, c->cert.data, c->cert.len};
	http.key = (struct http_pem){c->key_file, c->key.data, c->key.len};
	http.tls_name = c->tls_server_name;
	http.insecure = c->insecure;
	http.proxy = c->proxy_url;
	http.username = c->username;
	http.password = c->password;
	k->http = http_new(&http, err);
	return k->http ? 0 : err_wrap(err, "%s", c->source);
}

struct kube *kube_new(const struct kube_options *options, struct err *err)
{
	struct kube *k = mem_zalloc(1, sizeof(*k));

	if (kube_open(k, options, err) == 0)
		return k;
	kube_free(k);
	return NULL;
}

void kube_free(struct kube *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->known_count; i++) {
		free(k->known[i].api_version);
		free(k->known[i].kind);
	}
	free(k->known);
	free(k->token);
	http_free(k->http);
	kubeconfig_release(&k->config);
	free(k);
}

const char *kube_server(const struct kube *k)
{
	return k->config.server;
}

const char *kube_namespace(const struct kube *k)
{
	return k->config.namespace;
}

static void count(struct kube *k, enum kube_outcome outcome)
{
	atomic_fetch_add_explicit(&k->requests[outcome], 1, memory_order_relaxed);
}

uint64_t kube_requests(const struct kube *k, enum kube_outcome outcome)
{
	return atomic_load_explicit(&k->requests[outcome], memory_order_relaxed);
}

const char *kube_outcome_name(enum kube_outcome outcome)
{
	static const char *const names[] = {
		"ok", "conflict", "denied", "absent", "throttled", "failed"};

	_Static_assert(ARRAY_LEN(names) == KUBE_OUTCOMES, "a name for each outcome");
	return names[outcome];
}

/* Says what an answer other than success means. */
static enum kube_outcome refused(const struct http_response *res, struct err *err)
{
	enum kube_outcome outcome = KUBE_FAILED;
	enum err_kind kind = ERR_RETRY;
	char text[STATUS_TEXT_MAX];

	switch (res->status) {
	case 401:
	case 403:
		outcome = KUBE_DENIED;
		kind = ERR_DENIED;
		break;
	case 404:
		outcome = KUBE_ABSENT;
		kind = ERR_ABSENT;
		break;
	case 409:
		outcome = KUBE_CONFLICT;
		kind = ERR_CONFLICT;
		break;
	case 410:
		kind = ERR_GONE;
		break;
	case 429:
		outcome = KUBE_THROTTLED;
		break;
	default:
		break;
	}
	kubejson_status_text(strbuf_str(&res->body), res->body.len, text, sizeof(text));
	err_set(err, kind, "%d %s", res->status, text[0] ? text : "without a text");
	err->retry_after_s = res->retry_after_s;
	return outcome;
}

/* Sends the request; a 401 is answered by a changed token, once. A write is not sent again: under a Lease
 * it must be over within one time-out. `sink` may be NULL. */
static int send_call(struct kube *k, struct http_request *req, const struct http_sink *sink,
	struct http_response *ret_res, enum http_end *ret_end, struct err *err)
{
	if (clock_mono_ms() - k->token_read_ms >= TOKEN_CACHE_MS)
		(void)token_refresh(k, NULL);
	req->token = k->token;
	if (http_stream(k->http, req, sink, ret_res, ret_end, err) != 0)
		return -1;
	if (ret_res->status != 401 || !token_refresh(k, NULL) || req->body)
		return 0;
	count(k, KUBE_DENIED);
	http_response_release(ret_res);
	req->token = k->token;
	return http_stream(k->http, req, sink, ret_res, ret_end, err);
}

/* Counts the outcome, and hands an error on with the request's name. */
static int conclude(struct kube *k, const char *method, const char *path, enum kube_outcome outcome,
	const struct err *why, struct err *err)
{
	count(k, outcome);
	if (why->kind == ERR_NONE)
		return 0;
	if (err && err->kind == ERR_NONE) {
		err_set(err, why->kind, "%s %.180s: %s", method, path, why->msg);
		err->retry_after_s = why->retry_after_s;
	}
	return -1;
}

int kube_request(struct kube *k, const struct kube_request *c, struct err *err)
{
	struct http_response res CLEANUP(http_response_release) = {0};
	struct http_request req = {
		.method = c->method,
		.path = c->path,
		.content_type = c->content_type ? c->content_type : "application/json",
		.body = c->body,
		.body_len = c->body ? strlen(c->body) : 0,
	};
	enum kube_outcome outcome = KUBE_OK;
	enum http_end end;
	struct err why = {0};

	if (send_call(k, &req, NULL, &res, &end, &why) != 0)
		outcome = KUBE_FAILED;
	else if (res.status != 200 && res.status != 201)
		outcome = refused(&res, &why);
	else if (c->parse && c->parse(strbuf_str(&res.body), res.body.len, c->out, &why) != 0)
		/* A list that lacks something is an answer; what cannot be read is none. */
		outcome = why.kind == ERR_ABSENT ? KUBE_OK : KUBE_FAILED;
	k->status = res.status;
	return conclude(k, c->method, c->path, outcome, &why, err);
}

int kube_status(const struct kube *k)
{
	return k->status;
}

int kube_stream(struct kube *k, const char *path, const struct http_sink *sink,
	enum http_end *ret_end, struct err *err)
{
	struct http_response res CLEANUP(http_response_release) = {0};
	struct http_request req = {.method = "GET", .path = path};
	/* The query of a watch is never the same, and who logs on change needs the same text. */
	char *plain CLEANUP(mem_free_at) = mem_strndup(path, strcspn(path, "?"));
	enum kube_outcome outcome = KUBE_OK;
	struct err why = {0};

	if (send_call(k, &req, sink, &res, ret_end, &why) != 0)
		outcome = KUBE_FAILED;
	else if (res.status != 200)
		outcome = refused(&res, &why);
	return conclude(k, "GET", plain, outcome, &why, err);
}

void kube_add_segment(struct strbuf *path, const char *segment)
{
	strbuf_addc(path, '/');
	for (const char *p = segment; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~", c))
			strbuf_addc(path, *p);
		else
			strbuf_addf(path, "%%%02X", c);
	}
}

int kube_check_segment(const char *what, const char *s, struct err *err)
{
	if (!*s)
		return err_set(err, ERR_CONFIG, "%s is empty", what);
	if (strcmp(s, ".") == 0 || strcmp(s, "..") == 0 || strpbrk(s, "/%"))
		return err_set(err, ERR_CONFIG, "%s '%s' is not a name", what, s);
	return 0;
}

/* "/api/v1" or "/apis/<group>/<version>". */
static int add_api(struct strbuf *path, const char *api_version, struct err *err)
{
	const char *slash = strchr(api_version, '/');
	char *group CLEANUP(mem_free_at) = NULL;

	if (!slash) {
		strbuf_adds(path, "/api");
	} else {
		group = mem_strndup(api_version, (size_t)(slash - api_version));
		if (kube_check_segment("the group of apiVersion", group, err) != 0)
			return -1;
		strbuf_adds(path, "/apis");
		kube_add_segment(path, group);
		api_version = slash + 1;
	}
	if (kube_check_segment("the version of apiVersion", api_version, err) != 0)
		return -1;
	kube_add_segment(path, api_version);
	return 0;
}

struct resource_query {
	const char *kind;
	struct kube_resource found;
};

static int parse_resource(const char *text, size_t len, void *out, struct err *err)
{
	struct resource_query *q = out;

	return kubejson_resource_find(text, len, q->kind, &q->found, err);
}

static int parse_scale(const char *text, size_t len, void *out, struct err *err)
{
	return kubejson_scale_parse(text, len, out, err);
}

static struct known *find_known(const struct kube *k, const struct kube_target *t)
{
	for (size_t i = 0; i < k->known_count; i++)
		if (strcmp(k->known[i].api_version, t->api_version) == 0 &&
			strcmp(k->known[i].kind, t->kind) == 0)
			return &k->known[i];
	return NULL;
}

static void forget(struct kube *k, const struct kube_target *t)
{
	struct known *i = find_known(k, t);

	if (!i)
		return;
	free(i->api_version);
	free(i->kind);
	*i = k->known[--k->known_count];
}

/* The resource of the target's kind, which discovery tells once. */
static int find_resource(struct kube *k, const struct kube_target *t,
	struct kube_resource *ret_resource, struct err *err)
{
	struct strbuf path CLEANUP(strbuf_release) = STRBUF_INIT;
	struct resource_query q = {.kind = t->kind};
	struct kube_request c = {.method = "GET", .parse = parse_resource, .out = &q};
	const struct known *known = find_known(k, t);
	struct known *added;

	if (known) {
		*ret_resource = known->resource;
		return 0;
	}
	if (add_api(&path, t->api_version, err) != 0)
		return -1;
	c.path = strbuf_str(&path);
	if (kube_request(k, &c, err) != 0)
		return -1;
	if (!q.found.scalable)
		return err_set(err, ERR_ABSENT, "%s of %s has no scale subresource", q.found.plural,
			t->api_version);
	added = mem_append(&k->known, k->known_count, sizeof(*added));
	*added = (struct known){mem_strdup(t->api_version), mem_strdup(t->kind), q.found};
	k->known_count++;
	*ret_resource = q.found;
	return 0;
}

/* The namespace of a target, NULL where its kind has none. */
static const char *target_namespace(
	const struct kube *k, const struct kube_target *t, const struct kube_resource *r)
{
	if (!r->namespaced)
		return NULL;
	return t->namespace && *t->namespace ? t->namespace : k->config.namespace;
}

static int scale_path(struct strbuf *path, const struct kube_target *t, const char *namespace,
	const char *plural, struct err *err)
{
	if (add_api(path, t->api_version, err) != 0 ||
		kube_check_segment("name", t->name, err) != 0)
		return -1;
	if (namespace) {
		if (kube_check_segment("namespace", namespace, err) != 0)
			return -1;
		strbuf_adds(path, "/namespaces");
		kube_add_segment(path, namespace);
	}
	kube_add_segment(path, plural);
	kube_add_segment(path, t->name);
	strbuf_adds(path, "/scale");
	return 0;
}

/* GET, or PUT where `seen` is there. */
static int scale_call(struct kube *k, const struct kube_target *t, const struct kube_scale *seen,
	int32_t replicas, struct kube_scale *ret_scale, struct err *err)
{
	struct strbuf path CLEANUP(strbuf_release) = STRBUF_INIT;
	char *body CLEANUP(mem_free_at) = NULL;
	struct kube_request c = {.method = "GET", .parse = parse_scale, .out = ret_scale};
	struct kube_resource resource;
	const char *namespace;
	struct err why = {0};

	if (find_resource(k, t, &resource, err) != 0)
		return -1;
	namespace = target_namespace(k, t, &resource);
	if (t->within_namespace && !namespace) {
		forget(k, t); /* the kind may be another one later */
		return err_set(err, ERR_CONFIG,
			"%s of %s are in no namespace, and an object sizes only what is in its own",
			resource.plural, t->api_version);
	}
	if (scale_path(&path, t, namespace, resource.plural, err) != 0)
		return -1;
	if (seen) {
		strbuf_adds(&path, "?fieldManager=hexlag");
		body = kubejson_scale_body(namespace, t->name, seen, replicas);
		c.method = "PUT";
		c.body = body;
	}
	c.path = strbuf_str(&path);
	if (kube_request(k, &c, &why) == 0)
		return 0;
	/* The kind may be gone, or may come back under another resource name. */
	if (why.kind == ERR_ABSENT)
		forget(k, t);
	if (err && err->kind == ERR_NONE)
		*err = why;
	return -1;
}

int kube_scale_get(
	struct kube *k, const struct kube_target *t, struct kube_scale *ret_scale, struct err *err)
{
	return scale_call(k, t, NULL, 0, ret_scale, err);
}

int kube_scale_put(struct kube *k, const struct kube_target *t, const struct kube_scale *seen,
	int32_t replicas, struct kube_scale *ret_scale, struct err *err)
{
	return scale_call(k, t, seen, replicas, ret_scale, err);
}
