#include "common/jsonout.h"

#include "tests/tap.h"

static void test_text(void)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
		{"NULL is null", NULL, "null"},
		{"an empty text is a text", "", "\"\""},
		{"plain text stays", "orders-1", "\"orders-1\""},
		{"quotes and backslashes are escaped", "a\"b\\c", "\"a\\\"b\\\\c\""},
		{"so is what is below a space", "a\n\t\x01\x1f",
			"\"a\\u000a\\u0009\\u0001\\u001f\""},
		{"DEL may stand", "\x7f", "\"\x7f\""},
		{"HTML is text", "</script><b>", "\"</script><b>\""},
		{"UTF-8 stays", "\xc3\xbc\xe6\xb6\x88\xf0\x9f\x90\xa2",
			"\"\xc3\xbc\xe6\xb6\x88\xf0\x9f\x90\xa2\""},
		{"a stray byte is replaced",
			"a\xff"
			"b",
			"\"a\xef\xbf\xbd"
			"b\""},
		{"a sequence cut off is replaced", "\xe6\xb6", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"a surrogate is not UTF-8", "\xed\xa0\x80",
			"\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;
		struct jsonout j = {.to = &out};

		jsonout_text(&j, NULL, rows[i].text);
		TAP_STR(rows[i].name, strbuf_str(&out), rows[i].want);
	}
}

static void test_structure(void)
{
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;
	struct jsonout j = {.to = &out};

	jsonout_open(&j, NULL, '{');
	jsonout_int(&j, "a", true, INT64_MIN);
	jsonout_int(&j, "b", false, 7);
	jsonout_open(&j, "c", '[');
	jsonout_open(&j, NULL, '{');
	jsonout_close(&j, '}');
	jsonout_open(&j, NULL, '[');
	jsonout_close(&j, ']');
	jsonout_bool(&j, NULL, true);
	jsonout_null(&j, NULL);
	jsonout_close(&j, ']');
	jsonout_bool(&j, "d", false);
	jsonout_close(&j, '}');
	TAP_STR("commas stand between values, at every level", strbuf_str(&out),
		"{\"a\":-9223372036854775808,\"b\":null,\"c\":[{},[],true,null],\"d\":false}");
}

int main(void)
{
	test_text();
	test_structure();
	return tap_done();
}
