/* Durations as people write them: "250ms", "30s", "5m", "1h". Pure. */
#ifndef HEXLAG_DURATION_H
#define HEXLAG_DURATION_H

#include <stdint.h>

#include "common/attr.h"

/* "30s" to milliseconds. -1 when it is not a whole number with unit ms, s, m or h, or overflows. */
int duration_parse(const char *text, int64_t *ret_ms) MUSTCHECK;

#endif
