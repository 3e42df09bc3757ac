/* The parts of `hexlag run` wired together by the settings: collector, scaler, web server. */
#ifndef HEXLAG_PROGRAM_H
#define HEXLAG_PROGRAM_H

#include <pthread.h>
#include <stdbool.h>

#include "cli/settings.h"
#include "common/err.h"
#include "sidecar/httpd.h"
#include "sidecar/web.h"

struct program {
	struct settings settings; /* filled by the caller, released by program_stop() */
	bool (*leads)(void);      /* for tests; NULL: as the Lease says */
	const char *file;         /* that they are of, to be minded; the caller's. NULL: none */
	struct reload *reload;    /* NULL: no file */
	struct settings_filters filters;
	struct publish *publish;
	struct history *history;     /* NULL: no exporter */
	struct statefile *statefile; /* NULL: none */
	struct kafkatimes *times;    /* NULL: no exact time lag */
	struct trend *trend;         /* NULL: no exporter */
	struct collector *collector;
	pthread_mutex_t pausing;
	struct scaling *scaling;     /* NULL: no rules */
	struct accessreview *review; /* NULL: everybody may ask, or no exporter */
	struct httpd_gate gate;      /* stands on it */
	struct web *web;             /* NULL: no exporter */
	struct web_series series[3];
	struct api_document decisions;
	struct metrics_options metrics;
};

/* Starts what the settings ask for. All signals that matter must be blocked already. On failure
 * program_stop() still has to be called. */
int program_start(struct program *p, struct err *err) MUSTCHECK;

/* To be told when this replica began or ceased to lead. Thread: any. */
void program_leads_changed(struct program *p);

/* Stops all and releases everything. False: a call to a broker or the API server held a loop up for
 * longer than 1.5 s; then nothing is released, and the process has to end. */
bool program_stop(struct program *p) MUSTCHECK;

#endif
