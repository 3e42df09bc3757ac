/* What libconfig's own scanner would swallow. libconfig 1.5 (Debian 12) reads an integer without the
 * suffix L by atoi(): 4294967297 becomes 1 without a word. */
#ifndef HEXLAG_CONFTEXT_H
#define HEXLAG_CONFTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Integers of the text that need 64 bits and lack the L. */
struct conf_wide {
	struct conf_wide_int {
		unsigned line;
		int64_t value;
	} * items; /* freed by the caller */
	size_t count;
	unsigned include_line; /* line of the first @include, 0: none */
};

/* A copy of `text` (the caller frees it), line by line the same, in which those integers carry an L so
 * that the library reads their true value (saturated to 64 bits); each is noted in `wide`. */
char *conf_widen(const char *text, struct conf_wide *wide);

bool conf_wide_has(const struct conf_wide *wide, unsigned line, int64_t value);

/* A number in as few digits as tell it from all others. Returns `to`. */
const char *conf_number_text(double value, char *to, size_t room);

#endif
