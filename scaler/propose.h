/* What the thresholds of a rule together ask for: quality, policy and tolerance, and what is learned
 * from each observation. Pure. */
#ifndef HEXLAG_PROPOSE_H
#define HEXLAG_PROPOSE_H

#include "scaler/decide.h"
#include "scaler/drain.h"

struct proposal {
	bool known;           /* a threshold has usable data */
	bool learning;        /* a threshold has, but its policy cannot tell yet */
	int32_t asked;        /* of the policy */
	int32_t want;         /* after tolerance */
	int32_t remember;     /* what a window is to remember */
	size_t by;            /* the threshold that decided */
	size_t worst;         /* the one with the worst data */
	enum quality quality; /* of that */
	bool lag, no_lag;     /* there is some for sure; there is none, for sure */
	bool moved; /* records have come to a group without commits: there is some, but not how much */
	int32_t cap;   /* the most replicas that the partitions allow; 0: not known */
	int32_t floor; /* the least that is known to carry what arrives; 0: not known */
	struct drain_answer answer; /* of `by`: what rates say */
};

/* To be called once a decision, before any proposal: takes in what was observed. */
void propose_watch(const struct rule *rule, const struct decide_input *in, struct control *control);

/* `b`: the rule's behavior, completed. */
void propose(const struct rule *rule, const struct behavior *b, const struct decide_input *in,
	struct control *control, struct proposal *ret);

/* Whether sizes go in steps of partitions. */
bool propose_steps(const struct rule *rule);

#endif
