#include "sidecar/web.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/httpd.h"
#include "sidecar/page.h"
#include "sidecar/publish.h"
#include "sidecar/selfmetrics.h"
#include "sidecar/snapshot.h"

#define PLAIN_TEXT "text/plain; charset=utf-8"

/* The exposition of one snapshot. The cache and each reply that sends it hold a reference. */
struct text {
	atomic_uint refs;
	uint64_t seq; /* of the snapshot */
	struct strbuf bytes;
};

struct web {
	struct web_options options;
	struct selfmetrics self;
	struct text *cached; /* NULL before the first scrape of a snapshot */
	struct httpd *httpd;
};

static void text_unref(void *owner)
{
	struct text *t = owner;

	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	strbuf_release(&t->bytes);
	free(t);
}

/* The text of `s`, rendered at the first scrape of that snapshot. Memory of the text before is used
 * again when nobody reads it any more: fresh pages cost more than the rendering. */
static struct text *text_of(struct web *w, const struct snapshot *s)
{
	struct text *t = w->cached;

	if (t && t->seq == s->seq)
		return t;
	if (!t || atomic_load_explicit(&t->refs, memory_order_acquire) != 1) {
		text_unref(t);
		t = mem_zalloc(1, sizeof(*t));
		atomic_init(&t->refs, 1);
		w->cached = t;
	}
	t->bytes.len = 0;
	t->seq = s->seq;
	metrics_render(&t->bytes, s, w->options.metrics);
	return t;
}

static void reply_strbuf(struct httpd_reply *reply, size_t part, struct strbuf *text)
{
	size_t len = text->len;

	httpd_reply_take(reply, part, strbuf_take(text), len);
}

static void serve_metrics(struct web *w, struct httpd_reply *reply)
{
	struct strbuf live = STRBUF_INIT;
	struct snapshot *s = publish_get(w->options.publish);

	if (s) {
		struct text *t = text_of(w, s);

		atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
		reply->parts[0] =
			(struct httpd_part){strbuf_str(&t->bytes), t->bytes.len, text_unref, t};
		snapshot_unref(s);
	}
	for (size_t i = 0; i < w->options.series_count; i++)
		w->options.series[i].append(w->options.series[i].ctx, &live);
	selfmetrics_append(&w->self, &live);
	reply->content_type = METRICS_CONTENT_TYPE;
	reply_strbuf(reply, 1, &live);
}

static void serve_health(struct web *w, struct httpd_reply *reply)
{
	struct strbuf line = STRBUF_INIT;
	struct err err = {0};

	if (w->options.heartbeat && w->options.heartbeat(w->options.heartbeat_ctx, &err)) {
		reply->status = 503;
		strbuf_addf(&line, "%s\n", err.msg);
	} else {
		/* kafka_exporter's answer to the byte, without a newline. */
		strbuf_adds(&line, "ok");
	}
	reply->content_type = PLAIN_TEXT;
	reply_strbuf(reply, 0, &line);
}

static double seconds(int64_t ms)
{
	return (double)ms / 1000;
}

static unsigned describe_readiness(
	const struct snapshot *s, int64_t now_ms, int64_t max_age_ms, struct strbuf *line)
{
	int64_t age_ms = s ? now_ms - s->mono_ms : 0;

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

static void serve_readiness(struct web *w, struct httpd_reply *reply)
{
	CLEANUP(snapshot_unref_at) struct snapshot *s = publish_get(w->options.publish);
	struct strbuf line = STRBUF_INIT;

	reply->status = describe_readiness(s, clock_mono_ms(), w->options.ready_max_age_ms, &line);
	reply->content_type = PLAIN_TEXT;
	reply_strbuf(reply, 0, &line);
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
		void (*serve)(struct web *w, struct httpd_reply *reply);
	} routes[] = {
		{"/metrics", serve_metrics},
		{"/healthz", serve_health},
		{"/readyz", serve_readiness},
	};
	const struct api_options api = {
		.publish = w->options.publish,
		.trend = w->options.trend,
		.documents = w->options.documents,
		.document_count = w->options.document_count,
	};

	if (api_serve(&api, req, reply) || page_serve(req, reply))
		return;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (strcmp(req->path, routes[i].path) != 0)
			continue;
		if (strcmp(req->method, "GET") == 0) {
			routes[i].serve(w, reply);
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
	struct web *w = mem_zalloc(1, sizeof(*w));

	w->options = *options;
	selfmetrics_init(&w->self);
	/* Requests may come before this returns; everything they need is set above. */
	w->httpd = httpd_start(options->listen, serve, w, err);
	if (!w->httpd) {
		free(w);
		return NULL;
	}
	return w;
}

void web_stop(struct web *w)
{
	if (!w)
		return;
	httpd_stop(w->httpd);
	text_unref(w->cached);
	free(w);
}

unsigned web_port(const struct web *w)
{
	return httpd_port(w->httpd);
}
