#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/pattern.h"

#include <pcre2.h>
#include <stdlib.h>

#include "common/mem.h"

/* Topic and group names are short: honest patterns need a few hundred steps. */
#define PATTERN_STEPS 100000

struct pattern {
	pcre2_code *code;
	pcre2_match_context *limits;
};

struct pattern *pattern_new(const char *text, struct err *err)
{
	struct pattern *p = mem_zalloc(1, sizeof(*p));
	PCRE2_SIZE at;
	PCRE2_UCHAR why[160];
	int code;

	p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
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
