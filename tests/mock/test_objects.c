#include "scaler/objects.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/settingstables.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "scaler/events.h"
#include "scaler/objectstatus.h"
#include "scaler/scaler.h"
#include "sidecar/publish.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define PATIENCE_MS 10000
#define STATUS_OF "/apis/autoscaling.hexfuture.net/v1alpha1/namespaces/shop/hexserverautoscalers/"
#define PATH "/apis/" HEX_GROUP "/" HEX_VERSION "/" HEX_PLURAL

static char folder[] = "/tmp/hexlag-objects-XXXXXX";
static char config_path[sizeof(folder) + 16];

/* One program's worth of parts, and the rules that came last. */
static struct world {
	struct apiserver *server;
	struct publish *publish;
	struct scaler *scaler;
	struct events *events;
	struct objects *objects;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *rules; /* targets in order */
	unsigned changes;
	char *const *namespaces; /* to begin with */
	size_t namespace_count;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void on_rules(void *ctx, struct ruleset *rules)
{
	struct world *w = ctx;
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < rules->count; i++)
		strbuf_addf(&text, "%s ", rules->entries[i].rule.target.name);
	scaler_set_rules(w->scaler, rules, 0);
	pthread_mutex_lock(&w->lock);
	free(w->rules);
	w->rules = strbuf_take(&text);
	w->changes++;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* Waits until the rules are these. */
static bool rules_are(const char *want)
{
	struct timespec deadline;
	bool same;
	int rc = 0;

	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&world.lock);
	while (!rc && (!world.rules || strcmp(world.rules, want) != 0))
		rc = pthread_cond_timedwait(&world.changed, &world.lock, &deadline);
	same = world.rules && strcmp(world.rules, want) == 0;
	if (!same)
		printf("# rules: %s\n", world.rules ? world.rules : "none");
	pthread_mutex_unlock(&world.lock);
	return same;
}

static void put(const char *name, const char *target, int generation, int max)
{
	char *json CLEANUP(mem_free_at) = mem_printf(
		"{\"metadata\":{\"namespace\":\"shop\",\"name\":\"%s\",\"uid\":\"u-%s\","
		"\"generation\":%d,\"creationTimestamp\":\"2026-01-01T00:00:0%dZ\"},\"spec\":"
		"{\"maxReplicas\":%d,\"minReplicas\":2,\"scaleTargetRef\":{\"name\":\"%s\"},"
		"\"consumergroups\":[{\"name\":\"g\",\"topicsThreshold\":[{\"topic\":\"t\","
		"\"lag\":10}]}]}}",
		name, name, generation, generation, max, target);

	apiserver_item(world.server, json);
}

static void bail(const struct err *err)
{
	printf("Bail out! %s\n", err->msg);
	exit(1);
}

/* Starts the API server, which has the objects at `path`. */
static void serve(const char *path)
{
	world.server = apiserver_start(0);
	apiserver_collection(world.server, path, HEX_KIND "List");
}

static void begin(bool with_events)
{
	struct kube_options kube = {.kubeconfig = config_path, .timeout_ms = PATIENCE_MS};
	struct scaler_options scaler = {.kube = kube, .max_age_ms = 1000};
	struct events_options events = {.kube = kube, .instance = "test"};
	struct ruleset *file = ruleset_new();
	struct objects_options options = {.kube = kube,
		.fields = {settings_rule_options, settings_check_rule},
		.namespaces = world.namespaces,
		.namespace_count = world.namespace_count,
		.file = file,
		.changed = on_rules,
		.ctx = &world};
	struct err err = {0};

	apiserver_kubeconfig(world.server, config_path, NULL);
	world.publish = publish_new();
	scaler.publish = world.publish;
	options.scaler = world.scaler = scaler_new(&scaler, &err);
	world.events = events_new(&events, &err);
	options.events = with_events ? world.events : NULL;
	if (!world.scaler || !world.events)
		bail(&err);
	world.objects = objects_new(&options, &err);
	ruleset_unref(file);
	if (!world.objects || events_start(world.events, &err) != 0 ||
		objects_start(world.objects, &err) != 0)
		bail(&err);
}

static void end(void)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;

	objects_stop(world.objects);
	events_stop(world.events);
	TAP_TRUE("it stops", objects_join(world.objects, deadline));
	TAP_TRUE("the events, too", events_join(world.events, deadline));
	objects_free(world.objects);
	events_free(world.events);
	scaler_free(world.scaler);
	publish_free(world.publish);
	apiserver_stop(world.server);
	mem_free_at(&world.rules);
	world.rules = NULL;
}

