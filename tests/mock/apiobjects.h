/* What the fake API server of apiserver.h serves, without its sockets: discovery and Scale objects
 * with resourceVersions. Thread: one at a time. */
#ifndef HEXLAG_TESTS_APIOBJECTS_H
#define HEXLAG_TESTS_APIOBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

struct apiobject {
	char *path; /* of its scale subresource */
	char *namespace, *name;
	int32_t spec, status;
	unsigned version;
	bool gone;
};

struct apiobjects {
	struct apiobject *items;
	size_t count;
	unsigned version; /* the newest of all objects */
	unsigned bumps;   /* the next so many PUTs come after another writer's */
};

/* Returns the object's number. */
size_t apiobjects_add(struct apiobjects *a, const char *plural, const char *namespace,
	const char *name, int32_t replicas);
void apiobjects_write(struct apiobjects *a, struct apiobject *o, int32_t spec, int32_t status);
void apiobjects_release(struct apiobjects *a);

/* Answers a request: appends the document to `out` and returns the HTTP status. */
int apiobjects_serve(struct apiobjects *a, const char *method, const char *path, const char *body,
	size_t len, struct strbuf *out);

/* Appends a Status of a failure. Returns `status`. */
int apiobjects_status(struct strbuf *out, int status, const char *reason, const char *message);

#endif
