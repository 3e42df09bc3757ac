#include "common/gzip.h"

#include <stdlib.h>
#include <zlib.h>

#include "common/mem.h"

/* The fastest: text of metrics shrinks to a twentieth already, and the best level takes six times as
 * long for a third less. */
#define LEVEL 1

/* deflate() wants its output in pieces of this size. */
#define ROOM ((size_t)16 << 10)

struct gzip {
	z_stream stream;
	struct strbuf *out;
	struct gzip_sum sum;
};

void gzip_header(struct strbuf *out)
{
	/* Magic, deflate, no flags, no time, fastest, Unix. */
	strbuf_add(out, "\x1f\x8b\x08\0\0\0\0\0\x04\x03", 10);
}

struct gzip *gzip_begin(struct strbuf *out)
{
	struct gzip *z = mem_zalloc(1, sizeof(*z));

	z->out = out;
	/* A negative window: blocks without a header of their own. */
	if (deflateInit2(&z->stream, LEVEL, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* out of memory, as in mem.c */
	return z;
}

static void run(struct gzip *z, int flush)
{
	do {
		strbuf_reserve(z->out, ROOM);
		z->stream.next_out = (unsigned char *)z->out->data + z->out->len;
		z->stream.avail_out = (unsigned)ROOM;
		(void)deflate(&z->stream, flush);
		z->out->len += ROOM - z->stream.avail_out;
	} while (z->stream.avail_out == 0);
	z->out->data[z->out->len] = '\0';
}

void gzip_add(struct gzip *z, const char *bytes, size_t len)
{
	static const size_t most = (size_t)1 << 30; /* zlib counts in 32 bits */

	z->sum.len += len;
	for (size_t n; len; bytes += n, len -= n) {
		n = len < most ? len : most;
		z->sum.crc = (uint32_t)crc32(z->sum.crc, (const unsigned char *)bytes, (unsigned)n);
		z->stream.next_in = (unsigned char *)(uintptr_t)bytes;
		z->stream.avail_in = (unsigned)n;
		run(z, Z_NO_FLUSH);
	}
}

struct gzip_sum gzip_end(struct gzip *z)
{
	struct gzip_sum sum = z->sum;

	run(z, Z_SYNC_FLUSH);
	(void)deflateEnd(&z->stream);
	free(z);
	return sum;
}

static void add_le32(struct strbuf *out, uint32_t value)
{
	for (int i = 0; i < 4; i++, value >>= 8)
		strbuf_addc(out, (char)(value & 0xff));
}

void gzip_trailer(struct strbuf *out, struct gzip_sum first, struct gzip_sum second)
{
	strbuf_add(out, "\x03\x00", 2); /* the last block, empty */
	add_le32(out, (uint32_t)crc32_combine(first.crc, second.crc, (z_off_t)second.len));
	add_le32(out, (uint32_t)(first.len + second.len));
}
