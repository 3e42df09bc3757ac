#include "common/gunzip.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

/* inflate() writes into room of this size. */
#define ROOM ((size_t)16 << 10)

/* For inflateInit2(): gzip and nothing else. */
#define GZIP_ONLY 16

static int fail(struct strbuf *out, size_t before, struct err *err, const char *why)
{
	out->len = before;
	if (out->data)
		out->data[before] = '\0';
	return err_set(err, ERR_CONFIG, "%s", why);
}

int gunzip(const void *bytes, size_t len, size_t max, struct strbuf *out, struct err *err)
{
	size_t before = out->len;
	z_stream z = {0};
	int code;

	if (len > UINT32_MAX)
		return err_set(err, ERR_CONFIG, "longer than gzip is read");
	if (inflateInit2(&z, GZIP_ONLY + MAX_WBITS) != Z_OK)
		abort(); /* out of memory, as in mem.c */
	z.next_in = (unsigned char *)(uintptr_t)bytes;
	z.avail_in = (unsigned)len;
	do {
		strbuf_reserve(out, ROOM);
		z.next_out = (unsigned char *)out->data + out->len;
		z.avail_out = (unsigned)ROOM;
		code = inflate(&z, Z_NO_FLUSH);
		out->len += ROOM - z.avail_out;
		out->data[out->len] = '\0';
	} while (code == Z_OK && out->len - before <= max);
	(void)inflateEnd(&z);
	if (out->len - before > max)
		return fail(out, before, err, "too long a text when unpacked");
	if (code == Z_BUF_ERROR)
		return fail(out, before, err, "gzip that is cut off");
	if (code != Z_STREAM_END)
		return fail(out, before, err, "no gzip, or damaged");
	return z.avail_in ? fail(out, before, err, "something behind the gzip") : 0;
}
