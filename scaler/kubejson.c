#include "scaler/kubejson.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "scaler/docjson.h"

/* A document of this kind and version; the caller unrefs it. The list of the core group has no
 * apiVersion at all (seen with kube-apiserver 1.34), so an absent one passes: the kind is enough. */
static json_t *parse_kind(
	const char *text, size_t len, const char *api_version, const char *kind, struct err *err)
{
	json_t *doc = docjson_load(text, len, err);

	if (!doc || docjson_check_kind(doc, api_version, kind, true, err) == 0)
		return doc;
	json_decref(doc);
	return NULL;
}

static int read_replicas(json_t *doc, const char *part, int32_t *ret_replicas, struct err *err)
{
	json_t *section = json_object_get(doc, part), *value;
	json_int_t n;

	*ret_replicas = 0;
	if (section && !json_is_object(section) && !json_is_null(section))
		return err_set(err, ERR_RETRY, "%s of the Scale is not an object", part);
	value = json_object_get(section, "replicas");
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value))
		return err_set(err, ERR_RETRY, "%s.replicas of the Scale is not an integer", part);
	n = json_integer_value(value);
	if (n < 0 || n > INT32_MAX)
		return err_set(err, ERR_RETRY,
			"%s.replicas of the Scale is %" JSON_INTEGER_FORMAT
			", outside 0 to 2147483647",
			part, n);
	*ret_replicas = (int32_t)n;
	return 0;
}

/* metadata.`key`, "" where absent. */
static int read_meta(json_t *doc, const char *key, char *to, size_t size, struct err *err)
{
	json_t *value = json_object_get(json_object_get(doc, "metadata"), key);
	const char *text = json_string_value(value);

	if (value && !text)
		return err_set(err, ERR_RETRY, "metadata.%s of the Scale is not a string", key);
	if (snprintf(to, size, "%s", text ? text : "") >= (int)size)
		return err_set(err, ERR_RETRY, "metadata.%s of the Scale is longer than %zu bytes",
			key, size - 1);
	return 0;
}

int kubejson_scale_parse(
	const char *text, size_t len, struct kube_scale *ret_scale, struct err *err)
{
	json_t *doc CLEANUP(docjson_unref_at) =
		parse_kind(text, len, "autoscaling/v1", "Scale", err);
	struct kube_scale scale = {0};

	if (!doc || read_replicas(doc, "spec", &scale.spec_replicas, err) != 0 ||
		read_replicas(doc, "status", &scale.status_replicas, err) != 0 ||
		read_meta(doc, "uid", scale.uid, sizeof(scale.uid), err) != 0 ||
		read_meta(doc, "resourceVersion", scale.resource_version,
			sizeof(scale.resource_version), err) != 0)
		return -1;
	/* Without it a PUT would overwrite whatever others wrote. */
	if (!scale.resource_version[0])
		return err_set(err, ERR_RETRY, "the Scale has no metadata.resourceVersion");
	*ret_scale = scale;
	return 0;
}

char *kubejson_scale_body(
	const char *namespace, const char *name, const struct kube_scale *seen, int32_t replicas)
{
	const char *uid = seen->uid[0] ? seen->uid : NULL;
	json_t *doc = json_pack("{s:s, s:s, s:{s:s, s:s*, s:s*, s:s}, s:{s:i}}", "apiVersion",
		"autoscaling/v1", "kind", "Scale", "metadata", "name", name, "namespace", namespace,
		"uid", uid, "resourceVersion", seen->resource_version, "spec", "replicas",
		(int)replicas);
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

	json_decref(doc);
	/* Only names that are not UTF-8 come here; the server then says what is wrong. */
	return text ? text : mem_strdup("{}");
}

int kubejson_resource_find(const char *text, size_t len, const char *kind,
	struct kube_resource *ret_resource, struct err *err)
{
	json_t *doc CLEANUP(docjson_unref_at) = parse_kind(text, len, "v1", "APIResourceList", err);
	json_t *list = json_object_get(doc, "resources"), *item;
	struct kube_resource found = {.plural = ""};
	char scale[sizeof(found.plural) + sizeof("/scale")];
	size_t i;

	if (!doc)
		return -1;
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *its_kind = json_string_value(json_object_get(item, "kind"));

		/* A name with a slash is a subresource, which has a kind of its own. */
		if (!name || !its_kind || strchr(name, '/') || strcmp(its_kind, kind) != 0)
			continue;
		if (!*name || strlen(name) >= sizeof(found.plural))
			return err_set(err, ERR_RETRY, "discovery has no usable name for %s", kind);
		(void)snprintf(found.plural, sizeof(found.plural), "%s", name);
		found.namespaced = json_is_true(json_object_get(item, "namespaced"));
		break;
	}
	if (!found.plural[0])
		return err_set(err, ERR_ABSENT, "there is no kind '%s'", kind);
	(void)snprintf(scale, sizeof(scale), "%s/scale", found.plural);
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));

		if (name && strcmp(name, scale) == 0)
			found.scalable = true;
	}
	*ret_resource = found;
	return 0;
}

/* One printable line: a run of anything else becomes one space. */
static void print_line(const char *text, size_t len, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		bool printable = text[i] > ' ' && text[i] <= '~';

		if (printable)
			to[n++] = text[i];
		else if (n && to[n - 1] != ' ')
			to[n++] = ' ';
	}
	while (n && to[n - 1] == ' ')
		n--;
	to[n] = '\0';
}

void kubejson_status_text(const char *text, size_t len, char *ret_text, size_t size)
{
	json_t *doc CLEANUP(docjson_unref_at) = json_loadb(text, len, 0, NULL);
	const char *message = json_string_value(json_object_get(doc, "message"));
	const char *reason = json_string_value(json_object_get(doc, "reason"));
	char *line;

	if (!message || !*message) {
		print_line(text, len, ret_text, size);
		return;
	}
	line = reason && *reason ? mem_printf("%s: %s", reason, message) : mem_strdup(message);
	print_line(line, strlen(line), ret_text, size);
	free(line);
}
