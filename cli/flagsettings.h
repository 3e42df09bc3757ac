/* What kafka_exporter's flags mean in the settings of hexlag. */
#ifndef HEXLAG_FLAGSETTINGS_H
#define HEXLAG_FLAGSETTINGS_H

#include "cli/flags.h"
#include "cli/settings.h"

/* The settings of an exporter with these flags; the environment stands in for an empty password and
 * token URL. -1 and ERR_CONFIG with the flag and its value (never a secret's) where a value is wrong, or
 * where the flag would change what is shown, or who is trusted, and that cannot be done here.
 * `ret` is zeroed first and is to be released in both cases. */
int flags_settings(const struct flags *f, struct settings *ret, struct err *err) MUSTCHECK;

#endif
