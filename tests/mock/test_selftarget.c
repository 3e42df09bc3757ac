#include "cli/selftarget.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "scaler/ruleset.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define DEADLINE_MS 10000
#define POD "/namespaces/shop/pods/orders-x"
#define OWNED                                                         \
	"{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"apps/" \
	"v1\",\"kind\":\"StatefulSet\","                              \
	"\"name\":\"orders\",\"controller\":true}]}}"

static char config[] = "/tmp/hexlag-self-XXXXXX";

/* What was told last. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t told;
	unsigned count;
	struct ruleset *rules;
} heard = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, NULL};

static void hear(void *ctx, struct ruleset *rules)
{
	(void)ctx;
	pthread_mutex_lock(&heard.lock);
	ruleset_unref(heard.rules);
	heard.rules = ruleset_ref(rules);
	heard.count++;
	pthread_cond_broadcast(&heard.told);
	pthread_mutex_unlock(&heard.lock);
}

/* The rules told the `count`-th time, or none after the deadline. */
static const struct ruleset *wait_heard(unsigned count)
{
	struct timespec deadline;

	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += DEADLINE_MS / 1000;
	pthread_mutex_lock(&heard.lock);
	while (heard.count < count &&
		pthread_cond_timedwait(&heard.told, &heard.lock, &deadline) == 0)
		;
	if (heard.count < count) {
		printf("Bail out! told %u times, want %u\n", heard.count, count);
		exit(1);
	}
	pthread_mutex_unlock(&heard.lock);
	return heard.rules;
}

static void forget_heard(void)
{
	ruleset_unref(heard.rules);
	heard.rules = NULL;
	heard.count = 0;
}

static void add(struct ruleset *set, const char *namespace, const char *name)
{
	struct rule r = {.max = 3, .self = !name};

	r.target = (struct rule_target){
		(char *)"apps/v1", (char *)"StatefulSet", (char *)namespace, (char *)name};
	ruleset_add(set, &r, NULL);
}

static struct selftarget *make(const struct apiserver *s, const char *pod, struct err *err)
{
	const struct selftarget_options options = {
		.kube = {.kubeconfig = config, .timeout_ms = 2000},
		.pod = pod,
		.resolved = hear,
	};

	apiserver_kubeconfig(s, config, NULL);
	return selftarget_new(&options, err);
}

static void finish(struct selftarget *s, struct apiserver *api)
{
	selftarget_stop(s);
	TAP_TRUE("its thread ends", selftarget_join(s, clock_mono_ms() + DEADLINE_MS));
	selftarget_free(s);
	apiserver_stop(api);
	forget_heard();
}

static void answer(struct apiserver *s, unsigned times, int status, const char *body)
{
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				  .path_has = POD,
				  .times = times,
				  .status = status,
				  .headers = "Content-Type: application/json\r\n",
				  .body = body});
}

static void test_found_late(void)
{
	struct apiserver *api = apiserver_start(0);
	struct ruleset *first = ruleset_new(), *second = ruleset_new();
	struct err err = {0};
	struct selftarget *s = make(api, "orders-x", &err);
	const struct ruleset *got;

	add(first, "shop", "other");
	add(first, NULL, NULL);
	answer(api, 1, 503, "");
	answer(api, 1, 200, OWNED);
	TAP_INT("rules are taken while the API server is in trouble",
		selftarget_set_rules(s, first, &err), 0);
	got = wait_heard(1);
	TAP_INT("those of other targets at once", got->count, 1);
	TAP_STR("as they are", got->entries[0].rule.target.name, "other");
	got = wait_heard(2);
	TAP_INT("the own one as soon as it is known", got->count, 2);
	TAP_STR("with its kind", got->entries[1].rule.target.kind, "StatefulSet");
	TAP_STR("its namespace", got->entries[1].rule.target.namespace, "shop");
	TAP_STR("and name", got->entries[1].rule.target.name, "orders");
	TAP_TRUE("and it is still known as the own", got->entries[1].rule.self);
	add(second, NULL, NULL);
	TAP_INT("new rules", selftarget_set_rules(s, second, &err), 0);
	got = wait_heard(3);
	TAP_INT("are complete at once", got->count, 1);
	TAP_STR("with the same target", got->entries[0].rule.target.name, "orders");
	TAP_INT("the pod is asked about once more after a failure, then never",
		apiserver_count(api, "GET"), 2);
	ruleset_unref(first);
	ruleset_unref(second);
	finish(s, api);
}

