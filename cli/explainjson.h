/* The document of /api/v1/decisions as text for a person: what `hexlag explain` prints. Pure. */
#ifndef HEXLAG_EXPLAINJSON_H
#define HEXLAG_EXPLAINJSON_H

#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

/* Appends a paragraph for each rule, or for those whose target contains `only` (NULL: all). ERR_RETRY
 * where the text is no such document, or no rule is shown. */
int explainjson(const char *text, size_t len, const char *only, struct strbuf *out, struct err *err)
	MUSTCHECK;

#endif
