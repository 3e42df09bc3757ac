/* Custom resources and events as a part of `hexlag run`. */
#ifndef HEXLAG_PROGRAMOBJECTS_H
#define HEXLAG_PROGRAMOBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/settings.h"
#include "common/err.h"
#include "common/exposition.h"
#include "scaler/events.h"
#include "scaler/objects.h"

/* Zeroed is none. */
struct program_objects {
	struct events *events;   /* NULL: none are posted */
	struct objects *objects; /* NULL: none are watched */
};

/* The events that the settings ask for; before the scaler is made, whose hook
 * program_objects_event() is. */
int program_objects_open_events(
	struct program_objects *o, const struct settings *s, struct err *err) MUSTCHECK;

/* The objects that the settings ask for, for this scaler; `changed` gets the rules of `file` and of
 * objects, as objects.h says. */
int program_objects_open(struct program_objects *o, const struct settings *s, struct scaler *scaler,
	struct ruleset *file, void (*changed)(void *ctx, struct ruleset *rules), void *ctx,
	struct err *err) MUSTCHECK;

int program_objects_start(struct program_objects *o, struct err *err) MUSTCHECK;
void program_objects_stop(struct program_objects *o);
bool program_objects_join(struct program_objects *o, int64_t deadline_ms);
void program_objects_close(struct program_objects *o);

/* scaler_hooks.event, with the struct program_objects as ctx. */
void program_objects_event(void *ctx, const struct ruleset_entry *e, bool warning,
	const char *reason, const char *note);

/* Appends their metrics; `ctx` is the struct program_objects. */
void program_objects_metrics(void *ctx, struct exposition *x);

#endif
