/* Tests in TAP: each check is one line, a failure prints file, line, expression and both values.
 * Usage: main() calls the checks and returns tap_done(). */
#ifndef HEXLAG_TAP_H
#define HEXLAG_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/attr.h"

static int tap_count, tap_failed;

static inline void tap_line(bool ok, const char *name)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tap_count, name);
	tap_failed += !ok;
}

static inline bool tap_true(bool ok, const char *name, const char *file, int line, const char *expr)
{
	tap_line(ok, name);
	if (!ok)
		printf("# %s:%d: false: %s\n", file, line, expr);
	return ok;
}

static inline bool tap_int(
	int64_t got, int64_t want, const char *name, const char *file, int line, const char *expr)
{
	tap_line(got == want, name);
	if (got != want)
		printf("# %s:%d: %s is %" PRId64 ", want %" PRId64 "\n", file, line, expr, got,
			want);
	return got == want;
}

static inline bool tap_str(const char *got, const char *want, const char *name, const char *file,
	int line, const char *expr)
{
	bool ok = got && want ? strcmp(got, want) == 0 : got == want;

	tap_line(ok, name);
	if (!ok)
		printf("# %s:%d: %s is\n#   '%s', want\n#   '%s'\n", file, line, expr,
			got ? got : "(null)", want ? want : "(null)");
	return ok;
}

/* `needle` occurs in `text`. */
static inline bool tap_has(const char *text, const char *needle, const char *name, const char *file,
	int line, const char *expr)
{
	bool ok = text && strstr(text, needle);

	tap_line(ok, name);
	if (!ok)
		printf("# %s:%d: %s lacks '%s':\n# %s\n", file, line, expr, needle,
			text ? text : "(null)");
	return ok;
}

#define TAP_TRUE(name, expr) tap_true((expr), name, __FILE__, __LINE__, #expr)
#define TAP_INT(name, expr, want) \
	tap_int((int64_t)(expr), (int64_t)(want), name, __FILE__, __LINE__, #expr)
#define TAP_STR(name, expr, want) tap_str((expr), (want), name, __FILE__, __LINE__, #expr)
#define TAP_HAS(name, expr, want) tap_has((expr), (want), name, __FILE__, __LINE__, #expr)

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
