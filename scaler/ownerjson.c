#include "scaler/ownerjson.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "scaler/docjson.h"

static int read_field(json_t *ref, const char *key, char *to, size_t size, struct err *err)
{
	const char *text = json_string_value(json_object_get(ref, key));

	if (!text || !*text)
		return err_set(err, ERR_RETRY, "the controller in ownerReferences has no %s", key);
	if (strlen(text) >= size)
		return err_set(err, ERR_RETRY,
			"%s of the controller in ownerReferences has %zu characters, at most %zu "
			"are possible",
			key, strlen(text), size - 1);
	(void)snprintf(to, size, "%s", text);
	return 0;
}

int ownerjson_controller(const char *text, size_t len, struct ownerjson_ref *ret, struct err *err)
{
	json_t *doc CLEANUP(docjson_unref_at) = docjson_load(text, len, err);
	json_t *meta = json_object_get(doc, "metadata"), *ref;
	struct ownerjson_ref found = {0};
	size_t i;

	if (!doc)
		return -1;
	if (!json_is_object(meta))
		return err_set(err, ERR_RETRY, "the answer is no object with metadata");
	json_array_foreach(json_object_get(meta, "ownerReferences"), i, ref)
	{
		/* The API server takes one controller at most. */
		if (!json_is_true(json_object_get(ref, "controller")))
			continue;
		if (read_field(ref, "apiVersion", found.api_version, sizeof(found.api_version),
			    err) < 0 ||
			read_field(ref, "kind", found.kind, sizeof(found.kind), err) < 0 ||
			read_field(ref, "name", found.name, sizeof(found.name), err) < 0)
			return -1;
		found.found = true;
		break;
	}
	*ret = found;
	return 0;
}
