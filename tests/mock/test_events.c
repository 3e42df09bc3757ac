#include "scaler/events.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "scaler/eventsjson.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define PATIENCE_MS 10000

static char folder[] = "/tmp/hexlag-events-XXXXXX";
static char config_path[sizeof(folder) + 16];

static const struct events_about orders = {"apps/v1", "Deployment", "shop", "orders", "u-1"};

static struct events *begin(struct apiserver *s)
{
	struct events_options options = {
		.kube = {.kubeconfig = config_path, .timeout_ms = PATIENCE_MS},
		.instance = "pod-1"};
	struct err err = {0};
	struct events *e;

	apiserver_kubeconfig(s, config_path, NULL);
	e = events_new(&options, &err);
	if (!e || events_start(e, &err) != 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return e;
}

static void end(struct events *e)
{
	events_stop(e);
	TAP_TRUE("it stops", events_join(e, clock_mono_ms() + PATIENCE_MS));
	events_free(e);
}

static json_t *accepted(struct apiserver *s, unsigned n)
{
	char *text = apiserver_accepted(s, n);
	json_t *doc = text ? json_loads(text, 0, NULL) : NULL;

	free(text);
	return doc;
}

/* The string at object.key, or at key where `object` is NULL. */
static const char *at(json_t *doc, const char *object, const char *key)
{
	return json_string_value(json_object_get(object ? json_object_get(doc, object) : doc, key));
}

static void check_posting(void)
{
	struct apiserver *s = apiserver_start(0);
	struct ruleset_entry entry = {
		.rule.target = {(char *)"apps/v1", (char *)"Deployment", NULL, (char *)"other"},
		.target_uid = "u-9"};
	struct events *e = begin(s);
	char line[512], note[3000];
	json_t *doc;

	apiserver_accept(s, "POST", "/events");
	apiserver_accept(s, "PATCH", "/events/");
	events_post(e, &orders, false, "SuccessfulRescale", "New size: 3");
	TAP_TRUE("an event is posted", apiserver_wait_accepted(s, 1));
	TAP_STR("to the group", apiserver_last_line(s, line, sizeof(line)),
		"POST /apis/events.k8s.io/v1/namespaces/shop/events HTTP/1.1");
	doc = accepted(s, 0);
	TAP_STR("version", at(doc, NULL, "apiVersion"), "events.k8s.io/v1");
	TAP_STR("about", at(doc, "regarding", "name"), "orders");
	TAP_STR("of", at(doc, "regarding", "kind"), "Deployment");
	TAP_STR("uid", at(doc, "regarding", "uid"), "u-1");
	TAP_STR("reason", at(doc, NULL, "reason"), "SuccessfulRescale");
	TAP_STR("note", at(doc, NULL, "note"), "New size: 3");
	TAP_STR("type", at(doc, NULL, "type"), "Normal");
	TAP_STR("who", at(doc, NULL, "reportingInstance"), "pod-1");
	TAP_STR("action", at(doc, NULL, "action"), "Scale");
	TAP_INT("time", strlen(at(doc, NULL, "eventTime")), 27);
	TAP_TRUE("name", strncmp(at(doc, "metadata", "name"), "orders.", 7) == 0);
	json_decref(doc);

	for (int i = 0; i < 5; i++)
		events_post(e, &orders, false, "SuccessfulRescale", "New size: 3");
	TAP_TRUE("a repetition is a series", apiserver_wait_accepted(s, 2));
	TAP_HAS("of that event", apiserver_last_line(s, line, sizeof(line)),
		"PATCH /apis/events.k8s.io/v1/namespaces/shop/events/orders.");
	TAP_STR("merged", apiserver_last_header(s, "content-type", line, sizeof(line)),
		"application/merge-patch+json");
	doc = accepted(s, 1);
	TAP_TRUE("counted from 2",
		json_integer_value(json_object_get(json_object_get(doc, "series"), "count")) >= 2);
	json_decref(doc);
	memset(note, 'n', sizeof(note) - 1);
	note[sizeof(note) - 1] = '\0';
	events_post_rule(e, &entry, true, "FailedGetScale", note);
	TAP_TRUE("another is another", apiserver_wait_accepted(s, 3));
	doc = accepted(s, 2);
	TAP_STR("of the file's rule: about its target", at(doc, "regarding", "name"), "other");
	TAP_STR("by its uid", at(doc, "regarding", "uid"), "u-9");
	TAP_STR("in the namespace of the credentials", at(doc, "regarding", "namespace"), "shop");
	TAP_STR("a warning", at(doc, NULL, "type"), "Warning");
	TAP_INT("its note is cut", strlen(at(doc, NULL, "note")), 1000);
	json_decref(doc);
	TAP_INT("more repetitions wait", apiserver_count(s, NULL), 3);
	end(e);
	apiserver_stop(s);
}

static void check_object(void)
{
	struct apiserver *s = apiserver_start(0);
	const struct ruleset_entry entry = {
		.origin = {(char *)"n", (char *)"hsa", (char *)"u-2", 1}};
	struct events *e = begin(s);
	json_t *doc;

	apiserver_accept(s, "POST", "/namespaces/n/events");
	events_post_rule(e, &entry, false, "R", "x");
	TAP_TRUE("an event", apiserver_wait_accepted(s, 1));
	doc = accepted(s, 0);
	TAP_STR("of an object: about the object", at(doc, "regarding", "kind"),
		"HexServerAutoscaler");
	TAP_STR("by name", at(doc, "regarding", "name"), "hsa");
	json_decref(doc);
	end(e);
	apiserver_stop(s);
}

static void check_core(void)
{
	struct apiserver *s = apiserver_start(0);
	struct events *e = begin(s);
	json_t *doc;

	apiserver_accept(s, "POST", "/api/v1/");
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				  .path_has = "events.k8s.io",
				  .times = 100,
				  .status = 403,
				  .body = "no"});
	events_post(e, &orders, true, "R", "n");
	TAP_TRUE("refused, it is posted to core/v1", apiserver_wait_accepted(s, 1));
	doc = accepted(s, 0);
	TAP_STR("version", at(doc, NULL, "apiVersion"), "v1");
	TAP_STR("about", at(doc, "involvedObject", "name"), "orders");
	TAP_STR("message", at(doc, NULL, "message"), "n");
	TAP_INT("time", strlen(at(doc, NULL, "firstTimestamp")), 20);
	TAP_INT("count", json_integer_value(json_object_get(doc, "count")), 1);
	json_decref(doc);
	TAP_INT("two requests", apiserver_count(s, NULL), 2);
	events_post(e, &orders, true, "S", "n");
	TAP_TRUE("and the next at once", apiserver_wait_accepted(s, 2));
	TAP_INT("one request", apiserver_count(s, NULL), 3);
	end(e);
	TAP_TRUE("nothing left", true);
	apiserver_stop(s);
}

