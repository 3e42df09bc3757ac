#include "common/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void strbuf_release(struct strbuf *sb)
{
	free(sb->data);
	*sb = STRBUF_INIT;
}

void strbuf_reserve(struct strbuf *sb, size_t more)
{
	size_t need;

	if (__builtin_add_overflow(sb->len, more, &need) || __builtin_add_overflow(need, 1, &need))
		need = SIZE_MAX; /* the allocation below aborts */
	if (need <= sb->room)
		return;
	if (need < SIZE_MAX / 2 && need < sb->room * 2)
		need = sb->room * 2;
	sb->data = mem_resize(sb->data, need, 1);
	sb->data[sb->len] = '\0';
	sb->room = need;
}

void strbuf_add(struct strbuf *sb, const void *bytes, size_t n)
{
	strbuf_reserve(sb, n);
	memcpy(sb->data + sb->len, bytes, n);
	sb->len += n;
	sb->data[sb->len] = '\0';
}

void strbuf_adds(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void strbuf_addi(struct strbuf *sb, int64_t value)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		strbuf_addc(sb, '-');
	strbuf_add(sb, digits + at, sizeof(digits) - at);
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	strbuf_reserve(sb, 80);
	n = vsnprintf(sb->data + sb->len, sb->room - sb->len, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n >= sb->room - sb->len) {
		strbuf_reserve(sb, (size_t)n);
		(void)vsnprintf(sb->data + sb->len, sb->room - sb->len, fmt, again);
	}
	va_end(again);
	sb->len += n > 0 ? (size_t)n : 0;
}

const char *strbuf_str(const struct strbuf *sb)
{
	return sb->data ? sb->data : "";
}

char *strbuf_take(struct strbuf *sb)
{
	char *data = sb->data ? sb->data : mem_strdup("");

	*sb = STRBUF_INIT;
	return data;
}
