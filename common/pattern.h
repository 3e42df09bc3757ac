/* Regular expressions with a bounded effort: a pattern that runs away counts as no match.
 * Unanchored, as kafka_exporter's filters. The syntax is what RE2 (Go) and PCRE2 have in common, with
 * RE2's meaning; what only PCRE2 knows (lookaround, backreferences, possessive quantifiers, verbs) is
 * refused, so that no configuration depends on this engine. */
#ifndef HEXLAG_PATTERN_H
#define HEXLAG_PATTERN_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/err.h"

struct pattern;

/* `text` is UTF-8. ERR_CONFIG with the place of the fault where it does not compile or is not RE2's. */
struct pattern *pattern_new(const char *text, struct err *err) MUSTCHECK;
void pattern_free(struct pattern *p); /* NULL is fine */

/* Thread: any. */
bool pattern_matches(const struct pattern *p, const char *subject);

#endif
