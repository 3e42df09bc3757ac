/* What `hexlag demo` shows: lag and replicas over the last minute, the decisions as they fall. Pure. */
#ifndef HEXLAG_DEMOSCREEN_H
#define HEXLAG_DEMOSCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "scaler/decide.h"

#define DEMOSCREEN_SAMPLES 60
#define DEMOSCREEN_EVENTS 8
#define DEMOSCREEN_LINE 160

struct demoscreen {
	struct demoscreen_sample {
		bool known;
		int64_t lag;
		int32_t replicas;
		bool bursting;
	} samples[DEMOSCREEN_SAMPLES]; /* a ring */
	size_t sample_count;
	char events[DEMOSCREEN_EVENTS][DEMOSCREEN_LINE]; /* a ring */
	size_t event_count;
	int32_t replicas;   /* of the last sample */
	enum reason reason; /* of the last decision noted */
	bool has_reason;
};

/* Adds one sample a second; `lag` counts only where `known`. */
void demoscreen_sample(
	struct demoscreen *d, bool known, int64_t lag, int32_t replicas, bool bursting);

/* Notes the latest decision at `second` of the demo. True, with the line in `ret_line`, where it is
 * news: another size, or another reason to stay. */
bool demoscreen_note(struct demoscreen *d, long second, int32_t replicas,
	const struct decision *decision, char ret_line[DEMOSCREEN_LINE]);

/* The whole screen as text for a terminal, `url` being where /metrics is. */
void demoscreen_render(
	const struct demoscreen *d, long second, const char *url, struct strbuf *out);

#endif
