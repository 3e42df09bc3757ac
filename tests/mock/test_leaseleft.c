/* What a leader leaves in its Lease, and who finds it, against a fake API server. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "scaler/leasejson.h"
#include "tests/mock/leasebench.h"
#include "tests/tap.h"

static const char *state_in(struct leasebench *b)
{
	static char text[200];
	json_t *doc = document(b);
	json_t *notes = json_object_get(json_object_get(doc, "metadata"), "annotations");
	const char *state =
		json_string_value(json_object_get(notes, "autoscaling.hexfuture.net/state"));

	(void)snprintf(text, sizeof(text), "%s", state ? state : "(none)");
	json_decref(doc);
	return text;
}

static int64_t ahead_ms; /* told with the text that was taken last */

static char *take(struct lease *l, uint64_t term)
{
	return lease_take_state(l, term, &ahead_ms);
}

static void test_urgent(void)
{
	struct leasebench b;

	leasebench_open(&b);
	step(b.a, NULL, 0);
	TAP_INT("set", lease_set_state(b.a, 1, "one", true, NULL), 0);
	TAP_INT("a leader that has written all waits for the period", lease_try(b.a), 2000);
	TAP_STR("what is urgent goes with the next try", state_in(&b), "one");
	stepped_ms += 400;
	TAP_INT("set", lease_set_state(b.a, 1, "two", true, NULL), 0);
	TAP_INT("another one so soon after it waits for the rest of a second", lease_try(b.a), 600);
	TAP_STR("not longer", state_in(&b), "one");
	step(b.a, NULL, 600);
	TAP_STR("and goes then", state_in(&b), "two");
	leasebench_close(&b);
}

static void test_state(void)
{
	struct leasebench b;
	char *text;

	leasebench_open(&b);
	TAP_INT("state may be set before leading", lease_set_state(b.a, 1, "early", false, NULL),
		0);
	step(b.a, b.b, 0);
	TAP_STR("it has no effect", state_in(&b), "(none)");
	TAP_STR("a new Lease holds none", take(b.a, 1), NULL);
	TAP_INT("set", lease_set_state(b.a, 1, "one", false, NULL), 0);
	TAP_STR("it is not written at once", state_in(&b), "(none)");
	step(b.a, b.b, 2000);
	TAP_STR("but with the next renewal", state_in(&b), "one");
	TAP_INT("set", lease_set_state(b.a, 1, "two", false, NULL), 0);
	step(b.a, b.b, 9999);
	TAP_STR("the next one 10 s later", state_in(&b), "one");
	step(b.a, b.b, 1);
	TAP_STR("and not before", state_in(&b), "two");
	TAP_INT("set", lease_set_state(b.a, 1, "three", false, NULL), 0);
	lease_give_back(b.a);
	TAP_STR("the last goes with the release", state_in(&b), "three");
	step(b.b, NULL, 0);
	TAP_STR("another term gets nothing", take(b.b, 7), NULL);
	TAP_STR("the next leader finds it", text = take(b.b, 1), "three");
	TAP_STR("once", take(b.b, 1), NULL);
	step(b.b, NULL, 2000);
	TAP_STR("and leaves it until it has its own", state_in(&b), "three");
	TAP_INT("set", lease_set_state(b.b, 1, "unsent", false, NULL), 0);
	step(b.b, NULL, 10000);
	TAP_INT("a term that begins with nobody else between", (int64_t)lease_term(b.b, 0), 2);
	free(text);
	TAP_STR("finds what was set and not sent", text = take(b.b, 2), "unsent");
	free(text);
	step(b.b, NULL, 2000);
	TAP_STR("which goes all the same", state_in(&b), "unsent");
	step(b.a, NULL, 0);
	step(b.a, NULL, 15000);
	TAP_STR("and its successor finds it", text = take(b.a, 2), "unsent");
	free(text);
	TAP_INT("who has its own", lease_set_state(b.a, 2, "four", false, NULL), 0);
	lease_give_back(b.a);
	step(b.b, NULL, 0);
	TAP_STR("so that nothing older comes back", text = take(b.b, 3), "four");
	free(text);
	leasebench_close(&b);
}

