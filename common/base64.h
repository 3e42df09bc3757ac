/* Base64 of RFC 4648 section 4. Pure. Thread: any. */
#ifndef HEXLAG_BASE64_H
#define HEXLAG_BASE64_H

#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

/* Appends the bytes that `text` (len bytes) stands for to `out`. Strict: padding must be there, the
 * unused bits must be zero, and nothing but the alphabet is accepted; only line ends are skipped,
 * since a document may wrap long values. ERR_CONFIG names the position of the fault, never the
 * value, which may be a secret; `out` is then unchanged. */
int base64_decode(const char *text, size_t len, struct strbuf *out, struct err *err) MUSTCHECK;

/* Appends the text that stands for `len` bytes: padded, in one line. */
void base64_encode(const void *bytes, size_t len, struct strbuf *out);

#endif
