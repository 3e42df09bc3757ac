#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/pattern.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* Topic and group names are short: honest patterns need a few hundred steps. */
#define PATTERN_STEPS 100000

struct pattern {
	pcre2_code *code;
	pcre2_match_context *limits;
};

/* --- syntax: https://github.com/google/re2/wiki/Syntax --- */

/* The functions below return the end of what RE2 knows at `p`, NULL for what it does not know. */

static const char *skip_escape(const char *p, bool in_class)
{
	unsigned char c = (unsigned char)p[1];

	if (!c)
		return p + 1;     /* for the compiler to tell */
	if (c >= '1' && c <= '7') /* two octal digits; one alone is a backreference */
		return p[2] >= '0' && p[2] <= '7' ? p + 2 : NULL;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '8' || c == '9')
		return strchr(in_class ? "afnrtvxdDsSwWpP" : "AbBzafnrtvxdDsSwWpP", c) ? p + 2
										       : NULL;
	return p + 2;
}

static const char *skip_quoted(const char *p)
{
	const char *end = strstr(p + 2, "\\E");

	return end ? end + 2 : p + strlen(p);
}

static const char *skip_class(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	if (*p == ']')
		p++;
	while (p && *p && *p != ']') {
		if (*p == '\\')
			p = skip_escape(p, true);
		else if (strncmp(p, "[:", 2) == 0 && strstr(p, ":]"))
			p = strchr("<>", p[2]) ? NULL : strstr(p, ":]") + 2;
		else
			p++;
	}
	return p && *p ? p + 1 : p;
}

/* Groups, names and flags: "(", "(?:", "(?P<name>", "(?<name>", "(?i)", "(?i-s:". */
static const char *skip_paren(const char *p)
{
	if (p[1] == '*')
		return NULL;
	if (p[1] != '?')
		return p + 1;
	if (p[2] == 'P')
		return p[3] == '<' ? p + 4 : NULL;
	if (p[2] == '<')
		return p[3] == '=' || p[3] == '!' ? NULL : p + 3;
	p += 2 + strspn(p + 2, "imsU-");
	return *p == ':' || *p == ')' ? p + 1 : NULL;
}

/* "*", "+", "?", "{2}", "{2,}", "{2,5}", each perhaps with "?". A "{" of another kind is itself. */
static const char *skip_quantifier(const char *p)
{
	const char *end = p + 1;

	if (*p == '{') {
		size_t digits = strspn(end, "0123456789");

		end += digits;
		if (*end == ',')
			end += 1 + strspn(end + 1, "0123456789");
		if (!digits || *end++ != '}')
			return p + 1;
	}
	if (*end == '?')
		end++;
	return *end == '+' ? NULL : end;
}

static const char *skip(const char *p)
{
	switch (*p) {
	case '\\':
		return p[1] == 'Q' ? skip_quoted(p) : skip_escape(p, false);
	case '[':
		return skip_class(p);
	case '(':
		return skip_paren(p);
	case '*':
	case '+':
	case '?':
	case '{':
		return skip_quantifier(p);
	default:
		return p + 1;
	}
}

static int check_syntax(const char *text, struct err *err)
{
	for (const char *p = text, *end; *p; p = end) {
		if (!(end = skip(p)))
			return err_set(err, ERR_CONFIG,
				"regular expression '%s': not part of the syntax (RE2) from "
				"character %zu on: %.10s",
				text, (size_t)(p - text) + 1, p);
	}
	return 0;
}

struct pattern *pattern_new(const char *text, struct err *err)
{
	/* Names may hold any bytes; "$" is the very end of a name. */
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY;
	struct pattern *p;
	PCRE2_SIZE at;
	PCRE2_UCHAR why[160];
	int code;

	if (check_syntax(text, err) < 0)
		return NULL;
	p = mem_zalloc(1, sizeof(*p));
	p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
	if (!p->code) {
		pcre2_get_error_message(code, why, sizeof(why));
		(void)err_set(err, ERR_CONFIG, "regular expression '%s': %s at character %zu", text,
			(const char *)why, at + 1);
		pattern_free(p);
		return NULL;
	}
	p->limits = pcre2_match_context_create(NULL);
	if (!p->limits)
		abort(); /* out of memory, as in mem.c */
	pcre2_set_match_limit(p->limits, PATTERN_STEPS);
	return p;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_match_context_free(p->limits);
	pcre2_code_free(p->code);
	free(p);
}

bool pattern_matches(const struct pattern *p, const char *subject)
{
	/* Only whether it matches is asked for, not where: one pair of offsets is enough. */
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	int code;

	if (!match)
		abort(); /* out of memory, as in mem.c */
	code = pcre2_match(
		p->code, (PCRE2_SPTR)subject, PCRE2_ZERO_TERMINATED, 0, 0, match, p->limits);
	pcre2_match_data_free(match);
	return code >= 0;
}
