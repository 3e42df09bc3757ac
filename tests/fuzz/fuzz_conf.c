/* Any bytes as a configuration file, with options of every type: read, or refused with errors. Files that
 * it includes are looked for in a folder that is not there. */
#include <string.h>

#include "common/conf.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

struct item {
	char *text;
	int32_t small;
};

struct all {
	struct item group;
	int64_t large, ms;
	bool on, present;
	int word;
	struct conf_strings strings;
	struct conf_items list;
};

static const char *const words[] = {"one", "two", NULL};

static const struct conf_option item_options[] = {
	{.key = "text", .type = CONF_STRING, .offset = offsetof(struct item, text)},
	{.key = "small",
		.type = CONF_INT32,
		.offset = offsetof(struct item, small),
		.min = 1,
		.max = 9,
		.fallback = "5"},
	{0},
};

static const struct conf_option options[] = {
	{.key = "group",
		.type = CONF_GROUP,
		.offset = offsetof(struct all, group),
		.present = offsetof(struct all, present),
		.options = item_options},
	{.key = "large",
		.type = CONF_INT64,
		.offset = offsetof(struct all, large),
		.min = INT64_MIN,
		.max = INT64_MAX},
	{.key = "ms",
		.type = CONF_DURATION,
		.offset = offsetof(struct all, ms),
		.max = 60000,
		.fallback = "1s"},
	{.key = "on", .type = CONF_BOOL, .offset = offsetof(struct all, on)},
	{.key = "word",
		.type = CONF_ENUM,
		.offset = offsetof(struct all, word),
		.names = words,
		.fallback = "two"},
	{.key = "strings", .type = CONF_STRINGS, .offset = offsetof(struct all, strings), .max = 3},
	{.key = "list",
		.type = CONF_LIST,
		.offset = offsetof(struct all, list),
		.max = 3,
		.options = item_options,
		.size = sizeof(struct item)},
	{0},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *CLEANUP(mem_free_at) text = mem_strndup((const char *)bytes, len);
	struct conf_errors errors = {0};
	struct all all = {0};
	int rc = conf_parse(text, "/nowhere/f", options, NULL, &all, &errors);

	FUZZ_CHECK((rc == 0) == (errors.count == 0));
	FUZZ_CHECK((rc == 0) == (errors.text.len == 0));
	FUZZ_CHECK(rc == 0 || strncmp(errors.text.data, "/nowhere/f:", 11) == 0);
	FUZZ_CHECK(rc != 0 || (all.group.small >= 1 && all.group.small <= 9));
	FUZZ_CHECK(rc != 0 || (all.ms >= 0 && all.ms <= 60000));
	FUZZ_CHECK(rc != 0 || conf_same(options, &all, &all));
	conf_free(options, &all);
	strbuf_release(&errors.text);
	return 0;
}