/* Waits for a PATCH or POST whose body has this text; returns the body. */
static char *body_with(const char *text)
{
	unsigned n = 0;

	while (apiserver_wait_accepted(world.server, n + 1)) {
		char *body = apiserver_accepted(world.server, n++);

		if (strstr(body, text))
			return body;
		free(body);
	}
	return NULL;
}

static void check_rules(void)
{
	struct objects_counts counts;

	serve(PATH);
	put("a", "d1", 1, 5);
	put("b", "d2", 1, 5);
	begin(true);
	TAP_TRUE("rules of what there is", rules_are("d1 d2 "));
	TAP_TRUE("watched", apiserver_wait(world.server, "GET", 2));
	put("c", "d3", 1, 5);
	TAP_TRUE("a new one", rules_are("d1 d2 d3 "));
	put("c", "d4", 2, 5);
	TAP_TRUE("another target", rules_are("d1 d2 d4 "));
	put("c", "d4", 3, 0);
	TAP_TRUE("one that is not valid any more is no rule", rules_are("d1 d2 "));
	put("c", "d1", 9, 5);
	apiserver_item_remove(world.server, "shop", "a");
	TAP_TRUE("the next takes a target over", rules_are("d2 d1 "));
	objects_count(world.objects, &counts);
	TAP_INT("valid", counts.valid, 2);
	TAP_INT("invalid", counts.invalid, 0);
	TAP_TRUE("synced", counts.synced);
	apiserver_item_remove(world.server, "shop", "b");
	apiserver_expire(world.server, false);
	apiserver_end_watches(world.server, true);
	TAP_TRUE("what vanished in a gap", rules_are("d1 "));
	end();
}

static void check_status(void)
{
	char *body;

	serve(PATH);
	apiserver_accept(world.server, "PATCH", STATUS_OF);
	apiserver_accept(world.server, "POST", "/events");
	(void)apiserver_add(world.server, "deployments", "shop", "d1", 1);
	put("a", "d1", 1, 5);
	put("z", "d1", 2, 5);
	put("w", "d5", 1, 0);
	begin(true);
	TAP_TRUE("rules", rules_are("d1 "));
	scaler_pass(world.scaler, NULL, clock_mono_ms());
	body = body_with("AmbiguousTarget");
	TAP_HAS("the one without its target is told", body,
		"the older HexServerAutoscaler \\\"a\\\" has");
	free(body);
	body = body_with("InvalidSpec");
	TAP_HAS("and the invalid one", body, "spec.maxReplicas: 0 is outside 1 to");
	free(body);
	body = body_with("\"kind\":\"Event\"");
	TAP_HAS("by an event, too", body, "\"type\":\"Warning\"");
	free(body);
	body = body_with("\"uid\":\"u-a\"");
	TAP_HAS("the valid one has its sizes", body, "\"currentReplicas\":");
	TAP_HAS("and its generation", body, "\"observedGeneration\":1");
	free(body);
	end();
}

/* One of the namespaces may not be looked into: those of the other act all the same. */
static void check_forbidden_namespace(void)
{
	static char *const namespaces[] = {(char *)"secret", (char *)"shop"};
	struct objects_counts counts;
	char *body;

	world.namespaces = namespaces;
	world.namespace_count = ARRAY_LEN(namespaces);
	serve("/apis/" HEX_GROUP "/" HEX_VERSION "/namespaces/shop/" HEX_PLURAL);
	apiserver_accept(world.server, "PATCH", STATUS_OF);
	apiserver_fail(world.server, &(struct apiserver_fault){.kind = APISERVER_STATUS,
					     .path_has = "/namespaces/secret/",
					     .times = 1000,
					     .status = 403});
	put("a", "d1", 1, 5);
	put("w", "d5", 1, 0);
	begin(false);
	TAP_TRUE("rules of the other", rules_are("d1 "));
	scaler_pass(world.scaler, NULL, clock_mono_ms());
	body = body_with("InvalidSpec");
	TAP_HAS("and a status", body ? body : "", "\"uid\":\"u-w\"");
	free(body);
	objects_count(world.objects, &counts);
	TAP_TRUE("but not all are known", !counts.synced);
	end();
	world.namespace_count = 0;
}

