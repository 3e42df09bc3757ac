#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!err || err->kind != ERR_NONE)
		return -1;
	err->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char outer[sizeof(err->msg) / 2];
	size_t used, rest;
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(outer, sizeof(outer) - 2, fmt, ap);
	va_end(ap);
	used = strlen(outer);
	memcpy(outer + used, ": ", 3);
	used += 2;
	/* The end of a long cause is cut, not its beginning. */
	rest = sizeof(err->msg) - used - 1;
	memmove(err->msg + used, err->msg, rest);
	memcpy(err->msg, outer, used);
	err->msg[used + rest] = '\0';
	return -1;
}

void err_clear(struct err *err)
{
	if (!err)
		return;
	err->kind = ERR_NONE;
	err->retry_after_s = 0;
	err->msg[0] = '\0';
}
