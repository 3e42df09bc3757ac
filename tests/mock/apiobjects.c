#include "tests/mock/apiobjects.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"

static const char apps_v1[] =
	"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"apps/v1\","
	"\"resources\":["
	"{\"name\":\"deployments\",\"namespaced\":true,\"kind\":\"Deployment\"},"
	"{\"name\":\"deployments/scale\",\"namespaced\":true,\"group\":\"autoscaling\","
	"\"version\":\"v1\",\"kind\":\"Scale\"},"
	"{\"name\":\"statefulsets\",\"namespaced\":true,\"kind\":\"StatefulSet\"},"
	"{\"name\":\"statefulsets/scale\",\"namespaced\":true,\"kind\":\"Scale\"}]}";
static const char example_v1[] =
	"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"example.com/v1\","
	"\"resources\":["
	"{\"name\":\"widgets\",\"namespaced\":true,\"kind\":\"Widget\"},"
	"{\"name\":\"widgets/scale\",\"namespaced\":true,\"kind\":\"Scale\"},"
	"{\"name\":\"gadgets\",\"namespaced\":true,\"kind\":\"Gadget\"},"
	"{\"name\":\"plants\",\"namespaced\":false,\"kind\":\"Plant\"},"
	"{\"name\":\"plants/scale\",\"namespaced\":false,\"kind\":\"Scale\"}]}";

int apiobjects_status(struct strbuf *out, int status, const char *reason, const char *message)
{
	strbuf_addf(out,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
		"\"message\":\"%s\",\"reason\":\"%s\",\"code\":%d}",
		message, reason, status);
	return status;
}

static int get_scale(const struct apiobject *o, struct strbuf *out)
{
	strbuf_addf(out,
		"{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{"
		"\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"uid-of-%s\","
		"\"resourceVersion\":\"%u\"},\"spec\":{",
		o->name, o->namespace, o->name, o->version);
	/* Zeros are left out, as the real one does. */
	if (o->spec)
		strbuf_addf(out, "\"replicas\":%d", o->spec);
	strbuf_addf(out, "},\"status\":{\"replicas\":%d,\"selector\":\"app=x\"}}", o->status);
	return 200;
}

static bool differs(json_t *meta, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(meta, key));

	return got && strcmp(got, want) != 0;
}

/* What is wrong with a PUT's document, NULL where nothing is. */
static const char *fault_of(const struct apiobject *o, json_t *doc, int *ret_status)
{
	json_t *meta = json_object_get(doc, "metadata");
	json_t *replicas = json_object_get(json_object_get(doc, "spec"), "replicas");
	char version[16], *uid CLEANUP(mem_free_at) = mem_printf("uid-of-%s", o->name);

	(void)snprintf(version, sizeof(version), "%u", o->version);
	*ret_status = 400;
	if (!json_is_integer(replicas) || differs(doc, "kind", "Scale") ||
		differs(doc, "apiVersion", "autoscaling/v1") || differs(meta, "name", o->name) ||
		differs(meta, "namespace", o->namespace))
		return "the body is no Scale of this object";
	*ret_status = 409;
	if (differs(meta, "uid", uid))
		return "Precondition failed: UID in precondition";
	if (differs(meta, "resourceVersion", version))
		return "the object has been modified; please apply your changes to the latest "
		       "version and try again";
	*ret_status = 422;
	return json_integer_value(replicas) < 0 ? "spec.replicas must not be negative" : NULL;
}

static int put_scale(
	struct apiobjects *a, struct apiobject *o, const char *body, size_t len, struct strbuf *out)
{
	json_t *doc = json_loadb(body, len, 0, NULL);
	const char *fault;
	int status;

	if (a->bumps) {
		a->bumps--;
		o->version = ++a->version;
	}
	fault = fault_of(o, doc, &status);
	if (fault) {
		apiobjects_status(out, status,
			status == 400   ? "BadRequest"
			: status == 409 ? "Conflict"
					: "Invalid",
			fault);
	} else {
		json_t *replicas = json_object_get(json_object_get(doc, "spec"), "replicas");

		apiobjects_write(a, o, (int32_t)json_integer_value(replicas), o->status);
		status = get_scale(o, out);
	}
	json_decref(doc);
	return status;
}

int apiobjects_serve(struct apiobjects *a, const char *method, const char *path, const char *body,
	size_t len, struct strbuf *out)
{
	if (strcmp(path, "/apis/apps/v1") == 0) {
		strbuf_adds(out, apps_v1);
		return 200;
	}
	if (strcmp(path, "/apis/example.com/v1") == 0) {
		strbuf_adds(out, example_v1);
		return 200;
	}
	for (size_t i = 0; i < a->count; i++) {
		struct apiobject *o = &a->items[i];

		if (o->gone || strcmp(o->path, path) != 0)
			continue;
		if (strcmp(method, "GET") == 0)
			return get_scale(o, out);
		return put_scale(a, o, body, len, out);
	}
	if (strncmp(path, "/apis/apps/v1/", 14) == 0 ||
		strncmp(path, "/apis/example.com/v1/", 21) == 0)
		return apiobjects_status(
			out, 404, "NotFound", "the server could not find the object");
	/* What the real one says about a path that it does not know at all. */
	strbuf_adds(out, "404 page not found\n");
	return 404;
}

size_t apiobjects_add(struct apiobjects *a, const char *plural, const char *namespace,
	const char *name, int32_t replicas)
{
	bool own = strcmp(plural, "deployments") == 0 || strcmp(plural, "statefulsets") == 0;
	const char *group = own ? "apps" : "example.com";
	struct apiobject *o = mem_append(&a->items, a->count, sizeof(*o));

	*o = (struct apiobject){.namespace = mem_strdup(namespace),
		.name = mem_strdup(name),
		.spec = replicas,
		.status = replicas,
		.version = ++a->version};
	o->path = *namespace ? mem_printf("/apis/%s/v1/namespaces/%s/%s/%s/scale", group, namespace,
				       plural, name)
			     : mem_printf("/apis/%s/v1/%s/%s/scale", group, plural, name);
	return a->count++;
}

/* As with the real one, a write that changes nothing makes no new version. */
void apiobjects_write(struct apiobjects *a, struct apiobject *o, int32_t spec, int32_t status)
{
	if (o->spec == spec && o->status == status)
		return;
	o->spec = spec;
	o->status = status;
	o->version = ++a->version;
}

void apiobjects_release(struct apiobjects *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free(a->items[i].path);
		free(a->items[i].namespace);
		free(a->items[i].name);
	}
	free(a->items);
}
