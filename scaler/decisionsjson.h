/* The scaler's rules, decisions and writes as JSON: /api/v1/decisions, described in hexlag-api(7). */
#ifndef HEXLAG_DECISIONSJSON_H
#define HEXLAG_DECISIONSJSON_H

#include <stdint.h>

struct jsonout;
struct rule;
struct scaler_report;
struct strbuf;
struct target_view;

/* Appends all rules. `r` NULL: no scaler runs, and the document says so. `now_ms` is the monotonic
 * clock. Pure. */
void decisionsjson(const struct scaler_report *r, int64_t now_ms, struct strbuf *out);

/* Adds one rule as it stands in that document. Pure. */
void decisionsjson_rule(
	struct jsonout *j, const struct rule *r, const struct target_view *view, int64_t now_ms);

#endif
