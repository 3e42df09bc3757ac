#include "sidecar/web.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/apicache.h"
#include "sidecar/httpd.h"
#include "sidecar/negotiate.h"
#include "sidecar/page.h"
#include "sidecar/publish.h"
#include "sidecar/selfmetrics.h"
#include "sidecar/snapshot.h"
#include "sidecar/texts.h"

#define PLAIN_TEXT "text/plain; charset=utf-8"
#define METRICS_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define OPENMETRICS_TEXT "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct web {
	struct web_options options;
	struct selfmetrics self;
	struct texts *texts;
	struct apicache *apicache;
	_Atomic(struct httpd *) httpd; /* NULL until its start has returned */
};

/* The first part of the reply: the text of the current snapshot, NULL where there is none. */
static const struct text *reply_text(
	struct web *w, struct httpd_reply *reply, struct text_form form)
{
	CLEANUP(snapshot_unref_at) struct snapshot *s = publish_get(w->options.publish);
	struct strbuf header = STRBUF_INIT;
	struct text *text;

	if (s) {
		text = texts_get(w->texts, s, form);
		reply->parts[0] = text_part(text);
		return text;
	}
	if (form.gzip) {
		gzip_header(&header);
		httpd_reply_take(reply, 0, &header);
	}
	return NULL;
}

/* Compresses the text that is sent after one that was compressed to `before`. */
static void compress_rest(struct strbuf *text, struct gzip_sum before)
{
	struct strbuf out = STRBUF_INIT;
	struct gzip *z = gzip_begin(&out);

	gzip_add(z, text->data, text->len);
	gzip_trailer(&out, before, gzip_end(z));
	strbuf_release(text);
	*text = out;
}

static void serve_metrics(struct web *w, const struct httpd_request *req, struct httpd_reply *reply)
{
	struct negotiate_encoding encoding = negotiate_encoding(req->accept_encoding);
	struct text_form form = {.openmetrics = negotiate_openmetrics(req->accept),
		.gzip = encoding.gzip,
		.gzip_only = encoding.gzip_only};
	const struct text *text = reply_text(w, reply, form);
	struct exposition live = {.openmetrics = form.openmetrics};
	struct httpd *httpd = atomic_load(&w->httpd);
	bool gzip = text ? text->gzip : form.gzip;

	for (size_t i = 0; i < w->options.series_count; i++)
		w->options.series[i].append(w->options.series[i].ctx, &live);
	selfmetrics_append(&w->self, text, &live);
	if (httpd)
		httpd_metrics(httpd, &live);
	exposition_end(&live);
	if (gzip)
		compress_rest(&live.text, text ? text->sum : (struct gzip_sum){0});
	reply->content_type = form.openmetrics ? OPENMETRICS_TEXT : METRICS_TEXT;
	reply->content_encoding = gzip ? "gzip" : NULL;
	reply->vary = "Accept, Accept-Encoding";
	reply->kind = HTTPD_EXPOSITION;
	httpd_reply_take(reply, 1, &live.text);
}

static void serve_health(struct web *w, const struct httpd_request *req, struct httpd_reply *reply)
{
	struct strbuf line = STRBUF_INIT;
	struct err err = {0};

	(void)req;
	if (w->options.heartbeat && w->options.heartbeat(w->options.heartbeat_ctx, &err)) {
		reply->status = 503;
		strbuf_addf(&line, "%s\n", err.msg);
	} else {
		/* kafka_exporter's answer to the byte, without a newline. */
		strbuf_adds(&line, "ok");
	}
	reply->content_type = PLAIN_TEXT;
	httpd_reply_take(reply, 0, &line);
}

static double seconds(int64_t ms)
{
	return (double)ms / 1000;
}

static bool stands_by(const struct web *w)
{
	return w->options.standby && w->options.standby(w->options.standby_ctx);
}

