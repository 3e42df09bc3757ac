#include "scaler/ownerjson.h"

#include "tests/tap.h"

#define OBJECT(owners) "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"" owners "}}"
#define OWNERS(list) OBJECT(",\"ownerReferences\":[" list "]")
#define REF(version, kind, name, more)                                           \
	"{\"apiVersion\":\"" version "\",\"kind\":\"" kind "\",\"name\":\"" name \
	"\",\"uid\":\"u\"" more "}"
#define CONTROLLER ",\"controller\":true"
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static const struct {
	const char *name, *text;
	const char *api_version, *kind, *owner; /* NULL: none is found */
} good[] = {
	{"a controller", OWNERS(REF("apps/v1", "ReplicaSet", "orders-5c", CONTROLLER)), "apps/v1",
		"ReplicaSet", "orders-5c"},
	{"the controller among other owners",
		OWNERS(REF("v1", "ConfigMap", "c", "") "," REF(
			"apps/v1", "StatefulSet", "db", CONTROLLER)),
		"apps/v1", "StatefulSet", "db"},
	{"a custom kind", OWNERS(REF("argoproj.io/v1alpha1", "Rollout", "r", CONTROLLER)),
		"argoproj.io/v1alpha1", "Rollout", "r"},
	{"an owner that is no controller", OWNERS(REF("v1", "Node", "n", ",\"controller\":false")),
		NULL, NULL, NULL},
	{"no owners", OBJECT(""), NULL, NULL, NULL},
	{"owners that are null", OBJECT(",\"ownerReferences\":null"), NULL, NULL, NULL},
	{"an empty list", OWNERS(""), NULL, NULL, NULL},
	{"owners that are no list", OBJECT(",\"ownerReferences\":7"), NULL, NULL, NULL},
};

static const struct {
	const char *name, *text, *message;
} bad[] = {
	{"an empty answer", "", "not JSON"},
	{"a cut document", "{\"metadata\":{", "not JSON"},
	{"a list", "[]", "no object with metadata"},
	{"an object without metadata", "{\"kind\":\"Pod\"}", "no object with metadata"},
	{"a controller without a name",
		OWNERS("{\"apiVersion\":\"v1\",\"kind\":\"X\",\"controller\":true}"),
		"the controller in ownerReferences has no name"},
	{"one with an empty kind", OWNERS(REF("apps/v1", "", "x", CONTROLLER)), "has no kind"},
	{"one with a version that is a number",
		OWNERS("{\"apiVersion\":1,\"kind\":\"X\",\"name\":\"x\",\"controller\":true}"),
		"has no apiVersion"},
	{"a name that is too long",
		OWNERS(REF("v1", "X", FIFTY FIFTY FIFTY FIFTY FIFTY "0123", CONTROLLER)),
		"name of the controller in ownerReferences has 254 characters, at most 253"},
};

static void check_good(void)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct ownerjson_ref ref = {.found = true};
		struct err err = {0};

		TAP_INT(good[i].name,
			ownerjson_controller(good[i].text, strlen(good[i].text), &ref, &err), 0);
		TAP_INT("is found where there is one", ref.found, good[i].owner != NULL);
		TAP_STR("version", ref.api_version, good[i].owner ? good[i].api_version : "");
		TAP_STR("kind", ref.kind, good[i].owner ? good[i].kind : "");
		TAP_STR("name", ref.name, good[i].owner ? good[i].owner : "");
	}
}

static void check_bad(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ownerjson_ref ref;
		struct err err = {0};

		TAP_INT(bad[i].name,
			ownerjson_controller(bad[i].text, strlen(bad[i].text), &ref, &err), -1);
		TAP_HAS("says why", err.msg, bad[i].message);
		TAP_INT("and may pass", err.kind, ERR_RETRY);
	}
}

int main(void)
{
	check_good();
	check_bad();
	return tap_done();
}
