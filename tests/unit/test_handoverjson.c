#include "scaler/handoverjson.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/tap.h"

static struct ruleset_entry entry(const char *name, const char *uid)
{
	return (struct ruleset_entry){
		.rule.target = {(char *)"apps/v1", (char *)"Deployment", (char *)"shop",
			(char *)name},
		.origin.uid = (char *)uid,
	};
}

static void test_groups(void)
{
	struct ruleset_entry a = entry("a", NULL), b = a, later = a;
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	struct err err = {0};
	struct handover *h;
	char *got;

	b.rule.target.api_version = (char *)"example.com/v1";
	later.rule.target.api_version = (char *)"apps/v2";
	handover_begin(&text);
	(void)handover_add(&text, HANDOVER_UNPACKED_MAX, &a, "{\"x\":1}");
	(void)handover_add(&text, HANDOVER_UNPACKED_MAX, &b, "{\"x\":2}");
	handover_end(&text);
	h = handover_parse(strbuf_str(&text), &err);
	TAP_STR("one name in two API groups is no duplicate", err.msg, "");
	got = handover_take(h, &b);
	TAP_STR("each is found", got, "{\"x\":2}");
	free(got);
	got = handover_take(h, &later);
	TAP_STR("in another version, too", got, "{\"x\":1}");
	free(got);
	handover_free(h);
}

static void test_round_trip(void)
{
	const struct ruleset_entry a = entry("a", NULL), b = entry("b\"\xff", NULL),
				   object = entry("a", "u-1"), other = entry("a", "u-2");
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	struct err err = {0};
	struct handover *h;
	char *got;

	handover_begin(&text);
	TAP_TRUE("a rule fits", handover_add(&text, HANDOVER_UNPACKED_MAX, &a, "{\"x\":1}"));
	TAP_TRUE("so does one with an odd name",
		handover_add(&text, HANDOVER_UNPACKED_MAX, &b, "{\"x\":2}"));
	TAP_TRUE("and that of an object",
		handover_add(&text, HANDOVER_UNPACKED_MAX, &object, "{\"x\":3}"));
	handover_end(&text);
	h = handover_parse(strbuf_str(&text), &err);
	TAP_STR("what was written can be read", err.msg, "");
	got = handover_take(h, &a);
	TAP_STR("each rule gets its own", got, "{\"x\":1}");
	free(got);
	TAP_TRUE("once", !handover_take(h, &a));
	got = handover_take(h, &object);
	TAP_STR("a rule of an object is not that of the file", got, "{\"x\":3}");
	free(got);
	TAP_TRUE("nor that of an object made anew", !handover_take(h, &other));
	handover_free(h);
	TAP_TRUE("nothing left is nothing", !handover_take(NULL, &a));
}

static void test_rest(void)
{
	const struct ruleset_entry gone = entry("gone", NULL), here = entry("here", NULL);
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	struct strbuf CLEANUP(strbuf_release) next = STRBUF_INIT;
	struct ruleset *rules = ruleset_new();
	struct err err = {0};
	struct handover *h;
	char *got;

	ruleset_add(rules, &here.rule, NULL);
	handover_begin(&text);
	(void)handover_add(&text, HANDOVER_UNPACKED_MAX, &gone, "{\"x\":1}");
	(void)handover_add(&text, HANDOVER_UNPACKED_MAX, &here, "{\"x\":2}");
	handover_end(&text);
	h = handover_parse(strbuf_str(&text), &err);
	got = handover_peek(h, &here);
	TAP_STR("what is peeked at", got, "{\"x\":2}");
	free(got);
	got = handover_peek(h, &here);
	TAP_STR("stays there", got, "{\"x\":2}");
	free(got);
	handover_begin(&next);
	handover_add_rest(&next, HANDOVER_UNPACKED_MAX, h, rules);
	handover_end(&next);
	handover_free(h);
	h = handover_parse(strbuf_str(&next), &err);
	got = handover_take(h, &gone);
	TAP_STR("a rule that is not here is left on", got, "{\"x\":1}");
	free(got);
	TAP_TRUE("one that is here is not", !handover_take(h, &here));
	handover_free(h);
	ruleset_unref(rules);
}

