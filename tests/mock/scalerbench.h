/* A scaler with one rule on a fake API server, for tests: passes are made by hand, on a clock of their
 * own. */
#ifndef HEXLAG_TESTS_SCALERBENCH_H
#define HEXLAG_TESTS_SCALERBENCH_H

#include "scaler/scaler.h"
#include "tests/mock/apiserver.h"

struct bench {
	struct apiserver *api;
	size_t object;
	char kubeconfig[40];
	struct rule rule;
	struct rule_group group;
	struct rule_threshold threshold;
	struct publish *publish;
	struct scaler *scaler;
	int64_t now_ms;
	uint64_t seq; /* of the snapshots */
};

extern struct scaler_hooks hooks; /* of the next bench that is opened */
extern int64_t bench_timeout_ms;  /* likewise, of a request */
extern uint64_t bench_rules_seq;  /* likewise: from this snapshot on its rule is in force */

/* A Deployment shop/orders of `replicas`, and a rule for it: hex, threshold 1000, 2 to 10 replicas. */
void bench_open(struct bench *b, int32_t replicas, bool dry_run);
void bench_close(struct bench *b);

/* One pass with that lag, `later_ms` after the one before. */
void pass(struct bench *b, int64_t lag, int64_t later_ms);

int64_t replicas(struct bench *b); /* in the API server */

struct ruleset *rules_of(const struct rule *r); /* NULL: none */
void set_rules(struct bench *b, const struct rule *r);

#endif
