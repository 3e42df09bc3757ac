/* A scaler whose rules change while it runs. */
#include "common/log.h"
#include "tests/mock/scalerbench.h"
#include "tests/tap.h"

static void test_new_rules(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	TAP_INT("the rule raises", replicas(&b), 10);
	b.rule.max = 12;
	set_rules(&b, &b.rule);
	pass(&b, 3000, 1000);
	TAP_INT("a changed rule remembers the write, and cools down", replicas(&b), 10);
	pass(&b, 3000, 60000);
	TAP_INT("then its new bound holds", replicas(&b), 12);
	set_rules(&b, NULL);
	pass(&b, 9000, 60000);
	apiserver_set(b.api, b.object, 1, 1);
	pass(&b, 9000, 60000);
	TAP_INT("a rule that is gone is not enforced", replicas(&b), 1);
	bench_close(&b);
}

/* What a rule needs is asked for in the cycles after it came. */
static void test_rules_wait(void)
{
	struct ruleset *set;
	struct bench b;

	bench_open(&b, 4, false);
	set = rules_of(&b.rule);
	set_rules(&b, NULL);
	b.seq = 7;
	pass(&b, 3000, 1000);
	scaler_set_rules(b.scaler, set, 8);
	pass(&b, 3000, 1000);
	TAP_INT("an older snapshot does not bring new rules into force", replicas(&b), 4);
	b.seq = 8;
	pass(&b, 3000, 1000);
	TAP_INT("the one that was asked for them does", replicas(&b), 10);
	ruleset_unref(set);
	bench_close(&b);
}

/* Before each pass comes a change that has to wait for the pass after it. */
static void test_rules_keep_coming(void)
{
	struct ruleset *raising, *lowering, *none;
	struct bench b;

	bench_open(&b, 4, false);
	raising = rules_of(&b.rule);
	b.rule.max = 8;
	lowering = rules_of(&b.rule);
	none = rules_of(NULL);
	set_rules(&b, NULL);
	b.seq = 7;
	pass(&b, 3000, 1000);
	scaler_set_rules(b.scaler, none, 8);
	scaler_set_rules(b.scaler, raising, 8);
	b.seq = 8;
	scaler_set_rules(b.scaler, none, 9);
	scaler_set_rules(b.scaler, lowering, 9);
	pass(&b, 3000, 1000);
	TAP_INT("rules whose snapshot has come do not wait for later ones", replicas(&b), 10);
	b.seq = 9;
	scaler_set_rules(b.scaler, none, 10);
	pass(&b, 3000, 60000);
	TAP_INT("nor do those", replicas(&b), 8);
	scaler_set_rules(b.scaler, raising, 11);
	b.seq = 11;
	pass(&b, 9000, 60000);
	TAP_INT("where several have come the newest are in force", replicas(&b), 10);
	scaler_set_rules(b.scaler, lowering, 12);
	scaler_set_rules(b.scaler, none, 13);
	scaler_set_rules(b.scaler, raising, 11);
	b.seq = 13;
	apiserver_set(b.api, b.object, 4, 4);
	pass(&b, 9000, 60000);
	TAP_INT("what need not wait is newer than all that does", replicas(&b), 10);
	ruleset_unref(raising);
	ruleset_unref(lowering);
	ruleset_unref(none);
	bench_close(&b);
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	test_new_rules();
	test_rules_wait();
	test_rules_keep_coming();
	return tap_done();
}
