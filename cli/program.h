/* The parts of `hexlag run` wired together by the settings: collector, scaler, web server. */
#ifndef HEXLAG_PROGRAM_H
#define HEXLAG_PROGRAM_H

#include <stdbool.h>

#include "cli/programobjects.h"
#include "cli/settings.h"
#include "common/err.h"
#include "sidecar/web.h"

struct program {
	struct settings settings; /* filled by the caller, released by program_stop() */
	const char
		*file; /* that they are of, to be minded, a regular one; the caller's. NULL: none */
	struct reload *reload; /* NULL: no file */
	struct settings_filters filters;
	struct publish *publish;
	struct history *history;     /* NULL: no exporter */
	struct statefile *statefile; /* NULL: none */
	struct kafkatimes *times;    /* NULL: no exact time lag */
	struct trend *trend;         /* NULL: no exporter */
	struct collector *collector;
	struct scaler *scaler; /* NULL: no rules */
	struct program_objects objects;
	struct ruleset *rules; /* in force */
	struct web *web;       /* NULL: no exporter */
	struct web_series series[4];
	struct api_document decisions;
	struct metrics_options metrics;
};

/* Starts what the settings ask for. All signals that matter must be blocked already. On failure
 * program_stop() still has to be called. */
int program_start(struct program *p, struct err *err) MUSTCHECK;

/* Puts other rules in force: what they need is read from Kafka with the next cycle, and from then on they
 * are enforced. Takes a reference. Nothing where there is no scaler. Thread: one. */
void program_set_rules(struct program *p, struct ruleset *rules);

/* Stops all and releases everything. False: a call to a broker or the API server held a loop up for
 * longer than 1.5 s; then nothing is released, and the process has to end. */
bool program_stop(struct program *p) MUSTCHECK;

#endif
