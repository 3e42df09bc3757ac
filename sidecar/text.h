/* A text that many answers share: made once, sent by reference, freed with the last of them. */
#ifndef HEXLAG_TEXT_H
#define HEXLAG_TEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/gzip.h"
#include "common/strbuf.h"
#include "sidecar/httpd.h"
#include "sidecar/metrics.h"

/* Frozen once it is shared. */
struct text {
	atomic_uint refs;
	uint64_t seq;               /* of the snapshot */
	int64_t mono_ms;            /* of the snapshot */
	struct strbuf bytes;        /* without an end: more may follow */
	bool gzip;                  /* `bytes` end with a piece as of gzip_begin() */
	struct gzip_sum sum;        /* of that piece */
	size_t len;                 /* before compression */
	struct metrics_count count; /* of an exposition */
	int64_t render_us;          /* what it took to make */
};

struct text *text_new(void); /* empty, with a reference for the caller */

/* Thread: any. */
struct text *text_ref(struct text *text);
void text_unref(struct text *text); /* NULL is fine */

/* A part of a reply. Takes the reference of the caller. */
struct httpd_part text_part(struct text *text);

#endif
