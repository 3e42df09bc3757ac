/* The JSON documents of /api/v1, described in hexlag-api(7). Pure: functions of a snapshot and of the
 * time. What is unknown is null, never zero. Lag and quality are those of the metrics
 * kafka_consumergroup_lag_sum and hexlag_consumergroup_lag_quality. */
#ifndef HEXLAG_APIJSON_H
#define HEXLAG_APIJSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"

struct snapshot;
struct trend;

/* The document of all groups in two parts. Its beginning has the ages, and the brokers; `now_ms` is the
 * monotonic clock. The rest, all groups with their topics, is the same at any time. */
void apijson_lag_head(struct strbuf *out, const struct snapshot *s, int64_t now_ms);
void apijson_lag_rest(struct strbuf *out, const struct snapshot *s);

/* Appends one group with its members and partitions. False, and nothing appended, where the snapshot
 * has no group of that name. */
bool apijson_group(struct strbuf *out, const struct snapshot *s, const char *group, int64_t now_ms);

/* Appends the lag of all groups over the last minutes. `t` NULL: none is kept, and the document is
 * empty. */
void apijson_history(struct strbuf *out, struct trend *t);

/* Appends {"error": text}. */
void apijson_error(struct strbuf *out, const char *text);

#endif
