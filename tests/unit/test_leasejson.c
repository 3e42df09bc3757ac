#include "scaler/leasejson.h"

#include <jansson.h>
#include <stdlib.h>

#include "tests/tap.h"

#define LEASE(meta, spec)                                                                   \
	"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{" meta \
	"},\"spec\":{" spec "}}"
#define META "\"name\":\"n\",\"namespace\":\"shop\",\"uid\":\"u-1\",\"resourceVersion\":\"42\""

#define HELD                                                                             \
	"\"holderIdentity\":\"a_1\",\"leaseDurationSeconds\":15,\"leaseTransitions\":7," \
	"\"acquireTime\":\"2026-11-21T10:15:40.123456Z\","                               \
	"\"renewTime\":\"2026-11-21T10:15:42.000001Z\""

static const struct {
	const char *name, *text, *holder;
	int32_t duration_s, transitions;
	const char *state;
} good[] = {
	{"a Lease that is held", LEASE(META, HELD), "a_1", 15, 7, NULL},
	{"a Lease that was given back",
		LEASE(META, "\"holderIdentity\":\"\",\"leaseDurationSeconds\":1"), "", 1, 0, NULL},
	{"absent fields are nobody's and 0", LEASE(META, ""), "", 0, 0, NULL},
	{"null is absent",
		LEASE(META, "\"holderIdentity\":null,\"acquireTime\":null,\"leaseTransitions\":"
			    "null"),
		"", 0, 0, NULL},
	{"the largest numbers",
		LEASE(META, "\"leaseDurationSeconds\":2147483647,\"leaseTransitions\":2147483647"),
		"", INT32_MAX, INT32_MAX, NULL},
	{"the state of the leader",
		LEASE(META ",\"annotations\":{\"" LEASE_STATE_ANNOTATION "\":\"{\\\"v\\\":1}\"}",
			""),
		"", 0, 0, "{\"v\":1}"},
	{"annotations that are null", LEASE(META ",\"annotations\":null", ""), "", 0, 0, NULL},
	{"a state that holds a NUL is none",
		LEASE(META ",\"annotations\":{\"" LEASE_STATE_ANNOTATION "\":\"a\\u0000b\"}", ""),
		"", 0, 0, NULL},
	{"a state that is a number is none",
		LEASE(META ",\"annotations\":{\"" LEASE_STATE_ANNOTATION "\":3}", ""), "", 0, 0,
		NULL},
};

static const struct {
	const char *name, *text, *message;
} bad[] = {
	{"an empty answer", "", "not JSON"},
	{"a cut document", "{\"kind\":\"Lease\",", "not JSON"},
	{"bytes after the document", LEASE(META, "") "x", "not JSON"},
	{"a key given twice", "{\"kind\":\"Lease\",\"kind\":\"Lease\"}", "not JSON"},
	{"a list", "[1]", "not a Lease"},
	{"a Status", "{\"kind\":\"Status\",\"apiVersion\":\"v1\"}", "not a Lease"},
	{"another version", "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1beta1\"}",
		"not a Lease"},
	{"no metadata", "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\"}",
		"no metadata.resourceVersion"},
	{"an empty resourceVersion", LEASE("\"resourceVersion\":\"\"", ""),
		"no metadata.resourceVersion"},
	{"a resourceVersion that is a number", LEASE("\"resourceVersion\":42", ""),
		"no metadata.resourceVersion"},
	{"a resourceVersion that is too long",
		LEASE("\"resourceVersion\":\"0123456789012345678901234567890123456789012345678901"
		      "234567890123\"",
			""),
		"longer than 63"},
	{"annotations that are a list", LEASE(META ",\"annotations\":[1]", ""), "annotations"},
	{"a holder that is a number", LEASE(META, "\"holderIdentity\":1"), "holderIdentity"},
	{"a holder that holds a NUL", LEASE(META, "\"holderIdentity\":\"a\\u0000b\""),
		"holderIdentity"},
	{"a spec that is a list",
		"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{" META
		"},\"spec\":[]}",
		"spec of the Lease"},
	{"a negative duration", LEASE(META, "\"leaseDurationSeconds\":-1"),
		"leaseDurationSeconds of the Lease is -1"},
	{"a duration beyond int32", LEASE(META, "\"leaseDurationSeconds\":2147483648"),
		"2147483648"},
	{"a duration beyond int64", LEASE(META, "\"leaseDurationSeconds\":99999999999999999999"),
		"not JSON"},
	{"a duration that is a fraction", LEASE(META, "\"leaseDurationSeconds\":1.5"),
		"not an integer"},
	{"negative transitions", LEASE(META, "\"leaseTransitions\":-5"), "leaseTransitions"},
	{"a time that is a number", LEASE(META, "\"renewTime\":1700000000"), "renewTime"},
	{"a time that is a word", LEASE(META, "\"acquireTime\":\"now\""), "acquireTime"},
};

