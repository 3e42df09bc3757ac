/* A snapshot as the JSON document that `hexlag lag -o json` prints. Pure. */
#ifndef HEXLAG_LAGJSON_H
#define HEXLAG_LAGJSON_H

#include "sidecar/snapshot.h"

/* {"timestamp_ms": ..., "groups": [{"group", "state", "members", "error", "topics": [{"topic", "lag",
 * "quality", "partitions": [{"partition", "committed", "start", "end", "lag", "age_ms",
 * "member"}]}]}]}. Unknown is null. `group`, `topic`: only those; NULL: all. The caller frees it. */
char *lagjson(const struct snapshot *s, const char *group, const char *topic);

#endif
