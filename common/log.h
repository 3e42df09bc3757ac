/* One line per event on stderr, as text or JSON. A line is one write(), so lines of threads never
 * mix. Only loops and the top level log; modules return errors. Thread: any. */
#ifndef HEXLAG_LOG_H
#define HEXLAG_LOG_H

#include <stdbool.h>

#include "common/attr.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Until called: info, text. Not to be called once other threads run. */
void log_init(enum log_level level, bool json);

void log_set_level(enum log_level level); /* Thread: any */
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
