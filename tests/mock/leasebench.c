#include "tests/mock/leasebench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"

int64_t stepped_ms;

static int64_t stepped_clock(void)
{
	return stepped_ms;
}

struct lease *candidate(const struct leasebench *b, const char *identity)
{
	struct lease_options options = {
		.kube = {.kubeconfig = b->kubeconfig},
		.name = "hexlag",
		.identity = identity,
		.lease_duration_ms = 15000,
		.renew_deadline_ms = 10000,
		.retry_period_ms = 2000,
		.clock_ms = stepped_clock,
	};
	struct err err = {0};
	struct lease *l = lease_new(&options, &err);

	if (!l) {
		printf("# %s\n", err.msg);
		abort();
	}
	return l;
}

void leasebench_open(struct leasebench *b)
{
	*b = (struct leasebench){.api = apiserver_start(0)};
	(void)snprintf(b->kubeconfig, sizeof(b->kubeconfig), "/tmp/hexlag-test.XXXXXX");
	(void)close(mkstemp(b->kubeconfig));
	apiserver_kubeconfig(b->api, b->kubeconfig, NULL);
	stepped_ms = 1000000;
	b->a = candidate(b, "a");
	b->b = candidate(b, "b");
}

void leasebench_close(struct leasebench *b)
{
	lease_free(b->a);
	lease_free(b->b);
	apiserver_stop(b->api);
	(void)unlink(b->kubeconfig);
}

/* One try of each, `later_ms` after the one before; NULL takes no part. */
void step(struct lease *first, struct lease *second, int64_t later_ms)
{
	stepped_ms += later_ms;
	if (first)
		(void)lease_try(first);
	if (second)
		(void)lease_try(second);
}

/* The Lease as it is now; NULL where there is none. */
json_t *document(struct leasebench *b)
{
	char *text CLEANUP(mem_free_at) = apiserver_lease(b->api, PATH);

	return text ? json_loads(text, 0, NULL) : NULL;
}