static void check_parsing(void)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct lease_record r = {0};
		struct err err = {0};

		TAP_INT(good[i].name, leasejson_parse(good[i].text, strlen(good[i].text), &r, &err),
			0);
		TAP_STR("its holder", r.holder, good[i].holder);
		TAP_INT("its duration", r.duration_s, good[i].duration_s);
		TAP_INT("its transitions", r.transitions, good[i].transitions);
		TAP_STR("its state", r.state, good[i].state);
		TAP_STR("its version", r.resource_version, "42");
		lease_record_release(&r);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct lease_record r = {.duration_s = 77};
		struct err err = {0};
		int rc = leasejson_parse(bad[i].text, strlen(bad[i].text), &r, &err);

		TAP_HAS(bad[i].name, err.msg, bad[i].message);
		TAP_TRUE("is for later, and nothing is set",
			rc == -1 && err.kind == ERR_RETRY && r.duration_s == 77 && !r.holder);
	}
}

static void check_nul(void)
{
	static const char text[] = LEASE(META ",\"s\":3\0", "");
	struct lease_record r = {0};
	struct err err = {0};

	TAP_INT("a NUL after a number", leasejson_parse(text, sizeof(text) - 1, &r, &err), -1);
	TAP_HAS("is told", err.msg, "not JSON");
}

static const struct {
	const char *text;
	bool ok;
	int64_t us;
} times[] = {
	{"1970-01-01T00:00:00.000000Z", true, 0},
	{"2026-11-21T10:15:40.123456Z", true, 1795256140123456},
	{"2026-11-21T10:15:40Z", true, 1795256140000000},
	{"2026-11-21T10:15:40.5Z", true, 1795256140500000},
	{"2026-11-21T10:15:40.123456789Z", true, 1795256140123456},
	{"2026-11-21T12:15:40.123456+02:00", true, 1795256140123456},
	{"2026-11-21T08:45:40.123456-01:30", true, 1795256140123456},
	{"2024-02-29T00:00:00Z", true, 1709164800000000},
	{"0001-01-01T00:00:00Z", true, -62135596800000000},
	{"9999-12-31T23:59:59.999999Z", true, 253402300799999999},
	{"", false, 0},
	{"2026-11-21", false, 0},
	{"2026-11-21T10:15:40", false, 0},
	{"2026-11-21T10:15:40.Z", false, 0},
	{"2026-11-21 10:15:40Z", false, 0},
	{"2026-11-21T10:15:40Zx", false, 0},
	{"2026-02-29T00:00:00Z", false, 0},
	{"2026-13-01T00:00:00Z", false, 0},
	{"2026-00-01T00:00:00Z", false, 0},
	{"2026-01-00T00:00:00Z", false, 0},
	{"2026-01-32T00:00:00Z", false, 0},
	{"2026-01-01T24:00:00Z", false, 0},
	{"2026-01-01T00:60:00Z", false, 0},
	{"2026-01-01T00:00:61Z", false, 0},
	{"2026-01-01T00:00:00+24:00", false, 0},
	{"2026-01-01T00:00:00+0100", false, 0},
	{"0000-01-01T00:00:00Z", false, 0},
	{"-026-01-01T00:00:00Z", false, 0},
	{"12026-01-01T00:00:00Z", false, 0},
};

static void check_times(void)
{
	char text[LEASEJSON_TIME_MAX];

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		int64_t us = 0;

		TAP_INT(times[i].text, leasejson_parse_time(times[i].text, &us), times[i].ok);
		TAP_INT("its value", us, times[i].us);
	}
	leasejson_print_time(1795256140000007, text);
	TAP_STR("exactly six digits are written", text, "2026-11-21T10:15:40.000007Z");
	leasejson_print_time(-1, text);
	TAP_STR("also before 1970", text, "1969-12-31T23:59:59.999999Z");
}

static const struct lease_write claim = {
	.holder = "b",
	.duration_s = 15,
	.transitions = 8,
	.acquired_us = 1795256140123456,
	.renewed_us = 1795256142000001,
};

#define CLAIMED                                                                        \
	"\"holderIdentity\":\"b\",\"leaseDurationSeconds\":15,\"leaseTransitions\":8," \
	"\"acquireTime\":\"2026-11-21T10:15:40.123456Z\","                             \
	"\"renewTime\":\"2026-11-21T10:15:42.000001Z\""

