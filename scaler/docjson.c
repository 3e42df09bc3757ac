#include "scaler/docjson.h"

#include <jansson.h>
#include <stdint.h>
#include <string.h>

void docjson_unref_at(json_t **doc)
{
	json_decref(*doc);
}

json_t *docjson_load(const char *text, size_t len, struct err *err)
{
	json_error_t why;
	json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

	if (!doc)
		err_set(err, ERR_RETRY, "the answer is not JSON: %s (line %d)", why.text, why.line);
	return doc;
}

bool docjson_is_deep(const json_t *value, int depth)
{
	void *at = json_object_iter((json_t *)(uintptr_t)value);
	size_t items = json_array_size(value);

	if (!depth)
		return at || items;
	for (size_t i = 0; i < items; i++)
		if (docjson_is_deep(json_array_get(value, i), depth - 1))
			return true;
	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)value, at))
		if (docjson_is_deep(json_object_iter_value(at), depth - 1))
			return true;
	return false;
}

int docjson_check_kind(
	const json_t *doc, const char *api_version, const char *kind, bool bare, struct err *err)
{
	const char *got_kind = json_string_value(json_object_get(doc, "kind"));
	const char *got_version = json_string_value(json_object_get(doc, "apiVersion"));
	bool right = got_version ? strcmp(got_version, api_version) == 0 : bare;

	if (got_kind && strcmp(got_kind, kind) == 0 && right)
		return 0;
	return err_set(err, ERR_RETRY, "the answer is '%.60s' of '%.60s', not %s of %s",
		got_kind ? got_kind : "", got_version ? got_version : "", kind, api_version);
}
