#include "scaler/kubejson.h"

#include <stdlib.h>

#include "common/strbuf.h"
#include "tests/tap.h"

#define SCALE(meta, rest) \
	"{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{" meta "}" rest "}"
#define META "\"name\":\"n\",\"uid\":\"u-1\",\"resourceVersion\":\"42\""

static const struct {
	const char *name, *text;
	int32_t spec, status;
} good_scales[] = {
	{"a whole Scale", SCALE(META, ",\"spec\":{\"replicas\":3},\"status\":{\"replicas\":2}"), 3,
		2},
	{"absent spec.replicas is 0", SCALE(META, ",\"spec\":{},\"status\":{\"replicas\":1}"), 0,
		1},
	{"absent spec and status are 0", SCALE(META, ""), 0, 0},
	{"null is absent", SCALE(META, ",\"spec\":null,\"status\":{\"replicas\":null}"), 0, 0},
	{"the largest number", SCALE(META, ",\"spec\":{\"replicas\":2147483647}"), INT32_MAX, 0},
	{"unknown fields do not matter",
		SCALE(META ",\"labels\":{\"a\":\"b\"}", ",\"spec\":{\"replicas\":1,\"x\":[1]}"), 1,
		0},
};

static const struct {
	const char *name, *text, *message;
} bad_scales[] = {
	{"an empty answer", "", "not JSON"},
	{"text is not JSON", "hello", "not JSON"},
	{"a cut document", "{\"kind\":\"Scale\",", "not JSON"},
	{"bytes after the document", SCALE(META, "") "x", "not JSON"},
	{"a key given twice", "{\"kind\":\"Scale\",\"kind\":\"Scale\"}", "not JSON"},
	{"an array is no Scale", "[1]", "not Scale of autoscaling/v1"},
	{"a wrong kind is named", "{\"kind\":\"Status\",\"apiVersion\":\"v1\"}",
		"'Status' of 'v1', not Scale"},
	{"another version of Scale", "{\"kind\":\"Scale\",\"apiVersion\":\"extensions/v1beta1\"}",
		"extensions/v1beta1"},
	{"a kind that is a number", "{\"kind\":1,\"apiVersion\":\"v1\"}", "not Scale"},
	{"negative replicas", SCALE(META, ",\"spec\":{\"replicas\":-1}"),
		"spec.replicas of the Scale is -1"},
	{"replicas beyond int32", SCALE(META, ",\"spec\":{\"replicas\":2147483648}"),
		"spec.replicas of the Scale is 2147483648"},
	{"replicas beyond int64", SCALE(META, ",\"spec\":{\"replicas\":99999999999999999999}"),
		"not JSON"},
	{"a fraction", SCALE(META, ",\"spec\":{\"replicas\":1.5}"), "not an integer"},
	{"a string", SCALE(META, ",\"spec\":{\"replicas\":\"3\"}"), "not an integer"},
	{"a spec that is a list", SCALE(META, ",\"spec\":[3]"), "spec of the Scale"},
	{"negative status", SCALE(META, ",\"status\":{\"replicas\":-5}"), "status.replicas"},
	{"no resourceVersion", SCALE("\"uid\":\"u\"", ""), "no metadata.resourceVersion"},
	{"a resourceVersion that is a number", SCALE("\"resourceVersion\":42", ""),
		"metadata.resourceVersion of the Scale is not a string"},
	{"a resourceVersion that is too long",
		SCALE("\"resourceVersion\":\"0123456789012345678901234567890123456789012345678901"
		      "234567890123\"",
			""),
		"longer than 63"},
	{"no metadata", "{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\"}",
		"no metadata.resourceVersion"},
};

static void check_scales(void)
{
	for (size_t i = 0; i < ARRAY_LEN(good_scales); i++) {
		struct kube_scale s = {0};
		struct err err = {0};
		const char *text = good_scales[i].text;

		TAP_INT(good_scales[i].name, kubejson_scale_parse(text, strlen(text), &s, &err), 0);
		TAP_INT("its spec", s.spec_replicas, good_scales[i].spec);
		TAP_INT("its status", s.status_replicas, good_scales[i].status);
		TAP_STR("its version", s.resource_version, "42");
		TAP_STR("its uid", s.uid, "u-1");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad_scales); i++) {
		struct kube_scale s = {.spec_replicas = 77};
		struct err err = {0};
		const char *text = bad_scales[i].text;
		int rc = kubejson_scale_parse(text, strlen(text), &s, &err);

		TAP_HAS(bad_scales[i].name, err.msg, bad_scales[i].message);
		TAP_TRUE("is for later, and nothing is set",
			rc == -1 && err.kind == ERR_RETRY && s.spec_replicas == 77);
	}
}

static void check_bodies(void)
{
	struct kube_scale seen = {.resource_version = "42", .uid = "u-1"};
	char *body = kubejson_scale_body("shop", "orders", &seen, 5);

	TAP_STR("a body has all preconditions", body,
		"{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"metadata\":{\"name\":"
		"\"orders\",\"namespace\":\"shop\",\"uid\":\"u-1\",\"resourceVersion\":\"42\"},"
		"\"spec\":{\"replicas\":5}}");
	free(body);
	seen.uid[0] = '\0';
	body = kubejson_scale_body(NULL, "a\"b", &seen, 0);
	TAP_STR("0 is written, quotes are escaped, what is absent is left out", body,
		"{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"metadata\":{\"name\":"
		"\"a\\\"b\",\"resourceVersion\":\"42\"},\"spec\":{\"replicas\":0}}");
	free(body);
	body = kubejson_scale_body(NULL, "\xff", &seen, 0);
	TAP_STR("a name that is not UTF-8 makes an empty document", body, "{}");
	free(body);
}