/* `rules` rules with a text of `len` bytes each, which repeats itself or does not. */
static size_t fill(struct strbuf *text, size_t max, int rules, size_t len, bool dull)
{
	char *CLEANUP(mem_free_at) control = mem_zalloc(len + 1, 1);
	unsigned seed = 1;
	size_t added = 0;

	handover_begin(text);
	for (int i = 0; i < rules; i++) {
		char name[16];
		struct ruleset_entry e;

		for (size_t n = 0; n < len; n++) {
			seed = seed * 1103515245 + 12345;
			control[n] = dull ? 'x' : (char)('0' + (seed >> 16) % 64);
			if (control[n] == '\\')
				control[n] = '/';
		}
		control[0] = control[len - 1] = '"';
		(void)snprintf(name, sizeof(name), "d%d", i);
		e = entry(name, NULL);
		added += handover_add(text, max, &e, i % 2 ? control : "{}");
	}
	handover_end(text);
	return added;
}

static void test_bounded(void)
{
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	struct err err = {0};
	struct handover *h;
	size_t added = fill(&text, 65536, 200, 1000, true);

	TAP_TRUE("it stays below the limit", text.len <= 65536);
	TAP_TRUE("with as many rules as fit", added > 140);
	TAP_INT("and stays whole", strcmp(text.data + text.len - 2, "}}"), 0);
	h = handover_parse(strbuf_str(&text), &err);
	TAP_STR("so that it can be read", err.msg, "");
	handover_free(h);
}

static void test_packed(void)
{
	static const struct {
		const char *name;
		int rules;
		bool dull, fits, plain;
	} rows[] = {
		{"few rules", 4, false, true, true},
		{"many rules that are much alike", 600, true, true, false},
		{"many that are not", 150, false, true, false},
		{"more than fit", 600, false, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
		char *CLEANUP(mem_free_at) packed = NULL, *CLEANUP(mem_free_at) got = NULL;
		struct ruleset_entry last;
		struct err err = {0};
		struct handover *h;
		char name[16];

		(void)fill(&text, HANDOVER_UNPACKED_MAX, rows[i].rules, 600, rows[i].dull);
		packed = handover_pack(&text);
		TAP_TRUE(rows[i].name, !packed == !rows[i].fits);
		if (!packed)
			continue;
		TAP_TRUE("are not too long", strlen(packed) <= HANDOVER_MAX);
		TAP_TRUE("few are there to be looked at",
			(strcmp(packed, strbuf_str(&text)) == 0) == rows[i].plain);
		h = handover_parse(packed, &err);
		TAP_STR("all can be read", err.msg, "");
		(void)snprintf(name, sizeof(name), "d%d", rows[i].rules - 1);
		last = entry(name, NULL);
		got = handover_take(h, &last);
		TAP_TRUE("up to the last", got && strlen(got) == 600);
		handover_free(h);
	}
}

/* Anybody who may write the Lease can do this; leaders have to survive it. */
static void test_deep(void)
{
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	struct err err = {0};

	strbuf_adds(&text, "{\"version\":1,\"rules\":{\"a\":");
	for (int i = 0; i < 2000; i++)
		strbuf_addc(&text, '[');
	for (int i = 0; i < 2000; i++)
		strbuf_addc(&text, ']');
	strbuf_adds(&text, "}}");
	TAP_TRUE("what is nested for ever is refused", !handover_parse(text.data, &err));
	TAP_STR("and said", err.msg, "nested deeper than anything of ours");
}

static void test_refused(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "gzip"},
		{"[]", "not base64 at character 1"},
		{"H4sI", "gzip that is cut off"},
		{"eHh4", "no gzip"},
		{"{\"version\":1}", "not of a version"},
		{"{\"version\":2,\"rules\":{}}", "not of a version"},
		{"{\"version\":1,\"rules\":[]}", "not of a version"},
		{"{\"version\":1,\"rules\":{\"a\":1,\"a\":2}}", "no JSON"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		TAP_TRUE("what is no such text is refused", !handover_parse(rows[i].text, &err));
		TAP_HAS("and said", err.msg, rows[i].why);
	}
}

int main(void)
{
	test_round_trip();
	test_groups();
	test_rest();
	test_bounded();
	test_packed();
	test_refused();
	test_deep();
	return tap_done();
}
