/* A scaler that goes on where the leader before was. */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "tests/mock/scalerbench.h"
#include "tests/tap.h"

static char *left;
static bool left_urgent; /* the latest of it */

static void save_state(void *ctx, uint64_t in_term, const char *text, bool urgent)
{
	(void)ctx;
	left_urgent = urgent;
	(void)in_term;
	free(left);
	left = mem_strdup(text);
}

static int64_t left_ahead_ms;

static char *take_state(void *ctx, uint64_t in_term, int64_t *ret_ahead_ms)
{
	(void)ctx;
	*ret_ahead_ms = left_ahead_ms;
	(void)in_term;
	return mem_strdup(left);
}

static void test_next_leader(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	TAP_INT("the leader writes", replicas(&b), 10);
	TAP_TRUE("which is not to be lost", left_urgent);
	pass(&b, 3000, 1000);
	TAP_TRUE("what was written before is no longer urgent", !left_urgent);
	bench_close(&b);
	hooks.take_state = take_state;
	bench_open(&b, 4, false);
	pass(&b, 3000, 30000);
	TAP_INT("the next one goes on with its cooldown", replicas(&b), 4);
	pass(&b, 3000, 60000);
	TAP_INT("to its end", replicas(&b), 10);
	bench_close(&b);
	free(left);
	left = mem_strdup("{}");
	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	TAP_INT("what cannot be read holds nothing", replicas(&b), 10);
	bench_close(&b);
}

/* What the wall clock of the leader before shows is known to be ahead of ours. */
static void test_clock_ahead(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	bench_close(&b);
	hooks.take_state = take_state;
	left_ahead_ms = 60000;
	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	TAP_INT("its cooldown goes on by that clock, which it ends by", replicas(&b), 10);
	bench_close(&b);
	left_ahead_ms = 0;
}

/* A fight over the size does not begin anew with each leader. */
static void test_fight(void)
{
	struct bench b;

	hooks.save_state = save_state;
	bench_open(&b, 4, false);
	for (int i = 0; i < CONTEND_REVERTS; i++) {
		pass(&b, 3000, 60000);
		apiserver_set(b.api, b.object, 4, 4);
	}
	pass(&b, 3000, 60000);
	bench_close(&b);
	hooks.take_state = take_state;
	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	pass(&b, 3000, CONTEND_HOLD_MS / 2);
	TAP_INT("what was taken back from the leader before is left alone", replicas(&b), 4);
	pass(&b, 3000, CONTEND_HOLD_MS / 2);
	TAP_INT("for as long as by that one", replicas(&b), 10);
	apiserver_set(b.api, b.object, 4, 4);
	pass(&b, 3000, 15000);
	pass(&b, 3000, CONTEND_HOLD_MS + 15000);
	TAP_INT("and longer when it goes on", replicas(&b), 4);
	bench_close(&b);
}

/* Rules come late, some after others; a leader that ends before that has nothing to say of them. */
static void test_inherited_stays(void)
{
	struct bench b;
	char *first;

	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	bench_close(&b);
	first = mem_strdup(left);
	hooks.take_state = take_state;
	bench_rules_seq = 1;
	bench_open(&b, 4, false);
	bench_rules_seq = 0;
	pass(&b, 3000, 1000);
	TAP_STR("before there are rules nothing is saved over what was left", left, first);
	set_rules(&b, NULL);
	pass(&b, 3000, 1000);
	TAP_HAS("what no rule has claimed is left on", left, "Deployment/orders");
	set_rules(&b, &b.rule);
	pass(&b, 3000, 28000);
	TAP_INT("so that a rule that comes later goes on", replicas(&b), 4);
	bench_close(&b);
	bench_open(&b, 4, false);
	set_rules(&b, NULL);
	pass(&b, 3000, 1000);
	pass(&b, 3000, 600000);
	TAP_TRUE("but not for ever", !strstr(left, "Deployment/orders"));
	bench_close(&b);
	free(first);
}

static uint64_t terms;

static uint64_t next_term(void *ctx, int64_t margin_ms)
{
	(void)ctx;
	(void)margin_ms;
	return ++terms;
}

/* Another term begins before all rules had their turn. */
static void test_not_yet_begun(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	hooks.take_state = take_state;
	bench_close(&b);
	hooks.term = next_term;
	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	hooks.term = NULL;
	TAP_INT("no rule had its turn", apiserver_count(b.api, NULL), 0);
	bench_close(&b);
	bench_open(&b, 4, false);
	pass(&b, 3000, 30000);
	TAP_INT("what one had no time to take up the next one takes", replicas(&b), 4);
	bench_close(&b);
}

/* A test in which leaders leave their state; none is there to begin with. */
static void run(void (*test)(void))
{
	hooks.save_state = save_state;
	test();
	hooks.save_state = NULL;
	hooks.take_state = NULL;
	free(left);
	left = NULL;
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	run(test_next_leader);
	run(test_clock_ahead);
	run(test_fight);
	run(test_inherited_stays);
	run(test_not_yet_begun);
	return tap_done();
}
