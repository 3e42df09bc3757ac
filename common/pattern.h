/* Regular expressions (PCRE2) with a bounded effort: a pattern that runs away counts as no match.
 * Unanchored, as kafka_exporter's filters. */
#ifndef HEXLAG_PATTERN_H
#define HEXLAG_PATTERN_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/err.h"

struct pattern;

/* ERR_CONFIG with the place of the fault where `text` does not compile. */
struct pattern *pattern_new(const char *text, struct err *err) MUSTCHECK;
void pattern_free(struct pattern *p); /* NULL is fine */

/* Thread: any. */
bool pattern_matches(const struct pattern *p, const char *subject);

#endif
