#include "common/base64.h"

#include "tests/tap.h"

/* The first rows are those of RFC 4648 section 10. */
static const struct {
	const char *name, *text, *want;
	size_t want_len;
} valid[] = {
	{"nothing stands for nothing", "", "", 0},
	{"one byte has two padding characters", "Zg==", "f", 1},
	{"two bytes have one", "Zm8=", "fo", 2},
	{"three bytes have none", "Zm9v", "foo", 3},
	{"four bytes start a second group", "Zm9vYg==", "foob", 4},
	{"five bytes", "Zm9vYmE=", "fooba", 5},
	{"six bytes", "Zm9vYmFy", "foobar", 6},
	{"the last two digits are + and /", "+/+/", "\xfb\xff\xbf", 3},
	{"all bits set", "////", "\xff\xff\xff", 3},
	{"zero bytes are bytes", "AAAA", "\0\0\0", 3},
	{"line ends are skipped", "Zm9v\r\nYmFy\n", "foobar", 6},
	{"line ends inside a group, too", "Z\nm9\nv", "foo", 3},
	{"line ends inside the padding, too", "Zg=\n=", "f", 1},
};

static const struct {
	const char *name, *text, *message;
} invalid[] = {
	{"missing padding is an error", "Zg", "not base64: not whole after 2 characters"},
	{"half of the padding is an error", "Zg=", "not base64: not whole after 3 characters"},
	{"a lone digit is an error", "Zm9vY", "not base64: not whole after 5 characters"},
	{"unused bits of one byte must be zero", "Zh==", "not base64: not whole"},
	{"unused bits of two bytes must be zero", "Zm9=", "not base64: not whole"},
	{"padding without digits is an error", "====", "not base64 at character 1"},
	{"padding after one digit is an error", "Z===", "not base64 at character 2"},
	{"too much padding is an error", "Zm9v=", "not base64 at character 5"},
	{"a third padding character is an error", "Zg===", "not base64 at character 5"},
	{"digits after padding are an error", "Zg==Zg==", "not base64 at character 5"},
	{"a space is an error", "Zm9v YmFy", "not base64 at character 5"},
	{"the URL alphabet is an error", "-_-_", "not base64 at character 1"},
	{"bytes above 127 are an error", "Zm9\xff", "not base64 at character 4"},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		struct strbuf out = STRBUF_INIT;
		struct err err = {0};
		int rc = base64_decode(valid[i].text, strlen(valid[i].text), &out, &err);

		TAP_TRUE(valid[i].name,
			rc == 0 && out.len == valid[i].want_len &&
				memcmp(strbuf_str(&out), valid[i].want, valid[i].want_len) == 0);
		strbuf_release(&out);
		if (strpbrk(valid[i].text, "\r\n"))
			continue;
		base64_encode(valid[i].want, valid[i].want_len, &out);
		TAP_STR("and back", strbuf_str(&out), valid[i].text);
		strbuf_release(&out);
	}
	for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
		struct strbuf out = STRBUF_INIT;
		struct err err = {0};
		int rc = base64_decode(invalid[i].text, strlen(invalid[i].text), &out, &err);

		TAP_HAS(invalid[i].name, err.msg, invalid[i].message);
		TAP_TRUE("and leaves the output alone", rc == -1 && out.len == 0);
		strbuf_release(&out);
	}
	return tap_done();
}
