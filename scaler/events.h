/* Kubernetes events about rules, sent by a thread of its own, so that no decision waits for one and
 * no failure of one fails a decision. events.k8s.io/v1 is tried first; where it is refused or unknown,
 * core/v1. What repeats becomes a series of one event. While a server asks for a pause (Retry-After)
 * nothing is sent. */
#ifndef HEXLAG_EVENTS_H
#define HEXLAG_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"
#include "scaler/ruleset.h"

/* Series in memory. What comes beyond takes the place of the one told whose latest event is the oldest, or
 * is dropped where all are yet to be told. */
#define EVENTS_KEPT_MAX 1000
#define EVENTS_SERIES_END_MS 360000  /* without a repetition for so long, a series has ended */
#define EVENTS_SERIES_PAUSE_MS 30000 /* between two patches of one series */
#define EVENTS_TRIES 5               /* after so many failures an event is dropped */

struct events;

struct events_options {
	struct kube_options kube; /* `stop` is set by the events */
	const char *instance;     /* who reports: the name of the pod or host; copied */
};

/* ERR_CONFIG where the credentials are wrong. Connects to nothing yet. */
struct events *events_new(const struct events_options *options, struct err *err) MUSTCHECK;
void events_free(struct events *e); /* only once it does not run; NULL is fine */

int events_start(struct events *e, struct err *err) MUSTCHECK;
void events_stop(struct events *e); /* asks; returns at once. Thread: any */
bool events_join(struct events *e, int64_t deadline_ms);

/* What an event is about. Borrowed. */
struct events_about {
	const char *api_version, *kind;
	const char *namespace;  /* "": that of the credentials */
	const char *name, *uid; /* uid "" where it is not known */
};

/* Tells that something happened. Returns at once. `reason` is a CamelCase word of at most 128 bytes.
 * Thread: any. */
void events_post(struct events *e, const struct events_about *about, bool warning,
	const char *reason, const char *note);

/* The same about the HexServerAutoscaler that a rule is from, else about the target of the rule, which is
 * `target_uid` where that is known: without it `kubectl describe` does not show the event. */
void events_post_rule(struct events *e, const struct ruleset_entry *entry, bool warning,
	const char *reason, const char *note);

/* How long an event waits after its failure number `tries` in a row: twice as long each time up to a
 * minute, and as long as the server asked for. Pure. */
int64_t events_backoff_ms(int tries, int retry_after_s);

/* So far. Thread: any. */
struct events_counts {
	uint64_t posted, failed, dropped; /* requests that succeeded or failed; events never sent */
};
struct events_counts events_counts(const struct events *e);
uint64_t events_requests(const struct events *e, enum kube_outcome outcome);

#endif
