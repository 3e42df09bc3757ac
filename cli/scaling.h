/* The scaling half of `hexlag run`: the scaler, and what says whether and by which rules it may act. */
#ifndef HEXLAG_SCALING_H
#define HEXLAG_SCALING_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/settings.h"
#include "common/attr.h"
#include "common/err.h"
#include "common/exposition.h"
#include "scaler/ruleset.h"
#include "scaler/scaler.h"

struct publish;
struct scaling;

struct scaling_options {
	const struct settings *settings; /* borrowed, as all below */
	struct publish *publish;
	int64_t max_age_ms; /* a snapshot older than this is not acted on */
	/* These rules are about to be in force; returns the number of the first snapshot made for them. */
	uint64_t (*watch)(void *ctx, const struct ruleset *rules);
	/* Another process began or ceased to lead. Called by threads of its own. */
	void (*leads_changed)(void *ctx);
	void *ctx;
};

/* ERR_CONFIG where the credentials or a setting are wrong. Connects to nothing yet; scaling_stop() ends it. */
struct scaling *scaling_new(const struct scaling_options *options, struct err *err) MUSTCHECK;
void scaling_free(struct scaling *s); /* only once it does not run; NULL is fine */

int scaling_start(struct scaling *s, struct err *err) MUSTCHECK;

/* Rules of the file, in force once their targets are known and read from Kafka. Takes a reference. -1:
 * those before stay. Thread: one. */
int scaling_set_rules(struct scaling *s, struct ruleset *rules, struct err *err) MUSTCHECK;

/* Stops all in order: who writes first, then the Lease is given back. False: something was held up
 * until the deadline and still runs. */
bool scaling_stop(struct scaling *s, int64_t deadline_ms) MUSTCHECK;

bool scaling_leads(struct scaling *s);                             /* Thread: any */
void scaling_metrics(struct scaling *s, struct exposition *x);     /* Thread: any */
void scaling_report(struct scaling *s, struct scaler_report *ret); /* Thread: any */
struct scaler *scaling_scaler(struct scaling *s);                  /* for screens */

#endif
