/* The large documents of /api/v1, each made once per snapshot in each form that clients ask for, and
 * shared by all who ask.
 *
 * Those of a large snapshot are made ahead, by a thread of its own, as soon as it is published, as long
 * as somebody asks for them now and then; until they are done (a fraction of a second) clients get the
 * ones before. The first to ask waits for its document, which is not compressed then unless no other
 * form is accepted. */
#ifndef HEXLAG_APICACHE_H
#define HEXLAG_APICACHE_H

#include "sidecar/negotiate.h"

struct apicache;
struct publish;
struct snapshot;
struct text;
struct trend;

enum apicache_what {
	APICACHE_LAG,     /* what apijson_lag_rest() appends */
	APICACHE_HISTORY, /* the whole document */
	APICACHE_COUNT,
};

/* A document and what it was made of; both are references. `text->bytes` is, compressed, a piece. */
struct apicache_document {
	struct snapshot *s;
	struct text *text;
};

/* Both borrowed. `trend` NULL: the history is empty. */
struct apicache *apicache_new(struct publish *publish, struct trend *trend);

/* Ends all waits on `publish` where the thread runs. NULL is fine. Documents that are out stay. */
void apicache_free(struct apicache *c);

/* The document of `s`, the current snapshot, or of the one before. The caller owns what is returned.
 * Thread: one at a time. */
struct apicache_document apicache_get(struct apicache *c, struct snapshot *s,
	enum apicache_what what, struct negotiate_encoding encoding);
void apicache_document_release(struct apicache_document *document); /* also for CLEANUP */

#endif
