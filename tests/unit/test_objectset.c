#include "scaler/objectset.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/settingstables.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "scaler/watchjson.h"
#include "tests/tap.h"

static const struct hex_fields fields = {settings_rule_options, settings_check_rule};

struct reader {
	struct objectset *set;
	bool ours, differs;
};

static void on_event(void *ctx, const struct watch_event *event)
{
	struct reader *r = ctx;
	struct hexobject hex;

	if (event->object && hexjson_read(event->object, &fields, &hex, NULL) == 0)
		r->differs |= objectset_put(r->set, &hex, r->ours);
}

static void add_object(struct strbuf *out, const char *name, const char *created,
	const char *target, int generation, int max)
{
	strbuf_addf(out,
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"namespace\":\"n\",\"name\":\"%s\","
		"\"uid\":\"u-%s\",\"generation\":%d,\"creationTimestamp\":\"2026-01-01T00:00:%sZ\"}"
		","
		"\"spec\":{\"maxReplicas\":%d,\"scaleTargetRef\":{\"name\":\"%s\"},"
		"\"consumergroups\":[{\"name\":\"g\",\"topicsThreshold\":[{\"topic\":\"t\","
		"\"lag\":10}]}]}}}\n",
		name, name, generation, created, max, target);
}

/* Puts one object. Returns whether the rules may differ. */
static bool put(struct objectset *s, const char *name, const char *created, const char *target,
	int generation, int max)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;
	struct reader r = {.set = s};
	struct watchjson w = {.fn = on_event, .ctx = &r};

	add_object(&text, name, created, target, generation, max);
	watchjson_feed(&w, text.data, text.len);
	watchjson_release(&w);
	return r.differs;
}

/* The rules as "target<object ". */
static char *rules_of(struct objectset *s, const struct ruleset *file)
{
	struct ruleset *rules = objectset_rules(s, file, "n");
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < rules->count; i++)
		strbuf_addf(&text, "%s<%s ", rules->entries[i].rule.target.name,
			rules->entries[i].origin.name ? rules->entries[i].origin.name : "file");
	ruleset_unref(rules);
	return strbuf_take(&text);
}

static void check_rules(void)
{
	struct rule rule = {
		.target = {(char *)"apps/v1beta1", (char *)"Deployment", NULL, (char *)"d3"}};
	struct ruleset *none = ruleset_new(), *file = ruleset_new();
	struct objectset s = {0};
	char *text;

	ruleset_add(file, &rule, NULL);
	TAP_TRUE("a new one", put(&s, "b", "30", "d1", 1, 5));
	TAP_TRUE("the same again changes nothing", !put(&s, "b", "30", "d1", 1, 5));
	TAP_TRUE("another generation does", put(&s, "b", "30", "d1", 2, 5));
	TAP_TRUE("another maximum", put(&s, "b", "30", "d1", 3, 6));
	TAP_TRUE("a younger one for the same target", put(&s, "a", "40", "d1", 1, 5));
	TAP_TRUE("another target", put(&s, "c", "50", "d2", 1, 5));
	text = rules_of(&s, none);
	TAP_STR("the older wins", text, "d1<b d2<c ");
	free(text);
	TAP_STR("the younger is told", objectset_find(&s, "n", "a")->rival,
		"the older HexServerAutoscaler \"b\"");
	TAP_STR("the older is not", objectset_find(&s, "n", "b")->rival, NULL);
	TAP_TRUE("of the same age", put(&s, "bb", "30", "d1", 1, 5));
	text = rules_of(&s, none);
	TAP_STR("the first by name wins", text, "d1<b d2<c ");
	free(text);
	TAP_TRUE("the winner goes", objectset_remove(&s, "n", "b"));
	text = rules_of(&s, none);
	TAP_STR("the next takes its place", text, "d1<bb d2<c ");
	free(text);
	TAP_TRUE("one for a target of the file", put(&s, "z", "00", "d3", 1, 5));
	text = rules_of(&s, file);
	TAP_STR("the file wins", text, "d3<file d1<bb d2<c ");
	free(text);
	TAP_STR("which is told", objectset_find(&s, "n", "z")->rival, "the configuration file");
	TAP_TRUE("an invalid one", put(&s, "c", "50", "d2", 2, 0));
	text = rules_of(&s, file);
	TAP_STR("is no rule any more", text, "d3<file d1<bb ");
	free(text);
	TAP_TRUE("unknown", !objectset_remove(&s, "n", "nobody"));
	objectset_release(&s);
	ruleset_unref(none);
	ruleset_unref(file);
}

