/* Any bytes as a label value: what is written stays within its quotes and its line, is UTF-8, and
 * says the same. */
#include <stdbool.h>
#include <string.h>

#include "common/exposition.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

/* Bytes of the UTF-8 sequence at `s` by the table of Unicode, 0 where there is none: another way than
 * that of the code under test. */
static size_t sequence(const unsigned char *s)
{
	static const unsigned char table[][9] = {/* length, then least and most of each byte */
		{1, 0x01, 0x7f}, {2, 0xc2, 0xdf, 0x80, 0xbf},
		{3, 0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf}, {3, 0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf},
		{3, 0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf}, {3, 0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf},
		{4, 0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
		{4, 0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
		{4, 0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf}};

	for (size_t row = 0; row < ARRAY_LEN(table); row++) {
		size_t i = 0;

		while (i < table[row][0] && s[i] >= table[row][1 + 2 * i] &&
			s[i] <= table[row][2 + 2 * i])
			i++;
		if (i == table[row][0])
			return i;
	}
	return 0;
}

static bool is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t len = sequence(s);

		if (!len)
			return false;
		s += len;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *value = mem_strndup((const char *)bytes, len);
	struct strbuf out = STRBUF_INIT, back = STRBUF_INIT;

	exposition_label_value(&out, value);
	FUZZ_CHECK(is_utf8(strbuf_str(&out)));
	FUZZ_CHECK(!strpbrk(strbuf_str(&out), "\n"));
	for (const char *s = strbuf_str(&out); *s; s++) {
		FUZZ_CHECK(*s != '"');
		if (*s == '\\') {
			s++;
			FUZZ_CHECK(*s && strchr("\\\"n", *s));
			strbuf_addc(&back, *s == 'n' ? '\n' : *s);
		} else {
			strbuf_addc(&back, *s);
		}
	}
	FUZZ_CHECK(!is_utf8(value) || strcmp(strbuf_str(&back), value) == 0);
	strbuf_release(&out);
	strbuf_release(&back);
	free(value);
	return 0;
}