#define LIST(items) "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"resources\":[" items "]}"
#define ITEM(name, kind) "{\"name\":\"" name "\",\"namespaced\":true,\"kind\":\"" kind "\"}"

static const struct {
	const char *name, *text, *kind;
	enum err_kind want;
	const char *plural;
	bool namespaced, scalable;
} lists[] = {
	{"a kind with the scale subresource",
		LIST(ITEM("deployments", "Deployment") "," ITEM("deployments/scale", "Scale")),
		"Deployment", ERR_NONE, "deployments", true, true},
	{"the subresource may come first",
		LIST(ITEM("deployments/scale", "Scale") "," ITEM("deployments", "Deployment")),
		"Deployment", ERR_NONE, "deployments", true, true},
	{"another kind's subresource does not count",
		LIST(ITEM("pods", "Pod") "," ITEM("deployments/scale", "Scale")), "Pod", ERR_NONE,
		"pods", true, false},
	{"a subresource of the same kind is not the resource",
		LIST(ITEM("pods/ephemeral", "Pod") "," ITEM("pods", "Pod")), "Pod", ERR_NONE,
		"pods", true, false},
	{"a cluster-scoped kind",
		LIST("{\"name\":\"plants\",\"namespaced\":false,\"kind\":\"Plant\"}"), "Plant",
		ERR_NONE, "plants", false, false},
	{"odd elements are passed over", LIST("1,null,{},{\"name\":1}," ITEM("pods", "Pod")), "Pod",
		ERR_NONE, "pods", true, false},
	{"the core group's list has no apiVersion",
		"{\"kind\":\"APIResourceList\",\"resources\":[" ITEM("pods", "Pod") "]}", "Pod",
		ERR_NONE, "pods", true, false},
	{"kinds differ by case", LIST(ITEM("pods", "Pod")), "pod", ERR_ABSENT, NULL, false, false},
	{"an empty list", LIST(""), "Pod", ERR_ABSENT, NULL, false, false},
	{"resources of null",
		"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"resources\":null}", "Pod",
		ERR_ABSENT, NULL, false, false},
	{"an empty name", LIST(ITEM("", "Pod")), "Pod", ERR_RETRY, NULL, false, false},
	{"another document", "{\"kind\":\"Status\",\"apiVersion\":\"v1\"}", "Pod", ERR_RETRY, NULL,
		false, false},
	{"no document", "<html>", "Pod", ERR_RETRY, NULL, false, false},
};

static void check_lists(void)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct kube_resource r = {.plural = ""};
		struct err err = {0};

		(void)!kubejson_resource_find(
			lists[i].text, strlen(lists[i].text), lists[i].kind, &r, &err);
		TAP_INT(lists[i].name, err.kind, lists[i].want);
		if (lists[i].want != ERR_NONE)
			continue;
		TAP_STR("its plural", r.plural, lists[i].plural);
		TAP_INT("its scope", r.namespaced, lists[i].namespaced);
		TAP_INT("its scale", r.scalable, lists[i].scalable);
	}
}

static const struct {
	const char *name, *text, *want;
	size_t size;
} statuses[] = {
	{"a Status", "{\"kind\":\"Status\",\"message\":\"no such thing\",\"reason\":\"NotFound\"}",
		"NotFound: no such thing", 100},
	{"a Status without a reason", "{\"message\":\"boom\"}", "boom", 100},
	{"a Status without a message is shown as it is", "{\"code\":500}", "{\"code\":500}", 100},
	{"plain text", "Too many requests, please try again later.\n",
		"Too many requests, please try again later.", 100},
	{"an empty body", "", "", 100},
	{"lines and control characters become spaces", "a\r\n\tb\x1b[31mc\x7f", "a b [31mc", 100},
	{"control characters in a message, too", "{\"message\":\"a\\nb\\u0007c\"}", "a b c", 100},
	{"bytes above 127 become spaces", "caf\xc3\xa9 x", "caf x", 100},
	{"a long text is cut", "0123456789", "0123", 5},
	{"a cut text does not end in a space", "012 456789", "012", 5},
};

static void check_statuses(void)
{
	char text[100];

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		kubejson_status_text(
			statuses[i].text, strlen(statuses[i].text), text, statuses[i].size);
		TAP_STR(statuses[i].name, text, statuses[i].want);
	}
}

/* `count` times `open`, then as often `close`. */
static int parse_repeated(
	const char *start, const char *open, const char *close, size_t count, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	struct kube_scale s;
	int rc;

	strbuf_adds(&text, start);
	for (size_t i = 0; i < count; i++)
		strbuf_adds(&text, open);
	for (size_t i = 0; i < count; i++)
		strbuf_adds(&text, close);
	rc = kubejson_scale_parse(strbuf_str(&text), text.len, &s, err);
	strbuf_release(&text);
	return rc;
}

static void check_hostile(void)
{
	struct err err = {0};
	char line[64];

	TAP_INT("a million opening brackets are refused",
		parse_repeated("", "[", "", 1000000, &err), -1);
	TAP_HAS("as too deep", err.msg, "depth");
	err_clear(&err);
	TAP_INT("deep objects are refused", parse_repeated("", "{\"a\":", "}", 100000, &err), -1);
	err_clear(&err);
	TAP_INT("a wide document is read and refused",
		parse_repeated("[1", ",[]", "", 400000, &err), -1);
	kubejson_status_text("{\"message\":\"a\0b\"}", 17, line, sizeof(line));
	TAP_STR("a NUL byte in an error's body is no end", line, "{\"message\":\"a b\"}");
}

int main(void)
{
	check_scales();
	check_bodies();
	check_lists();
	check_statuses();
	check_hostile();
	return tap_done();
}