/* `kubectl delete lease`, while `a` leads and has left its text. */
static void test_deleted_state(void)
{
	struct leasebench b;
	char *text;

	leasebench_open(&b);
	step(b.a, b.b, 0);
	TAP_INT("set", lease_set_state(b.a, 1, "kept", false, NULL), 0);
	step(b.a, b.b, 2000);
	apiserver_set_lease(b.api, PATH, NULL);
	step(b.a, b.b, 2000);
	TAP_STR("who makes the Lease anew goes on", text = take(b.a, 2), "kept");
	free(text);
	TAP_STR("and has left it again", state_in(&b), "kept");
	apiserver_set_lease(b.api, PATH, NULL);
	apiserver_fail(
		b.api, &(struct apiserver_fault){.kind = APISERVER_SWALLOW, .method = "POST"});
	step(b.a, NULL, 2000);
	step(b.a, NULL, 2000);
	TAP_STR("also where the answer was lost", text = take(b.a, 3), "kept");
	free(text);
	apiserver_set_lease(b.api, PATH, NULL);
	step(b.b, b.a, 2000);
	TAP_TRUE("another may be first", lease_leads(b.b, 0));
	TAP_STR("which has nothing to go on with", take(b.b, 1), NULL);
	apiserver_set_lease(b.api, PATH, NULL);
	step(b.a, b.b, 2000);
	TAP_INT("who comes after that one", (int64_t)lease_term(b.a, 0), 4);
	TAP_STR("has not, either", take(b.a, 4), NULL);
	TAP_INT("set", lease_set_state(b.a, 4, "old", false, NULL), 0);
	step(b.a, NULL, 2000);
	apiserver_set_lease(b.api, PATH, NULL);
	step(b.a, NULL, 15000);
	TAP_INT("nor who comes when the Lease", (int64_t)lease_term(b.a, 0), 5);
	TAP_STR("would have run out", take(b.a, 5), NULL);
	TAP_STR("  nothing", state_in(&b), "(none)");
	leasebench_close(&b);
}

/* Another leader, whose wall clock is off by an hour, renews, and then does no more. */
static void test_clocks(void)
{
	static const char text[] =
		"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{"
		"\"name\":\"hexlag\",\"namespace\":\"shop\",\"annotations\":{"
		"\"autoscaling.hexfuture.net/state\":\"theirs\"}},\"spec\":{\"holderIdentity\":"
		"\"other\",\"leaseDurationSeconds\":1,\"renewTime\":\"%s\"}}";
	static const int hours[] = {-1, 0, 1};
	char at[LEASEJSON_TIME_MAX], *state;
	struct leasebench b;

	for (size_t i = 0; i < ARRAY_LEN(hours); i++) {
		int64_t wall_us = clock_wall_us() + hours[i] * INT64_C(3600000000), off_ms;

		leasebench_open(&b);
		for (int renewal = 0; renewal < 2; renewal++) {
			char *document CLEANUP(mem_free_at) = NULL;

			leasejson_print_time(wall_us - (1 - renewal) * 1000, at);
			document = mem_printf(text, at);
			apiserver_set_lease(b.api, PATH, document);
			step(b.a, NULL, 100);
		}
		step(b.a, NULL, 1000);
		TAP_STR("it is followed", state = lease_take_state(b.a, 1, &off_ms), "theirs");
		off_ms -= hours[i] * INT64_C(3600000);
		TAP_TRUE("and what its clock shows is known", off_ms >= -100 && off_ms <= 1500);
		free(state);
		leasebench_close(&b);
	}
}

static void test_large_state(void)
{
	struct leasebench b;
	char *text;

	leasebench_open(&b);
	step(b.b, NULL, 0);
	text = mem_zalloc(LEASE_STATE_MAX + 1, 1);
	memset(text, 'x', LEASE_STATE_MAX);
	TAP_INT("the most there may be", lease_set_state(b.b, 1, text, false, NULL), 0);
	step(b.b, NULL, 2000);
	TAP_TRUE("goes", lease_leads(b.b, 14999) && strncmp(state_in(&b), "xxx", 3) == 0);
	TAP_INT("what is not UTF-8 does not", lease_set_state(b.b, 1, "\xff", false, NULL), -1);
	free(text);
	leasebench_close(&b);
}

int main(void)
{
	test_state();
	test_urgent();
	test_deleted_state();
	test_clocks();
	test_large_state();
	return tap_done();
}
