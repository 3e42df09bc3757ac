#include "scaler/watchjson.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "scaler/docjson.h"

#define REST_MAX ((size_t)64 << 10)
#define KEPT_ROOM_MAX ((size_t)256 << 10) /* a larger buffer is not kept for the next object */

void watchjson_release(struct watchjson *w)
{
	strbuf_release(&w->text);
	strbuf_release(&w->rest);
}

static void report_broken(struct watchjson *w, const char *why)
{
	struct watch_event event = {.type = WATCH_BROKEN, .version = "", .text = why};

	w->fn(w->ctx, &event);
}

/* An integer beyond int64 fails the whole text in jansson; as a real number it does not, and whoever
 * reads that field says what is wrong with it. */
static json_t *load(const struct strbuf *text, json_error_t *why)
{
	json_t *doc = json_loadb(strbuf_str(text), text->len, JSON_ALLOW_NUL, why);

	if (!doc && json_error_code(why) == json_error_numeric_overflow)
		doc = json_loadb(
			strbuf_str(text), text->len, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, why);
	return doc;
}

static const char *version_of(const json_t *object)
{
	const char *version = json_string_value(
		json_object_get(json_object_get(object, "metadata"), "resourceVersion"));

	return version ? version : "";
}

static int small_int(const json_t *value)
{
	json_int_t n = json_integer_value(value);

	return n > 0 && n < 1000000 ? (int)n : 0;
}

static void report_error(struct watchjson *w, const json_t *status)
{
	const char *message = json_string_value(json_object_get(status, "message"));
	struct watch_event event = {.type = WATCH_ERROR, .version = ""};

	event.code = small_int(json_object_get(status, "code"));
	event.retry_after_s =
		small_int(json_object_get(json_object_get(status, "details"), "retryAfterSeconds"));
	event.text = message ? message : "the watch ended with an error that has no message";
	w->fn(w->ctx, &event);
}

static void report_event(struct watchjson *w, const json_t *doc)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};
	const char *type = json_string_value(json_object_get(doc, "type"));
	struct watch_event event = {.type = WATCH_BROKEN};
	json_t *object = json_object_get(doc, "object");

	for (size_t i = 0; type && i < ARRAY_LEN(names); i++)
		if (strcmp(type, names[i]) == 0)
			event.type = (enum watch_type)i;
	if (event.type == WATCH_BROKEN || !json_is_object(object)) {
		report_broken(w, "an event without a known type and an object");
		return;
	}
	if (event.type == WATCH_ERROR) {
		report_error(w, object);
		return;
	}
	event.object = object;
	event.version = version_of(object);
	w->fn(w->ctx, &event);
}

/* The text of one object is there. */
static void finish(struct watchjson *w)
{
	json_error_t why;
	json_t *doc CLEANUP(docjson_unref_at) = NULL;

	if (w->skipping) {
		report_broken(w, "an object larger than 4 MiB");
		return;
	}
	doc = load(&w->text, &why);
	if (!doc) {
		char *text CLEANUP(mem_free_at) =
			mem_printf("an object that is not JSON: %s", why.text);

		report_broken(w, text);
	} else if (w->list) {
		struct watch_event event = {.type = WATCH_ADDED, .object = doc};

		event.version = version_of(doc);
		w->fn(w->ctx, &event);
	} else {
		report_event(w, doc);
	}
}

static void begin_object(struct watchjson *w)
{
	w->in_object = true;
	w->skipping = false;
	w->began = w->depth;
	w->text.len = 0;
}

static void keep(struct watchjson *w, const char *bytes, size_t len)
{
	struct strbuf *to = w->in_object ? &w->text : &w->rest;
	size_t most = w->in_object ? WATCHJSON_OBJECT_MAX : REST_MAX;

	if (!len || w->skipping || (!w->in_object && !w->list))
		return;
	if (len > most - to->len) {
		w->skipping = w->in_object;
		to->len = 0; /* a list without its end is none */
		return;
	}
	strbuf_add(to, bytes, len);
}

/* Gives up the object that is being read: the next one begins where it cannot begin within it. */
static void give_up(struct watchjson *w)
{
	bool was = w->in_object;

	w->in_object = w->in_string = w->escaped = w->skipping = false;
	w->depth = 0;
	if (was)
		report_broken(w, "an object that does not end");
}

/* Where objects that are to be reported begin. */
static bool at_objects(const struct watchjson *w)
{
	return w->list ? w->depth == 2 && w->second == '[' : w->depth == 0;
}

static void string_byte(struct watchjson *w, char c)
{
	if (w->escaped)
		w->escaped = false;
	else if (c == '\\')
		w->escaped = true;
	else if (c == '"')
		w->in_string = false;
}

/* Takes one byte outside of a string. Returns whether it ends the object being read. */
static bool plain_byte(struct watchjson *w, char c)
{
	switch (c) {
	case '"':
		w->in_string = w->depth > 0;
		return false;
	case '{':
	case '[':
		if (++w->depth == 2)
			w->second = c;
		return false;
	case '}':
	case ']':
		if (w->depth)
			w->depth--;
		return w->in_object && w->depth == w->began;
	default:
		return false;
	}
}

/* What stands between the objects: nothing is kept of it. True: skip the byte. */
static bool between(struct watchjson *w, char c)
{
	if (w->in_object || w->in_string || !at_objects(w) || c == '{' || c == ']')
		return false;
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || (w->list && c == ',')) {
		if (c == '\n')
			w->garbage = false;
		return true;
	}
	if (!w->garbage)
		report_broken(w, "something that is no object");
	w->garbage = true;
	return true;
}

void watchjson_feed(struct watchjson *w, const char *bytes, size_t len)
{
	size_t from = 0; /* of what is not kept yet */

	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		bool new_line = w->line_began;

		w->line_began = c == '\n';
		if (!w->list && w->depth && new_line && c == '{') {
			give_up(w);
			from = i;
		}
		if (between(w, c)) {
			if (w->list && i > from)
				keep(w, bytes + from, i - from);
			from = i + 1;
			continue;
		}
		if (!w->in_object && c == '{' && at_objects(w)) {
			keep(w, bytes + from, i - from);
			from = i;
			begin_object(w);
		}
		if (w->in_string) {
			string_byte(w, c);
		} else if (plain_byte(w, c)) {
			keep(w, bytes + from, i + 1 - from);
			from = i + 1;
			finish(w);
			w->in_object = w->skipping = false;
			if (w->text.room > KEPT_ROOM_MAX)
				strbuf_release(&w->text);
		}
	}
	keep(w, bytes + from, len - from);
}

int watchjson_list_version(const struct watchjson *w, char *version, size_t size, struct err *err)
{
	json_error_t why;
	json_t *doc CLEANUP(docjson_unref_at) =
		json_loadb(strbuf_str(&w->rest), w->rest.len, 0, &why);
	const char *kind = json_string_value(json_object_get(doc, "kind"));
	size_t length = kind ? strlen(kind) : 0;

	if (!doc)
		return err_set(err, ERR_RETRY, "the answer is no whole list: %s", why.text);
	if (length < 5 || strcmp(kind + length - 4, "List") != 0)
		return err_set(
			err, ERR_RETRY, "the answer is '%.60s', not a list", kind ? kind : "");
	if (!*version_of(doc) || strlen(version_of(doc)) >= size)
		return err_set(err, ERR_RETRY, "the list has no metadata.resourceVersion");
	(void)snprintf(version, size, "%s", version_of(doc));
	return 0;
}
