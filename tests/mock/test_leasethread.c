/* The threads of two candidates for a Lease, against a fake API server. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "scaler/lease.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define PATH "/apis/coordination.k8s.io/v1/namespaces/shop/leases/hexlag"
#define PATIENCE_MS 10000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;

static void on_change(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&mutex);
	pthread_cond_broadcast(&told);
	pthread_mutex_unlock(&mutex);
}

/* Waits to be told that it leads. */
static bool await_leader(struct lease *l)
{
	struct timespec deadline;
	bool leads;
	int rc = 0;

	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&mutex);
	while (!rc && !lease_leads(l, 0))
		rc = pthread_cond_timedwait(&told, &mutex, &deadline);
	leads = lease_leads(l, 0);
	pthread_mutex_unlock(&mutex);
	return leads;
}

static struct lease *start(const char *kubeconfig, const char *identity)
{
	struct lease_options options = {
		.kube = {.kubeconfig = kubeconfig},
		.name = "hexlag",
		.identity = identity,
		.lease_duration_ms = 30000,
		.renew_deadline_ms = 20000,
		.retry_period_ms = 20,
		.changed = on_change,
	};
	struct err err = {0};
	struct lease *l = lease_new(&options, &err);

	if (!l || lease_start(l, &err) < 0) {
		printf("# %s\n", err.msg);
		abort();
	}
	return l;
}

static void check_threads(struct apiserver *api, const char *kubeconfig)
{
	struct lease *first = start(kubeconfig, "first"), *second;
	int64_t began_ms;
	unsigned puts;
	char *text;

	TAP_TRUE("a thread acquires", await_leader(first));
	second = start(kubeconfig, "second");
	TAP_TRUE("and renews", apiserver_wait(api, "PUT", 3));
	TAP_TRUE("beside another", lease_leads(first, 0) && !lease_leads(second, 0));
	puts = apiserver_count(api, "PUT");
	apiserver_fail(api, &(struct apiserver_fault){.kind = APISERVER_HANG, .method = "PUT"});
	TAP_TRUE("a renewal hangs", apiserver_wait(api, "PUT", puts + 1));
	began_ms = clock_mono_ms();
	lease_stop(first, true);
	TAP_INT("who is asked to stop leads no longer", (int64_t)lease_term(first, 0), 0);
	TAP_TRUE("it ends", lease_join(first, clock_mono_ms() + PATIENCE_MS));
	TAP_TRUE("and soon, whatever hung", clock_mono_ms() - began_ms < 5000);
	TAP_TRUE("having given the Lease to the other", await_leader(second));
	lease_stop(second, false);
	TAP_TRUE("another ends without", lease_join(second, clock_mono_ms() + PATIENCE_MS));
	text = apiserver_lease(api, PATH);
	TAP_HAS("leaving the Lease as it is", text, "\"holderIdentity\":\"second\"");
	free(text);
	lease_free(first);
	lease_free(second);
}

int main(void)
{
	char kubeconfig[] = "/tmp/hexlag-test.XXXXXX";
	struct apiserver *api = apiserver_start(0);
	sigset_t all;

	(void)close(mkstemp(kubeconfig));
	apiserver_kubeconfig(api, kubeconfig, NULL);
	/* As the program does before it starts threads. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
	check_threads(api, kubeconfig);
	apiserver_stop(api);
	(void)unlink(kubeconfig);
	return tap_done();
}