static void check_failing(void)
{
	struct apiserver *s = apiserver_start(0);
	struct events *e = begin(s);

	apiserver_accept(s, "POST", "/events");
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_STATUS, .status = 500});
	events_post(e, &orders, true, "R", "n");
	TAP_TRUE("what fails is tried again", apiserver_wait_accepted(s, 1));
	TAP_INT("and counted", events_counts(e).failed, 1);
	end(e);
	apiserver_stop(s);
}

static void post_many(struct events *e, int from, int to)
{
	char note[32];

	for (int i = from; i < to; i++) {
		(void)snprintf(note, sizeof(note), "%d", i);
		events_post(e, &orders, true, "R", note);
	}
}

static void check_too_many(void)
{
	struct apiserver *s = apiserver_start(0);
	struct events *e = begin(s);

	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_HANG, .times = 100000});
	post_many(e, 0, EVENTS_KEPT_MAX + 10);
	TAP_INT("too many are dropped", events_counts(e).dropped, 10);
	end(e);
	apiserver_stop(s);
}

/* What was told makes room for what is new, the oldest first. */
static void check_room(void)
{
	struct apiserver *s = apiserver_start(0);
	struct events *e = begin(s);
	json_t *doc;

	apiserver_accept(s, "POST", "/events");
	apiserver_accept(s, "PATCH", "/events/");
	post_many(e, 0, EVENTS_KEPT_MAX);
	TAP_TRUE("as many as are kept are told", apiserver_wait_accepted(s, EVENTS_KEPT_MAX));
	events_post(e, &orders, true, "R", "0");
	TAP_TRUE("one of them again", apiserver_wait_accepted(s, EVENTS_KEPT_MAX + 1));
	post_many(e, EVENTS_KEPT_MAX, EVENTS_KEPT_MAX + EVENTS_KEPT_MAX / 2);
	TAP_TRUE("then others",
		apiserver_wait_accepted(s, EVENTS_KEPT_MAX + 1 + EVENTS_KEPT_MAX / 2));
	TAP_INT("none was dropped", events_counts(e).dropped, 0);
	events_post(e, &orders, true, "R", "1");
	TAP_TRUE("of the oldest it is not known that it was told",
		apiserver_wait_accepted(s, EVENTS_KEPT_MAX + 2 + EVENTS_KEPT_MAX / 2));
	doc = accepted(s, EVENTS_KEPT_MAX + 1 + EVENTS_KEPT_MAX / 2);
	TAP_STR("so it is an event", at(doc, NULL, "note"), "1");
	json_decref(doc);
	post_many(e, EVENTS_KEPT_MAX - 1, EVENTS_KEPT_MAX);
	TAP_TRUE("a younger one",
		apiserver_wait_accepted(s, EVENTS_KEPT_MAX + 3 + EVENTS_KEPT_MAX / 2));
	doc = accepted(s, EVENTS_KEPT_MAX + 2 + EVENTS_KEPT_MAX / 2);
	TAP_TRUE("goes on as a series", json_object_get(doc, "series"));
	json_decref(doc);
	end(e);
	apiserver_stop(s);
}

