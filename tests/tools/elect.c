/* A candidate for a Lease by scaler/lease.h:
 *
 *   elect KUBECONFIG NAMESPACE NAME IDENTITY
 *
 * With the default times. Prints "leading TIME", then "state TEXT" if the leader before has left one and
 * "acting TIME" every 100 ms, and "following TIME" when it leads no longer; TIME is Unix time in
 * milliseconds. Its own state is "left by IDENTITY". At SIGTERM it ceases to act, gives the Lease back
 * and ends. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/mem.h"
#include "scaler/lease.h"

#define ACT_NS 100000000
#define STOP_MS 5000

static void say(const char *what, int64_t time_ms)
{
	(void)printf("%s %" PRId64 "\n", what, time_ms);
}

static void take_over(struct lease *l, uint64_t term)
{
	int64_t ahead_ms;
	char *found CLEANUP(mem_free_at) = lease_take_state(l, term, &ahead_ms);
	char *own CLEANUP(mem_free_at) = mem_printf("left by %s", lease_identity(l));
	struct err err = {0};

	if (found)
		(void)printf("state %s\n", found);
	if (lease_set_state(l, term, own, false, &err) < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
}

/* Until SIGTERM. */
static void act(struct lease *l, const sigset_t *signals)
{
	const struct timespec pause = {0, ACT_NS};
	uint64_t term = 0;

	do {
		int64_t time_ms = clock_wall_ms();
		uint64_t now = lease_term(l, 0);

		if (term && now != term)
			say("following", time_ms);
		if (now && now != term) {
			say("leading", time_ms);
			take_over(l, now);
		}
		if (now)
			say("acting", time_ms);
		term = now;
	} while (sigtimedwait(signals, NULL, &pause) != SIGTERM);
	say("following", clock_wall_ms());
}

int main(int argc, char **argv)
{
	struct lease_options options = {
		.lease_duration_ms = 15000,
		.renew_deadline_ms = 10000,
		.retry_period_ms = 2000,
	};
	struct err err = {0};
	struct lease *l;
	sigset_t signals;
	bool ended;

	if (argc != 5) {
		(void)fprintf(stderr, "usage: elect KUBECONFIG NAMESPACE NAME IDENTITY\n");
		return 2;
	}
	options.kube.kubeconfig = argv[1];
	options.namespace = argv[2];
	options.name = argv[3];
	options.identity = argv[4];
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	l = lease_new(&options, &err);
	if (!l || lease_start(l, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	act(l, &signals);
	lease_stop(l, true);
	ended = lease_join(l, clock_mono_ms() + STOP_MS);
	if (ended)
		lease_free(l);
	return !ended;
}
