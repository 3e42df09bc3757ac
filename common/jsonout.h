/* Writes a JSON document into a strbuf as it goes along, without a tree in memory: for documents that
 * are large or made often. Commas are its business, the order of calls is the caller's.
 *
 *	struct jsonout j = {.to = &text};
 *
 *	jsonout_open(&j, NULL, '{');
 *	jsonout_int(&j, "lag", known, lag);
 *	jsonout_close(&j, '}');
 *
 * Inside an object every value has a key, a C literal that needs no escaping; elsewhere `key` is NULL.
 * Thread: one at a time. */
#ifndef HEXLAG_JSONOUT_H
#define HEXLAG_JSONOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"

struct jsonout {
	struct strbuf *to;
	bool comma; /* a value came before at this level */
};

void jsonout_open(struct jsonout *j, const char *key, char bracket); /* '{' or '[' */
void jsonout_close(struct jsonout *j, char bracket);                 /* '}' or ']' */

void jsonout_null(struct jsonout *j, const char *key);
void jsonout_bool(struct jsonout *j, const char *key, bool value);

/* null where it is not `known`. */
void jsonout_int(struct jsonout *j, const char *key, bool known, int64_t value);

/* NULL is null. What is not UTF-8 becomes U+FFFD, so that the document always parses. */
void jsonout_text(struct jsonout *j, const char *key, const char *value);

#endif
