/* Two candidates for one Lease on a fake API server, for tests: tries are made by hand, on a clock of their
 * own. */
#ifndef HEXLAG_TESTS_LEASEBENCH_H
#define HEXLAG_TESTS_LEASEBENCH_H

#include <jansson.h>

#include "scaler/lease.h"
#include "tests/mock/apiserver.h"

#define PATH "/apis/coordination.k8s.io/v1/namespaces/shop/leases/hexlag"

struct leasebench {
	struct apiserver *api;
	char kubeconfig[40];
	struct lease *a, *b;
};

extern int64_t stepped_ms; /* the clock of both */

void leasebench_open(struct leasebench *b);
void leasebench_close(struct leasebench *b);

/* Another candidate; NULL: with an identity of its own. */
struct lease *candidate(const struct leasebench *b, const char *identity);

/* One try of each, `later_ms` after the one before; NULL takes no part. */
void step(struct lease *first, struct lease *second, int64_t later_ms);

/* The Lease as it is now; NULL where there is none. */
json_t *document(struct leasebench *b);

#endif
