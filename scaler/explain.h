/* Decisions in words: names, and the one sentence with the figures. Pure. */
#ifndef HEXLAG_EXPLAIN_H
#define HEXLAG_EXPLAIN_H

#include "common/attr.h"
#include "scaler/propose.h"

/* Sets d->detail, or appends to it. What does not fit is cut. */
void explain(struct decision *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
void explain_more(struct decision *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The lag of the threshold that decided; of the one with the worst data. */
void explain_lag(const struct rule *rule, const struct decide_input *in, const struct proposal *p,
	struct decision *d);
void explain_worst(const struct rule *rule, const struct decide_input *in, const struct proposal *p,
	struct decision *d);

#endif
