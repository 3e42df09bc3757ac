/* What is remembered of a rule as a text that outlives the process: compact JSON, at most CONTROL_TEXT_MAX
 * bytes, so that it fits an annotation of a Lease or the status of an object. Pure.
 *
 * Windows, events, cooldowns, fights over the size, what was learned of capacities, and verdicts go with
 * it. What has to be watched without a gap does not: idle time before zero, the state of the group. Times
 * are kept as ages and one time of the wall clock, so that another process on another machine can go on. A wall clock
 * that shows less than at the save makes everything count longer, never shorter, and rates, which would come
 * out too high, begin anew. One that is ahead makes everything count shorter: whoever loads sees to it that it
 * is not, as far as can be known (election_holder_wall_ms()). */
#ifndef HEXLAG_CONTROLJSON_H
#define HEXLAG_CONTROLJSON_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "scaler/control.h"
#include "scaler/rule.h"

#define CONTROL_TEXT_MAX 4096

/* Appends the text. `now_ms`: the clock of the control; `wall_ms`: of the world, since 1970, and
 * at the load by the clock of who saved. */
void control_save(const struct rule *rule, const struct control *control, int64_t now_ms,
	int64_t wall_ms, struct strbuf *out);

/* Sets `control` (zeroed) to what was saved. What was learned of thresholds that the rule no longer has is
 * left out. ERR_CONFIG: too long, not of control_save(), or of a version that is not known; `control` is
 * left as it is then, and begins anew. */
int control_load(const struct rule *rule, const char *text, size_t len, int64_t now_ms,
	int64_t wall_ms, struct control *control, struct err *err) MUSTCHECK;

#endif