static unsigned describe_readiness(
	const struct web *w, const struct snapshot *s, int64_t now_ms, struct strbuf *line)
{
	int64_t age_ms = s ? now_ms - s->mono_ms : 0, max_age_ms = w->options.ready_max_age_ms;

	if (stands_by(w)) {
		strbuf_adds(line, "ready: standby, another replica leads\n");
		return 200;
	}
	if (!s) {
		strbuf_adds(line, "not ready: Kafka has not been asked yet\n");
		return 503;
	}
	if (!s->metadata_ok) {
		strbuf_addf(line, "not ready: Kafka did not answer in the last cycle: %s\n",
			s->error ? s->error : "no reason known");
		return 503;
	}
	if (age_ms > max_age_ms) {
		strbuf_addf(line, "not ready: the values are %.1f s old, %.1f s are allowed\n",
			seconds(age_ms), seconds(max_age_ms));
		return 503;
	}
	strbuf_addf(line, "ready: %zu groups and %zu topics, read %.1f s ago\n", s->group_count,
		s->topic_count, seconds(age_ms));
	return 200;
}

static void serve_readiness(
	struct web *w, const struct httpd_request *req, struct httpd_reply *reply)
{
	CLEANUP(snapshot_unref_at) struct snapshot *s = publish_get(w->options.publish);
	struct strbuf line = STRBUF_INIT;

	(void)req;
	reply->status = describe_readiness(w, s, clock_mono_ms(), &line);
	if (w->options.detail)
		w->options.detail(w->options.detail_ctx, &line);
	reply->content_type = PLAIN_TEXT;
	httpd_reply_take(reply, 0, &line);
}

static void serve_error(struct httpd_reply *reply, unsigned status, const char *text)
{
	reply->status = status;
	reply->content_type = PLAIN_TEXT;
	reply->parts[0] = (struct httpd_part){.data = text, .len = strlen(text)};
}

static void serve(void *ctx, const struct httpd_request *req, struct httpd_reply *reply)
{
	struct web *w = ctx;
	const struct {
		const char *path;
		void (*serve)(
			struct web *w, const struct httpd_request *req, struct httpd_reply *reply);
	} routes[] = {
		{w->options.path, serve_metrics},
		{"/healthz", serve_health},
		{"/readyz", serve_readiness},
	};
	const struct api_options api = {
		.publish = w->options.publish,
		.cache = w->apicache,
		.documents = w->options.documents,
		.document_count = w->options.document_count,
		.standby = stands_by(w),
	};

	if (api_serve(&api, req, reply) || page_serve(w->options.path, req, reply))
		return;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (strcmp(req->path, routes[i].path) != 0)
			continue;
		if (strcmp(req->method, "GET") == 0) {
			routes[i].serve(w, req, reply);
			return;
		}
		reply->allow = "GET, HEAD";
		serve_error(reply, 405, "only GET and HEAD are allowed here\n");
		return;
	}
	serve_error(reply, 404, "there is nothing here; / is the page\n");
}

struct web *web_start(const struct web_options *options, struct err *err)
{
	/* A kubelet has neither password nor token. */
	static const char *const open_paths[] = {"/healthz", "/readyz", NULL};
	struct web *w = mem_zalloc(1, sizeof(*w));

	w->options = *options;
	if (!w->options.path)
		w->options.path = "/metrics";
	selfmetrics_init(&w->self);
	w->texts = texts_new(options->publish, options->metrics);
	w->apicache = apicache_new(options->publish, options->trend);
	/* Requests may come before this returns; everything they need is set above. */
	w->httpd = httpd_start(&(struct httpd_options){.listen = options->listen,
				       .handler = serve,
				       .ctx = w,
				       .web = options->web,
				       .gate = options->gate,
				       .open_paths = open_paths},
		err);
	if (w->httpd)
		return w;
	web_stop(w);
	return NULL;
}

void web_stop(struct web *w)
{
	if (!w)
		return;
	httpd_stop(w->httpd);
	apicache_free(w->apicache);
	texts_free(w->texts);
	free(w);
}

int web_check_path(const char *path, struct err *err)
{
	static const char *const others[] = {"/healthz", "/readyz"};

	if (*path != '/')
		return err_set(err, ERR_CONFIG, "'%s' does not begin with '/'", path);
	for (const char *c = path; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/-._~", *c))
			return err_set(err, ERR_CONFIG,
				"'%s': a path of letters, digits and /-._~ is wanted", path);
	if (page_has(path) || strncmp(path, "/api/", 5) == 0)
		return err_set(err, ERR_CONFIG, "'%s' is taken", path);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strcmp(path, others[i]) == 0)
			return err_set(err, ERR_CONFIG, "'%s' is taken", path);
	return 0;
}

unsigned web_port(const struct web *w)
{
	return httpd_port(w->httpd);
}
