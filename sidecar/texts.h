/* The expositions of the current snapshot, one for each form that scrapers ask for. Each is made once
 * per snapshot and shared by all who ask.
 *
 * An uncompressed text is made by the first scrape of a snapshot. A compressed one takes several times
 * as long, so for a large snapshot it is made ahead, by a thread of its own, as soon as a full cycle is
 * published, as long as somebody asks for it now and then. Until it is done (a fraction of a second)
 * scrapers get the one before. Where none was made ahead, as for the first to ask and after a cycle that
 * read only the groups of rules, they get the text uncompressed, which they have to take unless they
 * refused it. */
#ifndef HEXLAG_TEXTS_H
#define HEXLAG_TEXTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/gzip.h"
#include "common/strbuf.h"
#include "sidecar/metrics.h"

struct publish;
struct snapshot;
struct texts;

struct text_form {
	bool openmetrics;
	bool gzip;
	bool gzip_only; /* a text that is not compressed is refused */
};

/* Frozen. */
struct text {
	atomic_uint refs;
	uint64_t seq;        /* of the snapshot */
	int64_t mono_ms;     /* of the snapshot */
	struct strbuf bytes; /* without an end: more families, or pieces, may follow */
	bool gzip;           /* `bytes` are a gzip_header() and a piece */
	struct gzip_sum sum; /* of that piece */
	size_t len;          /* before compression */
	struct metrics_count count;
	int64_t render_us; /* what it took to make */
};

/* Both borrowed. NULL: `metrics` is the defaults. */
struct texts *texts_new(struct publish *publish, const struct metrics_options *metrics);

/* Ends all waits on `publish` where the thread runs. NULL is fine. Texts that are out stay. */
void texts_free(struct texts *t);

/* The text of `s`, the current snapshot, with a reference for the caller. Thread: one at a time. */
struct text *texts_get(struct texts *t, const struct snapshot *s, struct text_form form);
void text_unref(struct text *text); /* NULL is fine. Thread: any */

#endif
