/* What went wrong or right with Kafka from one snapshot to the next, as log lines. */
#ifndef HEXLAG_NEWS_H
#define HEXLAG_NEWS_H

#include "sidecar/snapshot.h"

/* Logs each change once, nothing in steady state. `last` may be NULL; `bootstrap` is where Kafka is. */
void news_say(const struct snapshot *last, const struct snapshot *s, const char *bootstrap);

#endif
