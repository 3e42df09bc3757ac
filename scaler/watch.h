/* List and watch of one resource type in a thread of its own, for as long as it runs: whoever listens
 * knows all objects and every change. */
#ifndef HEXLAG_WATCH_H
#define HEXLAG_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"
#include "scaler/watchjson.h"

struct watch;

enum watch_list {
	WATCH_LIST_FAILED,
	WATCH_LIST_PARTIAL, /* all came, but some could not be read: any of those that did not come */
	WATCH_LIST_WHOLE,   /* what did not come is gone */
};

/* Called by the watch's thread. */
struct watch_sink {
	void (*list_began)(void *ctx); /* its objects come as ADDED events, then the end */
	void (*list_ended)(void *ctx, enum watch_list how);
	/* ADDED, MODIFIED, DELETED; BROKEN for what cannot be read. */
	void (*event)(void *ctx, const struct watch_event *event);
	void *ctx;
};

struct watch_options {
	struct kube_options kube; /* `stop` is set by the watch */
	const char *path;         /* of the collection, escaped, without a query; copied */
	struct watch_sink sink;
};

/* ERR_CONFIG where the credentials are wrong. Connects to nothing yet. */
struct watch *watch_new(const struct watch_options *options, struct err *err) MUSTCHECK;
void watch_free(struct watch *w); /* only once it does not run; NULL is fine */

int watch_start(struct watch *w, struct err *err) MUSTCHECK;
void watch_stop(struct watch *w); /* asks; returns at once. Thread: any */
bool watch_join(struct watch *w, int64_t deadline_ms);

/* So far. Thread: any. */
struct watch_counts {
	uint64_t lists;    /* whole ones */
	uint64_t restarts; /* watches opened after the first */
	uint64_t failures; /* requests that failed or ended in an error */
	uint64_t broken;   /* objects that could not be read */
	bool synced;       /* a list was whole once, and the last request did not fail */
};
struct watch_counts watch_counts(const struct watch *w);

/* Requests by outcome, as kube_requests(). Thread: any. */
uint64_t watch_requests(const struct watch *w, enum kube_outcome outcome);

#endif
