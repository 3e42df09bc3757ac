/* What a leader leaves to the next one: one text for all rules, made of control_save()'s. Pure.
 *
 *	{"version":1,"rules":{"apps/shop/Deployment/orders":{...},...}}
 *
 * A long one travels packed: gzip in base64, half as long even where rules have little in common.
 * Whoever may write the Lease can have put anything there: what cannot be read is left out. */
#ifndef HEXLAG_HANDOVERJSON_H
#define HEXLAG_HANDOVERJSON_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "scaler/ruleset.h"

/* All of it travels with each renewal of the Lease: as it is up to HANDOVER_PLAIN_MAX, for who looks at it
 * by kubectl, and packed up to HANDOVER_MAX. A rule that does not fit begins anew. */
#define HANDOVER_PLAIN_MAX ((size_t)4 << 10)
#define HANDOVER_MAX ((size_t)96 << 10)
#define HANDOVER_UNPACKED_MAX ((size_t)1 << 20)

/* Appends the begin, one rule, and the end. `control` is the text of control_save(). False: the rule was
 * left out, since the whole would be longer than `max`. */
void handover_begin(struct strbuf *out);
bool handover_add(
	struct strbuf *out, size_t max, const struct ruleset_entry *e, const char *control);
void handover_end(struct strbuf *out);

/* What is to be left of such a text, for the caller to free. NULL: longer than HANDOVER_MAX. */
char *handover_pack(const struct strbuf *text) MUSTCHECK;

struct handover;

/* Reads what handover_pack() gave. ERR_CONFIG where it is no such text. */
struct handover *handover_parse(const char *text, struct err *err) MUSTCHECK;
void handover_free(struct handover *h); /* NULL is fine */

/* The text of this rule for control_load(), once; the caller frees it. NULL: none. `h` may be NULL. */
char *handover_take(struct handover *h, const struct ruleset_entry *e);

/* The same, and leaves it there. */
char *handover_peek(const struct handover *h, const struct ruleset_entry *e);

/* Appends, as far as they fit, the texts that are left in `h` of rules that `without` has not got: theirs
 * may yet come. `h` may be NULL. */
void handover_add_rest(
	struct strbuf *out, size_t max, const struct handover *h, const struct ruleset *without);

#endif
