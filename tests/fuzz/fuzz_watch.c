/* Any bytes as the body of a watch and of a list of HexServerAutoscalers: split in two ways they give
 * the same events, and each object is read, or refused with a reason. */
#include <string.h>

#include "cli/settingstables.h"
#include "common/mem.h"
#include "scaler/hexjson.h"
#include "scaler/watchjson.h"
#include "tests/fuzz/fuzz.h"

static const struct hex_fields fields = {settings_rule_options, settings_check_rule};

static void check_object(const struct json_t *doc)
{
	struct hexobject o;
	struct err err = {0};
	const char *field;

	if (hexjson_read(doc, &fields, &o, &err) != 0) {
		FUZZ_CHECK(err.kind == ERR_CONFIG);
		return;
	}
	FUZZ_CHECK(o.namespace && o.name && o.uid);
	FUZZ_CHECK(o.valid == !o.problem);
	if (o.valid) {
		FUZZ_CHECK(rule_check(&o.rule, &field, &err) == 0);
		FUZZ_CHECK(o.rule.max >= 1 && o.rule.min >= 0 && o.rule.min <= o.rule.max);
		FUZZ_CHECK(strcmp(o.rule.target.namespace, o.namespace) == 0);
		FUZZ_CHECK(rule_threshold_count(&o.rule) > 0);
	} else {
		FUZZ_CHECK(strncmp(o.problem, "spec", 4) == 0);
	}
	hexobject_release(&o);
}

static void note(void *ctx, const struct watch_event *e)
{
	struct strbuf *said = ctx;

	FUZZ_CHECK(e->version);
	FUZZ_CHECK((e->object != NULL) == (e->type <= WATCH_BOOKMARK));
	FUZZ_CHECK((e->text != NULL) == (e->type > WATCH_BOOKMARK));
	strbuf_addf(said, "%d %s %s\n", (int)e->type, e->version, e->text ? e->text : "");
	if (e->object)
		check_object(e->object);
}

static char *read_all(const char *bytes, size_t len, size_t part, bool list)
{
	struct strbuf said = STRBUF_INIT;
	struct watchjson w = {.fn = note, .ctx = &said, .list = list};
	char version[64] = "";

	for (size_t at = 0; at < len; at += part)
		watchjson_feed(&w, bytes + at, len - at < part ? len - at : part);
	if (list && watchjson_list_version(&w, version, sizeof(version), NULL) == 0)
		FUZZ_CHECK(*version);
	strbuf_adds(&said, version);
	watchjson_release(&w);
	return strbuf_take(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	for (int list = 0; list < 2; list++) {
		char *whole = read_all((const char *)bytes, len, len + 1, list);
		char *parts = read_all((const char *)bytes, len, 1 + len % 7, list);

		FUZZ_CHECK(strcmp(whole, parts) == 0);
		free(whole);
		free(parts);
	}
	return 0;
}
