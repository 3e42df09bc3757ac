/* A growing byte buffer that is always NUL-terminated. Embedded: strbuf_init, strbuf_release.
 * Thread: one at a time. */
#ifndef HEXLAG_STRBUF_H
#define HEXLAG_STRBUF_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

struct strbuf {
	char *data; /* NULL until the first byte; use strbuf_str() for a string */
	size_t len; /* bytes without the NUL */
	size_t room;
};

#define STRBUF_INIT ((struct strbuf){0})

void strbuf_release(struct strbuf *sb); /* also for CLEANUP */
void strbuf_reserve(struct strbuf *sb, size_t more);
void strbuf_add(struct strbuf *sb, const void *bytes, size_t n);
void strbuf_adds(struct strbuf *sb, const char *s);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_addi(struct strbuf *sb, int64_t value); /* decimal; faster than printf */
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The contents as a string, "" when empty. Borrowed until the next change. */
const char *strbuf_str(const struct strbuf *sb);

/* Hands the bytes (never NULL, NUL-terminated) to the caller, who frees them; `sb` is empty after. */
char *strbuf_take(struct strbuf *sb);

#endif
