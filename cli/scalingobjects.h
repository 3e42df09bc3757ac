/* Custom resources and events as a part of `hexlag run`. */
#ifndef HEXLAG_SCALINGOBJECTS_H
#define HEXLAG_SCALINGOBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/settings.h"
#include "common/err.h"
#include "common/exposition.h"
#include "scaler/events.h"
#include "scaler/objects.h"

/* Zeroed is none. */
struct scaling_objects {
	struct events *events;   /* NULL: none are posted */
	struct objects *objects; /* NULL: none are watched */
};

/* The events that the settings ask for; before the scaler is made, whose hook
 * scaling_objects_event() is. */
int scaling_objects_open_events(
	struct scaling_objects *o, const struct settings *s, struct err *err) MUSTCHECK;

/* The objects that the settings ask for, for this scaler; `changed` gets the rules of the file, which are
 * told by objects_set_file(), and of objects, as objects.h says. */
int scaling_objects_open(struct scaling_objects *o, const struct settings *s, struct scaler *scaler,
	void (*changed)(void *ctx, struct ruleset *rules), void *ctx, struct err *err) MUSTCHECK;

int scaling_objects_start(struct scaling_objects *o, struct err *err) MUSTCHECK;
void scaling_objects_stop(struct scaling_objects *o);
bool scaling_objects_join(struct scaling_objects *o, int64_t deadline_ms);
void scaling_objects_close(struct scaling_objects *o);

/* As scaler_hooks.event. */
void scaling_objects_event(const struct scaling_objects *o, const struct ruleset_entry *e,
	bool warning, const char *reason, const char *note);

/* Adds their requests to the API server. */
void scaling_objects_requests(const struct scaling_objects *o, uint64_t requests[KUBE_OUTCOMES]);

void scaling_objects_metrics(const struct scaling_objects *o, struct exposition *x);

#endif
