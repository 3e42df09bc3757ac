/* A collection that can be listed and watched, without sockets but those of the watches: part of the
 * fake API server of apiserver.h. Thread: one at a time. */
#ifndef HEXLAG_TESTS_APIWATCH_H
#define HEXLAG_TESTS_APIWATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"

#define APIWATCH_MAX 32

struct apiwatch_item {
	char *key;  /* namespace/name */
	char *json; /* with its resourceVersion */
};

struct apiwatch_event {
	unsigned version;
	char *line;
};

struct apiwatch {
	char *path, *kind;
	struct apiwatch_item *items;
	size_t count;
	struct apiwatch_event *events;
	size_t event_count;
	unsigned oldest; /* version that a watch may begin with */
	bool expire_as_event;
	int fds[APIWATCH_MAX]; /* of open watches */
	size_t open;
	unsigned opened;
};

void apiwatch_release(struct apiwatch *w);
void apiwatch_put(struct apiwatch *w, const char *json, unsigned version);
void apiwatch_remove(struct apiwatch *w, const char *key, unsigned version);
void apiwatch_bookmark(struct apiwatch *w, unsigned version);
void apiwatch_emit(struct apiwatch *w, const char *text);
void apiwatch_end(struct apiwatch *w, bool whole);
void apiwatch_closed(struct apiwatch *w, int fd); /* a connection that has gone */

/* Answers a GET of the collection with this query. Returns the status of the document in `out`, 0 where
 * the connection is a watch now. */
int apiwatch_serve(
	struct apiwatch *w, int fd, const char *query, unsigned version, struct strbuf *out);

#endif
