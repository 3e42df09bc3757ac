#include "common/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A longer message is cut; what is logged is bounded by us, not by peers. */
#define LOG_MAX 2048

static _Atomic enum log_level log_threshold = LOG_LEVEL_INFO;
static bool log_json;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_init(enum log_level level, bool json)
{
	log_set_level(level);
	log_json = json;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_threshold, level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return level <= atomic_load_explicit(&log_threshold, memory_order_relaxed);
}

/* Control characters would let a peer's text forge lines; JSON needs quotes escaped as well. */
static size_t escape(char *to, size_t room, const char *from, bool json)
{
	size_t n = 0;

	for (; *from && n + 7 < room; from++) {
		unsigned char c = (unsigned char)*from;

		if (json && (c == '"' || c == '\\')) {
			to[n++] = '\\';
			to[n++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(to + n, room - n, json ? "\\u%04x" : "\\x%02x", c);
		} else {
			to[n++] = (char)c;
		}
	}
	to[n] = '\0';
	return n;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char message[LOG_MAX], safe[LOG_MAX * 2], stamp[40], line[sizeof(safe) + 128];
	struct timespec ts;
	struct tm tm;
	va_list ap;
	int n;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	(void)escape(safe, sizeof(safe), message, log_json);
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line, sizeof(line),
		log_json ? "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"msg\":\"%s\"}\n"
			 : "%s.%03ldZ %-5s %s\n",
		stamp, ts.tv_nsec / 1000000, level_names[level], safe);
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to tell */
}
