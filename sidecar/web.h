/* The routes of hexlag over httpd: the page at /, /api/v1 below it, /metrics, /healthz and /readyz.
 * A request costs no question to Kafka: it reads the current snapshot. */
#ifndef HEXLAG_WEB_H
#define HEXLAG_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/exposition.h"
#include "sidecar/api.h"
#include "sidecar/metrics.h"
#include "sidecar/webconfig.h"

struct httpd_gate;
struct publish;
struct trend;
struct web;

/* Appends whole families to a scrape. Thread: the HTTP server's. Must not block. */
struct web_series {
	void (*append)(void *ctx, struct exposition *x);
	void *ctx;
};

/* All pointers are borrowed until web_stop(), which also ends all waits on `publish`. */
struct web_options {
	const char *listen;            /* as in httpd_start() */
	struct webconfig_source web;   /* the same */
	const struct httpd_gate *gate; /* of all but /healthz and /readyz; NULL: none */
	const char *path;              /* of the metrics; NULL: /metrics */
	struct publish *publish;
	struct trend *trend;                   /* NULL: no history */
	const struct metrics_options *metrics; /* NULL: the defaults */
	const struct web_series *series;
	size_t series_count;
	const struct api_document *documents; /* of other modules, below /api/v1/ */
	size_t document_count;
	int64_t ready_max_age_ms; /* /readyz: how old the current snapshot may be */
	/* /healthz: -1 with the reason when the collector is stuck, 0 otherwise. NULL: never stuck.
	 * Thread: the HTTP server's. */
	int (*heartbeat)(void *ctx, struct err *err);
	void *heartbeat_ctx;
	/* Whether another replica asks Kafka, so that here no snapshot is to be had: /readyz says that this
	 * one is ready to take over. NULL: never. Thread: the HTTP server's. */
	bool (*standby)(void *ctx);
	void *standby_ctx;
	/* /readyz: appends lines on what is wrong and does not matter to readiness. NULL: nothing ever.
	 * Thread: the HTTP server's. */
	void (*detail)(void *ctx, struct strbuf *out);
	void *detail_ctx;
};

/* Listens at once, whether there is a snapshot or not. NULL on failure as httpd_start(). */
struct web *web_start(const struct web_options *options, struct err *err) MUSTCHECK;
void web_stop(struct web *w); /* NULL is fine; closes all connections */

/* Whether the metrics can be served at `path`: it begins with '/', needs no escapes, and is not one of
 * the other routes. ERR_CONFIG where not. */
int web_check_path(const char *path, struct err *err) MUSTCHECK;

unsigned web_port(const struct web *w); /* the port in use */

#endif
