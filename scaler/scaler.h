/* The scaler's loop: for each new snapshot and each rule read the scale, decide, write, say why.
 * The only place from which anything is written to Kubernetes is here. */
#ifndef HEXLAG_SCALER_H
#define HEXLAG_SCALER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/exposition.h"
#include "scaler/decide.h"
#include "scaler/kube.h"

struct publish;
struct scaler;

struct scaler_options {
	const struct rule *rules; /* borrowed, as all below */
	size_t rule_count;
	struct kube_options kube; /* `stop` is set by the scaler */
	struct publish *publish;
	int64_t max_age_ms; /* an older snapshot is not acted on */
};

/* ERR_CONFIG where the Kubernetes credentials are wrong. Connects to nothing yet. */
struct scaler *scaler_new(const struct scaler_options *options, struct err *err) MUSTCHECK;
void scaler_free(struct scaler *s); /* only once it does not run; NULL is fine */

/* From now on a thread acts on every new snapshot. */
int scaler_start(struct scaler *s, struct err *err) MUSTCHECK;
void scaler_stop(struct scaler *s); /* asks; returns at once. Thread: any */
bool scaler_join(struct scaler *s, int64_t deadline_ms);

/* One pass over all rules in the calling thread at `now_ms` (monotonic). `snapshot` may be NULL. For
 * tests, instead of start. */
struct snapshot;
void scaler_pass(struct scaler *s, const struct snapshot *snapshot, int64_t now_ms);

/* The latest decision on rule `i` and the replicas seen, for screens. False: none yet. Thread: any. */
bool scaler_last_decision(struct scaler *s, size_t i, struct decision *ret);

/* Appends decisions, replicas, writes and API requests as metrics. Thread: any. */
void scaler_metrics(struct scaler *s, struct exposition *x);

extern const struct family scaler_families[]; /* the families that it appends */

#endif
