/* HexServerAutoscaler objects, for as long as the program runs: watches them, hands on the rules that
 * they make together with those of the file, and writes their status. Never in the way of a
 * decision: what fails here is logged on change, counted, and tried again. */
#ifndef HEXLAG_OBJECTS_H
#define HEXLAG_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/hexjson.h"
#include "scaler/kube.h"
#include "scaler/ruleset.h"
#include "scaler/watch.h"

struct events;
struct objects;
struct scaler;

struct objects_options {
	struct kube_options kube; /* `stop` is set by the objects */
	/* Namespaces to look into, each by a watch of its own; none: all, by one. Borrowed until
	 * objects_new() returns. */
	char *const *namespaces;
	size_t namespace_count;
	struct hex_fields fields; /* settings_rule_options, settings_check_rule; borrowed */
	struct ruleset *file; /* rules of the file, which win, to begin with; takes a reference */
	/* Borrowed. The status is that of its reports, and written only while they say that it leads. NULL:
	 * no status is written. */
	struct scaler *scaler;
	struct events *events; /* borrowed; NULL: none */
	/* Gets the rules of file and objects, now and at each change, from the objects' thread; takes its
	 * own reference. That of an object is not among them before its namespace has been listed once: it may
	 * seem to be the only one for its target until then. */
	void (*changed)(void *ctx, struct ruleset *rules);
	void *ctx;
};

/* ERR_CONFIG where the credentials or a namespace are wrong. Connects to nothing yet. */
struct objects *objects_new(const struct objects_options *options, struct err *err) MUSTCHECK;
void objects_free(struct objects *o); /* only once it does not run; NULL is fine */

int objects_start(struct objects *o, struct err *err) MUSTCHECK;
void objects_stop(struct objects *o); /* asks; returns at once. Thread: any */
bool objects_join(struct objects *o, int64_t deadline_ms);

/* Other rules of the file, as after a reload. Takes a reference. Thread: any. */
void objects_set_file(struct objects *o, struct ruleset *file);

/* As of now. Thread: any. */
struct objects_counts {
	size_t valid, invalid, ambiguous; /* objects; ambiguous: another has the target */
	bool synced;                      /* all of all namespaces are known, and no watch fails */
	struct watch_counts watches;      /* of all namespaces together */
	uint64_t nameless;                /* objects without a usable name */
	uint64_t status_writes, status_failures;
	uint64_t requests[KUBE_OUTCOMES]; /* to the API server, by watches and status */
};
void objects_count(struct objects *o, struct objects_counts *ret);

#endif
