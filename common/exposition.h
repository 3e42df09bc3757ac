/* Pieces of the text formats that Prometheus reads: its own 0.0.4 and OpenMetrics 1.0. They share all
 * but the name of a counter's family and the last line. Pure. */
#ifndef HEXLAG_EXPOSITION_H
#define HEXLAG_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"

/* A sign, 19 digits, a point, and room beside it for a partition of 10 digits. */
#define EXPOSITION_NUMBER_MAX 40

/* What is said of all samples of a family. Static text that needs no escaping; a table of families
 * ends with one without a name. */
struct family {
	const char *name;   /* that of its samples; of a counter it ends in _total */
	const char *type;   /* "gauge" or "counter" */
	const char *labels; /* their names, "consumergroup,topic"; "": none */
	const char *help;
};

/* A text under construction. Embedded: {.openmetrics = ...}, then strbuf_release(&x.text). */
struct exposition {
	struct strbuf text;
	bool openmetrics;
	/* NULL: all of the text is kept. Otherwise takes the bytes of `text`, which is emptied. */
	void (*drain)(void *ctx, const char *bytes, size_t len);
	void *drain_ctx;
};

/* Appends the HELP and TYPE lines. */
void exposition_family(struct exposition *x, const struct family *f);

/* Appends `value` as a label value: backslash, quote and newline escaped, and each byte that is not
 * part of UTF-8 replaced by U+FFFD, so that no name a peer chose can break the exposition. */
void exposition_label_value(struct strbuf *out, const char *value);

/* Appends value / 10^decimals without losing a digit: 1500 with 3 decimals is 1.5. */
void exposition_decimal(struct strbuf *out, int64_t value, unsigned decimals);

/* The same into at least EXPOSITION_NUMBER_MAX bytes, without a NUL; returns the end. */
char *exposition_put_decimal(char *to, int64_t value, unsigned decimals);

/* A family of one sample without labels. */
void exposition_single(
	struct exposition *x, const struct family *f, int64_t value, unsigned decimals);

/* Hands the text over to `drain`, if there is one and either `all` or enough text to be worth it. */
void exposition_drain(struct exposition *x, bool all);

/* Appends what has to stand at the end. */
void exposition_end(struct exposition *x);

#endif
