/* The configuration file read again while hexlag runs: when it, or a file or folder that it includes, is
 * another one or has other bytes (also through the symbolic links of a mounted ConfigMap), and when asked
 * to. In force at once are the rules and the log level. A file that is wrong changes nothing, and says so
 * in the log, by a metric and to readiness probes. */
#ifndef HEXLAG_RELOAD_H
#define HEXLAG_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/settings.h"
#include "common/exposition.h"
#include "common/strbuf.h"

struct reload;

struct reload_options {
	const char *path;
	const struct settings *running; /* those the program started with; borrowed */
	/* Puts the rules in force; called with each file that is right and not the same as the one in force.
	 * `settings` is borrowed for the call. -1: those before stay, and the file counts as wrong. */
	int (*apply)(void *ctx, const struct settings *settings, struct err *err);
	void *ctx;
};

/* `wall_ms` is when the file was read. */
struct reload *reload_new(const struct reload_options *options, int64_t wall_ms);
void reload_free(struct reload *r); /* NULL is fine */

/* Reads again what has changed since it was read and not since the last look, so that who writes a file is
 * given the time to finish; and what was wrong after 5 s, then less often up to every minute. Call it about
 * once a second, at `now_ms` (monotonic), `wall_ms`. Thread: one, as reload_now(). */
void reload_look(struct reload *r, int64_t now_ms, int64_t wall_ms);

/* Reads again at once, changed or not. */
void reload_now(struct reload *r, int64_t now_ms, int64_t wall_ms);

/* Appends whether the last reading was right, and when one was. Thread: any. */
void reload_metrics(struct reload *r, struct exposition *x);
extern const struct family reload_families[]; /* the families that it appends */

/* Appends one line where the file is wrong and not in force, nothing where all is well. Thread: any. */
void reload_complaint(struct reload *r, struct strbuf *out);

#endif
