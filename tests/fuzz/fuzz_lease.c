/* Any bytes as a Lease: refused, or read and written back so that the same is read again. */
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "scaler/leasejson.h"
#include "tests/fuzz/fuzz.h"

static void check_time(const char *text)
{
	char printed[LEASEJSON_TIME_MAX];
	int64_t us, again;

	if (!leasejson_parse_time(text, &us))
		return;
	leasejson_print_time(us, printed);
	/* An offset may lead out of the four digits of a year, by less than a day. */
	if (us < INT64_C(-62135596800000000) || us > INT64_C(253402300799999999))
		return;
	FUZZ_CHECK(leasejson_parse_time(printed, &again) && again == us);
}

static void check_written(const struct lease_record *seen)
{
	const struct lease_write w = {
		.holder = "me",
		.duration_s = 15,
		.transitions = seen->transitions,
		.acquired_us = 1795256140123456,
		.renewed_us = 1795256142000001,
		.state = "state",
	};
	char *body CLEANUP(mem_free_at) = leasejson_body("shop", "n", seen, &w);
	struct lease_record again CLEANUP(lease_record_release) = {0};
	struct err err = {0};

	FUZZ_CHECK(leasejson_parse(body, strlen(body), &again, &err) == 0);
	FUZZ_CHECK(strcmp(again.holder, "me") == 0 && again.duration_s == 15);
	FUZZ_CHECK(again.transitions == seen->transitions && again.has_acquired);
	FUZZ_CHECK(again.acquired_us == w.acquired_us && again.renewed_us == w.renewed_us);
	FUZZ_CHECK(strcmp(again.resource_version, seen->resource_version) == 0);
	FUZZ_CHECK(strcmp(again.state, "state") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text CLEANUP(mem_free_at) = mem_strndup((const char *)bytes, len);
	struct lease_record r CLEANUP(lease_record_release) = {0};
	struct err err = {0};

	check_time(text);
	if (leasejson_parse((const char *)bytes, len, &r, &err) == 0)
		check_written(&r);
	else
		FUZZ_CHECK(err.kind == ERR_RETRY && *err.msg && !r.holder);
	return 0;
}
