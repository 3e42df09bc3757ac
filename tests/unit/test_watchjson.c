#include "scaler/watchjson.h"

#include <stdlib.h>

#include "common/mem.h"
#include "tests/tap.h"

static void note(void *ctx, const struct watch_event *e)
{
	static const char *const names[] = {
		"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "BROKEN"};
	struct strbuf *said = ctx;

	strbuf_addf(said, "%s %s", names[e->type], e->version);
	if (e->type == WATCH_ERROR)
		strbuf_addf(said, "%d %d %s", e->code, e->retry_after_s, e->text);
	if (e->type == WATCH_BROKEN)
		strbuf_adds(said, e->text);
	strbuf_adds(said, (e->object != NULL) == (e->type <= WATCH_BOOKMARK) ? "\n" : " WRONG\n");
}

#define OBJECT(v) "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"" v "\"}}"
#define EVENT(t, v) "{\"type\":\"" t "\",\"object\":" OBJECT(v) "}\n"

static const struct {
	const char *name, *text, *want;
} watches[] = {
	{"events come one after another",
		EVENT("ADDED", "1") EVENT("MODIFIED", "2") EVENT("DELETED", "3"),
		"ADDED 1\nMODIFIED 2\nDELETED 3\n"},
	{"they need no line of their own",
		"{\"type\":\"ADDED\",\"object\":" OBJECT("1") "}{\"object\":" OBJECT(
			"2") ",\"type\":\"ADDED\"}",
		"ADDED 1\nADDED 2\n"},
	{"one may span lines", "{\"type\":\n \"ADDED\",\n \"object\":\n " OBJECT("1") "\n }\n",
		"ADDED 1\n"},
	{"brackets and quotes in strings mean nothing",
		"{\"type\":\"ADDED\",\"object\":{\"a\":\"}{][\\\"}\\\\\",\"metadata\":"
		"{\"resourceVersion\":\"7\"}}}\n" EVENT("ADDED", "8"),
		"ADDED 7\nADDED 8\n"},
	{"a bookmark tells a version", EVENT("BOOKMARK", "9"), "BOOKMARK 9\n"},
	{"an error tells code, time and text",
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":429,\"message\":"
		"\"wait\","
		"\"details\":{\"retryAfterSeconds\":5}}}\n",
		"ERROR 429 5 wait\n"},
	{"an error may say nothing", "{\"type\":\"ERROR\",\"object\":{}}\n",
		"ERROR 0 0 the watch ended with an error that has no message\n"},
	{"absurd numbers of an error are none",
		"{\"type\":\"ERROR\",\"object\":{\"code\":-4,\"message\":\"m\","
		"\"details\":{\"retryAfterSeconds\":99999999999}}}\n",
		"ERROR 0 0 m\n"},
	{"a version may be absent", "{\"type\":\"ADDED\",\"object\":{}}\n", "ADDED \n"},
	{"a version that is no string is none",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":4}}}\n",
		"ADDED \n"},
	{"an integer beyond int64 breaks nothing",
		"{\"type\":\"ADDED\",\"object\":{\"lag\":99999999999999999999,\"metadata\":"
		"{\"resourceVersion\":\"3\"}}}\n",
		"ADDED 3\n"},
	{"an unknown type is broken", EVENT("CHANGED", "1") EVENT("ADDED", "2"),
		"BROKEN an event without a known type and an object\nADDED 2\n"},
	{"an object that is no object is broken", "{\"type\":\"ADDED\",\"object\":[]}\n",
		"BROKEN an event without a known type and an object\n"},
	{"what is not JSON is broken, the next is not",
		"{\"type\":\"ADDED\",,}\n" EVENT("ADDED", "2"),
		"BROKEN an object that is not JSON: string or '}' expected near ','\nADDED 2\n"},
	{"what does not end is broken, the next is not",
		"{\"type\":\"ADDED\",\"object\":{\"a\":[\n" EVENT("ADDED", "2"),
		"BROKEN an object that does not end\nADDED 2\n"},
	{"a string that does not end is broken, the next is not",
		"{\"type\":\"ADD\n" EVENT("ADDED", "2"),
		"BROKEN an object that does not end\nADDED 2\n"},
	{"garbage between objects is told once a line", "<html>!\nx\n" EVENT("ADDED", "2"),
		"BROKEN something that is no object\nBROKEN something that is no object\nADDED "
		"2\n"},
	{"closing brackets alone are garbage", "}]}" EVENT("ADDED", "2"),
		"BROKEN something that is no object\nADDED 2\n"},
	{"nothing is nothing", "", ""},
};

/* In parts of `part` bytes. */
static char *feed(
	const char *text, size_t len, size_t part, bool list, char *version, struct err *err)
{
	struct strbuf said = STRBUF_INIT;
	struct watchjson w = {.fn = note, .ctx = &said, .list = list};

	for (size_t at = 0; at < len; at += part)
		watchjson_feed(&w, text + at, len - at < part ? len - at : part);
	if (list && watchjson_list_version(&w, version, 64, err) != 0)
		strbuf_adds(&said, err->msg);
	watchjson_release(&w);
	return strbuf_take(&said);
}

static void check_watches(void)
{
	for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
		size_t len = strlen(watches[i].text), wrong = 0;

		for (size_t part = 1; part <= len + 1; part++) {
			char *said = feed(watches[i].text, len, part, false, NULL, NULL);

			wrong += strcmp(said, watches[i].want) != 0;
			if (part > len)
				TAP_STR(watches[i].name, said, watches[i].want);
			free(said);
		}
		TAP_INT("and split anywhere", wrong, 0);
	}
}

