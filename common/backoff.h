/* How long to wait after failures before the next try. Pure. Thread: any. */
#ifndef HEXLAG_BACKOFF_H
#define HEXLAG_BACKOFF_H

#include <stdint.h>

/* The wait after another failure: `first_ms`, or twice the one before where `last_ms` is not 0; at most
 * `longest_ms`. */
int64_t backoff_next(int64_t last_ms, int64_t first_ms, int64_t longest_ms);

/* `wait_ms`, or what a server has asked for by Retry-After where that is longer; 0: it asked for nothing. */
int64_t backoff_obey(int64_t wait_ms, int retry_after_s);

#endif
