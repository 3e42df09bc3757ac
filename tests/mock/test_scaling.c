/* The scaling half of a program for a sidecar, with a fake API server. */
#include "cli/scaling.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "sidecar/publish.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"
#include "tests/unit/nothreads.h"

#define DEADLINE_MS 10000
#define POD "/namespaces/shop/pods/orders-x"
#define OWNED                                                                       \
	"{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":" \
	"\"StatefulSet\",\"name\":\"orders\",\"controller\":true}]}}"
#define RULES                                                                                  \
	"kafka: { bootstrap = \"127.0.0.1:1\"; };\n"                                           \
	"scaler: { kubeconfig = \"%s\"; check_rivals = false; rules = ( { target = \"self\"; " \
	"maxReplicas = 3; consumergroups = ( { name = \"g\"; topicsThreshold = ( { topic = "   \
	"\"t\"; lag = 1; } ); } ); } ); };\n"

static atomic_uint watched; /* rules that were about to be in force, in all */

static uint64_t watch(void *ctx, const struct ruleset *rules)
{
	(void)ctx;
	atomic_fetch_add(&watched, (unsigned)rules->count);
	return 0;
}

static void leads_changed(void *ctx)
{
	(void)ctx;
}

static bool wait_watched(unsigned count)
{
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;

	while (atomic_load(&watched) < count && clock_mono_ms() < deadline)
		(void)usleep(1000);
	return atomic_load(&watched) >= count;
}

static void read_settings(struct settings *s, const char *kubeconfig)
{
	char *CLEANUP(mem_free_at) text = mem_printf(RULES, kubeconfig);
	struct conf_errors errors = {0};

	TAP_INT("the file is right", settings_parse(text, "f", s, &errors), 0);
	TAP_STR("  all of it", strbuf_str(&errors.text), "");
	strbuf_release(&errors.text);
}

/* The pod's answer comes after a second, when there are no threads any more. */
static void test_lease_without_thread(const char *kubeconfig)
{
	struct apiserver *api = apiserver_start(0);
	struct publish *publish = publish_new();
	struct settings settings;
	struct ruleset *rules;
	struct scaling *s;
	struct err err = {0};

	apiserver_kubeconfig(api, kubeconfig, NULL);
	read_settings(&settings, kubeconfig);
	rules = settings_rules(&settings);
	s = scaling_new(&(struct scaling_options){.settings = &settings,
				.publish = publish,
				.max_age_ms = 1000,
				.watch = watch,
				.leads_changed = leads_changed},
		&err);
	TAP_STR("it can be made", err.msg, "");
	apiserver_fail(api, &(struct apiserver_fault){
				    .kind = APISERVER_STATUS, .path_has = POD, .status = 503});
	apiserver_fail(api, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				    .path_has = POD,
				    .status = 200,
				    .headers = "Content-Type: application/json\r\n",
				    .body = OWNED});
	TAP_INT("rules are set", scaling_set_rules(s, rules, &err), 0);
	TAP_TRUE("the pod is asked for", apiserver_wait(api, "GET", 1));
	no_threads = true;
	TAP_TRUE("its workload is found", wait_watched(1));
	TAP_INT("without a thread nobody is elected", scaling_set_rules(s, rules, &err), 0);
	TAP_INT("  nor asked for the Lease", apiserver_count(api, "GET"), 2);
	no_threads = false;
	TAP_INT("when the rules are set again", scaling_set_rules(s, rules, &err), 0);
	TAP_TRUE("the election begins", apiserver_wait(api, "POST", 1));
	TAP_TRUE("it stops", scaling_stop(s, clock_mono_ms() + DEADLINE_MS));
	scaling_free(s);
	publish_free(publish);
	ruleset_unref(rules);
	settings_release(&settings);
	apiserver_stop(api);
}

int main(void)
{
	char kubeconfig[] = "/tmp/hexlag-scaling-XXXXXX";
	int fd = mkstemp(kubeconfig);

	log_init(LOG_LEVEL_ERROR, false);
	(void)setenv("POD_NAME", "orders-x", 1);
	test_lease_without_thread(kubeconfig);
	(void)close(fd);
	(void)unlink(kubeconfig);
	return tap_done();
}
