#include "common/exposition.h"

#include <string.h>

#include "common/utf8.h"

#define DRAIN_BYTES ((size_t)64 << 10)

/* OpenMetrics calls a counter's family by the name that its samples have without _total. */
static size_t family_name_len(const struct exposition *x, const struct family *f)
{
	static const char suffix[] = "_total";
	size_t len = strlen(f->name), cut = sizeof(suffix) - 1;

	if (!x->openmetrics || strcmp(f->type, "counter") != 0 || len <= cut)
		return len;
	return strcmp(f->name + len - cut, suffix) == 0 ? len - cut : len;
}

void exposition_family(struct exposition *x, const struct family *f)
{
	size_t len = family_name_len(x, f);

	strbuf_adds(&x->text, "# HELP ");
	strbuf_add(&x->text, f->name, len);
	strbuf_addc(&x->text, ' ');
	strbuf_adds(&x->text, f->help);
	strbuf_adds(&x->text, "\n# TYPE ");
	strbuf_add(&x->text, f->name, len);
	strbuf_addc(&x->text, ' ');
	strbuf_adds(&x->text, f->type);
	strbuf_addc(&x->text, '\n');
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

void exposition_single(
	struct exposition *x, const struct family *f, int64_t value, unsigned decimals)
{
	exposition_family(x, f);
	strbuf_adds(&x->text, f->name);
	strbuf_addc(&x->text, ' ');
	exposition_decimal(&x->text, value, decimals);
	strbuf_addc(&x->text, '\n');
}

void exposition_drain(struct exposition *x, bool all)
{
	if (!x->drain || x->text.len < (all ? 1 : DRAIN_BYTES))
		return;
	x->drain(x->drain_ctx, x->text.data, x->text.len);
	x->text.len = 0;
	x->text.data[0] = '\0';
}

void exposition_end(struct exposition *x)
{
	if (x->openmetrics)
		strbuf_adds(&x->text, "# EOF\n");
}
