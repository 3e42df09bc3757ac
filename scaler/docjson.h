/* What the *json files share: documents as they come from an API server. Pure. Thread: any. */
#ifndef HEXLAG_DOCJSON_H
#define HEXLAG_DOCJSON_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"

struct json_t; /* of jansson, for *json files */

void docjson_unref_at(struct json_t **doc); /* for CLEANUP */

/* The document in an answer; the caller unrefs it. NULL and ERR_RETRY where it is not JSON, or has a key
 * twice. */
struct json_t *docjson_load(const char *text, size_t len, struct err *err) MUSTCHECK;

/* Whether it is nested deeper than `depth` levels. jansson reads 2,048 of them, but needs more stack to
 * write so many than our threads have: what goes back has to be asked this first. */
bool docjson_is_deep(const struct json_t *value, int depth);

/* ERR_RETRY unless the document is of this kind and version; `bare`: it may have no version at all. */
int docjson_check_kind(const struct json_t *doc, const char *api_version, const char *kind,
	bool bare, struct err *err) MUSTCHECK;

#endif
