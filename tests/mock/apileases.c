#include "tests/mock/apileases.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/mock/apiobjects.h"

#define PREFIX "/apis/coordination.k8s.io/v1/namespaces/"

bool apileases_own(const char *path)
{
	return strncmp(path, PREFIX, strlen(PREFIX)) == 0;
}

void apileases_release(struct apileases *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free(a->items[i].path);
		free(a->items[i].text);
	}
	free(a->items);
}

static struct apilease *find(const struct apileases *a, const char *path)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].path, path) == 0)
			return &a->items[i];
	return NULL;
}

const char *apileases_get(const struct apileases *a, const char *path)
{
	const struct apilease *l = find(a, path);

	return l ? l->text : NULL;
}

static void store(struct apileases *a, const char *path, json_t *doc)
{
	struct apilease *l = find(a, path);
	json_t *meta = json_object_get(doc, "metadata");
	char version[16];

	if (!l) {
		l = mem_append(&a->items, a->count++, sizeof(*l));
		*l = (struct apilease){.path = mem_strdup(path)};
	}
	free(l->text);
	l->text = NULL;
	if (!doc)
		return;
	(void)snprintf(version, sizeof(version), "%u", ++a->version);
	if (json_object_set_new(meta, "resourceVersion", json_string(version)) != 0 ||
		json_object_set_new(meta, "uid", json_string("uid-of-lease")) != 0)
		abort();
	l->text = json_dumps(doc, JSON_COMPACT);
}

void apileases_set(struct apileases *a, const char *path, const char *text)
{
	json_t *doc = text ? json_loads(text, 0, NULL) : NULL;

	if (text && !doc)
		abort();
	store(a, path, doc);
	json_decref(doc);
}

/* "2026-11-21T10:15:40.123456Z" */
static bool is_micro_time(json_t *spec, const char *key)
{
	const char *text = json_string_value(json_object_get(spec, key));
	size_t len = text ? strlen(text) : 0;

	return len == 27 && text[19] == '.' && strspn(text + 20, "0123456789") == 6 &&
	       text[26] == 'Z';
}

static bool differs(json_t *meta, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(meta, key));

	return !got || strcmp(got, want) != 0;
}

/* 0, or the status for a body that the real server refuses. */
static int refuse(json_t *doc, struct strbuf *out)
{
	json_t *spec = json_object_get(doc, "spec");

	if (!doc || differs(doc, "kind", "Lease") ||
		differs(doc, "apiVersion", "coordination.k8s.io/v1") ||
		!is_micro_time(spec, "acquireTime") || !is_micro_time(spec, "renewTime") ||
		!json_is_string(json_object_get(spec, "holderIdentity")))
		return apiobjects_status(out, 400, "BadRequest", "the body is no Lease");
	if (json_integer_value(json_object_get(spec, "leaseDurationSeconds")) < 1 ||
		json_integer_value(json_object_get(spec, "leaseTransitions")) < 0)
		return apiobjects_status(out, 422, "Invalid", "a number out of range");
	return 0;
}

static int put(struct apileases *a, const char *path, json_t *doc, struct strbuf *out)
{
	json_t *meta = json_object_get(doc, "metadata");
	const char *text = apileases_get(a, path);
	json_t *now = text ? json_loads(text, 0, NULL) : NULL;
	json_t *now_meta = json_object_get(now, "metadata");
	int status = 200;

	if (!text)
		status = apiobjects_status(out, 404, "NotFound", "no such lease");
	else if (differs(meta, "resourceVersion",
			 json_string_value(json_object_get(now_meta, "resourceVersion"))) ||
		 differs(meta, "uid", json_string_value(json_object_get(now_meta, "uid"))))
		status = apiobjects_status(out, 409, "Conflict", "the object has been modified");
	json_decref(now);
	if (status == 200) {
		store(a, path, doc);
		strbuf_adds(out, apileases_get(a, path));
	}
	return status;
}

static int post(struct apileases *a, const char *path, json_t *doc, struct strbuf *out)
{
	const char *name =
		json_string_value(json_object_get(json_object_get(doc, "metadata"), "name"));
	char *full = mem_printf("%s/%s", path, name ? name : "");
	int status = 201;

	if (apileases_get(a, full)) {
		status = apiobjects_status(out, 409, "AlreadyExists", "the lease already exists");
	} else {
		store(a, full, doc);
		strbuf_adds(out, apileases_get(a, full));
	}
	free(full);
	return status;
}

int apileases_serve(struct apileases *a, const char *method, const char *path, const char *body,
	size_t len, struct strbuf *out)
{
	const char *text = apileases_get(a, path);
	json_t *doc;
	int status;

	if (strcmp(method, "GET") == 0) {
		if (!text)
			return apiobjects_status(out, 404, "NotFound", "no such lease");
		strbuf_adds(out, text);
		return 200;
	}
	doc = json_loadb(body, len, 0, NULL);
	status = refuse(doc, out);
	if (!status)
		status = strcmp(method, "PUT") == 0 ? put(a, path, doc, out)
						    : post(a, path, doc, out);
	json_decref(doc);
	return status;
}