static void check_lists(void)
{
	struct objectset s = {0};

	(void)put(&s, "a", "00", "d1", 1, 5);
	(void)put(&s, "b", "00", "d2", 1, 5);
	objectset_list_began(&s, NULL);
	(void)put(&s, "b", "00", "d2", 1, 5);
	(void)put(&s, "c", "00", "d3", 1, 5);
	TAP_TRUE("what did not come has gone", objectset_list_ended(&s, NULL));
	TAP_INT("two are left", s.count, 2);
	TAP_TRUE("not this", !objectset_find(&s, "n", "a"));
	objectset_list_began(&s, "other");
	TAP_TRUE("a list of another namespace", !objectset_list_ended(&s, "other"));
	TAP_INT("says nothing of this", s.count, 2);
	objectset_list_began(&s, "n");
	TAP_TRUE("an empty list", objectset_list_ended(&s, "n"));
	TAP_INT("leaves none", s.count, 0);
	objectset_release(&s);
}

/* Only what differs in uid, generation or deletion has to be read whole. */
static void check_refresh(void)
{
	static const struct {
		const char *name, *uid;
		int64_t generation;
		bool deleting, want;
	} rows[] = {
		{"the status changed", "u", 3, false, true},
		{"the spec changed", "u", 4, false, false},
		{"another object of this name", "v", 3, false, false},
		{"it is being deleted", "u", 3, true, false},
		{"no generation is told", "u", 0, false, false},
	};
	struct objectset s = {0};
	struct object *o;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hexobject known = {.namespace = mem_strdup("n"),
			.name = mem_strdup("a"),
			.uid = mem_strdup("u"),
			.generation = rows[i].generation ? 3 : 0,
			.problem = mem_strdup("spec: wrong")};
		struct hexobject hex = {.namespace = mem_strdup("n"),
			.name = mem_strdup("a"),
			.uid = mem_strdup(rows[i].uid),
			.version = "9",
			.generation = rows[i].generation,
			.deleting = rows[i].deleting};

		(void)objectset_put(&s, &known, true);
		o = objectset_find(&s, "n", "a");
		o->listed = false;
		TAP_INT(rows[i].name, objectset_refresh(&s, &hex, true), rows[i].want);
		TAP_STR("its version", o->hex.version, rows[i].want ? "9" : "");
		TAP_STR("what is known of the spec stays", o->hex.problem, "spec: wrong");
		TAP_INT("it is there", o->listed, rows[i].want);
		hexobject_release(&hex);
		objectset_release(&s);
	}
}

/* How long 500 objects take from the wire to rules; printed, since machines differ. */
static void check_speed(void)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;
	struct ruleset *none = ruleset_new(), *rules;
	struct objectset s = {0};
	struct reader r = {.set = &s};
	struct watchjson w = {.fn = on_event, .ctx = &r};
	int64_t began;

	for (int i = 0; i < 500; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "o%d", i);
		add_object(&text, name, "00", name, 1, 5);
	}
	began = clock_cpu_us();
	watchjson_feed(&w, text.data, text.len);
	printf("# 500 objects read: %d us\n", (int)(clock_cpu_us() - began));
	began = clock_cpu_us();
	rules = objectset_rules(&s, none, "n");
	printf("# their rules made: %d us\n", (int)(clock_cpu_us() - began));
	TAP_INT("500 rules", rules->count, 500);
	watchjson_release(&w);
	objectset_release(&s);
	ruleset_unref(rules);
	ruleset_unref(none);
}

int main(void)
{
	check_rules();
	check_lists();
	check_refresh();
	check_speed();
	return tap_done();
}