/* Whether both texts are the same document, whatever the order of keys. */
static bool same_json(const char *a, const char *b)
{
	json_t *doc_a = json_loads(a, JSON_ALLOW_NUL, NULL),
	       *doc_b = json_loads(b, JSON_ALLOW_NUL, NULL);
	bool same = doc_a && json_equal(doc_a, doc_b);

	json_decref(doc_a);
	json_decref(doc_b);
	if (!same)
		printf("# %s\n# %s\n", a, b);
	return same;
}

static bool writes(const char *seen_text, const struct lease_write *w, const char *want)
{
	struct lease_record seen = {0};
	struct err err = {0};
	char *body;
	bool ok;

	if (seen_text && leasejson_parse(seen_text, strlen(seen_text), &seen, &err) < 0)
		return false;
	body = leasejson_body("shop", "n", seen_text ? &seen : NULL, w);
	ok = same_json(body, want);
	free(body);
	lease_record_release(&seen);
	return ok;
}

static void check_bodies(void)
{
	struct lease_write with_state = claim, bad_state = claim;

	with_state.state = "x\"\n";
	bad_state.state = "\xff";
	TAP_TRUE("a new Lease",
		writes(NULL, &claim,
			"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\""
			":{\"name\":\"n\",\"namespace\":\"shop\"},\"spec\":{" CLAIMED "}}"));
	TAP_TRUE("the preconditions are sent back",
		writes(LEASE(META, HELD), &claim, LEASE(META, CLAIMED)));
	TAP_TRUE("and so is what is not ours or not known",
		writes(LEASE(META ",\"labels\":{\"a\":\"b\"},\"annotations\":{\"c\":\"d\\u0000\"},"
				  "\"x\":[{}]",
			       HELD ",\"strategy\":\"S\",\"preferredHolder\":\"p\""),
			&claim,
			LEASE(META ",\"labels\":{\"a\":\"b\"},\"annotations\":{\"c\":\"d\\u0000\"},"
				   "\"x\":[{}]",
				CLAIMED ",\"strategy\":\"S\",\"preferredHolder\":\"p\"")));
	TAP_TRUE("a state joins the annotations of others",
		writes(LEASE(META ",\"annotations\":{\"c\":\"d\"}", HELD), &with_state,
			LEASE(META ",\"annotations\":{\"c\":\"d\",\"" LEASE_STATE_ANNOTATION
				   "\":\"x\\\"\\n\"}",
				CLAIMED)));
	TAP_TRUE("a state that is not given stays",
		writes(LEASE(META ",\"annotations\":{\"" LEASE_STATE_ANNOTATION "\":\"s\"}", HELD),
			&claim,
			LEASE(META ",\"annotations\":{\"" LEASE_STATE_ANNOTATION "\":\"s\"}",
				CLAIMED)));
	TAP_TRUE("a Lease without a spec gets one",
		writes("{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":"
		       "{" META ",\"annotations\":null}}",
			&with_state,
			LEASE(META ",\"annotations\":{\"" LEASE_STATE_ANNOTATION "\":\"x\\\"\\n\"}",
				CLAIMED)));
	TAP_TRUE("what is not UTF-8 makes an empty document",
		writes(LEASE(META, HELD), &bad_state, "{}"));
}

static void check_same(void)
{
	static const struct {
		const char *name, *text;
		bool same;
	} rows[] = {
		{"another version of the same record",
			LEASE("\"resourceVersion\":\"43\",\"labels\":{}", HELD), true},
		{"another holder", LEASE(META, "\"holderIdentity\":\"b\""), false},
		{"a renewal a microsecond later",
			LEASE(META, "\"holderIdentity\":\"a_1\",\"leaseDurationSeconds\":15,"
				    "\"leaseTransitions\":7,"
				    "\"acquireTime\":\"2026-11-21T10:15:40.123456Z\","
				    "\"renewTime\":\"2026-11-21T10:15:42.000002Z\""),
			false},
	};
	struct lease_record first = {0};
	struct err err = {0};

	TAP_INT("the first",
		leasejson_parse(LEASE(META, HELD), strlen(LEASE(META, HELD)), &first, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lease_record r = {0};

		if (leasejson_parse(rows[i].text, strlen(rows[i].text), &r, &err) < 0)
			abort();
		TAP_INT(rows[i].name, lease_record_same(&first, &r), rows[i].same);
		lease_record_release(&r);
	}
	lease_record_release(&first);
}

int main(void)
{
	check_parsing();
	check_nul();
	check_times();
	check_bodies();
	check_same();
	return tap_done();
}
