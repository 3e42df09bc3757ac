#include "common/conftext.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/strbuf.h"

struct scan {
	const char *at;
	unsigned line;
	struct strbuf out;
};

static void copy(struct scan *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->line += s->at[i] == '\n';
	strbuf_add(&s->out, s->at, n);
	s->at += n;
}

static void copy_string(struct scan *s)
{
	size_t n = 1;

	while (s->at[n] && s->at[n] != '"')
		n += s->at[n] == '\\' && s->at[n + 1] ? 2 : 1;
	copy(s, s->at[n] ? n + 1 : n);
}

/* At a comment: its length without the final newline; 0 elsewhere. */
static size_t comment_length(const char *at)
{
	const char *end;

	if (at[0] == '#' || (at[0] == '/' && at[1] == '/'))
		return strcspn(at, "\n");
	if (at[0] == '/' && at[1] == '*') {
		end = strstr(at + 2, "*/");
		return end ? (size_t)(end + 2 - at) : strlen(at);
	}
	return 0;
}

/* A word is a name, a number or what looks like one; only integers without a suffix matter. */
static void copy_word(struct scan *s, struct conf_wide *wide)
{
	bool hex = s->at[0] == '0' && (s->at[1] == 'x' || s->at[1] == 'X');
	size_t n = hex ? 2 : strspn(s->at, "+-");
	size_t digits = strspn(s->at + n, hex ? "0123456789abcdefABCDEF" : "0123456789");
	struct conf_wide_int *wide_int;
	long long value;

	n += digits;
	while (isalnum((unsigned char)s->at[n]) || strchr("_*.-+", s->at[n] ? s->at[n] : ' ')) {
		n++;
		digits = 0;
	}
	errno = 0;
	value = digits ? strtoll(s->at, NULL, hex ? 16 : 10) : 0;
	copy(s, n ? n : 1);
	if (value < INT32_MIN || value > INT32_MAX) {
		wide_int = mem_append(&wide->items, wide->count, sizeof(*wide->items));
		*wide_int = (struct conf_wide_int){s->line, value};
		wide->count++;
		if (errno == ERANGE) { /* longer than 64 bits: the saturated value instead */
			s->out.len -= n;
			strbuf_addi(&s->out, value);
		}
		strbuf_addc(&s->out, 'L');
	}
}

char *conf_widen(const char *text, struct conf_wide *wide)
{
	struct scan s = {.at = text, .line = 1};

	while (*s.at) {
		size_t comment = comment_length(s.at);

		if (comment) {
			copy(&s, comment);
		} else if (*s.at == '"') {
			copy_string(&s);
		} else if (isspace((unsigned char)*s.at)) {
			copy(&s, 1);
		} else {
			if (!wide->include_line && strncmp(s.at, "@include", 8) == 0)
				wide->include_line = s.line;
			copy_word(&s, wide);
		}
	}
	return strbuf_take(&s.out);
}

bool conf_wide_has(const struct conf_wide *wide, unsigned line, int64_t value)
{
	for (size_t i = 0; i < wide->count; i++)
		if (wide->items[i].line == line && wide->items[i].value == value)
			return true;
	return false;
}
