#include "common/jsonout.h"

#include <string.h>

#include "common/utf8.h"

static void begin(struct jsonout *j, const char *key)
{
	if (j->comma)
		strbuf_addc(j->to, ',');
	j->comma = true;
	if (!key)
		return;
	strbuf_addc(j->to, '"');
	strbuf_adds(j->to, key);
	strbuf_add(j->to, "\":", 2);
}

void jsonout_open(struct jsonout *j, const char *key, char bracket)
{
	begin(j, key);
	strbuf_addc(j->to, bracket);
	j->comma = false;
}

void jsonout_close(struct jsonout *j, char bracket)
{
	strbuf_addc(j->to, bracket);
	j->comma = true;
}

void jsonout_null(struct jsonout *j, const char *key)
{
	begin(j, key);
	strbuf_add(j->to, "null", 4);
}

void jsonout_bool(struct jsonout *j, const char *key, bool value)
{
	begin(j, key);
	strbuf_adds(j->to, value ? "true" : "false");
}

void jsonout_int(struct jsonout *j, const char *key, bool known, int64_t value)
{
	if (!known) {
		jsonout_null(j, key);
		return;
	}
	begin(j, key);
	strbuf_addi(j->to, value);
}

static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Returns what comes after the one character that is not plain. DEL and the like may stand as they are:
 * RFC 8259 asks for an escape below U+0020 only. */
static const char *add_special(struct strbuf *to, const char *s)
{
	unsigned char c = (unsigned char)*s;
	uint32_t code;
	size_t len;

	if (c >= 0x80) {
		len = utf8_read(s, &code);
		strbuf_add(to, len ? s : "\xef\xbf\xbd", len ? len : 3);
		return s + (len ? len : 1);
	}
	if (c < 0x20)
		strbuf_addf(to, "\\u%04x", c);
	else
		strbuf_add(to, (const char[]){'\\', (char)c}, 2);
	return s + 1;
}

void jsonout_text(struct jsonout *j, const char *key, const char *value)
{
	if (!value) {
		jsonout_null(j, key);
		return;
	}
	begin(j, key);
	strbuf_addc(j->to, '"');
	while (*value) {
		size_t len = 0;

		while (plain((unsigned char)value[len]))
			len++;
		strbuf_add(j->to, value, len);
		value += len;
		if (*value)
			value = add_special(j->to, value);
	}
	strbuf_addc(j->to, '"');
}
