#include "common/exposition.h"

#include <string.h>

#include "common/utf8.h"

void exposition_family(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_adds(out, "# HELP ");
	strbuf_adds(out, name);
	strbuf_addc(out, ' ');
	strbuf_adds(out, help);
	strbuf_adds(out, "\n# TYPE ");
	strbuf_adds(out, name);
	strbuf_addc(out, ' ');
	strbuf_adds(out, type);
	strbuf_addc(out, '\n');
}

void exposition_label_value(struct strbuf *out, const char *value)
{
	const char *s = value;

	while (*s) {
		size_t len = 0;
		uint32_t code;

		while ((unsigned char)s[len] < 0x80 && !strchr("\"\\\n", s[len]))
			len++;
		strbuf_add(out, s, len);
		s += len;
		if ((unsigned char)*s >= 0x80) {
			len = utf8_read(s, &code);
			strbuf_add(out, len ? s : "\xef\xbf\xbd", len ? len : 3);
			s += len ? len : 1;
		} else if (*s) {
			strbuf_addc(out, '\\');
			strbuf_addc(out, *s == '\n' ? 'n' : *s);
			s++;
		}
	}
}

static char *put_number(char *to, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	memcpy(to, digits + at, sizeof(digits) - at);
	return to + sizeof(digits) - at;
}

char *exposition_put_decimal(char *to, int64_t value, unsigned decimals)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	uint64_t unit = 1;

	if (value < 0)
		*to++ = '-';
	for (unsigned i = 0; i < decimals; i++)
		unit *= 10;
	to = put_number(to, rest / unit);
	if (rest % unit == 0)
		return to;
	*to++ = '.';
	for (rest %= unit; rest; rest %= unit) {
		unit /= 10;
		*to++ = (char)('0' + rest / unit);
	}
	return to;
}

void exposition_decimal(struct strbuf *out, int64_t value, unsigned decimals)
{
	char number[EXPOSITION_NUMBER_MAX];

	strbuf_add(out, number, (size_t)(exposition_put_decimal(number, value, decimals) - number));
}

void exposition_single(struct strbuf *out, const char *name, const char *type, const char *help,
	int64_t value, unsigned decimals)
{
	exposition_family(out, name, type, help);
	strbuf_adds(out, name);
	strbuf_addc(out, ' ');
	exposition_decimal(out, value, decimals);
	strbuf_addc(out, '\n');
}
