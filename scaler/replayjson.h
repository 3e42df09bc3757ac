/* The line protocol of `hexlag replay`: one observation of a rule's groups a line, one decision a line in
 * answer; man/hexlag.1 has the fields. Pure. */
#ifndef HEXLAG_REPLAYJSON_H
#define HEXLAG_REPLAYJSON_H

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "scaler/decide.h"
#include "scaler/observation.h"
#include "scaler/rule.h"

#define REPLAY_LINE_MAX (1 << 20) /* bytes */

struct replay_line {
	int64_t t_ms; /* the clock: nothing else tells the time */
	int32_t replicas, ready;
};

/* Reads one line into `ret_line` and `ret_observations`, which has room for one observation for each
 * threshold of the rule, in its order. A threshold that the line does not mention is unknown; pairs of
 * group and topic that no threshold has, and fields that are not known, are passed over.
 *
 * ERR_CONFIG, naming the field and the value: not JSON, a field missing, of another type or out of
 * range. */
int replayjson_parse(const char *text, size_t len, const struct rule *rule,
	struct replay_line *ret_line, struct observation *ret_observations, struct err *err)
	MUSTCHECK;

/* Appends the answer, with its newline. `write`: the decision is carried out. */
void replayjson_answer(int64_t t_ms, const struct decision *d, bool write, struct strbuf *out);

#endif
