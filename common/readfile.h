/* Whole small files: configuration, secrets. Thread: any. */
#ifndef HEXLAG_READFILE_H
#define HEXLAG_READFILE_H

#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

/* Appends the file's bytes to `out`. -1 and ERR_CONFIG "path: why" where it cannot be read or has more
 * than `max` bytes; `out` may then hold a part of it. */
int readfile(const char *path, size_t max, struct strbuf *out, struct err *err) MUSTCHECK;

/* The same of the standard input. */
int readfile_stdin(size_t max, struct strbuf *out, struct err *err) MUSTCHECK;

#endif
