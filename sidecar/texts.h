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

#include <stdbool.h>

#include "sidecar/metrics.h"
#include "sidecar/text.h"

struct publish;
struct snapshot;
struct texts;

struct text_form {
	bool openmetrics;
	bool gzip;
	bool gzip_only; /* a text that is not compressed is refused */
};

/* Both borrowed. `metrics` NULL: the defaults. */
struct texts *texts_new(struct publish *publish, const struct metrics_options *metrics);

/* Ends all waits on `publish` where the thread runs. NULL is fine. Texts that are out stay. */
void texts_free(struct texts *t);

/* The text of `s`, the current snapshot, with a reference for the caller; compressed, it begins with a
 * gzip_header(). Thread: one at a time. */
struct text *texts_get(struct texts *t, const struct snapshot *s, struct text_form form);

#endif
