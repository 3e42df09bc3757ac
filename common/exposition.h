/* Pieces of the Prometheus text format 0.0.4. Pure. */
#ifndef HEXLAG_EXPOSITION_H
#define HEXLAG_EXPOSITION_H

#include <stdint.h>

#include "common/strbuf.h"

/* A sign, 19 digits, a point, and room beside it for a partition of 10 digits. */
#define EXPOSITION_NUMBER_MAX 40

/* Appends the HELP and TYPE lines. `type` is "gauge" or "counter". */
void exposition_family(struct strbuf *out, const char *name, const char *type, const char *help);

/* Appends `value` as a label value: backslash, quote and newline escaped, and each byte that is not
 * part of UTF-8 replaced by U+FFFD, so that no name a peer chose can break the exposition. */
void exposition_label_value(struct strbuf *out, const char *value);

/* Appends value / 10^decimals without losing a digit: 1500 with 3 decimals is 1.5. */
void exposition_decimal(struct strbuf *out, int64_t value, unsigned decimals);

/* The same into at least EXPOSITION_NUMBER_MAX bytes, without a NUL; returns the end. */
char *exposition_put_decimal(char *to, int64_t value, unsigned decimals);

/* A family of one sample without labels. */
void exposition_single(struct strbuf *out, const char *name, const char *type, const char *help,
	int64_t value, unsigned decimals);

#endif
