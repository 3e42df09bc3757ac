/* Reads what gzip wrote (RFC 1952), from somebody who need not be trusted. Pure. Thread: any. */
#ifndef HEXLAG_GUNZIP_H
#define HEXLAG_GUNZIP_H

#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

/* Appends the text of one gzip member, at most `max` bytes of it. ERR_CONFIG: no gzip, damaged, cut off,
 * with something behind it, or of more than `max` bytes; `out` is unchanged then. */
int gunzip(const void *bytes, size_t len, size_t max, struct strbuf *out, struct err *err)
	MUSTCHECK;

#endif