static void check_backoff(void)
{
	static const struct {
		const char *name;
		int tries, asked_s;
		int64_t want;
	} rows[] = {
		{"after the first failure", 1, 0, 2000},
		{"after the next twice as long", 2, 0, 4000},
		{"up to a minute", 6, 0, 60000},
		{"after any number of them", 70, 0, 60000},
		{"even this", INT32_MAX, 0, 60000},
		{"the server may ask for more", 1, 90, 90000},
		{"for very much more", 1, INT32_MAX, INT32_MAX * INT64_C(1000)},
		{"not for less", 3, 1, 8000},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		TAP_INT(rows[i].name, events_backoff_ms(rows[i].tries, rows[i].asked_s),
			rows[i].want);
}

static void check_throttled(void)
{
	struct apiserver *s = apiserver_start(0);
	struct events *e = begin(s);
	int64_t began = clock_mono_ms();

	apiserver_accept(s, "POST", "/events");
	apiserver_fail(s,
		&(struct apiserver_fault){
			.kind = APISERVER_STATUS, .status = 429, .headers = "Retry-After: 1\r\n"});
	events_post(e, &orders, true, "R", "first");
	TAP_TRUE("a server that asks for a pause", apiserver_wait(s, "POST", 1));
	events_post(e, &orders, true, "R", "second");
	TAP_TRUE("gets the next event", apiserver_wait_accepted(s, 1));
	TAP_TRUE("after it", clock_mono_ms() - began >= 1000);
	TAP_TRUE("and the first", apiserver_wait_accepted(s, 2));
	end(e);
	apiserver_stop(s);
}

static void check_names(void)
{
	static const struct {
		const char *name, *tail; /* of the object's name, from byte 217 on */
		size_t want;             /* bytes of it in the event's */
	} rows[] = {
		{"a name of any length is cut", "abcdefgh", 220},
		{"not behind a hyphen", "ab-cdefgh", 219},
		{"nor a dot and more", "a-.cdefgh", 218},
		{"where it ends in time it is whole", "ab", 219},
	};
	struct apiserver *s = apiserver_start(0);
	struct events *e = begin(s);

	apiserver_accept(s, "POST", "/events");
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct events_about about = orders;
		char name[254];
		const char *got;
		json_t *doc;

		memset(name, 'x', 217);
		(void)snprintf(name + 217, sizeof(name) - 217, "%s", rows[i].tail);
		about.name = name;
		events_post(e, &about, false, "R", "n");
		TAP_TRUE("an event", apiserver_wait_accepted(s, i + 1));
		doc = accepted(s, i);
		got = at(doc, "metadata", "name");
		TAP_INT(rows[i].name, got ? strrchr(got, '.') - got : -1, rows[i].want);
		json_decref(doc);
	}
	end(e);
	apiserver_stop(s);
}

static void check_bodies(void)
{
	struct event_body b = {
		"ns", "n", "i", "v1", "K", "", "o", "", true, "R", "x", 1000000, 2500001, 7};
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;

	eventsjson_again(&b, false, &text);
	TAP_STR("again", strbuf_str(&text),
		"{\"series\":{\"count\":7,\"lastObservedTime\":\"1970-01-01T00:00:02.500001Z\"}}");
	strbuf_release(&text);
	eventsjson_again(&b, true, &text);
	TAP_STR("again, of core/v1", strbuf_str(&text),
		"{\"count\":7,\"lastTimestamp\":\"1970-01-01T00:00:02Z\"}");
	strbuf_release(&text);
	eventsjson_new(&b, false, &text);
	TAP_HAS("a series from the start", strbuf_str(&text), "\"series\":{\"count\":7,");
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(config_path, sizeof(config_path), "%s/config", folder);
	check_bodies();
	check_posting();
	check_object();
	check_core();
	check_failing();
	check_too_many();
	check_room();
	check_backoff();
	check_throttled();
	check_names();
	(void)unlink(config_path);
	(void)rmdir(folder);
	return tap_done();
}
