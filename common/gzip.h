/* Compressed bodies for HTTP (RFC 1952), made of pieces: a piece is compressed alone and ends on a byte,
 * so a large one can be kept and sent again and again before a small one that is new each time.
 * A body is gzip_header, pieces, gzip_trailer(). */
#ifndef HEXLAG_GZIP_H
#define HEXLAG_GZIP_H

#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

struct gzip;

/* What the trailer tells of the text that was compressed. {0}: no text. */
struct gzip_sum {
	uint32_t crc;
	uint64_t len;
};

void gzip_header(struct strbuf *out);

/* A piece whose bytes are appended to `out`, borrowed until gzip_end(). Some 260 KiB of memory. */
struct gzip *gzip_begin(struct strbuf *out);
void gzip_add(struct gzip *z, const char *bytes, size_t len);
struct gzip_sum gzip_end(struct gzip *z); /* frees `z` */

/* Ends a body of two pieces, in this order. */
void gzip_trailer(struct strbuf *out, struct gzip_sum first, struct gzip_sum second);

#endif
