/* A web server for tests, with everything that it stands on. */
#ifndef HEXLAG_SITE_H
#define HEXLAG_SITE_H

#include "common/clock.h"
#include "common/exposition.h"
#include "sidecar/publish.h"
#include "sidecar/web.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"
#include "tests/unit/rawhttp.h"

/* What a test's web server stands on. */
struct site {
	struct publish *publish;
	struct web *web;
	unsigned port;
	bool stuck, standby;
};

static inline void append_series(void *ctx, struct exposition *x)
{
	static const struct family answer = {"hexlag_test_answer", "gauge", "", "For this test."};

	exposition_single(x, &answer, *(int *)ctx, 0);
}

static inline void append_document(void *ctx, struct strbuf *out)
{
	(void)ctx;
	strbuf_adds(out, "{\"running\":false}");
}

static inline int heartbeat(void *ctx, struct err *err)
{
	const struct site *site = ctx;

	return site->stuck ? err_set(err, ERR_RETRY, "no cycle has ended for 90 s") : 0;
}

static inline bool stands_by(void *ctx)
{
	const struct site *site = ctx;

	return site->standby;
}

static inline void site_open(struct site *site)
{
	static int answer = 42;
	static const struct web_series series[] = {{append_series, &answer}};
	static const struct api_document documents[] = {
		{"/api/v1/decisions", append_document, NULL}};
	struct err err = {0};

	*site = (struct site){.publish = publish_new()};
	site->web = web_start(&(struct web_options){.listen = "127.0.0.1:0",
				      .publish = site->publish,
				      .series = series,
				      .series_count = ARRAY_LEN(series),
				      .documents = documents,
				      .document_count = ARRAY_LEN(documents),
				      .ready_max_age_ms = 30000,
				      .heartbeat = heartbeat,
				      .heartbeat_ctx = site,
				      .standby = stands_by,
				      .standby_ctx = site},
		&err);
	if (!site->web) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	site->port = web_port(site->web);
}

static inline void site_close(struct site *site)
{
	web_stop(site->web);
	publish_free(site->publish);
}

/* A request, "GET /path", and what its answer is to have. */
struct site_row {
	const char *name, *what;
	int status;
	const char *head, *text; /* each somewhere in it */
};

/* Asks for all rows, on one connection. */
static inline void site_check(const struct site *site, const struct site_row *rows, size_t count)
{
	int fd = http_connect(site->port, 0);

	for (size_t i = 0; i < count; i++) {
		struct answer a;

		http_ask(fd, rows[i].what, "", NULL);
		a = http_read(fd);
		TAP_INT(rows[i].name, a.status, rows[i].status);
		TAP_HAS(rows[i].name, strbuf_str(&a.head), rows[i].head);
		TAP_HAS(rows[i].name, strbuf_str(&a.body), rows[i].text);
		answer_release(&a);
	}
	(void)close(fd);
}

/* A snapshot of `age_ms`, with a topic of `partitions`. */
static inline struct snapshot *snapshot_aged(uint64_t seq, int64_t age_ms, size_t partitions)
{
	struct snapshot *s = empty_snapshot();

	s->seq = seq;
	s->mono_ms = s->good_ms = clock_mono_ms() - age_ms;
	if (partitions)
		add_topic(s, "t", partitions);
	return s;
}

#endif
