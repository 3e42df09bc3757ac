/* A strict reader of what Prometheus reads, for tests: text format 0.0.4 and OpenMetrics 1.0 as far as
 * gauges and counters go. */
#ifndef HEXLAG_STRICTFORMAT_H
#define HEXLAG_STRICTFORMAT_H

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"

struct strictformat {
	bool openmetrics;
	char *families; /* names seen, each between two newlines */
	char family[256];
	bool counter, announced; /* the family has a TYPE line */
	char *sample;            /* labels of the sample before; NULL: none */
	size_t samples;
	const char *wrong; /* NULL: nothing */
};

static inline size_t strict_name(const char *s)
{
	size_t len = 0;

	while (isalnum((unsigned char)s[len]) || s[len] == '_' || (s[len] == ':' && len))
		len++;
	return isdigit((unsigned char)s[0]) ? 0 : len;
}

/* Returns the place behind the closing quote, NULL where the value is none. */
static inline const char *strict_value(const char *s)
{
	uint32_t code;

	while (*s != '"') {
		size_t len = 1;

		if (*s == '\0' || *s == '\n')
			return NULL;
		if (*s == '\\' && !strchr("\\\"n", s[1]))
			return NULL;
		if (*s == '\\')
			len = s[1] ? 2 : 0;
		else if ((unsigned char)*s >= 0x80)
			len = utf8_read(s, &code);
		if (len == 0)
			return NULL;
		s += len;
	}
	return s + 1;
}

/* Labels sorted by name, each once. Returns the place behind them. */
static inline const char *strict_labels(struct strictformat *f, const char *s)
{
	char before[256] = "";

	for (s++;; s++) {
		size_t len = strict_name(s);
		CLEANUP(mem_free_at) char *name = mem_strndup(s, len);

		if (len == 0 || len >= sizeof(before) || strncmp(s + len, "=\"", 2) != 0)
			f->wrong = "a label is no label";
		else if (strcmp(before, name) >= 0)
			f->wrong = "a label is given twice, or out of order";
		if (f->wrong)
			return s;
		memcpy(before, name, len + 1);
		s = strict_value(s + len + 2);
		if (!s || (*s != ',' && *s != '}')) {
			f->wrong = "a label value does not end well";
			return "";
		}
		if (*s == '}')
			return s + 1;
	}
}

static inline void strict_sample(struct strictformat *f, const char *line)
{
	size_t len = strict_name(line), family = strlen(f->family);
	const char *s = line + len;
	char *end;

	f->samples++;
	if (!f->announced || strncmp(line, f->family, family) != 0)
		f->wrong = "a sample is not of the family before it";
	else if (f->counter && f->openmetrics
			 ? len != family + 6 || strncmp(line + family, "_total", 6) != 0
			 : len != family)
		f->wrong = "a sample has a wrong name";
	if (!f->wrong && *s == '{')
		s = strict_labels(f, s);
	if (f->wrong)
		return;
	if (f->sample && strlen(f->sample) == (size_t)(s - line) &&
		strncmp(f->sample, line, (size_t)(s - line)) == 0)
		f->wrong = "a series is there twice";
	free(f->sample);
	f->sample = mem_strndup(line, (size_t)(s - line));
	(void)strtod(s, &end);
	if (*s != ' ' || end == s || *end)
		f->wrong = "a value is no number";
}

static inline void strict_meta(struct strictformat *f, const char *line)
{
	bool help = strncmp(line, "# HELP ", 7) == 0;
	size_t len = strict_name(line + 7);
	CLEANUP(mem_free_at) char *name = mem_strndup(line + 7, len);
	CLEANUP(mem_free_at) char *seen = mem_printf("\n%s\n", name);
	const char *rest = line + 7 + len;

	if ((!help && strncmp(line, "# TYPE ", 7) != 0) || len == 0 || *rest != ' ') {
		f->wrong = "a comment is neither HELP nor TYPE";
	} else if (help && strstr(f->families, seen)) {
		f->wrong = "a family is there twice";
	} else if (help) {
		char *more = mem_printf("%s%s\n", f->families, name);

		free(f->families);
		f->families = more;
		memcpy(f->family, name, len + 1);
		f->announced = false;
		if (strpbrk(rest, "\\\""))
			f->wrong = "a help text wants escaping";
	} else if (strcmp(name, f->family) != 0 || f->announced) {
		f->wrong = "a TYPE does not follow its HELP";
	} else {
		f->announced = true;
		f->counter = strcmp(rest, " counter") == 0;
		if (!f->counter && strcmp(rest, " gauge") != 0)
			f->wrong = "a type is none of ours";
		if (f->openmetrics && f->counter && len > 6 &&
			strcmp(name + len - 6, "_total") == 0)
			f->wrong = "a counter's family ends in _total";
	}
}

/* Reads the text, with its "# EOF" where `ended`. Returns what is wrong, to be freed; NULL: nothing. */
static inline char *strict_check(
	const char *text, bool openmetrics, bool ended, size_t *ret_samples)
{
	struct strictformat f = {.openmetrics = openmetrics, .families = mem_strdup("\n")};
	CLEANUP(mem_free_at) char *line = NULL;
	char *wrong = NULL;
	bool eof = false;

	while (*text && !f.wrong) {
		size_t len = strcspn(text, "\n");

		free(line);
		line = mem_strndup(text, len);
		if (eof)
			f.wrong = "a line follows the end";
		else if (text[len] != '\n')
			f.wrong = "a line does not end";
		else if (openmetrics && strcmp(line, "# EOF") == 0)
			eof = true;
		else if (line[0] == '#')
			strict_meta(&f, line);
		else
			strict_sample(&f, line);
		text += len + (text[len] == '\n');
	}
	if (!f.wrong && openmetrics && ended && !eof)
		f.wrong = "there is no end";
	if (f.wrong)
		wrong = mem_printf("%s: %s", f.wrong, line ? line : "");
	*ret_samples = f.samples;
	free(f.families);
	free(f.sample);
	return wrong;
}

#endif
