/* The parts of `hexlag run` wired together by the settings: collector, scaler, web server. */
#ifndef HEXLAG_PROGRAM_H
#define HEXLAG_PROGRAM_H

#include <stdbool.h>

#include "cli/settings.h"
#include "common/err.h"
#include "sidecar/web.h"

struct program {
	struct settings settings; /* filled by the caller, released by program_stop() */
	/* Whether this replica leads, and will for `margin_ms` more; else it stands by and writes nothing. The
	 * caller's. NULL: always. Thread: any; must not block. */
	bool (*leads)(void *ctx, int64_t margin_ms);
	void *leads_ctx;
	const char *file;      /* that they are of, to be minded; the caller's. NULL: none */
	struct reload *reload; /* NULL: no file */
	struct settings_filters filters;
	struct publish *publish;
	struct history *history;     /* NULL: no exporter */
	struct statefile *statefile; /* NULL: none */
	struct kafkatimes *times;    /* NULL: no exact time lag */
	struct trend *trend;         /* NULL: no exporter */
	struct collector *collector;
	struct scaler *scaler;         /* NULL: no rules */
	struct ruleset *rules;         /* in force, or about to be at the start */
	struct selftarget *selftarget; /* completes rules; NULL: no rules */
	struct rivals *rivals;         /* NULL: not looked for */
	struct web *web;               /* NULL: no exporter */
	struct web_series series[4];
	struct api_document decisions;
	struct metrics_options metrics;
};

/* Starts what the settings ask for. All signals that matter must be blocked already. On failure
 * program_stop() still has to be called. */
int program_start(struct program *p, struct err *err) MUSTCHECK;

/* Puts other rules in force: what they need is read from Kafka with the next cycle, and from then on they
 * are enforced; one with target = "self" once that is known. Takes a reference. Nothing where there is no
 * scaler. -1: those before stay. Thread: one. */
int program_set_rules(struct program *p, struct ruleset *rules, struct err *err) MUSTCHECK;

/* To be called when leads() says something new, but not during program_start() and program_stop(): a
 * standby asks Kafka nothing, unless it is to export all the same. Thread: any. */
void program_leads_changed(struct program *p);

/* Stops all and releases everything. False: a call to a broker or the API server held a loop up for
 * longer than 1.5 s; then nothing is released, and the process has to end. */
bool program_stop(struct program *p) MUSTCHECK;

#endif