/* The status may fail: rules go on. */
static void check_failing_status(void)
{
	struct objects_counts counts;
	char line[512];

	serve(PATH);
	apiserver_fail(world.server,
		&(struct apiserver_fault){
			.kind = APISERVER_STATUS, .method = "PATCH", .times = 1000, .status = 500});
	put("w", "d5", 1, 0);
	begin(false);
	TAP_TRUE("no rules", rules_are(""));
	scaler_pass(world.scaler, NULL, clock_mono_ms());
	TAP_TRUE("a status that fails", apiserver_wait(world.server, "PATCH", 1));
	TAP_STR("as it is", apiserver_last_line(world.server, line, sizeof(line)),
		"PATCH " STATUS_OF "w/status?fieldManager=hexlag HTTP/1.1");
	TAP_STR("a merge patch",
		apiserver_last_header(world.server, "content-type", line, sizeof(line)),
		"application/merge-patch+json");
	put("a", "d1", 1, 5);
	TAP_TRUE("does not keep rules up", rules_are("d1 "));
	TAP_TRUE("and is tried again", apiserver_wait(world.server, "PATCH", 2));
	objects_count(world.objects, &counts);
	TAP_TRUE("and counted", counts.status_failures >= 1);
	TAP_INT("none was written", counts.status_writes, 0);
	end();
}

/* One object that is refused for ever, in front of others. */
static void check_refused_status(void)
{
	struct objects_counts counts;
	char *body;

	serve(PATH);
	apiserver_accept(world.server, "PATCH", STATUS_OF);
	apiserver_fail(world.server, &(struct apiserver_fault){.kind = APISERVER_STATUS,
					     .method = "PATCH",
					     .path_has = "/a/status",
					     .times = 1000,
					     .status = 422});
	apiserver_fail(world.server, &(struct apiserver_fault){.kind = APISERVER_STATUS,
					     .method = "PATCH",
					     .path_has = "/b/status",
					     .times = 1000,
					     .status = 403});
	put("a", "d1", 1, 0);
	put("b", "d2", 1, 0);
	put("c", "d3", 1, 0);
	begin(false);
	TAP_TRUE("no rules", rules_are(""));
	scaler_pass(world.scaler, NULL, clock_mono_ms());
	body = body_with("\"uid\":\"u-c\"");
	TAP_HAS("the next has its status", body ? body : "", "InvalidSpec");
	free(body);
	TAP_INT("at once", apiserver_count(world.server, "PATCH"), 3);
	objects_count(world.objects, &counts);
	TAP_INT("those refused are failures", counts.status_failures, 2);
	end();
}

/* Other writers were faster: no failure to back off from, but not written either. */
static void check_conflicting_status(void)
{
	struct objects_counts counts;
	int64_t began;
	char *body;

	serve(PATH);
	apiserver_accept(world.server, "PATCH", STATUS_OF);
	apiserver_accept(world.server, "POST", "/events");
	apiserver_fail(world.server,
		&(struct apiserver_fault){
			.kind = APISERVER_STATUS, .method = "PATCH", .times = 1, .status = 409});
	put("w", "d5", 1, 0);
	begin(true);
	TAP_TRUE("no rules", rules_are(""));
	scaler_pass(world.scaler, NULL, clock_mono_ms());
	TAP_TRUE("a conflict", apiserver_wait(world.server, "PATCH", 1));
	began = clock_mono_ms();
	body = body_with("\"observedGeneration\":1");
	TAP_HAS("the status is written all the same", body, "InvalidSpec");
	free(body);
	TAP_TRUE("after a pause", clock_mono_ms() - began >= OBJECTSTATUS_PAUSE_MS / 2);
	objects_count(world.objects, &counts);
	TAP_INT("it is no failure", counts.status_failures, 0);
	body = body_with("\"kind\":\"Event\"");
	TAP_HAS("and one event", body, "InvalidSpec");
	free(body);
	body = apiserver_accepted(world.server, 2);
	TAP_TRUE("only", !body);
	free(body);
	end();
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(config_path, sizeof(config_path), "%s/config", folder);
	check_rules();
	check_status();
	check_forbidden_namespace();
	check_failing_status();
	check_refused_status();
	check_conflicting_status();
	(void)unlink(config_path);
	(void)rmdir(folder);
	return tap_done();
}