static void test_not_needed(void)
{
	struct apiserver *api = apiserver_start(0);
	struct ruleset *rules = ruleset_new();
	struct err err = {0};
	struct selftarget *s = make(api, "", &err);

	add(rules, "shop", "other");
	TAP_INT("rules without \"self\" need no pod", selftarget_set_rules(s, rules, &err), 0);
	TAP_TRUE("and stay the very same", wait_heard(1) == rules);
	TAP_INT("nobody is asked", apiserver_count(api, NULL), 0);
	ruleset_unref(rules);
	rules = ruleset_new();
	add(rules, NULL, NULL);
	TAP_INT("one with \"self\" does", selftarget_set_rules(s, rules, &err), -1);
	TAP_HAS("and says what is missing", err.msg, "neither POD_NAME nor HOSTNAME");
	TAP_INT("the rules before stay", heard.count, 1);
	ruleset_unref(rules);
	finish(s, api);
}

static void test_stopped(void)
{
	struct apiserver *api = apiserver_start(0);
	struct ruleset *rules = ruleset_new();
	struct err err = {0};
	struct selftarget *s = make(api, "orders-x", &err);

	add(rules, NULL, NULL);
	apiserver_fail(api, &(struct apiserver_fault){.kind = APISERVER_HANG, .path_has = POD});
	TAP_INT("a server that hangs", selftarget_set_rules(s, rules, &err), 0);
	TAP_TRUE("is asked", apiserver_wait(api, "GET", 1));
	TAP_INT("and leaves no rule", wait_heard(1)->count, 0);
	ruleset_unref(rules);
	finish(s, api);
}

static void test_once(void)
{
	struct apiserver *api = apiserver_start(0);
	struct ruleset *rules = ruleset_new(), *got = NULL;
	const struct selftarget_options options = {
		.kube = {.kubeconfig = config, .timeout_ms = 2000}, .pod = "orders-x"};
	struct err err = {0};

	apiserver_kubeconfig(api, config, NULL);
	add(rules, NULL, NULL);
	answer(api, 1, 200, OWNED);
	TAP_INT("a command asks once", selftarget_once(&options, rules, &got, &err), 0);
	TAP_STR("and has the target", got->entries[0].rule.target.name, "orders");
	ruleset_unref(got);
	answer(api, 1, 403, "");
	TAP_INT("or the error", selftarget_once(&options, rules, &got, &err), -1);
	TAP_HAS("which names the verb", err.msg, "the verb get on pods");
	ruleset_unref(rules);
	apiserver_stop(api);
}

static void test_taken(void)
{
	static const struct {
		const char *name, *namespace;
		size_t want;
	} rows[] = {
		{"a rule that names the own target is the one", "shop", 1},
		{"also without a namespace", NULL, 1},
		{"but not in another", "stage", 2},
	};
	struct rule_target target = {
		(char *)"apps/v1", (char *)"StatefulSet", (char *)"shop", (char *)"orders"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ruleset *rules = ruleset_new(), *set;
		bool taken;

		add(rules, rows[i].namespace, "orders");
		add(rules, NULL, NULL);
		set = selftarget_resolve(rules, &target, &taken);
		TAP_INT(rows[i].name, set->count, rows[i].want);
		TAP_INT("and that is told", taken, rows[i].want == 1);
		TAP_TRUE("the other one stays", !set->entries[0].rule.self);
		ruleset_unref(set);
		ruleset_unref(rules);
	}
}

int main(void)
{
	int fd = mkstemp(config);

	log_init(LOG_LEVEL_ERROR, false);
	test_found_late();
	test_not_needed();
	test_stopped();
	test_once();
	test_taken();
	(void)close(fd);
	(void)unlink(config);
	return tap_done();
}
