/* A lease as what the scaler asks of its surroundings: the first three of struct scaler_hooks. They have no
 * terms: a change of term is told as a moment without leadership. Thread: the scaler's. */
#ifndef HEXLAG_LEASEHOOKS_H
#define HEXLAG_LEASEHOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "scaler/lease.h"

struct leasehooks {
	struct lease *lease; /* borrowed */
	uint64_t term;       /* the one that was told; 0: none */
};

/* With a margin of 0, at the begin of a pass: whether this process leads; false once for each term that is
 * over, though another may have begun. With the time-out of a request: whether the term that was told
 * outlasts it and LEASE_SLACK_MS. `ctx` is a struct leasehooks, here and below. */
bool leasehooks_leads(void *ctx, int64_t margin_ms);

/* What was left to the term that was told, as lease_take_state(). */
char *leasehooks_take_state(void *ctx);

/* Leaves `text`, as lease_set_state(); one that cannot be left is logged. */
void leasehooks_save_state(void *ctx, const char *text);

#endif
