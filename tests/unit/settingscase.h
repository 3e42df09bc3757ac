/* A configuration text and what is to be said of it. */
#ifndef HEXLAG_SETTINGSCASE_H
#define HEXLAG_SETTINGSCASE_H

#include "cli/settings.h"
#include "tests/tap.h"

/* `error`: what the errors of `text`, as a file "f", have to contain; "": it is valid. */
static inline void settings_case(const char *name, const char *text, const char *error)
{
	struct conf_errors errors = {0};
	struct settings settings;
	int rc = settings_parse(text, "f", &settings, &errors);

	if (*error)
		TAP_HAS(name, rc < 0 ? strbuf_str(&errors.text) : "(valid)", error);
	else
		TAP_STR(name, strbuf_str(&errors.text), "");
	strbuf_release(&errors.text);
	settings_release(&settings);
}

#endif
