/* UTF-8. Pure. */
#ifndef HEXLAG_UTF8_H
#define HEXLAG_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the sequence at `s` (NUL-terminated) and its code point; 0, and U+FFFD, where there is none:
 * stray and missing continuation bytes, overlong forms, surrogates, beyond U+10FFFF (RFC 3629). */
size_t utf8_read(const char *s, uint32_t *ret_code);

#endif
