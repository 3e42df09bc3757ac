/* Undoes gzip in tests, by the book: one member, nothing behind it, checksum and length right. */
#ifndef HEXLAG_GUNZIP_H
#define HEXLAG_GUNZIP_H

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "common/strbuf.h"

/* Appends the text; false where it is no gzip, or more than that. */
static inline bool gunzip(const struct strbuf *body, struct strbuf *out)
{
	z_stream z = {0};
	int code;

	/* 16: gzip and nothing else. */
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return false;
	z.next_in = (unsigned char *)body->data;
	z.avail_in = (unsigned)body->len;
	do {
		strbuf_reserve(out, 65536);
		z.next_out = (unsigned char *)out->data + out->len;
		z.avail_out = 65536;
		code = inflate(&z, Z_NO_FLUSH);
		out->len += 65536 - z.avail_out;
		out->data[out->len] = '\0';
	} while (code == Z_OK);
	(void)inflateEnd(&z);
	return code == Z_STREAM_END && z.avail_in == 0;
}

#endif
