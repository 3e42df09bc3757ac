/* The Leases that the fake API server of apiserver.h serves, without its sockets. A PUT with another
 * resourceVersion, or a POST of one that is there, is a 409; times without exactly six digits are a 400.
 * Thread: one at a time. */
#ifndef HEXLAG_TESTS_APILEASES_H
#define HEXLAG_TESTS_APILEASES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"

struct apilease {
	char *path; /* of the Lease */
	char *text; /* NULL: deleted */
};

struct apileases {
	struct apilease *items;
	size_t count;
	unsigned version; /* the newest of all */
};

void apileases_release(struct apileases *a);

/* Whether the path is one of Leases. */
bool apileases_own(const char *path);

/* Answers a request: appends the document to `out` and returns the HTTP status. */
int apileases_serve(struct apileases *a, const char *method, const char *path, const char *body,
	size_t len, struct strbuf *out);

/* Somebody else's write of a whole document, which gets a new resourceVersion; NULL deletes. */
void apileases_set(struct apileases *a, const char *path, const char *text);

/* The document, NULL where there is none. Borrowed. */
const char *apileases_get(const struct apileases *a, const char *path);

#endif
