#include "tests/mock/apiwatch.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/attr.h"
#include "common/mem.h"
#include "tests/mock/apifault.h"
#include "tests/mock/apiobjects.h"

void apiwatch_release(struct apiwatch *w)
{
	for (size_t i = 0; i < w->count; i++) {
		free(w->items[i].key);
		free(w->items[i].json);
	}
	for (size_t i = 0; i < w->event_count; i++)
		free(w->events[i].line);
	free(w->items);
	free(w->events);
	free(w->path);
	free(w->kind);
}

static void send_chunk(int fd, const char *text)
{
	struct strbuf out CLEANUP(strbuf_release) = STRBUF_INIT;

	strbuf_addf(&out, "%zx\r\n%s\r\n", strlen(text), text);
	apifault_send(fd, out.data, out.len);
}

void apiwatch_emit(struct apiwatch *w, const char *text)
{
	for (size_t i = 0; i < w->open; i++)
		send_chunk(w->fds[i], text);
}

static void happen(struct apiwatch *w, const char *type, const char *json, unsigned version)
{
	struct apiwatch_event *e = mem_append(&w->events, w->event_count++, sizeof(*e));

	*e = (struct apiwatch_event){
		version, mem_printf("{\"type\":\"%s\",\"object\":%s}\n", type, json)};
	apiwatch_emit(w, e->line);
}

static char *with_version(const char *json, unsigned version, char **ret_key)
{
	json_t *doc = json_loads(json, 0, NULL), *meta = json_object_get(doc, "metadata");
	const char *namespace = json_string_value(json_object_get(meta, "namespace"));
	const char *name = json_string_value(json_object_get(meta, "name"));
	char text[16], *out;

	if (!name)
		abort();
	(void)snprintf(text, sizeof(text), "%u", version);
	json_object_set_new(meta, "resourceVersion", json_string(text));
	*ret_key = mem_printf("%s/%s", namespace ? namespace : "", name);
	out = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return out;
}

void apiwatch_put(struct apiwatch *w, const char *json, unsigned version)
{
	char *key, *text = with_version(json, version, &key);
	struct apiwatch_item *item = NULL;
	bool is_new;

	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->items[i].key, key) == 0)
			item = &w->items[i];
	is_new = !item;
	if (item) {
		free(item->key);
		free(item->json);
	} else {
		item = mem_append(&w->items, w->count++, sizeof(*item));
	}
	*item = (struct apiwatch_item){key, text};
	happen(w, is_new ? "ADDED" : "MODIFIED", text, version);
}

void apiwatch_remove(struct apiwatch *w, const char *key, unsigned version)
{
	for (size_t i = 0; i < w->count; i++) {
		char *text, *same;

		if (strcmp(w->items[i].key, key) != 0)
			continue;
		text = with_version(w->items[i].json, version, &same);
		happen(w, "DELETED", text, version);
		free(text);
		free(same);
		free(w->items[i].key);
		free(w->items[i].json);
		w->items[i] = w->items[--w->count];
		return;
	}
	abort();
}

void apiwatch_bookmark(struct apiwatch *w, unsigned version)
{
	char *line CLEANUP(mem_free_at) =
		mem_printf("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":"
			   "{\"resourceVersion\":\"%u\"}}}\n",
			version);

	apiwatch_emit(w, line);
}

void apiwatch_closed(struct apiwatch *w, int fd)
{
	for (size_t i = 0; i < w->open; i++)
		if (w->fds[i] == fd) {
			w->fds[i] = w->fds[--w->open];
			return;
		}
}

void apiwatch_end(struct apiwatch *w, bool whole)
{
	for (size_t i = 0; i < w->open; i++) {
		if (whole)
			apifault_send(w->fds[i], "0\r\n\r\n", 5);
		(void)shutdown(w->fds[i], SHUT_RDWR);
	}
	w->open = 0;
}

static int list(const struct apiwatch *w, unsigned version, struct strbuf *out)
{
	strbuf_addf(out, "{\"apiVersion\":\"x/v1\",\"items\":[");
	for (size_t i = 0; i < w->count; i++)
		strbuf_addf(out, "%s%s", i ? "," : "", w->items[i].json);
	strbuf_addf(out, "],\"kind\":\"%s\",\"metadata\":{\"resourceVersion\":\"%u\"}}\n", w->kind,
		version);
	return 200;
}

int apiwatch_serve(
	struct apiwatch *w, int fd, const char *query, unsigned version, struct strbuf *out)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	const char *from = strstr(query, "resourceVersion=");
	unsigned since = from ? (unsigned)strtoul(from + 16, NULL, 10) : 0;

	if (!strstr(query, "watch=1"))
		return list(w, version, out);
	w->opened++;
	if (since < w->oldest && !w->expire_as_event)
		return apiobjects_status(out, 410, "Expired", "too old resource version");
	apifault_send(fd, head, strlen(head));
	if (since < w->oldest) {
		send_chunk(fd,
			"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
			"\"reason\":\"Expired\",\"message\":\"too old resource version\"}}\n");
		apifault_send(fd, "0\r\n\r\n", 5);
		return 0;
	}
	for (size_t i = 0; i < w->event_count; i++)
		if (w->events[i].version > since)
			send_chunk(fd, w->events[i].line);
	if (w->open == APIWATCH_MAX)
		abort();
	w->fds[w->open++] = fd;
	return 0;
}
