#include "scaler/accessreviewjson.h"

#include <jansson.h>
#include <string.h>

#include "common/mem.h"
#include "scaler/docjson.h"

#define AUTHENTICATION "authentication.k8s.io/v1"
#define AUTHORIZATION "authorization.k8s.io/v1"

static char *dump(json_t *doc)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

	/* Only what is not UTF-8 comes here; the server then says what is wrong. */
	return text ? text : mem_strdup("{}");
}

char *accessreviewjson_token(const char *token)
{
	json_t *doc CLEANUP(docjson_unref_at) = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion",
		AUTHENTICATION, "kind", "TokenReview", "spec", "token", token);

	return dump(doc);
}

/* The status of a document of this kind, borrowed from `*ret_doc`, which the caller unrefs. */
static json_t *read_status(const char *text, size_t len, const char *api_version, const char *kind,
	json_t **ret_doc, struct err *err)
{
	json_t *doc = *ret_doc = docjson_load(text, len, err);
	json_t *status = json_object_get(doc, "status");

	if (!doc || docjson_check_kind(doc, api_version, kind, false, err) < 0)
		return NULL;
	if (json_is_object(status))
		return status;
	err_set(err, ERR_RETRY, "the %s has no status", kind);
	return NULL;
}

/* A flag that the server leaves out where it is false. */
static int read_flag(json_t *status, const char *key, bool *ret, struct err *err)
{
	json_t *value = json_object_get(status, key);

	if (value && !json_is_boolean(value))
		return err_set(err, ERR_RETRY, "status.%s is neither true nor false", key);
	*ret = json_is_true(value);
	return 0;
}

int accessreviewjson_subject(const char *text, size_t len, char **ret_body, struct err *err)
{
	json_t *doc CLEANUP(docjson_unref_at) = NULL;
	json_t *review CLEANUP(docjson_unref_at) = NULL;
	json_t *status = read_status(text, len, AUTHENTICATION, "TokenReview", &doc, err), *user;
	const char *name;
	bool authenticated = false;

	if (!status || read_flag(status, "authenticated", &authenticated, err) != 0)
		return -1;
	if (!authenticated) {
		*ret_body = NULL;
		return 0;
	}
	user = json_object_get(status, "user");
	name = json_string_value(json_object_get(user, "username"));
	if (!name || !*name)
		return err_set(err, ERR_RETRY, "the TokenReview names no user");
	/* All that rules may go by; what is absent is left out ('*'). */
	review = json_pack("{s:s, s:s, s:{s:s, s:O*, s:O*, s:O*, s:{s:s, s:s}}}", "apiVersion",
		AUTHORIZATION, "kind", "SubjectAccessReview", "spec", "user", name, "uid",
		json_object_get(user, "uid"), "groups", json_object_get(user, "groups"), "extra",
		json_object_get(user, "extra"), "nonResourceAttributes", "path", ACCESSREVIEW_PATH,
		"verb", "get");
	*ret_body = dump(review);
	return 0;
}

int accessreviewjson_allowed(const char *text, size_t len, bool *ret_allowed, struct err *err)
{
	json_t *doc CLEANUP(docjson_unref_at) = NULL;
	json_t *status = read_status(text, len, AUTHORIZATION, "SubjectAccessReview", &doc, err);
	bool allowed = false, denied = false;

	if (!status || read_flag(status, "allowed", &allowed, err) != 0 ||
		read_flag(status, "denied", &denied, err) != 0)
		return -1;
	*ret_allowed = allowed && !denied;
	return 0;
}
