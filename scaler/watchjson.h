/* The body of a Kubernetes list or watch, read as it comes: JSON objects one after another, of which
 * only one is in memory. A watch sends events {type, object}, each on a line of its own; a list is
 * one object with an array of them. What is malformed or larger than WATCHJSON_OBJECT_MAX is
 * reported and left out; reading goes on with the next object. An object that begins at the
 * beginning of a line ends an unfinished one before it. Pure. Thread: one at a time. */
#ifndef HEXLAG_WATCHJSON_H
#define HEXLAG_WATCHJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

#define WATCHJSON_OBJECT_MAX ((size_t)4 << 20)

struct json_t; /* of jansson, for *json files */

enum watch_type {
	WATCH_ADDED, /* also each object of a list */
	WATCH_MODIFIED,
	WATCH_DELETED,
	WATCH_BOOKMARK, /* says how far the watch is, nothing else */
	WATCH_ERROR,    /* the server gives up; a Status tells why */
	WATCH_BROKEN,   /* cannot be read */
};

struct watch_event {
	enum watch_type type;
	struct json_t *object; /* borrowed; NULL for ERROR and BROKEN */
	const char *version;   /* metadata.resourceVersion, "" where absent; borrowed */
	int code;              /* ERROR: of the Status; 0: not said */
	int retry_after_s;     /* ERROR: details.retryAfterSeconds; 0: not said */
	const char *text;      /* ERROR, BROKEN: why; borrowed */
};

typedef void watchjson_fn(void *ctx, const struct watch_event *event);

struct watchjson {
	watchjson_fn *fn;
	void *ctx;
	bool list;
	/* Its own: */
	struct strbuf text;  /* of the object being read */
	struct strbuf rest;  /* of a list: what is around the objects */
	size_t depth, began; /* open brackets now, and before the object */
	char second;         /* the bracket that opened depth 2 */
	bool in_object, in_string, escaped, skipping, garbage, line_began;
};

/* For an embedded one with fn, ctx and list set, the rest zero. */
void watchjson_release(struct watchjson *w);

/* Takes the next bytes, split anywhere, and calls fn for each event they complete. */
void watchjson_feed(struct watchjson *w, const char *bytes, size_t len);

/* After the whole body of a list: its metadata.resourceVersion into `version`. ERR_RETRY where that
 * was no whole list. */
int watchjson_list_version(const struct watchjson *w, char *version, size_t size, struct err *err)
	MUSTCHECK;

#endif
