#include "common/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static NORETURN void out_of_memory(size_t size)
{
	(void)fprintf(stderr, "hexlag: out of memory (%zu bytes)\n", size);
	abort();
}

static size_t mem_product(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory(SIZE_MAX);
	return bytes ? bytes : 1;
}

void *mem_alloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory(size);
	return p;
}

void *mem_zalloc(size_t count, size_t size)
{
	size_t bytes = mem_product(count, size);
	void *p = calloc(1, bytes);

	if (!p)
		out_of_memory(bytes);
	return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
	size_t bytes = mem_product(count, size);
	void *q = realloc(p, bytes);

	if (!q)
		out_of_memory(bytes);
	return q;
}

char *mem_strdup(const char *s)
{
	return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = mem_alloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *mem_printf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory(0);
	return text;
}

void *mem_append(void *items, size_t count, size_t size)
{
	char *p;

	/* Powers of two are the counts at which the room is used up. */
	memcpy(&p, items, sizeof(p));
	if ((count & (count - 1)) == 0) {
		p = mem_resize(p, count ? count * 2 : 1, size);
		memcpy(items, &p, sizeof(p));
	}
	return p + count * size;
}

void mem_free_at(void *p)
{
	void *owned;

	memcpy(&owned, p, sizeof(owned));
	free(owned);
}