static const struct {
	const char *name, *text, *want, *version;
} lists[] = {
	{"a list tells its objects and its version",
		"{\"kind\":\"ThingList\",\"items\":[" OBJECT("4") "," OBJECT(
			"5") "],\"metadata\":{\"resourceVersion\":\"9\"}}\n",
		"ADDED 4\nADDED 5\n", "9"},
	{"the version may come first",
		"{\"metadata\":{\"resourceVersion\":\"9\"},\"kind\":\"ThingList\",\"items\" : "
		"[ " OBJECT("4") " , " OBJECT("5") " ] }",
		"ADDED 4\nADDED 5\n", "9"},
	{"an empty list is a list",
		"{\"kind\":\"ThingList\",\"items\":[],\"metadata\":{\"resourceVersion\":\"9\"}}",
		"", "9"},
	{"so is one without items",
		"{\"kind\":\"ThingList\",\"metadata\":{\"resourceVersion\":\"9\"}}", "", "9"},
	{"an object in it may be broken",
		"{\"kind\":\"ThingList\",\"items\":[{,}," OBJECT(
			"5") "],\"metadata\":{\"resourceVersion\":\"9\"}}",
		"BROKEN an object that is not JSON: string or '}' expected near ','\nADDED 5\n",
		"9"},
	{"a list that breaks off is none", "{\"kind\":\"ThingList\",\"items\":[" OBJECT("4") ",",
		"ADDED 4\nthe answer is no whole list: ']' expected near end of file", ""},
	{"one object is no list", OBJECT("4"), "the answer is '', not a list", ""},
	{"a Status is no list", "{\"kind\":\"Status\"}", "the answer is 'Status', not a list", ""},
	{"a list has a version", "{\"kind\":\"ThingList\",\"items\":[]}",
		"the list has no metadata.resourceVersion", ""},
	{"nothing is no list", "",
		"the answer is no whole list: '[' or '{' expected near end of file", ""},
};

static void check_lists(void)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		size_t len = strlen(lists[i].text), wrong = 0;
		char version[64] = "";

		for (size_t part = 1; part <= len + 1; part++) {
			struct err err = {0};
			char *said = feed(lists[i].text, len, part, true, version, &err);

			wrong += strcmp(said, lists[i].want) != 0;
			if (part > len)
				TAP_STR(lists[i].name, said, lists[i].want);
			free(said);
		}
		TAP_INT("and split anywhere", wrong, 0);
		TAP_STR("its version", version, lists[i].version);
	}
}

/* One object larger than what is kept, then another. */
static void check_size(bool list)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;
	char *said, version[64] = "";
	struct err err = {0};

	strbuf_adds(&text,
		list ? "{\"kind\":\"XList\",\"items\":[" : "{\"type\":\"ADDED\",\"object\":");
	strbuf_adds(&text, "{\"a\":\"");
	while (text.len <= WATCHJSON_OBJECT_MAX + 100)
		strbuf_adds(&text, "0123456789abcdef");
	strbuf_adds(&text, list ? "\"}," OBJECT("5") "],\"metadata\":{\"resourceVersion\":\"9\"}}"
				: "\"}}\n" EVENT("ADDED", "5"));
	said = feed(strbuf_str(&text), text.len, 16384, list, version, &err);
	TAP_STR(list ? "a list with one too large" : "a watch with one too large", said,
		"BROKEN an object larger than 4 MiB\nADDED 5\n");
	free(said);
}

int main(void)
{
	check_watches();
	check_lists();
	check_size(false);
	check_size(true);
	return tap_done();
}
